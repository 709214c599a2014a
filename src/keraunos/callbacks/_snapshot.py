"""Snapshots: plain values and arrays as one file, and what has changed in an object since."""

from __future__ import annotations

import hashlib
import json
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import ml_dtypes
import numpy as np

from keraunos import errors
from keraunos.utils.writing import replacing

_PLAIN = (type(None), bool, int, float, str)
_PAGES = "pages.json"
_DEEPEST = 32  # a structure that goes deeper most likely holds itself


class Opaque(TypeError):
    """A value that a snapshot cannot hold: a file, a function, a model."""


# -- values ----------------------------------------------------------------------------------------


def pages(value: Any) -> tuple[Any, list[np.ndarray]]:
    """Return a value as JSON, and the arrays that it refers to by number.

    Lists, tuples, sets and dictionaries of numbers, strings and arrays come back as they were.

    Raises:
        Opaque: there is something else in it.

    Example:
        >>> pages({"best": [1.5, None]})
        ({'best': [1.5, None]}, [])
    """
    arrays: list[np.ndarray] = []

    def flat(value: Any, depth: int) -> Any:
        if type(value) in _PLAIN:
            return value
        if depth > _DEEPEST:
            raise Opaque("too deep")
        if type(value) is list:
            return [flat(v, depth + 1) for v in value]
        if type(value) is dict and all(type(k) is str and k[:1] != "$" for k in value):
            return {k: flat(v, depth + 1) for k, v in value.items()}
        if type(value) in (dict, tuple, set):
            rows = [list(row) for row in value.items()] if type(value) is dict else list(value)
            return {"$" + type(value).__name__: flat(rows, depth + 1)}
        if isinstance(value, (np.ndarray, np.generic, jax.Array)):
            return {_array_mark(value): flat_array(value)}
        raise Opaque(type(value).__name__)

    def flat_array(value: Any) -> list[Any]:
        array = np.asarray(value)
        if array.dtype.kind not in "biufcV" or array.dtype.fields:
            raise Opaque(f"array of {array.dtype}")
        arrays.append(array)
        return [len(arrays) - 1, array.dtype.name, list(array.shape)]

    return flat(value, 0), arrays


def _array_mark(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "$array"
    return "$jax" if isinstance(value, jax.Array) else "$scalar"


def value(page: Any, arrays: Callable[[int], bytes]) -> Any:
    """Return the value that `pages` has taken apart.

    Args:
        page: its JSON.
        arrays: number -> the bytes of an array.
    """
    if isinstance(page, list):
        return [value(p, arrays) for p in page]
    if not isinstance(page, dict):
        return page
    mark = str(next(iter(page), ""))
    rows: Any = page.get(mark)
    if mark[:1] != "$":
        return {k: value(p, arrays) for k, p in page.items()}
    if mark in ("$array", "$jax", "$scalar"):
        number, dtype, shape = rows
        array = np.frombuffer(bytearray(arrays(number)), _dtype(dtype)).reshape(shape)
        return {"$array": lambda: array, "$jax": lambda: jax.device_put(array)}.get(
            mark, lambda: array[()]
        )()
    plain = value(rows, arrays)
    made = {"$dict": dict, "$tuple": tuple, "$set": set}[mark]
    return made(plain)


def _dtype(name: str) -> np.dtype:
    return np.dtype(getattr(ml_dtypes, name, name))


# -- files -----------------------------------------------------------------------------------------


def write(path: str | os.PathLike[str], content: Any) -> None:
    """Write a value to a file: beside its place first, then renamed, so it is whole or not there.

    Raises:
        Opaque: the value holds something that is neither plain nor an array.
        OSError: the file cannot be written; an older one is unchanged then.
    """
    page, arrays = pages(content)
    with replacing(path) as part, zipfile.ZipFile(part, "w") as archive:
        archive.writestr(_PAGES, json.dumps(page))
        for number, array in enumerate(arrays):
            with archive.open(str(number), "w", force_zip64=True) as file:
                file.write(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)


def read(path: str | os.PathLike[str]) -> Any:
    """Return the value that a file holds.

    Raises:
        OSError: it is damaged, or no such file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            page = json.loads(archive.read(_PAGES))
            return value(page, lambda number: archive.read(str(number)))
    except (
        zipfile.BadZipFile,
        LookupError,
        ValueError,
        EOFError,
        RuntimeError,
        TypeError,
        struct.error,
    ) as error:
        raise OSError(
            errors.report(
                f"{path} is damaged: {error}", fix=f"delete {Path(path).parent} to begin anew"
            )
        ) from error


# -- objects ---------------------------------------------------------------------------------------


def digests(thing: Any) -> dict[str, bytes]:
    """Return attribute -> a fingerprint of its value, for those that a snapshot can hold."""
    return {name: digest for name, _, digest in _attributes(thing)}


def changes(thing: Any, since: dict[str, bytes]) -> dict[str, Any]:
    """Return the attributes of an object whose values are others than when `digests` was taken.

    So what the constructor was given is left out: a program may be run again with other arguments.

    Example:
        >>> class Counter:
        ...     count, step = 0, 2
        >>> counter = Counter()
        >>> before = digests(counter)
        >>> counter.count = 5
        >>> changes(counter, before)
        {'count': 5}
    """
    return {name: held for name, held, digest in _attributes(thing) if since.get(name) != digest}


def _attributes(thing: Any) -> list[tuple[str, Any, bytes]]:
    found = []
    for name, held in list(getattr(thing, "__dict__", {}).items()):
        if name in ("model", "_model", "params"):
            continue
        try:
            page, arrays = pages(held)
        except (Opaque, RuntimeError):  # RuntimeError: an array that was given away
            continue
        digest = hashlib.blake2b(json.dumps(page).encode(), digest_size=16)
        for array in arrays:
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
        found.append((name, held, digest.digest()))
    return found
