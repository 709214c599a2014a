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


def _noise(*shape: int, classes: int = 0, labels: tuple[int, ...] = ()) -> Callable[..., Arrays]:
    """Makes x (rows, *shape), normal, and y (rows, *labels): classes, or pixels."""

    def make(rng: np.random.Generator, rows: int) -> Arrays:
        x = rng.normal(size=(rows, *shape)).astype("float32")
        if classes:
            return x, rng.integers(0, classes, (rows, *labels), dtype="int32")
        return x, rng.uniform(-1, 1, (rows, *labels)).astype("float32")

    return make


def _tokens(length: int, words: int) -> Callable[..., Arrays]:
    """Makes x (rows, length), numbers of words, and y (rows,), 0 or 1."""

    def make(rng: np.random.Generator, rows: int) -> Arrays:
        x = rng.integers(0, words, (rows, length), dtype="int32")
        return x, rng.integers(0, 2, rows, dtype="int32")

    return make


# The models of `breadth`.
BREADTH = {
    "resnet": Workload("small ResNet, 32x32", 32, 20, _noise(32, 32, 3, classes=10)),
    "mobilenet": Workload("small MobileNet, 64x64", 32, 10, _noise(64, 64, 3, classes=10)),
    "unet": Workload("small U-Net, 64x64", 16, 16, _noise(64, 64, 3, classes=3, labels=(64, 64))),
    "generator": Workload("DCGAN's generator", 32, 20, _noise(64, labels=(32, 32, 3))),
    "augmented": Workload("augmentation + convolution", 32, 16, _noise(64, 64, 3, classes=10)),
    "conv3d": Workload("3D convolutions", 16, 16, _noise(8, 24, 24, 1, classes=2)),
    "convlstm": Workload("ConvLSTM2D", 16, 8, _noise(6, 16, 16, 1, classes=2)),
    "transformer": Workload("two encoder blocks, 64 words", 32, 40, _tokens(64, 5000)),
    "grus": Workload("Bidirectional GRU + GRU", 64, 20, _noise(50, 16, classes=2)),
    "wide": Workload("Embedding(50000) + Dense", 64, 100, _tokens(20, 50_000)),
    "tabular": Workload("columns, Dense and BatchNormalization", 32, 200, _noise(30, classes=2)),
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
    return (WORKLOADS | BREADTH).get(name, WORKLOADS["lstm"])


def write(name: str, steps: int, path: str) -> None:
    """Writes one epoch of `steps` batches of the workload `name` to the .npz file `path`."""
    import numpy as np

    workload = find(name)
    x, y = workload.make(np.random.default_rng(SEED), steps * workload.batch)
    np.savez(path, x=x, y=y)


if __name__ == "__main__":
    write(sys.argv[1], int(sys.argv[2]), sys.argv[3])
