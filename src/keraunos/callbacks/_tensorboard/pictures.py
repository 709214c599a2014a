"""Weights as numbers TensorBoard can draw: histograms, and pictures of kernels."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np

from keraunos.callbacks._tensorboard import wire

_BUCKETS = 30
# A picture is looked at on a screen: larger matrices are cut, of many filters the first are shown.
_MOST_PIXELS = 1024
_MOST_TILES = 64


def histogram(tag: str, values: Any) -> bytes:
    """Return the histogram summary of an array, in 30 buckets of one width; NaN is left out."""
    rows = buckets(np.asarray(values, dtype=np.float64))
    return wire.histogram(tag, len(rows), rows.astype("<f8").tobytes())


def buckets(values: np.ndarray) -> np.ndarray:
    """Return (30, 3): left edge, right edge and count of each bucket.

    Where all values are equal they are counted in the last one, and every edge is that value.

    Example:
        >>> buckets(np.array([0.0, 1.0, 3.0]))[[0, 10, 29]].round(1).tolist()
        [[0.0, 0.1, 1.0], [1.0, 1.1, 1.0], [2.9, 3.0, 1.0]]
    """
    finite = values[np.isfinite(values)]
    rows = np.zeros((_BUCKETS, 3))
    if not finite.size:
        return rows
    low, high = finite.min(), finite.max()
    if high - low > 0 and np.isfinite(high - low):
        rows[:, 2], edges = np.histogram(finite, _BUCKETS, (low, high))
        rows[:, 0], rows[:, 1] = edges[:-1], edges[1:]
    else:
        rows[:, :2], rows[-1, 2] = low, finite.size
    return rows


def image(tag: str, weight: Any) -> bytes | None:
    """Return the image summary of a weight; None for one that is no picture."""
    pixels = picture(np.asarray(weight, dtype=np.float32))
    if pixels is None:
        return None
    height, width = pixels.shape[:2]
    return wire.image(tag, width, height, png(pixels))


def picture(weight: np.ndarray) -> np.ndarray | None:
    """Return a weight as pixels, (height, width) or (height, width, 3), 8 bits each.

    Zero is middle grey, the largest magnitude black or white. A vector is a row, a matrix lies on
    its longer side. Of a kernel (height, width, in, out) each filter is a tile: in colour if it
    has three input channels, else there is a row of tiles an input channel. A kernel
    (size, in, out) shows a tile (size, in) a filter.

    Args:
        weight: of any rank; axes of size 1 do not count.
    """
    squeezed = np.squeeze(weight)
    if not 1 <= squeezed.ndim <= 4 or not squeezed.size:
        return None
    if squeezed.ndim == 1:
        return _grey(squeezed[None, :_MOST_PIXELS])
    if squeezed.ndim == 2:
        wide = squeezed.T if squeezed.shape[0] > squeezed.shape[1] else squeezed
        return _grey(wide[:_MOST_PIXELS, :_MOST_PIXELS])
    if squeezed.ndim == 3 or squeezed.shape[2] == 3:
        return _framed(_near_square(np.moveaxis(_grey(squeezed), -1, 0)[: _MOST_TILES**2]))
    tiles = _grey(squeezed[:, :, :_MOST_TILES, :_MOST_TILES]).transpose(2, 3, 0, 1)
    return _framed(tiles)


def _grey(values: np.ndarray) -> np.ndarray:
    finite = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    scale = np.abs(finite).max(initial=0) or 1.0
    return np.round(127.5 + 127.5 * (finite / scale)).astype(np.uint8)


def _near_square(tiles: np.ndarray) -> np.ndarray:
    """Return (n, ...) tiles as rows and columns; what is left over is black."""
    columns = math.ceil(math.sqrt(len(tiles)))
    rows = math.ceil(len(tiles) / columns)
    spare = [(0, rows * columns - len(tiles))] + [(0, 0)] * (tiles.ndim - 1)
    return np.pad(tiles, spare).reshape(rows, columns, *tiles.shape[1:])


def _framed(tiles: np.ndarray) -> np.ndarray:
    """Return (rows, columns, height, width[, 3]) as one picture, a black line around each tile."""
    rest = [(0, 0)] * (tiles.ndim - 4)
    lined = np.pad(tiles, [(0, 0), (0, 0), (0, 1), (0, 1), *rest])
    rows, columns, height, width = lined.shape[:4]
    flat = np.moveaxis(lined, 2, 1).reshape(rows * height, columns * width, *lined.shape[4:])
    return flat[:_MOST_PIXELS, :_MOST_PIXELS]


def png(pixels: np.ndarray) -> bytes:
    """Return pixels as a PNG file."""
    from PIL import Image  # only who writes images waits for it

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()
