"""Columns of strings, and of integers by their decimal digits, as one buffer of bytes each.

A column of a million is joined once and worked on by whole arrays from there on: a dictionary
would be asked a million times, and wait for memory each time.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from keraunos.layers.preprocessing import _hashes, _host
from keraunos.layers.preprocessing._hashes import Strings

_TOGETHER = 1 << 14  # integers that are written at a time: they stay in the cache
_DIGITS = 20  # as many as an unsigned integer of 64 bits has
_ROW = _DIGITS + 4  # with a place for the sign, whole words of four bytes
# The four digits of each number below 10,000, as one word.
_FOURS = np.array([b"%04d" % n for n in range(10_000)]).view("<u4")
_POWERS = np.array([10**n for n in range(1, _DIGITS)], np.uint64)


class Column(NamedTuple):
    """The strings of an array, in its order.

    Args:
        data: the buffer in which they stand.
        strings: where.
    """

    data: bytes
    strings: Strings


def of_strings(values: np.ndarray) -> Column:
    """Return strings, of any dtype of strings, as UTF-8, which is what TensorFlow hashes.

    Example:
        >>> of_strings(np.array(["a", "bc"])).data
        b'a\\x00bc'
    """
    if values.dtype.kind in "SU" and values.size and values.dtype.itemsize:
        unit = "u1" if values.dtype.kind == "S" else "u4"
        letters = np.ascontiguousarray(values).reshape(-1, 1).view(unit)
        if letters.max() < 128 or values.dtype.kind == "S":
            return _of_letters(letters.astype("u1", copy=False))
    flat = values.ravel().tolist()
    try:
        whole = isinstance(next(iter(flat), ""), str)
        data = "\0".join(flat).encode() if whole else b"\0".join(flat)
    except TypeError:  # both kinds, or something else
        data = b"\0".join(as_bytes(flat))
    ends = np.flatnonzero(np.frombuffer(data, "u1") == 0)
    if len(ends) != len(flat) - 1:  # there are zeros inside
        encoded = as_bytes(flat)
        return Column(b"".join(encoded), _hashes.strings(encoded))
    starts = np.append(0, ends + 1)
    return Column(data, _hashes.placed(data, starts, np.append(ends, len(data)) - starts))


def as_bytes(values: list[Any]) -> list[bytes]:
    """Return strings as UTF-8.

    Raises:
        ValueError: there is something else among them.
    """
    found = [v.encode() if isinstance(v, str) else v for v in values]
    if not set(map(type, found)) <= {bytes, np.bytes_}:
        raise _host.mixed("a column of strings", values)
    return found


def _of_letters(letters: np.ndarray) -> Column:
    """Return strings that stand in rows of one length, filled up with zeros."""
    count, width = letters.shape
    lengths = np.full(count, width)
    full = letters[:, -1] != 0
    if not full.all():
        lengths[~full] = width - np.argmax(letters[~full, ::-1] != 0, axis=1)
        lengths[~full & ~letters.any(axis=1)] = 0
    data = letters.tobytes()
    return Column(data, _hashes.placed(data, np.arange(count) * width, lengths))


def of_integers(values: np.ndarray) -> Column:
    """Return integers as their decimal digits: that is what is hashed of them.

    Example:
        >>> found = of_integers(np.array([-12, 0])).strings
        >>> found.lengths.tolist()
        [3, 1]
    """
    flat = values.astype(np.int64, copy=False).ravel()
    negative = flat < 0
    left = np.where(negative, -flat, flat).view(np.uint64)
    lengths = np.searchsorted(_POWERS, left, "right") + 1
    rows = np.zeros((len(flat), _ROW // 4), "<u4")
    most = int(lengths.max(initial=1))
    for place in range(1, -(-most // 4) + 1):
        rest = left // np.uint64(10_000)
        rows[:, -place] = _FOURS[(left - rest * np.uint64(10_000)).astype(np.int64)]
        left = rest
    starts = np.arange(1, len(flat) + 1) * _ROW - lengths
    if negative.any():
        starts, lengths = starts - negative, lengths + negative
        rows.view("u1").reshape(-1)[starts[negative]] = ord("-")
    data = rows.tobytes()
    return Column(data, _hashes.placed(data, starts, lengths))


def hashes(values: np.ndarray, salt: Any = None) -> np.ndarray:
    """Return the hash of each string or number: FarmHash's, or with a salt SipHash's."""

    def hashed(column: Column) -> np.ndarray:
        strings = column.strings
        return _hashes.fingerprints(strings) if salt is None else _hashes.siphashes(strings, salt)

    if values.dtype.kind in "OUS":
        return hashed(of_strings(values)).reshape(values.shape)
    flat = values.astype(np.int64, copy=False).reshape(-1)
    least, most = int(flat.min(initial=0)), int(flat.max(initial=0))
    if most - least < len(flat) // 4:  # each number stands there several times
        return hashed(of_integers(np.arange(least, most + 1)))[flat - least].reshape(values.shape)
    starts = range(0, max(len(flat), 1), _TOGETHER)
    parts = [hashed(of_integers(flat[i : i + _TOGETHER])) for i in starts]
    return np.concatenate(parts).reshape(values.shape)
