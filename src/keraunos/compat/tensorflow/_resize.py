"""Resizing an image is two small matrices: one for its rows, one for its columns.

So one table of kernels gives every method of `tf.image.resize`, on the host and on the device, and
a picture of another size costs no compilation on the host.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos.compat.tensorflow._sizes import sizes
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor


class ResizeMethod:
    """Names of the ways to resize."""

    BILINEAR, NEAREST_NEIGHBOR, BICUBIC, AREA = "bilinear", "nearest", "bicubic", "area"
    LANCZOS3, LANCZOS5, GAUSSIAN, MITCHELLCUBIC = (
        "lanczos3",
        "lanczos5",
        "gaussian",
        "mitchellcubic",
    )


_NUMBERED = {0: "bilinear", 1: "nearest", 2: "bicubic", 3: "area"}


def _cubic(b: float, c: float) -> Callable[[Any], Any]:
    """Return the cubic kernel of Mitchell and Netravali's two parameters."""
    near = (12 - 9 * b - 6 * c, -18 + 12 * b + 6 * c, 0, 6 - 2 * b)
    far = (-b - 6 * c, 6 * b + 30 * c, -12 * b - 48 * c, 8 * b + 24 * c)
    return lambda x: (
        np.where(x < 1, np.polyval(near, x), np.where(x < 2, np.polyval(far, x), 0)) / 6
    )


def _lanczos(radius: int) -> Callable[[Any], Any]:
    return lambda x: np.where(x < radius, np.sinc(x) * np.sinc(x / radius), 0)


# name -> radius, kernel of a distance
_KERNELS: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "bilinear": (1, lambda x: np.maximum(0, 1 - x)),
    "bicubic": (2, _cubic(0, 0.5)),
    "mitchellcubic": (2, _cubic(1 / 3, 1 / 3)),
    "lanczos3": (3, _lanczos(3)),
    "lanczos5": (5, _lanczos(5)),
    "gaussian": (1.5, lambda x: np.where(x < 1.5, np.exp(-2 * x * x), 0)),
}


@functools.lru_cache(maxsize=512)
def matrix(before: int, after: int, method: str, antialias: bool) -> np.ndarray:
    """Return the weights (after, before) with which old pixels make new ones."""
    scale = before / after
    places = np.arange(before)
    if method == "nearest":
        chosen = np.minimum(np.floor((np.arange(after) + 0.5) * scale), before - 1)
        return (chosen[:, None] == places).astype(np.float32)
    if method == "area":
        low, high = np.arange(after)[:, None] * scale, (np.arange(after)[:, None] + 1) * scale
        share = np.maximum(0, np.minimum(high, places + 1) - np.maximum(low, places))
        return (share / share.sum(1, keepdims=True)).astype(np.float32)
    radius, kernel = _KERNELS[method]
    wide = max(scale, 1) if antialias else 1
    centre = (np.arange(after)[:, None] + 0.5) * scale
    distance = np.abs(places + 0.5 - centre) / wide
    weights = np.where(distance <= radius, kernel(distance), 0)
    if method == "bilinear" and not antialias:
        # At the border the outermost pixel stands for what would lie beyond it.
        centre = np.clip(centre, 0.5, before - 0.5)
        weights = kernel(np.abs(places + 0.5 - centre))
    total = weights.sum(1, keepdims=True)
    return (weights / np.where(np.abs(total) > 1e-12, total, 1)).astype(np.float32)


def resize(
    images: Any, size: Any, method: Any, preserve_aspect_ratio: bool, antialias: bool
) -> Any:
    """Return images of another height and width, floats but for `nearest`."""
    method = _NUMBERED.get(method, method)
    if method not in (*_KERNELS, "nearest", "area"):
        fix = errors.suggest(method, [*_KERNELS, "nearest", "area"])
        raise ValueError(errors.report(f"tf.image.resize: method {method!r}", fix=fix))
    images, (height, width) = tensor_on_host(images), sizes(size)
    rows, columns = images.shape[-3:-1]
    if preserve_aspect_ratio:
        ratio = min(height / rows, width / columns)
        height, width = round(rows * ratio), round(columns * ratio)
    if (height, width) == (rows, columns):
        return images if method == "nearest" else floats(images)
    if method == "nearest":
        down, across = (
            matrix(*n, method, False).argmax(1) for n in ((rows, height), (columns, width))
        )
        return images[..., down, :, :][..., across, :]
    down = matrix(rows, height, method, antialias)
    across = matrix(columns, width, method, antialias)
    return _product(floats(images), down, across)


def _product(images: Any, down: np.ndarray, across: np.ndarray) -> Any:
    if isinstance(images, HostTensor):
        lines = np.tensordot(images.view(np.ndarray), down, axes=(-3, 1))
        found = np.tensordot(lines, across, axes=(-3, 1))
        # The new axes have come last: (..., channels, height, width).
        return host(np.moveaxis(found, -3, -1))
    return jnp.einsum("...hwc,ih,jw->...ijc", images, down, across, precision="highest")


def floats(images: Any) -> Any:
    """Return images as floats, their values as they are."""
    if isinstance(images, HostTensor):
        return (
            images if images.dtype.kind == "f" else host(images.view(np.ndarray).astype("float32"))
        )
    return images if jnp.issubdtype(images.dtype, jnp.floating) else images.astype("float32")


def tensor_on_host(images: Any) -> Any:
    """Return images as a tensor, on the host where they are there."""
    return images if isinstance(images, HostTensor) else tensor(images)


def scale_to_fit(images: Any, height: int, width: int, method: Any, antialias: bool) -> Any:
    """Return images made as large as fits, and zeros around them."""
    rows, columns = images.shape[-3:-1]
    ratio = max(rows / height, columns / width)
    exact = (rows / ratio, columns / ratio)
    small = tuple(max(1, math.floor(n)) for n in exact)
    found = resize(images, small, method, False, antialias)
    top, left = (max(0, math.floor((n - m) / 2)) for n, m in zip((height, width), exact))
    pads = [(top, height - small[0] - top), (left, width - small[1] - left), (0, 0)]
    pads = [(0, 0)] * (found.ndim - 3) + pads
    if isinstance(found, HostTensor):
        return host(np.pad(found.view(np.ndarray), pads))
    return jnp.pad(found, pads)
