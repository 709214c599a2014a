"""Fashion-MNIST: 70,000 pictures of clothes of 28x28 pixels, in the place of MNIST."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from keraunos.datasets import _cache

_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}


_MOST = 100_000_000  # bytes unpacked: the largest file has 47 million


def load_data() -> tuple[_cache.Split, _cache.Split]:
    """Return Fashion-MNIST: 60,000 pictures to train on, 10,000 to test on.

    Images are (n, 28, 28) uint8 in 0..255; labels (n,) uint8: 0 T-shirt, 1 trouser, 2 pullover,
    3 dress, 4 coat, 5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 ankle boot. The four files are looked
    for in `datasets/fashion-mnist` of the Keras home, and downloaded (31 MB) if they are not there;
    on Debian and Ubuntu `apt install dataset-fashion-mnist` puts them where they are found, too.

    Raises:
        ConnectionError: a file is not there and cannot be downloaded.

    Xiao, Rasul, Vollgraf, 2017, https://arxiv.org/abs/1708.07747; MIT licence.
    """
    paths = [_cache.fetch(name, md5, folder="fashion-mnist") for name, md5 in _MD5.items()]
    x_train, y_train, x_test, y_test = map(_read_idx, paths)
    return (x_train, y_train), (x_test, y_test)


def _read_idx(path: Path) -> np.ndarray:
    """Return the array of bytes in an IDX file: 0, 0, 8 (bytes), ndim, big-endian sizes, data."""
    with _cache.naming(path):
        with gzip.open(path) as file:
            content = file.read(_MOST)
        zeros, kind, ndim = content[:2], content[2], content[3]
        if zeros != b"\0\0" or kind != 8:
            raise ValueError("no IDX file of bytes")
        start = 4 + 4 * ndim
        shape = np.frombuffer(content[4:start], ">i4")
        return np.frombuffer(content[start:], np.uint8).reshape(shape).copy()
