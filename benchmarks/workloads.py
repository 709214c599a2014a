"""What is trained: the five workloads, their batch sizes, and data made from a fixed seed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the process that directs the run stays free of NumPy
    import numpy as np

    Arrays = tuple[np.ndarray, np.ndarray]

SEED = 20240229


@dataclass(frozen=True)
class Workload:
    """One model to train: `steps` batches of `batch` rows make its epoch.

    A `fit` trains for `epochs`: more than one where its fixed costs would weigh more than in use.
    """

    title: str
    batch: int
    steps: int
    make: Callable[[np.random.Generator, int], Arrays]
    epochs: int = 1


def _digits(rng: np.random.Generator, rows: int) -> Arrays:
    """x: (rows, 784) in [0, 1]; y: (rows,) integers in 0..9 that a linear map decides."""
    x = rng.random((rows, 784), dtype="float32")
    return x, ((x - 0.5) @ rng.normal(size=(784, 10))).argmax(1).astype("int32")


def _images_of_digits(rng: np.random.Generator, rows: int) -> Arrays:
    """x: (rows, 28, 28, 1); y: (rows, 10), one-hot."""
    import numpy as np

    x, labels = _digits(rng, rows)
    return x.reshape(rows, 28, 28, 1), np.eye(10, dtype="float32")[labels]


def _reviews(rng: np.random.Generator, rows: int, length: int) -> Arrays:
    """x: (rows, length) word numbers under 10,000; y: (rows, 1), decided by the words' mood."""
    words = rng.integers(0, 10_000, (rows, length), dtype="int32")
    mood = rng.normal(size=10_000)
    return words, (mood[words].sum(1, keepdims=True) > 0).astype("float32")


def _photographs(rng: np.random.Generator, rows: int) -> Arrays:
    """x: (rows, 180, 180, 3) in [0, 255]; y: (rows, 1), one if the picture is bright."""
    brightness = rng.random((rows, 1, 1, 1), dtype="float32")
    x = 255 * brightness * rng.random((rows, 180, 180, 3), dtype="float32")
    return x, (brightness > 0.5).astype("float32").reshape(rows, 1)


WORKLOADS = {
    "perceptron": Workload("perceptron 784-128x3-10", 128, 468, _digits, epochs=3),
    "convnet": Workload("MNIST convnet", 64, 60, _images_of_digits),
    "lstm": Workload("Embedding + LSTM(32), 100 steps", 128, 60, lambda g, n: _reviews(g, n, 100)),
    "conv1d": Workload("Conv1D text, 500 steps", 128, 12, lambda g, n: _reviews(g, n, 500)),
    "xception": Workload("small Xception, 180x180", 32, 2, _photographs),
}


# Variants of a recurrent model, on the data of "lstm": the plain model each is compared with,
# and how many times its work it does.
VARIANTS = {
    "lstm-masked": ("lstm", 1),
    "lstm-recurrent-dropout": ("lstm", 1),
    "lstm-bidirectional": ("lstm", 2),
    "gru-masked": ("gru", 1),
    "gru-recurrent-dropout": ("gru", 1),
    "gru-bidirectional": ("gru", 2),
}


def find(name: str) -> Workload:
    """The workload of a model: its own, or the one that the variants share."""
    return WORKLOADS.get(name, WORKLOADS["lstm"])


def write(name: str, steps: int, path: str) -> None:
    """Writes one epoch of `steps` batches of the workload `name` to the .npz file `path`."""
    import numpy as np

    workload = find(name)
    x, y = workload.make(np.random.default_rng(SEED), steps * workload.batch)
    np.savez(path, x=x, y=y)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), sys.argv[3])
