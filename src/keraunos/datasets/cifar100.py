"""CIFAR-100: 60,000 colour pictures of 32x32 pixels in a hundred classes."""

from __future__ import annotations

from keraunos import errors
from keraunos.datasets import _cache, _cifar

_SOURCE = _cifar.Source(
    "cifar-100-python.tar.gz",
    "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7",
    "cifar-100-python",
    "cifar-100-python-target",
)


def load_data(label_mode: str = "fine") -> tuple[_cache.Split, _cache.Split]:
    """Return CIFAR-100: 50,000 pictures to train on, 10,000 to test on.

    Images are (n, 32, 32, 3) uint8 in 0..255, or (n, 3, 32, 32) where images have their channels
    first; labels (n, 1) uint8. Found and downloaded (169 MB) as CIFAR-10 is.

    Args:
        label_mode: `"fine"`, 100 classes, or `"coarse"`, 20 groups of them.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: another mode.

    Krizhevsky: Learning multiple layers of features from tiny images, 2009.
    """
    if label_mode not in ("fine", "coarse"):
        expected = "'fine' or 'coarse'"
        raise ValueError(
            errors.report("cifar100: label_mode", expected=expected, got=repr(label_mode))
        )
    train, test = (
        _cifar.read(_SOURCE, [part], f"{label_mode}_labels") for part in ("train", "test")
    )
    return train, test
