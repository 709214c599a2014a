"""What a first pass found, kept in memory or in a file; files hold arrays, nothing is unpickled."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import struct
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

from keraunos import errors
from keraunos.data import structure
from keraunos.data.chance import Run
from keraunos.data.steps import Open, listed, without

_MAGIC = b"keraunos data 1\n"


def in_memory(parent: Open) -> Open:
    """Return the opener that reads its parent once, and its memory after a complete pass."""
    held: list[list[Any]] = []

    def fill(elements: Iterator[Any]) -> Iterator[Any]:
        found: list[Any] = []
        for one in elements:
            found.append(one)
            yield structure.copied(one)
        held[:] = [found]

    def open_(run: Run, skip: int) -> Iterator[Any]:
        if held:
            return listed(held[0])(run, skip)
        return without(fill(parent(run, 0)), skip)

    return open_


def in_file(parent: Open, path: Any) -> Open:
    """Return the opener that writes its first complete pass to a file, and reads that one later."""
    path = pathlib.Path(os.fspath(path))

    def open_(run: Run, skip: int) -> Iterator[Any]:
        if path.exists():
            return without(read(path), skip)
        return without(_written(parent(run, 0), path), skip)

    return open_


def _written(elements: Iterator[Any], path: pathlib.Path) -> Iterator[Any]:
    # Beside the file and renamed: a reader never sees half of it.
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            file.write(_MAGIC)
            for one in elements:
                write_element(file, one)
                yield one
        beside.replace(path)
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()


def write(elements: Iterator[Any], path: pathlib.Path) -> None:
    """Write elements to a file, whole or not at all."""
    for _ in _written(elements, path):
        pass


def read(path: pathlib.Path) -> Iterator[Any]:
    """Yield the elements of a file.

    Raises:
        ValueError: it is not one of ours, or cut off.
    """
    with path.open("rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            fix = "remove it, or give the cache another name"
            raise ValueError(errors.report(f"{path} is not a cache of a Dataset", fix=fix))
        while size := file.read(8):
            try:
                yield _read_element(file, struct.unpack("<Q", size)[0])
            except (ValueError, struct.error) as error:
                text = errors.report(f"{path} is cut off", fix="remove it", got=str(error))
                raise ValueError(text) from error


def write_element(file: BinaryIO, one: Any) -> None:
    """Write one element: its structure as JSON, and its arrays."""
    arrays: list[np.ndarray] = []
    text = json.dumps(_outlined(one, arrays)).encode()
    file.write(struct.pack("<Q", len(text)) + text)
    for array in arrays:
        np.lib.format.write_array(file, array, allow_pickle=False)


def _outlined(one: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(one, tuple):
        return {"tuple": [_outlined(part, arrays) for part in one]}
    if isinstance(one, Mapping):
        return {"dict": [[key, _outlined(part, arrays)] for key, part in one.items()]}
    if one is None or isinstance(one, str):
        return {"plain": None if one is None else str(one)}
    if isinstance(one, bytes):
        return {"bytes": base64.b64encode(one).decode()}
    array = np.asarray(one)
    if array.dtype == object:
        parts = [_outlined(part, arrays) for part in array.ravel()]
        return {"objects": parts, "shape": array.shape}
    named = array.dtype.name if array.dtype.kind == "V" else None  # bfloat16 and the like
    arrays.append(array.view(f"u{array.dtype.itemsize}") if named else array)
    return {"array": named}


def _read_element(file: BinaryIO, size: int) -> Any:
    outline = json.loads(file.read(size))
    return _rebuilt(outline, file)


def _rebuilt(outline: dict[str, Any], file: Any) -> Any:
    kind, value = next(iter(outline.items()))
    if kind == "tuple":
        return tuple(_rebuilt(part, file) for part in value)
    if kind == "dict":
        return {key: _rebuilt(part, file) for key, part in value}
    if kind == "objects":
        array = structure.objects([_rebuilt(part, file) for part in value])
        return array.reshape(outline["shape"])
    if kind == "array":
        array = np.lib.format.read_array(file, allow_pickle=False)
        return structure.leaf(array if value is None else array.view(_dtype(value)))
    return base64.b64decode(value) if kind == "bytes" else value


def _dtype(name: str) -> np.dtype:
    import ml_dtypes

    return np.dtype(getattr(ml_dtypes, name))
