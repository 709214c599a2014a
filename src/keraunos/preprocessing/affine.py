"""Rotation, shift, shear and zoom of one picture, as keras-preprocessing does them, but fast.

The values are those of `scipy.ndimage.affine_transform` channel by channel. Where pixels are
blended linearly, which is what nearly everybody asks for, the coordinates are computed once
for all the channels, and each look-up brings two neighbours.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from keraunos import errors

_SCIPY_ONLY = ("mirror", "grid-wrap", "grid-mirror", "grid-constant")
_BLOCK = 4096  # pixels at a time: what is in between stays in the cache
FILL_MODES = ("nearest", "constant", "reflect", "wrap", *_SCIPY_ONLY)


def apply_affine_transform(
    x: Any,
    theta: float = 0,
    tx: float = 0,
    ty: float = 0,
    shear: float = 0,
    zx: float = 1,
    zy: float = 1,
    row_axis: int = 1,
    col_axis: int = 2,
    channel_axis: int = 0,
    fill_mode: str = "nearest",
    cval: float = 0.0,
    order: int = 1,
) -> np.ndarray:
    """Return a picture rotated, shifted, sheared and zoomed, all in one step.

    The values are those of keras-preprocessing and of Keras up to 2.8. (Keras 3 exchanges the
    axes: a shift of the rows moves the columns there.)

    Args:
        x: three axes, their order told by `row_axis`, `col_axis` and `channel_axis`.
        theta: the angle in degrees.
        tx, ty: by how many rows and columns.
        shear: its angle in degrees.
        zx, zy: how many pixels of the picture one row or column of the result spans.
        row_axis, col_axis, channel_axis: 0, 1 and 2 in any order.
        fill_mode: what lies outside the picture: `"nearest"`, `"constant"`, `"reflect"`, `"wrap"`.
        cval: the value outside, for `"constant"`.
        order: of the spline; 0 takes the nearest pixel, 1 blends linearly.

    Raises:
        ValueError: other axes, or an unknown fill mode.

    Example:
        >>> x = np.arange(6.0).reshape(1, 2, 3)
        >>> apply_affine_transform(x, ty=1)[0]
        array([[1., 2., 2.],
               [4., 5., 5.]])
    """
    x = np.asarray(x)
    axes = (row_axis, col_axis, channel_axis)
    if x.ndim != 3 or sorted(axes) != [0, 1, 2]:
        expected = "three axes: rows, columns and channels"
        got = f"shape {x.shape}, axes {axes}"
        raise ValueError(errors.report("apply_affine_transform", expected=expected, got=got))
    matrix = _matrix(theta, tx, ty, shear, zx, zy)
    if matrix is None:
        return x
    picture = x.transpose(axes)
    warped = warp(picture, _about_centre(matrix, *picture.shape[:2]), fill_mode, cval, order)
    return warped.transpose(np.argsort(axes))


def warp(
    x: np.ndarray, matrix: np.ndarray, fill_mode: str = "nearest", cval: float = 0, order: int = 1
) -> np.ndarray:
    """Return the picture whose pixel p is pixel `matrix @ (row, column, 1)` of x.

    Args:
        x: (rows, columns, channels).
        matrix: (3, 3), of which the first two rows are used.
        fill_mode, cval, order: as for `apply_affine_transform`.
    """
    if fill_mode not in FILL_MODES:
        fix = errors.suggest(fill_mode, FILL_MODES)
        raise ValueError(errors.report(f"fill_mode={fill_mode!r}", fix=fix))
    if x.dtype == np.float16:  # which scipy does not know
        return warp(x.astype(np.float32), matrix, fill_mode, cval, order).astype(x.dtype)
    if order != 1 or fill_mode in _SCIPY_ONLY or x.dtype != np.float32 or not x.size:
        return _by_scipy(x, matrix, fill_mode, cval, order)
    rows, columns, channels = x.shape
    warped = np.empty((rows, columns, channels), np.float32)
    pairs = _pairs(x)
    step = max(1, _BLOCK // columns)
    for first in range(0, rows, step):
        block = warped[first : first + step]
        places, inside = _places(matrix, x.shape, first, len(block), fill_mode)
        _blend(pairs, places, x.shape, block)
        if inside is not None:
            block[~inside] = cval
    return warped


def _by_scipy(
    x: np.ndarray, matrix: np.ndarray, fill_mode: str, cval: float, order: int
) -> np.ndarray:
    from scipy import ndimage  # jax brings it; it takes 0.1 s to import

    transform: Any = ndimage.affine_transform
    planes = [
        transform(x[..., c], matrix[:2, :2], matrix[:2, 2], order=order, mode=fill_mode, cval=cval)
        for c in range(x.shape[2])
    ]
    return np.stack(planes, axis=-1) if planes else x.copy()


def _places(
    matrix: np.ndarray, shape: tuple[int, ...], first: int, count: int, fill_mode: str
) -> tuple[list[np.ndarray], np.ndarray | None]:
    """Return where some rows of the result lie in the picture: rows, columns; which are inside."""
    inside, places = None, []
    for (a, b, offset), length in zip(matrix[:2], shape):
        # In scipy's order of summation: what lies on the border is in for both or out for both.
        down = offset + a * np.arange(first, first + count)
        along = down[:, None] + b * np.arange(shape[1])
        if fill_mode == "constant":
            within = (along >= 0) & (along <= length - 1)
            inside = within if inside is None else inside & within
        places.append(_FOLDS[fill_mode](along, length))
    return places, inside


def _pairs(x: np.ndarray) -> np.ndarray:
    """Return (channels, pixels): each pixel and its right neighbour, as one number to look up."""
    flat = x.reshape(-1, x.shape[2]).T
    pairs = np.empty(flat.shape, np.complex64)
    pairs.real = flat
    pairs.imag[:, :-1] = flat[:, 1:]
    pairs.imag[:, -1] = flat[:, -1]
    return pairs


def _blend(
    pairs: np.ndarray, places: list[np.ndarray], shape: tuple[int, ...], out: np.ndarray
) -> None:
    """Write what lies between the pixels into out (rows, columns, channels)."""
    (rows, columns), (height, width, channels) = places, shape
    above, left = np.floor(rows), np.floor(columns)
    rows -= above
    columns -= left
    at = above.astype(np.intp)
    at *= width
    # Where there is no row below, its weight is 0.
    below = np.minimum(at + width, (height - 1) * width)
    left = left.astype(np.intp)
    at += left
    below += left
    down = np.empty((*rows.shape, 2), np.float32)
    down[..., 0], down[..., 1] = rows, rows
    # Channel by channel: the processor's vectors run along the pixels.
    upper = pairs.take(at.ravel(), axis=1).view(np.float32)
    lower = pairs.take(below.ravel(), axis=1).view(np.float32)
    lower -= upper
    lower *= down.ravel()
    upper += lower
    mixed = upper[:, 1::2] - upper[:, ::2]
    mixed *= columns.astype(np.float32).ravel()
    mixed += upper[:, ::2]
    for c in range(channels):
        out[..., c] = mixed[c].reshape(rows.shape)


def _clip(along: np.ndarray, length: int) -> np.ndarray:
    np.maximum(along, 0, out=along)
    return np.minimum(along, length - 1, out=along)


def _reflect(along: np.ndarray, length: int) -> np.ndarray:
    """Mirror at the outer edges of the first and last pixel."""
    along = np.mod(along + 0.5, 2 * length)
    return _clip(np.minimum(along, 2 * length - along) - 0.5, length)


def _wrap(along: np.ndarray, length: int) -> np.ndarray:
    """Go round; the first and the last pixel are one and the same, as scipy has it."""
    if length == 1:
        return np.zeros_like(along)
    period = length - 1
    low, high = along < 0, along > period
    along[low] += period * (np.trunc(-along[low] / period) + 1)
    along[high] -= period * np.trunc(along[high] / period)
    return _clip(along, length)


_FOLDS = {"nearest": _clip, "constant": _clip, "reflect": _reflect, "wrap": _wrap}


def _matrix(
    theta: float, tx: float, ty: float, shear: float, zx: float, zy: float
) -> np.ndarray | None:
    """Return the product of what is asked for, (3, 3); None where nothing is."""
    matrix = None
    angle, lean = math.radians(theta), math.radians(shear)
    cos, sin = math.cos(angle), math.sin(angle)
    steps = [
        (theta != 0, [[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]]),
        (tx != 0 or ty != 0, [[1, 0, tx], [0, 1, ty], [0, 0, 1]]),
        (shear != 0, [[1, -math.sin(lean), 0], [0, math.cos(lean), 0], [0, 0, 1]]),
        (zx != 1 or zy != 1, [[zx, 0, 0], [0, zy, 0], [0, 0, 1]]),
    ]
    for wanted, step in steps:
        if wanted:
            matrix = np.array(step) if matrix is None else matrix @ np.array(step)
    return matrix


def _about_centre(matrix: np.ndarray, height: int, width: int) -> np.ndarray:
    # Half a pixel past the middle on both sides: keras-preprocessing's centre.
    row, column = height / 2 + 0.5, width / 2 + 0.5
    there = np.array([[1, 0, row], [0, 1, column], [0, 0, 1]])
    back = np.array([[1, 0, -row], [0, 1, -column], [0, 0, 1]])
    return there @ matrix @ back
