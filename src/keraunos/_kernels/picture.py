"""Pictures in another size, for the threads that read files: compiled, or in NumPy; no JAX."""

from __future__ import annotations

import ctypes
import functools
from typing import Any

import numpy as np

from . import library

# Which pixels make each pixel of a result, (taps, size), and their weights.
Taps = tuple[np.ndarray, np.ndarray]

_BLOCK = 1 << 15  # numbers at a time: larger arrays are given back, and fault in page by page


def bilinear(x: np.ndarray, rows: Taps, columns: Taps, out: np.ndarray) -> None:
    """Write what lies between the pixels of a picture to `out`.

    Args:
        x: (height, width, 1 or 4) uint8, contiguous.
        rows, columns: one tap or two for each row and each column of the result.
        out: (high, wide, channels) float32; the first channels of x.
    """
    run = _compiled()
    if run is None or out.dtype != np.float32:
        _in_numpy(x, rows, columns, out)
        return
    high, wide, channels = out.shape
    steps = [step // out.itemsize for step in out.strides]
    of_x, of_out = x.ctypes.data, out.ctypes.data
    run(of_x, *x.shape[1:], *_ends(rows), high, *_ends(columns), wide, of_out, channels, *steps)


@functools.cache
def _compiled() -> Any:
    """Return the compiled function, which lets other threads run; None where there is none."""
    found = library.found()
    run = getattr(found[1], "keraunos_resize", None) if found else None
    if run is not None:
        number, address = ctypes.c_int64, ctypes.c_void_p
        taps = [address, address, address, number]
        run.argtypes = [address, number, number, *taps, *taps, address, *[number] * 4]
        run.restype = None
    return run


def _ends(taps: Taps) -> tuple[int, int, int]:
    """Return the addresses of the first and the last pixels, and of the last one's share."""
    places, weights = taps
    return places[0].ctypes.data, places[-1].ctypes.data, weights[-1].ctypes.data


def _in_numpy(x: np.ndarray, rows: Taps, columns: Taps, out: np.ndarray) -> None:
    width, bytes_ = x.shape[1:]
    # A pixel is one number to be moved: four bytes are, three would not be.
    numbers = x.view(np.uint32 if bytes_ == 4 else np.uint8).ravel()
    across, down = np.repeat(columns[1][-1], bytes_), rows[1][-1][:, None]
    step = max(1, _BLOCK // len(across))
    for first in range(0, len(down), step):
        part = slice(first, first + step)
        lines = []
        for row in rows[0]:
            starts = (row[part] * width)[:, None]
            ends = [numbers.take(starts + c, mode="clip").view(np.uint8) for c in columns[0]]
            lines.append(_between([end.astype(np.float32) for end in ends], across))
        block = _between(lines, down[part])
        copy_channels(block.reshape(len(block), -1, bytes_), out[part])


def _between(ends: list[np.ndarray], share: np.ndarray) -> np.ndarray:
    first, last = ends[0], ends[-1]
    if len(ends) > 1:
        last -= first
        last *= share
        first += last
    return first


def copy_channels(x: np.ndarray, out: np.ndarray) -> None:
    """Copy the first channels of a picture, as many as `out` has."""
    # Channel by channel: a loop over three numbers at a time would take four times as long.
    for c in range(out.shape[2]):
        out[..., c] = x[..., c]
