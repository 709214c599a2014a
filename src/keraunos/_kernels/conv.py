"""Convolutions: one function an operation, each sent to the lowering that is fastest.

What was measured on a CPU, and hence the rules:
  - the compiled kernels, where they can (see `native_conv.py`), and without them
    - one window element ("1x1"), any stride: a matmul is 3 times faster, its gradient 5 times;
    - depthwise: see `depthwise.py`;
    - grouped: the gradient of the kernel is 20 times faster with one convolution a group;
    - XLA's own convolution, forward and backward, beats its matmuls over patches.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
from jax import lax

from . import native_conv
from ._geometry import IntOrInts, per_axis, runs_on_cpu, spatial_axes, window_padding
from .depthwise import shifted_sum

# Each group becomes a convolution of its own up to here; more would only slow the compiler.
MOST_SPLIT_GROUPS = 32


def convolution(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: IntOrInts = 1,
    padding: str = "valid",
    dilation: IntOrInts = 1,
    groups: int = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """Convolves `x` (batch, *spatial, channels) with `kernel`.

    `kernel` is (*window, channels // groups, filters); `padding` is "valid", "same" or (one
    spatial axis only) "causal"; with `data_format="channels_first"` both `x` and the result
    are (batch, channels, *spatial).

    Example:
        >>> x, kernel = jnp.ones((1, 5, 1)), jnp.ones((3, 1, 1))
        >>> convolution(x, kernel, padding="same")[0, :, 0].tolist()
        [2.0, 3.0, 3.0, 3.0, 2.0]
    """
    rank = kernel.ndim - 2
    window, channels = kernel.shape[:rank], kernel.shape[rank] * groups
    if groups > 1 and groups == channels:
        kernel = kernel.reshape(*window, channels, -1)
        return depthwise_convolution(
            x, kernel, strides=strides, padding=padding, dilation=dilation, data_format=data_format
        )
    strides, dilation = per_axis(strides, rank), per_axis(dilation, rank)
    axes = spatial_axes(rank, data_format)
    pads = window_padding(padding, [x.shape[a] for a in axes], window, strides, dilation)
    if math.prod(window) == groups == 1 and not native_conv.usable(x, kernel, window):
        return _pointwise(x, kernel.reshape(channels, -1), axes, strides)
    split = groups if runs_on_cpu() and groups <= MOST_SPLIT_GROUPS else 1
    features = x.ndim - 1 if data_format == "channels_last" else 1
    geometry = (strides, pads, dilation, data_format, groups // split)
    parts = zip(jnp.split(x, split, features), jnp.split(kernel, split, kernel.ndim - 1))
    results = [_convolve(part, part_kernel, *geometry) for part, part_kernel in parts]
    return results[0] if split == 1 else jnp.concatenate(results, features)


def _convolve(x, kernel, strides, pads, dilation, data_format, groups) -> jax.Array:
    """One convolution with a window, by the compiled kernels where they can."""
    if groups == 1 and native_conv.usable(x, kernel, strides):
        x = x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)
        y = native_conv.convolution(x, kernel, strides, pads, dilation)
        return y if data_format == "channels_last" else jnp.moveaxis(y, -1, 1)
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=strides,
        padding=pads,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(kernel.ndim - 2, data_format),
        feature_group_count=groups,
    )


def transposed_convolution(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: IntOrInts = 1,
    padding: str = "valid",
    output_padding: IntOrInts | None = None,
    dilation: IntOrInts = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """The gradient of a convolution's input, which enlarges `x` (batch, *spatial, channels).

    `kernel` is (*window, filters, channels). Without `output_padding`, "same" gives size * stride,
    and "valid" (size - 1) * stride plus the window or the stride, whichever is larger.
    """
    window = kernel.shape[:-2]
    rank = len(window)
    strides, dilation = per_axis(strides, rank), per_axis(dilation, rank)
    extra = (None,) * rank if output_padding is None else per_axis(output_padding, rank)
    spans = [(n - 1) * step + 1 for n, step in zip(window, dilation)]
    pads = [_stretched_padding(padding, *row) for row in zip(spans, strides, extra)]
    if native_conv.usable(x, kernel, window):
        x = x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)
        y = native_conv.transposed(x, kernel, strides, pads, dilation)
        return y if data_format == "channels_last" else jnp.moveaxis(y, -1, 1)
    return lax.conv_transpose(
        x,
        kernel,
        strides,
        pads,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(rank, data_format),
        transpose_kernel=True,
    )


def _stretched_padding(padding: str, span: int, step: int, extra: int | None) -> tuple[int, int]:
    """Zeros around the stretched input of a transposed convolution, before and after."""
    if padding == "valid":
        return span - 1, span - 1 + (max(step - span, 0) if extra is None else extra)
    total = step + span - 2 if extra is None else span + span % 2 - 2 + extra
    before = min(-(-total // 2), span - 1)
    return before, total - before


def depthwise_convolution(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: IntOrInts = 1,
    padding: str = "valid",
    dilation: IntOrInts = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """Convolves each channel of `x` with its own filters: `kernel` (*window, channels, multiplier).

    The result has channels * multiplier channels, those of one input channel together.
    """
    *window, channels, multiplier = kernel.shape
    rank = len(window)
    strides, dilation = per_axis(strides, rank), per_axis(dilation, rank)
    axes = spatial_axes(rank, data_format)
    pads = window_padding(padding, [x.shape[a] for a in axes], window, strides, dilation)
    if runs_on_cpu():
        x = x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)
        x = jnp.repeat(x, multiplier, axis=-1) if multiplier > 1 else x
        kernel = kernel.reshape(*window, -1)
        convolve = native_conv.depthwise if native_conv.usable(x, kernel, window) else shifted_sum
        y = convolve(x, kernel, strides, pads, dilation)
        return y if data_format == "channels_last" else jnp.moveaxis(y, -1, 1)
    return lax.conv_general_dilated(
        x,
        kernel.reshape(*window, 1, channels * multiplier),
        window_strides=strides,
        padding=pads,
        rhs_dilation=dilation,
        dimension_numbers=_dimension_numbers(rank, data_format),
        feature_group_count=channels,
    )


def separable_convolution(
    x: jax.Array,
    depthwise_kernel: jax.Array,
    pointwise_kernel: jax.Array,
    *,
    strides: IntOrInts = 1,
    padding: str = "valid",
    dilation: IntOrInts = 1,
    data_format: str = "channels_last",
) -> jax.Array:
    """A depthwise convolution, then `pointwise_kernel` (*ones, channels * multiplier, filters)."""
    x = depthwise_convolution(
        x,
        depthwise_kernel,
        strides=strides,
        padding=padding,
        dilation=dilation,
        data_format=data_format,
    )
    return convolution(x, pointwise_kernel, data_format=data_format)


def _pointwise(x, kernel, axes, strides):
    """A convolution whose window is one element: (channels, filters) applied everywhere."""
    for axis, stride in zip(axes, strides):
        x = x if stride == 1 else lax.slice_in_dim(x, 0, None, stride, axis)
    if axes[0] == 1:
        return x @ kernel
    return jnp.moveaxis(jnp.tensordot(x, kernel, (1, 0)), -1, 1)


def _dimension_numbers(rank: int, data_format: str) -> tuple[str, str, str]:
    axes = "DHW"[-rank:]
    features = f"N{axes}C" if data_format == "channels_last" else f"NC{axes}"
    return features, f"{axes}IO", features
