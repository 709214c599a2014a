"""Sliding windows: convolution, pooling, patches.

x is (batch, *spatial, channels), or channels first; `padding` is "valid" or "same".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import config, errors
from keraunos._kernels import conv as _conv
from keraunos._kernels import pooling as _pooling
from keraunos._kernels._geometry import per_axis

Ints = int | Sequence[int]


def _layout(data_format: str | None) -> str:
    return config.standardize_data_format(data_format)


def _check_channels(
    where: str, x: Any, kernel_channels: int, data_format: str, groups: bool
) -> None:
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels % kernel_channels or (not groups and channels != kernel_channels):
        raise ValueError(
            errors.report(
                where,
                expected=f"{kernel_channels} channels{' or a multiple' * groups}",
                got=f"inputs of shape {x.shape}",
            )
        )


def conv(
    inputs: Any,
    kernel: Any,
    strides: Ints = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Any:
    """Convolution of 1, 2 or 3 spatial axes.

    Args:
        inputs: (batch, *spatial, channels); channels are the second axis for `"channels_first"`.
        kernel: (*window, channels // groups, filters); its dtype is that of the result.
        strides, dilation_rate: one number, or one for each spatial axis.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the global setting by default.

    Raises:
        ValueError: the kernel does not fit the channels.
    """
    layout = _layout(data_format)
    inputs = inputs.astype(kernel.dtype)
    _check_channels("conv", inputs, kernel.shape[-2], layout, groups=True)
    groups = inputs.shape[-1 if layout == "channels_last" else 1] // kernel.shape[-2]
    window = {"strides": strides, "padding": padding, "dilation": dilation_rate}
    return _conv.convolution(inputs, kernel, **window, groups=groups, data_format=layout)


def depthwise_conv(
    inputs: Any,
    kernel: Any,
    strides: Ints = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Any:
    """Convolution of each channel by itself; kernel: (*window, channels, multiplier)."""
    layout = _layout(data_format)
    _check_channels("depthwise_conv", inputs, kernel.shape[-2], layout, groups=False)
    window = {"strides": strides, "padding": padding, "dilation": dilation_rate}
    return _conv.depthwise_convolution(inputs, kernel, **window, data_format=layout)


def separable_conv(
    inputs: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Ints = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Any:
    """A depthwise convolution, then one of windows of size 1 that mixes the channels."""
    layout = _layout(data_format)
    window = {"strides": strides, "padding": padding, "dilation": dilation_rate}
    return _conv.separable_convolution(
        inputs, depthwise_kernel, pointwise_kernel, **window, data_format=layout
    )


def conv_transpose(
    inputs: Any,
    kernel: Any,
    strides: Ints = 1,
    padding: str = "valid",
    output_padding: Ints | None = None,
    data_format: str | None = None,
    dilation_rate: Ints = 1,
) -> Any:
    """Transposed convolution: the gradient of `conv`, as an operation of its own.

    Args:
        inputs, strides, padding, data_format, dilation_rate: as in `conv`.
        kernel: (*window, filters, channels).
        output_padding: what to add to the size of the result; None: `size * stride` for `"same"`.
    """
    layout = _layout(data_format)
    _check_channels("conv_transpose", inputs, kernel.shape[-1], layout, groups=False)
    return _conv.transposed_convolution(
        inputs,
        kernel,
        strides=strides,
        padding=padding,
        output_padding=output_padding,
        dilation=dilation_rate,
        data_format=layout,
    )


def max_pool(
    inputs: Any,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Largest element of each window."""
    return _pooling.max_pool(
        inputs, pool_size, strides=strides, padding=padding, data_format=_layout(data_format)
    )


def average_pool(
    inputs: Any,
    pool_size: Ints,
    strides: Ints | None = None,
    padding: str = "valid",
    data_format: str | None = None,
) -> Any:
    """Mean of each window; padding is not counted."""
    return _pooling.average_pool(
        inputs, pool_size, strides=strides, padding=padding, data_format=_layout(data_format)
    )


def adaptive_max_pool(inputs: Any, output_size: Ints, data_format: str | None = None) -> Any:
    """Largest elements of windows that are laid so that the result has the output size."""
    return _adaptive(inputs, output_size, data_format, _first_largest)


def _first_largest(taken: Any, axis: int, _: Any) -> Any:
    # Of equal elements one alone gets the gradient, as in `max_pool`.
    at = jnp.argmax(taken, axis=axis, keepdims=True)
    return jnp.take_along_axis(taken, at, axis=axis).squeeze(axis)


def adaptive_average_pool(inputs: Any, output_size: Ints, data_format: str | None = None) -> Any:
    """Means of windows that are laid so that the result has the output size."""
    return _adaptive(
        inputs,
        output_size,
        data_format,
        lambda taken, axis, inside: jnp.mean(taken, axis=axis, where=inside),
    )


def _adaptive(
    x: Any, output_size: Ints, data_format: str | None, reduce: Callable[..., Any]
) -> Any:
    first = 1 if _layout(data_format) == "channels_last" else 2
    for axis, count in enumerate(per_axis(output_size, x.ndim - 2), start=first):
        size = x.shape[axis]
        starts = np.arange(count) * size // count
        ends = -(-np.arange(1, count + 1) * size // count)
        places = starts[:, None] + np.arange((ends - starts).max())
        inside = (places < ends[:, None]).reshape((*places.shape, *[1] * (x.ndim - axis - 1)))
        # A place beyond its window repeats the last one inside.
        x = reduce(jnp.take(x, np.minimum(places, ends[:, None] - 1), axis=axis), axis + 1, inside)
    return x


def unfold(
    x: Any, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Any:
    """Windows of (batch, channels, height, width) as (batch, channels * window, places)."""
    window, gaps, steps = per_axis(kernel_size, 2), per_axis(dilation, 2), per_axis(stride, 2)
    pads = [(p, p) for p in per_axis(padding, 2)]
    patches = lax.conv_general_dilated_patches(x, window, steps, pads, rhs_dilation=gaps)
    return patches.reshape(*patches.shape[:2], -1)


def fold(
    x: Any,
    output_size: Ints,
    kernel_size: Ints,
    dilation: Ints = 1,
    padding: Ints = 0,
    stride: Ints = 1,
) -> Any:
    """Columns of `unfold` added up at their places: (batch, channels, *output_size)."""
    channels = x.shape[1] // math.prod(per_axis(kernel_size, 2))
    image = jnp.zeros((x.shape[0], channels, *per_axis(output_size, 2)), x.dtype)
    # Adding up at the places is what the derivative of taking them does.
    return jax.vjp(lambda z: unfold(z, kernel_size, dilation, padding, stride), image)[1](x)[0]


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Groups of `block_size ** 2` channels laid out as blocks of pixels."""
    first, b = _layout(data_format) == "channels_first", _block(block_size)
    n, h, w, c = x.shape if not first else (x.shape[0], *x.shape[2:], x.shape[1])
    if first:
        blocks = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c // b**2, h * b, w * b)
    return (
        x.reshape(n, h, w, b, b, c // b**2)
        .transpose(0, 1, 3, 2, 4, 5)
        .reshape(n, h * b, w * b, c // b**2)
    )


def space_to_depth(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Inverse of `depth_to_space`: blocks of pixels laid out as channels."""
    first, b = _layout(data_format) == "channels_first", _block(block_size)
    n, h, w, c = x.shape if not first else (x.shape[0], *x.shape[2:], x.shape[1])
    if first:
        blocks = x.reshape(n, c, h // b, b, w // b, b).transpose(0, 1, 3, 5, 2, 4)
        return blocks.reshape(n, c * b**2, h // b, w // b)
    blocks = x.reshape(n, h // b, b, w // b, b, c).transpose(0, 1, 3, 2, 4, 5)
    return blocks.reshape(n, h // b, w // b, c * b**2)


def _block(size: int) -> int:
    if size < 2:
        raise ValueError(
            errors.report("depth_to_space", expected="block_size >= 2", got=f"block_size={size}")
        )
    return size
