"""Finds the file of a data set in the Keras home, or fetches it; says which file is damaged."""

from __future__ import annotations

import contextlib
import pickle
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from keraunos import config, errors
from keraunos.utils.files import get_file, has_hash

Split = tuple[np.ndarray, np.ndarray]

_DAMAGE = (
    *(OSError, EOFError, KeyError, ValueError),
    *(zipfile.BadZipFile, tarfile.TarError, pickle.PickleError),
)
_SYSTEM = Path("/usr/share/datasets")
_ORIGIN = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def find(name: str, folder: str = "") -> Path | None:
    """Return the path of a file in `datasets/<folder>` of the Keras home, or in the Keras home.

    Or where the system keeps it: Debian's package `dataset-fashion-mnist` does.
    """
    home = config.keras_home()
    places = [home / "datasets" / folder / name, home / name]
    places += [_SYSTEM / folder / name] if folder else []
    return next((path for path in places if path.is_file()), None)


def fetch(
    name: str, digest: str | int | None, *, folder: str = "", origin: str | None = None
) -> Path:
    """Return the path of a data set's file, downloading it if it is nowhere.

    Looked for in `datasets/<folder>` of the Keras home, in the Keras home, in the system's
    folder. A file
    that lies there with other content than the published one is taken as it is, with
    a warning: somebody put it there, and it is not ours to replace.

    Args:
        name: the file's name, or a path to it.
        digest: the published file's SHA-256 or MD5; where none is published, its size in bytes,
            or None.
        folder: Keras's folder for it below `datasets`, if it has one.
        origin: its URL, or its name at Keras's own source; `name` if not given.
    """
    path = find(name, folder)
    if path is not None:
        ours = not path.is_relative_to(_SYSTEM)  # the system's are packed anew, and vouched for
        if ours and not _is_published(path, digest):
            what = f"{path} is not the published file; it is used as it is"
            errors.warn(what)
        return path
    origin = origin or name
    fetched = get_file(
        name,
        origin if "://" in origin else _ORIGIN + origin,
        file_hash=digest if isinstance(digest, str) else None,
        cache_subdir=str(Path("datasets") / folder),
    )
    return Path(fetched)


def _is_published(path: Path, digest: str | int | None) -> bool:
    if isinstance(digest, int):
        return path.stat().st_size == digest
    return digest is None or has_hash(path, digest)


def load_npz(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` file; lists too, without running what a pickle may hold.

    Raises:
        ValueError: the file is damaged, or holds other objects than lists and numbers.
    """
    with naming(path), zipfile.ZipFile(path) as archive:
        return {
            name.removesuffix(".npy"): _load_npy(archive.open(name)) for name in archive.namelist()
        }


def load_pickle(stream: IO[bytes]) -> Any:
    """Return a pickle of numbers, strings, lists and arrays; anything else in it is refused."""
    return _Numbers(stream).load()


def shuffled_halves(
    arrays: tuple[np.ndarray, ...], test_split: float, seed: int
) -> tuple[tuple[np.ndarray, ...], tuple[np.ndarray, ...]]:
    """Return arrays shuffled together and cut in two: to train on, and the share to test on.

    Raises:
        ValueError: the share is not from 0 to below 1.
    """
    if not 0 <= test_split < 1:
        expected = "from 0 to below 1"
        raise ValueError(errors.report("test_split", expected=expected, got=test_split))
    order = np.arange(len(arrays[0]))
    np.random.RandomState(seed).shuffle(order)
    at = int(len(order) * (1 - test_split))
    return tuple(a[order[:at]] for a in arrays), tuple(a[order[at:]] for a in arrays)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn what goes wrong while a file is read into an error that names the file and the cure."""
    try:
        yield
    except _DAMAGE as error:
        fix = "delete the file, and it is downloaded again; or put a sound copy in its place"
        raise ValueError(
            errors.report(f"cannot read {path}", expected="a data set's file", got=error, fix=fix)
        ) from error


def _load_npy(stream: IO[bytes]) -> np.ndarray:
    with stream:
        version = np.lib.format.read_magic(stream)
        read_header = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
        shape, fortran_order, dtype = read_header(stream)
        if dtype.hasobject:
            return _Numbers(stream).load()
        flat = np.frombuffer(stream.read(), dtype)
        return flat.reshape(shape, order="F" if fortran_order else "C").copy()


class _Numbers(pickle.Unpickler):
    """Unpickles NumPy arrays of lists of numbers, and refuses everything else."""

    _ALLOWED = {
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),  # how Python 2's byte strings are written
    }

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__(stream, encoding="latin1")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            self._refuse(f"{module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)

    def _refuse(self, what: str) -> NoReturn:
        raise pickle.UnpicklingError(f"an object of {what}, which a data set does not hold")
