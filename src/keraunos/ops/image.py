"""Images: (batch, height, width, channels) or (height, width, channels), or channels first."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import random
from keraunos._core.op import op, public_names
from keraunos._kernels import conv as _conv
from keraunos._kernels import sampling as _sampling

_METHODS = ("bilinear", "nearest", "lanczos3", "lanczos5", "bicubic")
_INTERPOLATIONS = ("nearest", "bilinear")
_FILLS = _sampling.FILL_MODES


def _last(images: Any, data_format: str | None) -> tuple[Any, Callable[[Any], Any]]:
    """Return the images as (batch, height, width, channels), and a function that undoes it."""
    first = config.standardize_data_format(data_format) == "channels_first"
    single = images.ndim == 3
    if images.ndim not in (3, 4):
        raise ValueError(
            errors.report(
                "image", expected="3 axes, or 4 with a batch", got=f"shape {images.shape}"
            )
        )
    images = jnp.moveaxis(images, -3, -1) if first else images
    images = images[None] if single else images

    def undo(result: Any) -> Any:
        result = result[0] if single else result
        return jnp.moveaxis(result, -1, -3) if first else result

    return images, undo


def _one_of(where: str, value: Any, choices: Sequence[str]) -> None:
    if value not in choices:
        raise ValueError(errors.report(where, got=repr(value), fix=errors.suggest(value, choices)))


# -- colours


@op
def rgb_to_grayscale(images: Any, data_format: str | None = None) -> Any:
    """Brightness of red, green and blue: (..., 3) -> (..., 1); one channel stays as it is."""
    axis = -1 if config.standardize_data_format(data_format) == "channels_last" else -3
    if images.shape[axis] == 1:
        return images
    weights = jnp.array([0.2989, 0.587, 0.114], jnp.promote_types(images.dtype, jnp.float32))
    gray = jnp.tensordot(images.astype(weights.dtype), weights, axes=(axis, 0))
    return jnp.expand_dims(gray, axis).astype(images.dtype)


@op
def rgb_to_hsv(images: Any, data_format: str | None = None) -> Any:
    """Hue, saturation and value, from 0 to 1, of red, green and blue."""
    axis = _channels(images, data_format)
    red, green, blue = (jnp.take(images, i, axis=axis) for i in range(3))
    value = jnp.maximum(jnp.maximum(red, green), blue)
    spread = value - jnp.minimum(jnp.minimum(red, green), blue)
    gray = spread <= 0
    sixth = 1 / (6 * jnp.where(gray, 1, spread))
    hue = jnp.where(value == green, sixth * (blue - red) + 1 / 3, sixth * (red - green) + 2 / 3)
    hue = jnp.where(value == red, sixth * (green - blue), hue)
    hue = jnp.where(gray, 0, hue + (hue < 0))
    saturation = jnp.where(value > 0, spread / jnp.where(value > 0, value, 1), 0)
    return jnp.stack([hue, saturation, value], axis=axis).astype(images.dtype)


@op
def hsv_to_rgb(images: Any, data_format: str | None = None) -> Any:
    """Inverse of `rgb_to_hsv`."""
    axis = _channels(images, data_format)
    hue, saturation, value = (jnp.take(images, i, axis=axis) for i in range(3))
    sixths = jnp.mod(hue, 1) * 6
    shares = (jnp.abs(sixths - 3) - 1, 2 - jnp.abs(sixths - 2), 2 - jnp.abs(sixths - 4))
    planes = [value * (1 - saturation + saturation * jnp.clip(share, 0, 1)) for share in shares]
    return jnp.stack(planes, axis=axis).astype(images.dtype)


def _channels(images: Any, data_format: str | None) -> int:
    if not jnp.issubdtype(images.dtype, jnp.floating):
        raise ValueError(errors.report("colours", expected="a float dtype", got=images.dtype))
    return -1 if config.standardize_data_format(data_format) == "channels_last" else -3


# -- sizes


@op
def resize(
    images: Any,
    size: Sequence[int],
    interpolation: str = "bilinear",
    antialias: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    fill_mode: str = "constant",
    fill_value: float = 0.0,
    data_format: str | None = None,
) -> Any:
    """Images of another height and width.

    Args:
        images: one or a batch.
        size: (height, width).
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        antialias: whether to smooth before making smaller.
        crop_to_aspect_ratio, pad_to_aspect_ratio: how to keep the shapes in the image, if at all.
        fill_mode, fill_value: what padding consists of; only `"constant"`.
        data_format: `"channels_last"` or `"channels_first"`; the global setting by default.
    """
    _one_of("resize: interpolation", interpolation, _METHODS)
    _one_of("resize: fill_mode", fill_mode, ("constant",))
    if crop_to_aspect_ratio and pad_to_aspect_ratio:
        raise ValueError(
            errors.report(
                "resize", expected="crop_to_aspect_ratio or pad_to_aspect_ratio", got="both"
            )
        )
    images, undo = _last(images, data_format)
    (height, width), (h, w) = size, images.shape[1:3]
    wanted = int(w * height / width), int(h * width / height)
    if crop_to_aspect_ratio:
        rows, columns = (max(min(n, m), 1) for n, m in zip((h, w), wanted))
        top, left = (h - rows) // 2, (w - columns) // 2
        images = images[:, top : top + rows, left : left + columns]
    elif pad_to_aspect_ratio:
        rows, columns = ((max(n, m) - n) // 2 for n, m in zip((h, w), wanted))
        pads = [(0, 0), (rows, rows), (columns, columns) if not rows else (0, 0), (0, 0)]
        images = jnp.pad(images, pads, constant_values=fill_value)
    shape = (images.shape[0], height, width, images.shape[-1])
    return undo(jax.image.resize(images, shape, interpolation, antialias))


@op
def scale_and_translate(
    images: Any,
    output_shape: Sequence[int],
    scale: Any,
    translation: Any,
    spatial_dims: Sequence[int],
    method: str,
    antialias: bool = True,
) -> Any:
    """Images scaled and moved along the spatial axes, into the output shape."""
    _one_of("scale_and_translate: method", method, ("linear", "cubic", *_METHODS))
    where = (tuple(output_shape), tuple(spatial_dims), jnp.asarray(scale), jnp.asarray(translation))
    return jax.image.scale_and_translate(images, *where, method, antialias)


@op
def pad_images(
    images: Any,
    top_padding: int | None = None,
    left_padding: int | None = None,
    bottom_padding: int | None = None,
    right_padding: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """Images with zeros around; two of top, bottom and target height are given, so across."""
    images, undo = _last(images, data_format)
    height, width = images.shape[1:3]
    rows = _margins(
        "pad_images", top_padding, bottom_padding, target_height and target_height - height
    )
    columns = _margins(
        "pad_images", left_padding, right_padding, target_width and target_width - width
    )
    return undo(jnp.pad(images, [(0, 0), rows, columns, (0, 0)]))


@op
def crop_images(
    images: Any,
    top_cropping: int | None = None,
    left_cropping: int | None = None,
    bottom_cropping: int | None = None,
    right_cropping: int | None = None,
    target_height: int | None = None,
    target_width: int | None = None,
    data_format: str | None = None,
) -> Any:
    """A part of the images; two of top, bottom and target height are given, and so across."""
    images, undo = _last(images, data_format)
    height, width = images.shape[1:3]
    top, bottom = _margins(
        "crop_images", top_cropping, bottom_cropping, target_height and height - target_height
    )
    left, right = _margins(
        "crop_images", left_cropping, right_cropping, target_width and width - target_width
    )
    return undo(images[:, top : height - bottom, left : width - right])


def _margins(
    where: str, before: int | None, after: int | None, total: int | None
) -> tuple[int, int]:
    if [before, after, total].count(None) != 1:
        raise ValueError(
            errors.report(
                where, expected="two of the margins before and after, and the target size"
            )
        )
    # Just one of the three is None: the other two give it.
    first = (total or 0) - (after or 0) if before is None else before
    second = (total or 0) - first if after is None else after
    if min(first, second) < 0:
        raise ValueError(errors.report(where, expected="margins >= 0", got=f"{first} and {second}"))
    return first, second


@op
def extract_patches(
    images: Any,
    size: int | Sequence[int],
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of the images laid out as channels: (..., rows, columns, window * channels).

    `size` of three numbers takes windows of volumes, as `extract_patches_3d`.
    """
    rank = 2 if isinstance(size, int) else len(size)
    return _patches(images, size, strides, dilation_rate, padding, data_format, rank)


@op
def extract_patches_3d(
    volumes: Any,
    size: int | Sequence[int],
    strides: Any = None,
    dilation_rate: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Windows of volumes laid out as channels; see `extract_patches`."""
    return _patches(volumes, size, strides, dilation_rate, padding, data_format, 3)


def _patches(
    x: Any, size: Any, strides: Any, dilation: Any, padding: str, data_format: Any, rank: int
) -> Any:
    window = (size,) * rank if isinstance(size, int) else tuple(size)
    layout = config.standardize_data_format(data_format)
    single = x.ndim == rank + 1
    x = x[None] if single else x
    channels = x.shape[-1 if layout == "channels_last" else 1]
    count = int(np.prod(window)) * channels
    kernel = jnp.eye(count, dtype=x.dtype).reshape(*window, channels, count)
    steps = {"strides": strides or window, "dilation": dilation, "padding": padding}
    found = _conv.convolution(x, kernel, **steps, data_format=layout)
    return found[0] if single else found


# -- interpolation


@op
def map_coordinates(
    inputs: Any, coordinates: Any, order: int, fill_mode: str = "constant", fill_value: float = 0
) -> Any:
    """Values between the elements of an array.

    Args:
        inputs: any shape.
        coordinates: (axes, ...): where, one row for each axis of the inputs.
        order: 0 for the nearest element, 1 for linear interpolation.
        fill_mode: what lies beyond the edge: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"`,
            `"reflect"`.
        fill_value: for `"constant"`.
    """
    _one_of("map_coordinates: fill_mode", fill_mode, _FILLS)
    if order not in (0, 1):
        raise ValueError(
            errors.report("map_coordinates", expected="order 0 or 1", got=f"order={order!r}")
        )
    coordinates = jnp.asarray(coordinates)
    if len(coordinates) != inputs.ndim:
        raise ValueError(
            errors.report("map_coordinates", expected=f"{inputs.ndim} rows", got=coordinates.shape)
        )
    # JAX wants the number itself, as part of the program.
    fill = np.asarray(fill_value).item()
    return jax.scipy.ndimage.map_coordinates(inputs, list(coordinates), order, fill_mode, fill)


def _sampled(images: Any, rows: Any, columns: Any, interpolation: str, mode: str, fill: Any) -> Any:
    """Return each image of a batch at (batch, height, width) places."""
    how = {"interpolation": interpolation, "fill_mode": mode, "fill_value": fill}
    return _sampling.sample(images, rows, columns, **how)


@op
def affine_transform(
    images: Any,
    transform: Any,
    interpolation: str = "bilinear",
    fill_mode: str = "constant",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images turned, sheared, scaled and moved.

    Args:
        images: one or a batch.
        transform: (8,) or (batch, 8), `a0 a1 a2 b0 b1 b2 0 0`: the point (x, y) of the result comes
            from (a0 x + a1 y + a2, b0 x + b1 y + b2) of the image.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode, fill_value: as in `map_coordinates`.
        data_format: `"channels_last"` or `"channels_first"`.
    """
    _one_of("affine_transform: interpolation", interpolation, _INTERPOLATIONS)
    _one_of("affine_transform: fill_mode", fill_mode, _FILLS)
    images, undo = _last(images, data_format)
    points = jnp.atleast_2d(transform).at[:, 6:].set(0)
    columns, rows = _moved(points, *images.shape[1:3])
    return undo(_sampled(images, rows, columns, interpolation, fill_mode, fill_value))


@op
def perspective_transform(
    images: Any,
    start_points: Any,
    end_points: Any,
    interpolation: str = "bilinear",
    fill_value: float = 0,
    data_format: str | None = None,
) -> Any:
    """Images in the perspective that takes four start points to four end points, (x, y) each.

    Both are (4, 2) or (batch, 4, 2); the other arguments are as in `affine_transform`.
    """
    _one_of("perspective_transform: interpolation", interpolation, _INTERPOLATIONS)
    images, undo = _last(images, data_format)
    start, end = (jnp.reshape(p, (-1, 4, 2)).astype("float32") for p in (start_points, end_points))
    one, zero = jnp.ones_like(end[..., :1]), jnp.zeros_like(end)
    zeros = jnp.concatenate([zero, zero[..., :1]], -1)
    upper = jnp.concatenate([end, one, zeros, -start[..., :1] * end], -1)
    lower = jnp.concatenate([zeros, end, one, -start[..., 1:] * end], -1)
    wanted = jnp.concatenate([start[..., 0], start[..., 1]], -1)[..., None]
    transform = jnp.linalg.solve(jnp.concatenate([upper, lower], 1), wanted)[..., 0]
    columns, rows = _moved(transform, *images.shape[1:3])
    return undo(_sampled(images, rows, columns, interpolation, "constant", fill_value))


def _moved(t: Any, height: int, width: int) -> tuple[Any, Any]:
    """Return the x and y from which each point comes, (batch, height, width) both."""
    y, x = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    a, b, c = (t[:, i : i + 3, None, None] for i in (0, 3, 6))
    depth = c[:, 0] * x + c[:, 1] * y + 1
    return tuple((p[:, 0] * x + p[:, 1] * y + p[:, 2]) / depth for p in (a, b))  # pyright: ignore[reportReturnType]


# -- filters


def _gaussian(size: int, sigma: Any, dtype: Any) -> Any:
    x = jnp.arange(size, dtype=dtype) - (size - 1) / 2
    weights = jnp.exp(-0.5 * jnp.square(x / sigma))
    return weights / jnp.sum(weights)


def _filtered(images: Any, kernel: Any, padding: str = "same") -> Any:
    """Return each channel of (batch, height, width, channels) convolved with (height, width)."""
    spread = jnp.broadcast_to(kernel[:, :, None, None], (*kernel.shape, images.shape[-1], 1))
    return _conv.depthwise_convolution(images, spread.astype(images.dtype), padding=padding)


def _smoothed(images: Any, down: Any, across: Any, padding: str = "same") -> Any:
    """Return images filtered with the outer product of two windows, one after the other."""
    return _filtered(_filtered(images, down[:, None], padding), across[None], padding)


@op
def gaussian_blur(
    images: Any, kernel_size: Any = (3, 3), sigma: Any = (1.0, 1.0), data_format: str | None = None
) -> Any:
    """Images smoothed with a Gaussian window; size and sigma are given as (x, y), in pixels."""
    images, undo = _last(images, data_format)
    across, down = (_gaussian(n, s, images.dtype) for n, s in zip(kernel_size, sigma))
    return undo(_smoothed(images, down, across))


@op
def elastic_transform(
    images: Any,
    alpha: float = 20.0,
    sigma: float = 5.0,
    interpolation: str = "bilinear",
    fill_mode: str = "reflect",
    fill_value: float = 0.0,
    seed: Any = None,
    data_format: str | None = None,
) -> Any:
    """Images distorted by a smooth random field.

    Args:
        images: one or a batch.
        alpha: strength, in pixels.
        sigma: smoothness, in pixels.
        interpolation, fill_mode, fill_value, data_format: as in `affine_transform`.
        seed: an integer gives the same field at every call.
    """
    _one_of("elastic_transform: interpolation", interpolation, _INTERPOLATIONS)
    _one_of("elastic_transform: fill_mode", fill_mode, _FILLS)
    images, undo = _last(images, data_format)
    batch, height, width, _ = images.shape
    key = (
        jax.random.key(seed % 2**32)
        if isinstance(seed, int)
        else random.next_key(getattr(seed, "seed", None))
    )
    field = jax.random.normal(key, (batch, height, width, 2), images.dtype) * sigma
    window = _gaussian(int(6 * sigma) | 1, sigma, images.dtype)
    field = alpha * _smoothed(field, window, window)
    y, x = jnp.meshgrid(jnp.arange(height), jnp.arange(width), indexing="ij")
    rows, columns = y + field[..., 0], x + field[..., 1]
    return undo(
        _sampled(images, rows, columns, interpolation, fill_mode, fill_value).astype(images.dtype)
    )


@op
def sobel_edges(images: Any, data_format: str | None = None) -> Any:
    """Derivatives of a batch of images, by the Sobel filter: a last axis with (down, across)."""
    images, undo = _last(images, data_format)
    across = jnp.outer(jnp.array([1, 2, 1]), jnp.array([-1, 0, 1]))
    return jnp.stack([undo(_filtered(images, kernel)) for kernel in (across.T, across)], axis=-1)


@op
def ssim(
    image1: Any,
    image2: Any,
    max_val: float = 1.0,
    filter_size: int = 11,
    filter_sigma: float = 1.5,
    k1: float = 0.01,
    k2: float = 0.03,
    data_format: str | None = None,
) -> Any:
    """Structural similarity of two images (or each pair of two batches), 1 for equal ones.

    Reference: Wang et al., Image quality assessment: from error visibility to structural
    similarity, 2004.
    """
    dtype = jnp.promote_types(image1.dtype, jnp.float32)
    (a, _), (b, _) = (_last(image.astype(dtype), data_format) for image in (image1, image2))
    window = _gaussian(filter_size, filter_sigma, dtype)
    # One filter at once over the five images whose local means are needed.
    stacked = jnp.concatenate([a, b, a * a, b * b, a * b])
    means = _smoothed(stacked, window, window, "valid")
    mean1, mean2, square1, square2, product = jnp.split(means, 5)
    c1, c2 = (k1 * max_val) ** 2, (k2 * max_val) ** 2
    above = (2 * mean1 * mean2 + c1) * (2 * (product - mean1 * mean2) + c2)
    below = (mean1**2 + mean2**2 + c1) * (square1 - mean1**2 + square2 - mean2**2 + c2)
    result = jnp.mean(above / below, axis=(1, 2, 3)).astype(image1.dtype)
    return result[0] if image1.ndim == 3 else result


__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
