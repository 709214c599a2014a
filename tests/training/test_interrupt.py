"""Ctrl-C at any moment: it comes out as KeyboardInterrupt, and the weights are there."""

import signal
import threading

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(512, 64)).astype("float32")
Y = RNG.integers(0, 3, 512)


def test_ctrl_c_leaves_current_weights_and_training_goes_on():
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=32, verbose=0)
    main = threading.get_ident()
    for attempt in range(12):
        before = int(model.optimizer.iterations.numpy())
        timer = threading.Timer(0.05 + 0.013 * attempt, signal.pthread_kill, (main, signal.SIGINT))
        timer.start()
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, Y, batch_size=32, epochs=100_000, verbose=0)
        assert int(model.optimizer.iterations.numpy()) >= before
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert len(model.history.epoch) < 100_000
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
