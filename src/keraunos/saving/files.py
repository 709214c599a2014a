"""What a path leads to: checks before writing, and errors that say what a file really is."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keraunos import errors

if TYPE_CHECKING:
    import h5py  # loaded when a file is read, not when keraunos is imported

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_MAGIC = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    (b"PK\x03\x04", "a zip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"\x80", "a Python pickle"),
    (b"<!DOCTYPE", "a web page (a download that failed?)"),
    (b"<html", "a web page (a download that failed?)"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)
# A member may claim this much more than is stored of it: weights hardly compress, bombs do.
_EXPANSION, _FLOOR = 100, 1 << 28


def local_path(filepath: Any) -> Path:
    """Return a path on this machine.

    Raises:
        TypeError: it is not a path.
        ValueError: it is an address on a network.
    """
    try:
        text = os.fspath(filepath)
    except TypeError:
        message = errors.report(
            "not a path", expected="a string or pathlib.Path", got=repr(filepath)
        )
        raise TypeError(message) from None
    text = text.decode() if isinstance(text, bytes) else text
    if "://" in text:
        raise ValueError(
            errors.report(f"cannot reach {text}", fix="copy the file to this machine first")
        )
    return Path(text).expanduser()


def check_suffix(path: Path, suffix: str, where: str) -> None:
    """Raise unless a file that is to be written has the right ending."""
    if path.name.endswith(suffix):
        return
    stem = path.name.removesuffix(path.suffix).removesuffix(".weights")
    raise ValueError(
        errors.report(
            where,
            expected=f"a name that ends in {suffix}",
            got=str(path),
            fix=f"{stem}{suffix}",
        )
    )


def check_overwrite(path: Path, overwrite: bool) -> None:
    """Raise if a file is in the way and may not be replaced."""
    if not overwrite and path.exists():
        raise FileExistsError(
            errors.report(f"{path} is there already", fix="pass overwrite=True to replace it")
        )


def refuse_arguments(where: str, kwargs: dict[str, Any]) -> None:
    """Raise for arguments that only other formats know."""
    if kwargs:
        raise TypeError(errors.report(f"{where} has no argument {next(iter(kwargs))!r}"))


def describe(path: Path) -> str:
    """Return what a file is, from its first bytes."""
    with path.open("rb") as file:
        head = file.read(64)
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if not head:
        return "an empty file"
    return (
        "a text file"
        if all(32 <= b < 127 or b in b"\t\r\n" for b in head)
        else "a file of unknown kind"
    )


@contextlib.contextmanager
def opened_weights(path: Path) -> Iterator[h5py.File]:
    """Open the weights of a `.weights.h5` or `.keras` file."""
    check_readable(path)
    if zipfile.is_zipfile(path):
        with opened_archive(path) as archive, opened_member(archive, path) as file:
            yield file
        return
    kind = describe(path)
    if kind != "an HDF5 file":
        raise _foreign(path, kind, "a .weights.h5 or .keras file")
    with opened_hdf5(path, path) as file:
        if "layer_names" in file.attrs or "model_weights" in file:
            raise legacy(path)
        yield file


@contextlib.contextmanager
def opened_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a `.keras` file whose members are whole."""
    check_readable(path)
    if not zipfile.is_zipfile(path):
        kind = describe(path)
        if kind == "an HDF5 file":
            raise legacy(path)
        raise _foreign(path, kind, "a .keras file")
    with zipfile.ZipFile(path) as archive:
        missing = {CONFIG, WEIGHTS} - set(archive.namelist())
        if missing:
            got = f"a zip without {' and '.join(sorted(missing))}, with {archive.namelist()[:3]}"
            raise ValueError(
                errors.report(f"{path} is not a saved model", expected="a .keras file", got=got)
            )
        yield archive


def member(archive: zipfile.ZipFile, name: str, path: Path) -> bytes:
    """Return the bytes of a member, checked against damage and against bombs."""
    info = archive.getinfo(name)
    if info.file_size > max(_FLOOR, _EXPANSION * info.compress_size):
        got = f"{info.compress_size:,} bytes that unpack to {info.file_size:,}"
        raise ValueError(
            errors.report(f"{path} is refused: {name} may be a decompression bomb", got=got)
        )
    try:
        return archive.read(name)
    except (
        zipfile.BadZipFile,
        EOFError,
        NotImplementedError,
        RuntimeError,
        OSError,
        ValueError,
    ) as error:
        raise damaged(path, f"{name}: {error}") from error
    except Exception as error:  # zlib has an error class of its own
        raise damaged(path, f"{name}: {error}") from error


@contextlib.contextmanager
def opened_member(archive: zipfile.ZipFile, path: Path) -> Iterator[h5py.File]:
    """Open the weights inside an archive."""
    with opened_hdf5(io.BytesIO(member(archive, WEIGHTS, path)), path) as file:
        yield file


@contextlib.contextmanager
def opened_hdf5(source: Any, path: Path) -> Iterator[h5py.File]:
    """Open an HDF5 file; whatever the library says of a broken one becomes one clear error."""
    import h5py

    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise damaged(path, str(error)) from error
    with file:
        try:
            yield file
        except (OSError, RuntimeError) as error:
            raise damaged(path, str(error)) from error


def check_readable(path: Path) -> None:
    """Raise if there is no file, or it may not be read."""
    if path.is_dir():
        raise IsADirectoryError(
            errors.report(f"{path} is a folder", expected="a .keras or .weights.h5 file")
        )
    if not path.exists():
        folder = path.parent
        near = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        fix = errors.suggest(path.name, near) if near and len(near) < 200 else None
        what = f"there is no file {path}" if folder.is_dir() else f"there is no folder {folder}"
        raise FileNotFoundError(errors.report(what, fix=fix))
    if not os.access(path, os.R_OK):
        raise PermissionError(errors.report(f"no permission to read {path}"))


def damaged(path: Path, why: str) -> ValueError:
    """Return the error for a file that is cut off or changed."""
    fix = "copy or download it again, or load an older checkpoint"
    return ValueError(
        errors.report(f"{path} is damaged", got=why, note=f"{path.stat().st_size:,} bytes", fix=fix)
    )


def legacy(path: Path) -> ValueError:
    """Return the error for the HDF5 format of Keras 1 and 2."""
    fix = "load it with Keras 3 and save it again as .keras"
    return ValueError(
        errors.report(f"{path} is a legacy HDF5 model, which is not read yet", fix=fix)
    )


def _foreign(path: Path, kind: str, expected: str) -> ValueError:
    if kind == "a zip file":
        return damaged(path, "a zip file that is cut off: its directory is missing")
    return ValueError(errors.report(f"{path} is not a saved model", expected=expected, got=kind))
