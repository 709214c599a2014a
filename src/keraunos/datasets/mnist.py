"""MNIST: 70,000 handwritten digits of 28x28 pixels."""

from __future__ import annotations

from keraunos.datasets import _cache

_SHA256 = "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1"


def load_data(path: str = "mnist.npz") -> tuple[_cache.Split, _cache.Split]:
    """Return MNIST: 60,000 digits to train on, 10,000 to test on.

    Images are (n, 28, 28) uint8 in 0..255, labels (n,) uint8. The file is looked for in
    the Keras home (`$KERAS_HOME`, else `~/.keras`), and downloaded (11 MB) if it is not there.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.

    LeCun, Cortes, Burges: The MNIST database, CC BY-SA 3.0.
    """
    data = _cache.load_npz(_cache.fetch(path, _SHA256, origin="mnist.npz"))
    return (data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])
