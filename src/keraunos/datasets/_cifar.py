"""The files of CIFAR-10 and CIFAR-100: pickles in an archive, or in a folder that it made."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Callable, Iterator
from typing import IO, NamedTuple

import numpy as np

from keraunos import config
from keraunos.datasets import _cache

_ORIGIN = "https://www.cs.toronto.edu/~kriz/"


class Source(NamedTuple):
    """Where one of the two data sets is found."""

    archive: str
    digest: str
    folder: str  # in the archive; Keras unpacks it into `<unpacked>/<folder>`
    unpacked: str


def read(source: Source, members: list[str], key: str) -> _cache.Split:
    """Return images and labels (n, 1), uint8, of some members one after another."""
    images, labels = [], []
    with _opened(source) as stream:
        for member in members:
            with stream(member) as file:
                data = {_text(k): v for k, v in _cache.load_pickle(file).items()}
            images.append(np.asarray(data["data"], np.uint8).reshape(-1, 3, 32, 32))
            labels.append(np.asarray(data[key], np.uint8).reshape(-1, 1))
    x = np.concatenate(images)
    if config.image_data_format() == "channels_last":
        x = np.ascontiguousarray(x.transpose(0, 2, 3, 1))
    return x, np.concatenate(labels)


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[Callable[[str], IO[bytes]]]:
    """Yield a function that opens a member."""
    home = config.keras_home()
    for place in (home / "datasets" / source.unpacked, home / "datasets", home):
        folder = place / source.folder
        if folder.is_dir():
            with _cache.naming(folder):
                yield lambda member, folder=folder: (folder / member).open("rb")
            return
    path = _cache.fetch(source.archive, source.digest, origin=_ORIGIN + source.archive)
    with _cache.naming(path), tarfile.open(path) as archive:

        def stream(member: str) -> IO[bytes]:
            found = archive.extractfile(f"{source.folder}/{member}")
            if found is None:
                raise ValueError(f"{member} is no file")
            return found

        yield stream


def _text(key: str | bytes) -> str:
    return key.decode() if isinstance(key, bytes) else key
