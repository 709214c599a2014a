"""Ctrl-C at any moment: it comes out as KeyboardInterrupt, and the weights are there."""

import contextlib
import signal
import threading

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(512, 64)).astype("float32")
Y = RNG.integers(0, 3, 512)


@contextlib.contextmanager
def pressing_ctrl_c(after):
    """Interrupts the main thread, and again as a user would: Python itself swallows an interrupt
    that comes while a destructor runs."""
    over = threading.Event()

    def press():
        wait = after
        while not over.wait(wait):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            wait = 5

    presser = threading.Thread(target=press)
    presser.start()
    try:
        yield
    finally:
        over.set()
        presser.join()


def test_ctrl_c_leaves_current_weights_and_training_goes_on():
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=32, verbose=0)
    for attempt in range(12):
        before = int(model.optimizer.iterations.numpy())
        with pytest.raises(KeyboardInterrupt), pressing_ctrl_c(after=0.05 + 0.013 * attempt):
            model.fit(X, Y, batch_size=32, epochs=100_000, verbose=0)
        assert int(model.optimizer.iterations.numpy()) >= before
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert len(model.history.epoch) < 100_000
    assert np.isfinite(model.evaluate(X, Y, verbose=0))
