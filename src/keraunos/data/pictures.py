"""A picture's file to an array of a given size, with the values of `tf.image.resize`."""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from keraunos._kernels.picture import Taps, bilinear, copy_channels
from keraunos.data.pixels import pixels
from keraunos.utils.images import middle, reading

MODES = {"grayscale": "L", "rgb": "RGB", "rgba": "RGBA"}


class Fit(NamedTuple):
    """How a picture becomes one of a given size.

    Args:
        size: (height, width).
        mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        method: one of `METHODS`.
        crop, pad: keep the proportions by cutting off, or by adding black.
        first: whether the channels come first.
    """

    size: tuple[int, int]
    mode: str = "rgb"
    method: str = "bilinear"
    crop: bool = False
    pad: bool = False
    first: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        channels = len(MODES[self.mode])
        return (channels, *self.size) if self.first else (*self.size, channels)


def load(path: str | os.PathLike[str], fit: Fit, out: np.ndarray | None = None) -> np.ndarray:
    """Return a picture's file as float32, 0 to 255, of the shape that `fit` has; written to `out`.

    Raises:
        ValueError: it is no picture, or damaged; the error names it.
    """
    out = np.empty(fit.shape, np.float32) if out is None else out
    with reading(path):
        x = decode(path, fit.mode)
    fitted(x, fit, out.transpose(1, 2, 0) if fit.first else out)
    return out


def decode(path: Any, mode: str, size: tuple[int, int] | None = None) -> np.ndarray:
    """Return the pixels of a file (or an open one), the first of a moving picture.

    uint8, of one or four channels: of a coloured picture without transparency the last one
    means nothing. Four bytes are looked up in one move, three are not.

    Raises:
        OSError: it is no picture, or of another size (height, width) than is asked for.
    """
    from PIL import Image

    wanted = MODES[mode]
    with Image.open(path) as image:
        if size is not None and image.size != size[::-1]:  # before it takes any room
            raise OSError(f"a picture of {image.height} x {image.width} pixels")
        if wanted == "L" and image.format == "JPEG":
            image.draft("L", image.size)  # the brightness is in the file as it is
        if image.mode.startswith("I"):  # 16 bits: the upper eight
            deep = np.asarray(image)
            upper = deep >> 8 if deep.max(initial=0) > 255 else deep
            image = Image.fromarray(upper.astype(np.uint8))
        image.load()
        return pixels(image if image.mode == wanted else image.convert(wanted))


def fitted(x: np.ndarray, fit: Fit, out: np.ndarray) -> None:
    """Write a picture (height, width, channels) in the size of `fit` to out, channels last."""
    height, width = x.shape[:2]
    high, wide = fit.size
    if fit.crop:
        left, upper, right, lower = middle((width, height), (wide, high))
        resize(x[upper:lower, left:right], fit.size, fit.method, out)
    elif fit.pad:
        ratio = max(width / wide, height / high)
        small = max(1, math.floor(height / ratio)), max(1, math.floor(width / ratio))
        top = math.floor(max(0, high - height / ratio) / 2)
        left = math.floor(max(0, wide - width / ratio) / 2)
        out[...] = 0
        resize(x, small, fit.method, out[top : top + small[0], left : left + small[1]])
    else:
        resize(x, fit.size, fit.method, out)


def resize(
    x: np.ndarray, size: tuple[int, int], method: str = "bilinear", out: np.ndarray | None = None
) -> np.ndarray:
    """Return a picture (height, width, channels) in another size, float32, without antialiasing.

    Bilinear, nearest and area equal `tf.image.resize` to the rounding of float32; the other
    methods too, but for bicubic, whose weights TensorFlow rounds to a table of 1,024 steps.

    Args:
        out: where to, instead of a new array; with fewer channels, the first ones.

    Example:
        >>> resize(np.arange(4.0).reshape(1, 4, 1), (1, 2))[0, :, 0]
        array([0.5, 2.5], dtype=float32)
    """
    out = np.empty((*size, x.shape[2]), np.float32) if out is None else out
    rows, columns = (_taps(n, m, method) for n, m in zip(x.shape[:2], size))
    x = np.ascontiguousarray(x)
    if x.shape[:2] == tuple(size):
        copy_channels(x, out)
    elif method == "bilinear" and x.dtype == np.uint8 and x.shape[2] in (1, 4):
        bilinear(x, rows, columns, out)
    # The axis that shrinks the most goes first: less is left to do for the other one.
    elif size[0] * x.shape[1] <= size[1] * x.shape[0]:
        copy_channels(_along(_along(x, rows, 0), columns, 1), out)
    else:
        copy_channels(_along(_along(x, columns, 1), rows, 0), out)
    return out


def _along(x: np.ndarray, taps: Taps, axis: int) -> np.ndarray:
    places, weights = taps
    shape = (-1, 1, 1) if axis == 0 else (1, -1, 1)
    if len(places) == 1:
        return x.take(places[0], axis=axis).astype(np.float32)
    total: Any = None
    for place, weight in zip(places, weights):
        part = x.take(place, axis=axis) * weight.reshape(shape)
        total = part if total is None else np.add(total, part, out=total)
    return total


@functools.lru_cache(64)
def _taps(length: int, size: int, method: str) -> Taps:
    step = length / size
    centres = (np.arange(size) + 0.5) * step
    if method == "nearest":
        places = np.minimum(np.floor(centres), length - 1)
        return places.astype(np.intp)[None], np.ones((1, size), np.float32)
    if method == "area":
        first = np.floor(centres - step / 2 + 1e-9)
        places = first + np.arange(math.ceil(step) + 1)[:, None]
        low, high = centres - step / 2, centres + step / 2
        weights = np.clip(np.minimum(places + 1, high) - np.maximum(places, low), 0, None)
    else:
        radius, kernel = METHODS[method]
        first = np.ceil(centres - radius - 0.5)
        places = first + np.arange(math.floor(2 * radius) + 1)[:, None]
        weights = kernel(np.abs(places + 0.5 - centres))
    weights = np.where((places >= 0) & (places < length), weights, 0)
    weights /= weights.sum(axis=0)
    used = weights.any(axis=1)  # what has no weight anywhere is not looked at
    places = np.clip(places, 0, length - 1).astype(np.intp)
    return places[used], weights[used].astype(np.float32)


def _triangle(x: np.ndarray) -> np.ndarray:
    return np.maximum(0, 1 - x)


def _cubic(b: float, c: float) -> Callable[[np.ndarray], np.ndarray]:
    """Mitchell and Netravali: Reconstruction filters in computer graphics, 1988, equation 8."""

    def kernel(x: np.ndarray) -> np.ndarray:
        near = (12 - 9 * b - 6 * c) * x**3 + (-18 + 12 * b + 6 * c) * x**2 + (6 - 2 * b)
        far = (-b - 6 * c) * x**3 + (6 * b + 30 * c) * x**2 + (-12 * b - 48 * c) * x
        far = far + (8 * b + 24 * c)
        return np.where(x < 1, near, np.where(x < 2, far, 0)) / 6

    return kernel


def _lanczos(lobes: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: np.where(x < lobes, np.sinc(x) * np.sinc(x / lobes), 0)


def _gaussian(x: np.ndarray) -> np.ndarray:
    return np.where(x < 1.5, np.exp(-2 * x**2), 0)


# Name -> how far it reaches, and the weight at a distance.
METHODS: dict[str, Any] = {
    "bilinear": (1, _triangle),
    "nearest": None,
    "bicubic": (2, _cubic(0, 0.5)),
    "area": None,
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
    "gaussian": (1.5, _gaussian),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
}
