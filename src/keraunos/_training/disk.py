"""Arrays on the disk (memory maps, h5py's) and sparse ones: cut unread, read without being kept."""

from __future__ import annotations

import mmap
from typing import Any

import jax
import numpy as np

from keraunos import config
from keraunos.data.structure import is_on_disk

_HELD = 128 << 20  # bytes of a memory map that may stay in memory
_NEIGHBOURS = 64 << 10  # bytes that the system maps with each row


def on_disk(value: Any) -> bool:
    """Return whether a value is an array that lies on the disk."""
    return isinstance(value, np.memmap) or is_on_disk(value)


class OnDisk:
    """A part of an array on the disk, with the dtype that it will have in a batch.

    Args:
        array: a memory map, h5py's, or a sparse one of SciPy's that has rows.
        start, stop: the first row, and the one after the last.
    """

    def __init__(self, array: Any, start: int = 0, stop: int | None = None) -> None:
        self._array, self._start = array, start
        self._stop = array.shape[0] if stop is None else stop
        self.shape = (self._stop - start, *array.shape[1:])
        self.dtype = _narrow(np.dtype(array.dtype))
        self.ndim, self.size = len(self.shape), int(np.prod(self.shape))
        self._row = self.size // max(1, self.shape[0]) * np.dtype(array.dtype).itemsize
        self._touched = 0

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: slice) -> OnDisk:
        start, stop, step = rows.indices(len(self))
        if step != 1:
            raise IndexError("only whole parts are cut from arrays on the disk")
        return OnDisk(self._array, self._start + start, self._start + max(start, stop))

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Return rows, given in rising order."""
        rows = rows + self._start
        if len(rows) and rows[-1] - rows[0] == len(rows) - 1:
            found = self._array[int(rows[0]) : int(rows[-1]) + 1]
        else:
            found = self._array[rows]
        found = np.array(getattr(found, "toarray", lambda: found)(), self.dtype)
        self._touched += len(rows) * (self._row + _NEIGHBOURS)
        if self._touched > _HELD:
            _let_go(self._array)
            self._touched = 0
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.read(np.arange(len(self))).astype(dtype or self.dtype)


def loaded(value: Any) -> Any:
    """Return what is read of an array on the disk, and others as they are."""
    return np.asarray(value) if isinstance(value, OnDisk) else value


def _narrow(dtype: np.dtype) -> np.dtype:
    dtype = dtype.newbyteorder("=")
    if dtype == np.float64:
        return np.dtype(config.floatx())
    wide = dtype in (np.int64, np.uint64) and not jax.config.values["jax_enable_x64"]
    return np.dtype(np.int32) if wide else dtype


def _let_go(array: Any) -> None:
    """Give pages back that a memory map has read: they are in the file."""
    if getattr(array, "mode", "c") == "c" or not hasattr(mmap, "MADV_DONTNEED"):
        return  # a private copy may have changed, and would be lost
    base = array
    while base is not None and not isinstance(base, mmap.mmap):
        base = getattr(base, "base", None)
    if base is not None:
        base.madvise(mmap.MADV_DONTNEED)
