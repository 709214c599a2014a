"""CIFAR-10: 60,000 colour pictures of 32x32 pixels in ten classes."""

from __future__ import annotations

from keraunos.datasets import _cache, _cifar

_SOURCE = _cifar.Source(
    "cifar-10-python.tar.gz",
    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    "cifar-10-batches-py",
    "cifar-10-batches-py-target",
)


def load_data() -> tuple[_cache.Split, _cache.Split]:
    """Return CIFAR-10: 50,000 pictures to train on, 10,000 to test on.

    Images are (n, 32, 32, 3) uint8 in 0..255, or (n, 3, 32, 32) where images have their channels
    first; labels (n, 1) uint8: 0 airplane, 1 automobile, 2 bird, 3 cat, 4 deer, 5 dog, 6 frog,
    7 horse, 8 ship, 9 truck. The archive, or Keras's folder made from it, is looked for in the
    Keras home; the archive is downloaded (170 MB) if neither is there.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.

    Krizhevsky: Learning multiple layers of features from tiny images, 2009.
    """
    train = _cifar.read(_SOURCE, [f"data_batch_{i}" for i in range(1, 6)], "labels")
    return train, _cifar.read(_SOURCE, ["test_batch"], "labels")
