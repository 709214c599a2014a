"""One seed, one run: random masks follow from (seed, step) alone, and change with each step."""

import hashlib
import os
import subprocess
import sys

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


class Rows(keras.utils.PyDataset):
    """Batches by number."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = slice(8 * index, 8 * index + 8)
        return DRAWN[rows], Y[rows]


DRAWN = np.random.default_rng(0).normal(size=X.shape).astype("float32")


def noisy(x, y):
    return x + np.random.normal(size=x.shape).astype("float32"), y


def pipeline(function, workers, **given):
    rows = keras.data.Dataset.from_tensor_slices((DRAWN, Y)).shuffle(40)
    return rows.map(function, num_parallel_calls=workers, **given).batch(8)


def same(x, y):
    return x, y


def trained(make):
    """Return a digest of the weights after a training on the data that a function makes."""
    keras.utils.set_random_seed(3)
    layer = layers.Dense(4, "relu")
    model = keras.Sequential([keras.Input((8,)), layer, layers.Dropout(0.5), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(make(), epochs=2, verbose=0)
    return hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()


@pytest.mark.parametrize(
    "make",
    [
        lambda workers: Rows(workers=workers),
        lambda workers: pipeline(same, workers or None),
    ],
    ids=["PyDataset", "Dataset"],
)
def test_the_number_of_workers_changes_nothing(make):
    found = {trained(lambda: make(workers)) for workers in (0, 1, 3)}  # noqa: B023
    assert len(found) == 1


def test_another_process_ends_with_the_same_bits():
    """Drawn on the way: weights, the order of the samples, noise, masks."""
    program = "from tests.training.test_reproducible import *\n"
    program += "print(trained(lambda: pipeline(noisy, None)))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "7"}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split()[-1] == trained(lambda: pipeline(noisy, None))
