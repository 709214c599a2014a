"""One seed, one run: random masks follow from (seed, step) alone, and change with each step."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, optimizers

X = np.ones((40, 8), "float32")
Y = np.zeros((40, 1), "float32")


def still():
    return optimizers.SGD(0.0)


OPTIMIZERS = {
    "plain": still,
    "loss scale": lambda: optimizers.LossScaleOptimizer(still()),
    "accumulation": lambda: optimizers.SGD(0.0, gradient_accumulation_steps=4),
    "several": lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(still())),
}


def losses(optimizer, **given):
    """Return the loss of each step; weights and samples stay, so that only dropout can differ."""
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((8,)), layers.Dropout(0.5), layers.Dense(1)])
    model.compile(OPTIMIZERS[optimizer](), "mse", **given)
    found = []

    class Sum(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            found.append(logs["loss"] * (batch + 1))

    model.fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[Sum()])
    return [np.diff([0.0, *found[i : i + 5]]) for i in (0, 5)], model.history.history["loss"]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_step_draws_masks_of_its_own(optimizer):
    steps, _ = losses(optimizer)
    assert len(np.unique(np.round(np.concatenate(steps), 4))) == 10


def test_steps_per_execution_changes_nothing():
    assert losses("plain", steps_per_execution=3)[1] == losses("plain")[1]
