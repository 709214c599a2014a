"""`tf.image`: (height, width, channels) or batches of them, on the host or on the device.

Each function is written once, with `xp` for NumPy or `jax.numpy`, whichever the image needs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors, ops
from keraunos._core import random
from keraunos._core.op import op
from keraunos.compat.tensorflow import _resize
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._random import host_generator
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._sizes import sizes
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor


def picture(name: str, function: Callable[..., Any], parameters: str) -> Callable[..., Any]:
    """Return a row of a function `(xp, image, ...)`: by NumPy on the host, else by JAX."""
    node = op(lambda x, *args: function(jnp, x, *args), name=f"tf.image.{name}")

    def call(image: Any, *args: Any) -> Any:
        image = _resize.tensor_on_host(image)
        if isinstance(image, HostTensor):
            return host(function(np, image.view(np.ndarray), *args))
        return node(image, *args)

    return row(call, parameters)


# -- dtypes and colours


def convert_dtype(xp: Any, x: Any, dtype: Any, saturate: bool) -> Any:
    """Return an image in another dtype: floats are from 0 to 1, integers fill their range."""
    wanted, own = as_dtype(dtype), as_dtype(x.dtype)
    kind = wanted.as_numpy_dtype
    if wanted == own:
        return x
    if own.is_floating and wanted.is_floating:
        return x.astype(kind)
    if own.is_integer and wanted.is_floating:
        return x.astype(kind) * xp.asarray(1 / own.max, kind)
    if own.is_floating:
        # Half a step more than the largest, rounded down: each integer gets an equal share.
        scaled = x * (wanted.max + 0.5)
        return xp.clip(scaled, 0 if wanted.is_unsigned else wanted.min, wanted.max).astype(kind)
    if own.size > wanted.size:
        return (x // ((own.max + 1) // (wanted.max + 1))).astype(kind)
    return x.astype(kind) * xp.asarray((wanted.max + 1) // (own.max + 1), kind)


def as_float(xp: Any, x: Any, function: Callable[[Any], Any]) -> Any:
    """Return a function of the image with values from 0 to 1, in the image's own dtype."""
    kind = as_dtype(x.dtype)
    found = function(convert_dtype(xp, x, kind if kind.is_floating else "float32", False))
    return convert_dtype(xp, found, kind, True)


def _gray(xp: Any, x: Any) -> Any:
    weights = np.array([0.2989, 0.587, 0.114], np.float32)
    return as_float(xp, x, lambda v: (v * weights.astype(v.dtype)).sum(-1, keepdims=True))


def _hsv(xp: Any, x: Any) -> Any:
    if xp is np:
        return np.asarray(ops.image.rgb_to_hsv(x, data_format="channels_last"))
    return ops.image.rgb_to_hsv(x, data_format="channels_last")


def _rgb(xp: Any, x: Any) -> Any:
    if xp is np:
        return np.asarray(ops.image.hsv_to_rgb(x, data_format="channels_last"))
    return ops.image.hsv_to_rgb(x, data_format="channels_last")


def _brightness(xp: Any, x: Any, delta: Any) -> Any:
    return as_float(xp, x, lambda v: v + xp.asarray(delta, v.dtype))


def _contrast(xp: Any, x: Any, factor: Any) -> Any:
    def change(v: Any) -> Any:
        mean = v.mean((-3, -2), keepdims=True)
        return (v - mean) * xp.asarray(factor, v.dtype) + mean

    # Integers keep their scale here, as TensorFlow has it.
    if as_dtype(x.dtype).is_floating:
        return change(x)
    return as_float(xp, x, change)


def _saturation(xp: Any, x: Any, factor: Any) -> Any:
    def change(v: Any) -> Any:
        hue, saturation, value = xp.moveaxis(_hsv(xp, v), -1, 0)
        return _rgb(xp, xp.stack([hue, xp.clip(saturation * factor, 0, 1), value], -1))

    return as_float(xp, x, change)


def _hue(xp: Any, x: Any, delta: Any) -> Any:
    def change(v: Any) -> Any:
        hue, saturation, value = xp.moveaxis(_hsv(xp, v), -1, 0)
        return _rgb(xp, xp.stack([xp.mod(hue + delta, 1), saturation, value], -1))

    return as_float(xp, x, change)


def _gamma(xp: Any, x: Any, gamma: Any, gain: Any) -> Any:
    return as_float(xp, x, lambda v: gain * v ** xp.asarray(gamma, v.dtype))


def _standardized(xp: Any, x: Any) -> Any:
    x = x if as_dtype(x.dtype).is_floating else x.astype("float32")
    axes, count = (-3, -2, -1), np.prod(x.shape[-3:])
    least = np.float32(1 / np.sqrt(count))
    return (x - x.mean(axes, keepdims=True)) / xp.maximum(x.std(axes, keepdims=True), least)


# -- places


def _flip(axis: int) -> Callable[..., Any]:
    return lambda xp, x: xp.flip(x, axis)


def _rot90(xp: Any, x: Any, k: Any) -> Any:
    return xp.rot90(x, int(k), axes=(-3, -2))


def _crop(xp: Any, x: Any, top: Any, left: Any, height: Any, width: Any) -> Any:
    top, left, height, width = (sizes(v)[0] for v in (top, left, height, width))
    rows, columns = x.shape[-3:-1]
    if top < 0 or left < 0 or top + height > rows or left + width > columns:
        got = f"rows {top} to {top + height}, columns {left} to {left + width}"
        inside = f"inside {rows} x {columns}"
        raise ValueError(errors.report("crop_to_bounding_box", expected=inside, got=got))
    return x[..., top : top + height, left : left + width, :]


def _enlarge(xp: Any, x: Any, top: Any, left: Any, height: Any, width: Any) -> Any:
    top, left, height, width = (sizes(v)[0] for v in (top, left, height, width))
    rows, columns = x.shape[-3:-1]
    widths = [(top, height - top - rows), (left, width - left - columns), (0, 0)]
    if min(n for pair in widths for n in pair) < 0:
        where = "pad_to_bounding_box"
        raise ValueError(errors.report(where, expected=f"room for {rows} x {columns}"))
    return xp.pad(x, [(0, 0)] * (x.ndim - 3) + widths)


def _central_crop(xp: Any, x: Any, fraction: Any) -> Any:
    rows, columns = x.shape[-3:-1]
    top, left = (int((n - n * float(fraction)) / 2) for n in (rows, columns))
    return x[..., top : rows - top, left : columns - left, :]


def _crop_or_pad(xp: Any, x: Any, height: Any, width: Any) -> Any:
    height, width = sizes(height)[0], sizes(width)[0]
    rows, columns = x.shape[-3:-1]
    top, left = max((rows - height) // 2, 0), max((columns - width) // 2, 0)
    x = x[..., top : top + min(height, rows), left : left + min(width, columns), :]
    above, before = max((height - rows) // 2, 0), max((width - columns) // 2, 0)
    return _enlarge(xp, x, above, before, height, width)


# -- by chance


def _chance(seed: Any, low: Any, high: Any) -> Any:
    """Return a number from low to high: of the Dataset's generator, or of the program's key."""
    generator = host_generator()
    if generator is not None:
        return np.float32(generator.uniform(low, high))
    if isinstance(seed, (tuple, list)) or np.ndim(seed):
        from keraunos.compat.tensorflow._random import _key_of

        return jax.random.uniform(_key_of(seed), (), "float32", low, high)
    return jax.random.uniform(random.next_key(seed), (), "float32", low, high)


def _by_chance(change: Callable[..., Any], bounds: Callable[..., Any], parameters: str) -> Any:
    """Return a row that draws the change's argument: `bounds(...)` gives the lowest and highest."""

    def call(image: Any, *args: Any) -> Any:
        *limits, seed = args
        return change(image, _chance(seed, *bounds(*limits)))

    return row(call, f"image, {parameters}, seed=None")


def _flipped_by_chance(axis: int) -> Any:
    def flip(image: Any, seed: Any) -> Any:
        image = _resize.tensor_on_host(image)
        single = image.ndim == 3
        if isinstance(image, HostTensor):
            generator = host_generator() or random.host_generator(seed)
            turned = generator.uniform(size=() if single else (len(image), 1, 1, 1)) < 0.5
            return host(np.where(turned, np.flip(image, axis), image))
        return _mirrored(image, axis, seed)

    return row(flip, "image, seed=None")


@op(name="tf.image.mirrored")
def _mirrored(x: Any, axis: int, seed: Any) -> Any:
    """Images, each of them flipped or not."""
    shape = () if x.ndim == 3 else (x.shape[0], 1, 1, 1)
    key = random.next_key(None if isinstance(seed, (tuple, list)) else seed)
    return jnp.where(jax.random.bernoulli(key, 0.5, shape), jnp.flip(x, axis), x)


# -- measures


def _total_variation(xp: Any, x: Any) -> Any:
    down = xp.abs(x[..., 1:, :, :] - x[..., :-1, :, :]).sum((-3, -2, -1))
    across = xp.abs(x[..., :, 1:, :] - x[..., :, :-1, :]).sum((-3, -2, -1))
    return down + across


def _gradients(xp: Any, x: Any) -> Any:
    down = xp.pad(x[:, 1:] - x[:, :-1], [(0, 0), (0, 1), (0, 0), (0, 0)])
    across = xp.pad(x[:, :, 1:] - x[:, :, :-1], [(0, 0), (0, 0), (0, 1), (0, 0)])
    return down, across


def _sobel(x: Any) -> Any:
    x = jnp.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], mode="reflect")
    smooth, slope = (1, 2, 1), (-1, 0, 1)

    def along(axis: int, weights: Any, x: Any) -> Any:
        size = x.shape[axis] - 2
        parts = (jax.lax.slice_in_dim(x, k, k + size, axis=axis) for k in range(3))
        return sum(w * part for w, part in zip(weights, parts))

    turns = ((slope, smooth), (smooth, slope))
    return jnp.stack([along(2, across, along(1, down, x)) for down, across in turns], -1)


def _psnr(a: Any, b: Any, max_val: Any) -> Any:
    a, b = (_resize.floats(tensor(v)) for v in (a, b))
    error = jnp.mean(jnp.square(a - b), (-3, -2, -1))
    return 20 * jnp.log10(jnp.asarray(max_val, "float32")) - 10 * jnp.log10(error)


def _ssim(a: Any, b: Any, max_val: Any, size: int, sigma: float, k1: float, k2: float) -> Any:
    return ops.image.ssim(
        tensor(a), tensor(b), max_val, filter_size=size, filter_sigma=sigma, k1=k1, k2=k2
    )


def _patches(x: Any, window: Any, strides: Any, rates: Any, padding: str) -> Any:
    size, steps, wide = (tuple(sizes(v)[1:3]) for v in (window, strides, rates))
    found = jax.lax.conv_general_dilated_patches(
        jnp.moveaxis(x, -1, 1), size, steps, padding.upper(), rhs_dilation=wide
    )
    # JAX puts the channel before the place in the window, TensorFlow behind it.
    count, _, rows, columns = found.shape
    parts = found.reshape(count, x.shape[-1], size[0] * size[1], rows, columns)
    return parts.transpose(0, 3, 4, 2, 1).reshape(count, rows, columns, -1)


def _suppressed(boxes: Any, scores: Any, most: Any, overlap: float, least: float) -> Any:
    boxes, scores = np.asarray(tensor(boxes)), np.asarray(tensor(scores))
    y1, x1, y2, x2 = np.moveaxis(
        np.concatenate(
            [np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1
        ),
        -1,
        0,
    )
    area, kept = (y2 - y1) * (x2 - x1), []
    for i in np.argsort(-scores, kind="stable"):
        if scores[i] <= least or len(kept) == int(most):
            break
        high = np.maximum(0, np.minimum(y2[i], y2[kept]) - np.maximum(y1[i], y1[kept]))
        both = high * np.maximum(0, np.minimum(x2[i], x2[kept]) - np.maximum(x1[i], x1[kept]))
        if not (both > overlap * (area[i] + area[kept] - both)).any():
            kept.append(int(i))
    return tensor(np.array(kept, np.int32))


def _crop_and_resize(x: Any, boxes: Any, places: Any, size: Any, method: str, fill: Any) -> Any:
    height, width = sizes(size)
    order = 1 if method == "bilinear" else 0

    def one(box: Any, place: Any) -> Any:
        rows = _steps(box[0], box[2], height) * (x.shape[1] - 1)
        columns = _steps(box[1], box[3], width) * (x.shape[2] - 1)
        down, across = grid = jnp.meshgrid(rows, columns, indexing="ij")
        take = lambda c: jax.scipy.ndimage.map_coordinates(c, grid, order, "nearest")  # noqa: E731
        found = jax.vmap(take, -1, -1)(x[place].astype("float32"))
        # A little beyond is rounding, not outside.
        outside = (jnp.minimum(down, across) < -1e-4) | (down > x.shape[1] - 1 + 1e-4)
        outside |= across > x.shape[2] - 1 + 1e-4
        return jnp.where(outside[..., None], fill, found)

    return jax.vmap(one)(boxes, places)


def _steps(low: Any, high: Any, count: int) -> Any:
    return jnp.linspace(low, high, count) if count > 1 else jnp.array([(low + high) / 2])


adjust = {
    "adjust_brightness": picture("adjust_brightness", _brightness, "image, delta"),
    "adjust_contrast": picture("adjust_contrast", _contrast, "images, contrast_factor"),
    "adjust_saturation": picture("adjust_saturation", _saturation, "image, saturation_factor"),
    "adjust_hue": picture("adjust_hue", _hue, "image, delta"),
    "adjust_gamma": picture("adjust_gamma", _gamma, "image, gamma=1, gain=1"),
}
_SPREAD = ("max_delta", lambda d: (-d, d))
_RANGE = ("lower, upper", lambda a, b: (a, b))
_CHANCES = {"brightness": _SPREAD, "contrast": _RANGE, "saturation": _RANGE, "hue": _SPREAD}
IMAGE: dict[str, Any] = {
    **adjust,
    **{
        f"{prefix}_{name}": _by_chance(adjust[f"adjust_{name}"], bounds, parameters)
        for name, (parameters, bounds) in _CHANCES.items()
        for prefix in ("random", "stateless_random")
    },
    "random_flip_left_right": _flipped_by_chance(-2),
    "random_flip_up_down": _flipped_by_chance(-3),
    "stateless_random_flip_left_right": _flipped_by_chance(-2),
    "stateless_random_flip_up_down": _flipped_by_chance(-3),
    "convert_image_dtype": picture(
        "convert_image_dtype", convert_dtype, "image, dtype, saturate=False"
    ),
    "resize": row(
        _resize.resize,
        "images, size, method='bilinear', preserve_aspect_ratio=False, antialias=False",
    ),
    "resize_with_pad": row(
        lambda x, h, w, m, a: _resize.scale_to_fit(
            _resize.tensor_on_host(x), sizes(h)[0], sizes(w)[0], m, a
        ),
        "image, target_height, target_width, method='bilinear', antialias=False",
    ),
    "ResizeMethod": _resize.ResizeMethod,
    "rgb_to_grayscale": picture("rgb_to_grayscale", _gray, "images"),
    "grayscale_to_rgb": picture(
        "grayscale_to_rgb", lambda xp, x: xp.broadcast_to(x, (*x.shape[:-1], 3)), "images"
    ),
    "rgb_to_hsv": picture("rgb_to_hsv", _hsv, "images"),
    "hsv_to_rgb": picture("hsv_to_rgb", _rgb, "images"),
    "per_image_standardization": picture("standardization", _standardized, "image"),
    "flip_left_right": picture("flip_left_right", _flip(-2), "image"),
    "flip_up_down": picture("flip_up_down", _flip(-3), "image"),
    "rot90": picture("rot90", _rot90, "image, k=1"),
    "transpose": picture("transpose", lambda xp, x: xp.swapaxes(x, -3, -2), "image"),
    "crop_to_bounding_box": picture(
        "crop", _crop, "image, offset_height, offset_width, target_height, target_width"
    ),
    "pad_to_bounding_box": picture(
        "pad", _enlarge, "image, offset_height, offset_width, target_height, target_width"
    ),
    "central_crop": picture("central_crop", _central_crop, "image, central_fraction"),
    "resize_with_crop_or_pad": picture(
        "crop_or_pad", _crop_or_pad, "image, target_height, target_width"
    ),
    "total_variation": picture("total_variation", _total_variation, "images"),
    "image_gradients": row(lambda x: _gradients(jnp, tensor(x)), "image"),
    "sobel_edges": row(op(_sobel, name="tf.image.sobel_edges"), "image"),
    "psnr": row(_psnr, "a, b, max_val"),
    "ssim": row(_ssim, "img1, img2, max_val, filter_size=11, filter_sigma=1.5, k1=0.01, k2=0.03"),
    "extract_patches": row(
        op(_patches, name="tf.image.extract_patches"), "images, sizes, strides, rates, padding"
    ),
    "non_max_suppression": row(
        _suppressed,
        "boxes, scores, max_output_size, iou_threshold=0.5, score_threshold=float('-inf')",
    ),
    "crop_and_resize": row(
        lambda x, b, i, s, m, f: _crop_and_resize(tensor(x), tensor(b), tensor(i), s, m, f),
        "image, boxes, box_indices, crop_size, method='bilinear', extrapolation_value=0.0",
    ),
}
TABLES = {"tensorflow.image": IMAGE}
