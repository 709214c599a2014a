"""The thicker functions behind the rows of `nn.py`: windows, normalization, losses, attention."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import config, errors
from keraunos._core import dtypes
from keraunos._kernels import conv as _conv
from keraunos._kernels import pooling as _pooling

Ints = int | Sequence[int]

# -- windows: x is (batch, *spatial, channels), or channels first; `padding` is "valid" or "same"


def _layout(data_format: str | None) -> str:
    return config.standardize_data_format(data_format)


def _check_channels(where: str, x: Any, kernel_channels: int, data_format: str, groups: bool) -> None:
    channels = x.shape[-1 if data_format == "channels_last" else 1]
    if channels % kernel_channels or (not groups and channels != kernel_channels):
        raise ValueError(
            errors.report(where, expected=f"{kernel_channels} channels{' or a multiple' * groups}", got=f"inputs of shape {x.shape}")
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
        kernel: (*window, channels // groups, filters).
        strides, dilation_rate: one number, or one for each spatial axis.
        padding: `"valid"` or `"same"`.
        data_format: `"channels_last"` or `"channels_first"`; the global setting by default.

    Raises:
        ValueError: the kernel does not fit the channels.
    """
    layout = _layout(data_format)
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
    return _conv.separable_convolution(inputs, depthwise_kernel, pointwise_kernel, **window, data_format=layout)


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
    layout, rank = _layout(data_format), kernel.ndim - 2
    _check_channels("conv_transpose", inputs, kernel.shape[-1], layout, groups=False)
    steps, gaps, extra = (_each(v, rank) for v in (strides, dilation_rate, output_padding))
    spans = [(size - 1) * gap + 1 for size, gap in zip(kernel.shape[:rank], gaps)]
    pads = [_transposed_pads(span, step, padding, more) for span, step, more in zip(spans, steps, extra)]
    axes = "DHW"[-rank:]
    features = f"N{axes}C" if layout == "channels_last" else f"NC{axes}"
    numbers = (features, f"{axes}IO", features)
    return lax.conv_transpose(
        inputs, kernel, steps, pads, rhs_dilation=gaps, dimension_numbers=numbers, transpose_kernel=True
    )


def _each(value: Any, rank: int) -> Any:
    return (value,) * rank if value is None or isinstance(value, int) else tuple(value)


def _transposed_pads(span: int, step: int, padding: str, extra: int | None) -> tuple[int, int]:
    """Return the padding of the stretched input; its sum sets the size of the result."""
    if padding == "valid":
        return span - 1, span - 1 + (max(step - span, 0) if extra is None else extra)
    total = span + step - 2 if extra is None else span + span % 2 - 2 + extra
    before = min(math.ceil(total / 2), span - 1)
    return before, total - before


def max_pool(
    inputs: Any, pool_size: Ints, strides: Ints | None = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Largest element of each window."""
    return _pooling.max_pool(inputs, pool_size, strides=strides, padding=padding, data_format=_layout(data_format))


def average_pool(
    inputs: Any, pool_size: Ints, strides: Ints | None = None, padding: str = "valid", data_format: str | None = None
) -> Any:
    """Mean of each window; padding is not counted."""
    return _pooling.average_pool(inputs, pool_size, strides=strides, padding=padding, data_format=_layout(data_format))


def adaptive_max_pool(inputs: Any, output_size: Ints, data_format: str | None = None) -> Any:
    """Largest elements of windows that are laid so that the result has the output size."""
    return _adaptive(inputs, output_size, data_format, lambda taken, axis, _: jnp.max(taken, axis=axis))


def adaptive_average_pool(inputs: Any, output_size: Ints, data_format: str | None = None) -> Any:
    """Means of windows that are laid so that the result has the output size."""
    return _adaptive(
        inputs, output_size, data_format, lambda taken, axis, inside: jnp.mean(taken, axis=axis, where=inside)
    )


def _adaptive(x: Any, output_size: Ints, data_format: str | None, reduce: Callable[..., Any]) -> Any:
    first = 1 if _layout(data_format) == "channels_last" else 2
    for axis, count in enumerate(_each(output_size, x.ndim - 2), start=first):
        size = x.shape[axis]
        starts = np.arange(count) * size // count
        ends = -(-np.arange(1, count + 1) * size // count)
        places = starts[:, None] + np.arange((ends - starts).max())
        inside = (places < ends[:, None]).reshape((*places.shape, *[1] * (x.ndim - axis - 1)))
        # A place beyond its window repeats the last one inside.
        x = reduce(jnp.take(x, np.minimum(places, ends[:, None] - 1), axis=axis), axis + 1, inside)
    return x


def unfold(x: Any, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1) -> Any:
    """Windows of (batch, channels, height, width) as columns: (batch, channels * window, places)."""
    window, gaps, steps = _each(kernel_size, 2), _each(dilation, 2), _each(stride, 2)
    pads = [(p, p) for p in _each(padding, 2)]
    patches = lax.conv_general_dilated_patches(x, window, steps, pads, rhs_dilation=gaps)
    return patches.reshape(*patches.shape[:2], -1)


def fold(
    x: Any, output_size: Ints, kernel_size: Ints, dilation: Ints = 1, padding: Ints = 0, stride: Ints = 1
) -> Any:
    """Columns of `unfold` added up at their places: (batch, channels, *output_size)."""
    channels = x.shape[1] // math.prod(_each(kernel_size, 2))
    image = jnp.zeros((x.shape[0], channels, *_each(output_size, 2)), x.dtype)
    # Adding up at the places is what the derivative of taking them does.
    return jax.vjp(lambda z: unfold(z, kernel_size, dilation, padding, stride), image)[1](x)[0]


def depth_to_space(x: Any, block_size: int, data_format: str = "channels_last") -> Any:
    """Groups of `block_size ** 2` channels laid out as blocks of pixels."""
    first, b = _layout(data_format) == "channels_first", _block(block_size)
    n, h, w, c = x.shape if not first else (x.shape[0], *x.shape[2:], x.shape[1])
    if first:
        blocks = x.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3)
        return blocks.reshape(n, c // b**2, h * b, w * b)
    return x.reshape(n, h, w, b, b, c // b**2).transpose(0, 1, 3, 2, 4, 5).reshape(n, h * b, w * b, c // b**2)


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
        raise ValueError(errors.report("depth_to_space", expected="block_size >= 2", got=f"block_size={size}"))
    return size


# -- normalization


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over the axes.

    `synchronized` is kept for programs that pass it: under a device mesh both are of the whole batch.
    """
    axes = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = (f(wide, axis=axes, keepdims=keepdims) for f in (jnp.mean, jnp.var))
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return mean, variance
    return mean.astype(x.dtype), variance.astype(x.dtype)


def batch_normalization(
    x: Any, mean: Any, variance: Any, axis: int, offset: Any = None, scale: Any = None, epsilon: float = 1e-3
) -> Any:
    """`(x - mean) / sqrt(variance + epsilon) * scale + offset`, all of them vectors along the axis.

    Reference: Ioffe and Szegedy, Batch normalization, 2015.
    """

    def along(v: Any) -> Any:
        return v.reshape([-1 if a == axis % x.ndim else 1 for a in range(x.ndim)])

    factor = lax.rsqrt(along(variance) + epsilon)
    factor = factor if scale is None else factor * along(scale)
    shift = -along(mean) * factor
    return x * factor + (shift if offset is None else shift + along(offset))


def layer_normalization(
    x: Any, gamma: Any = None, beta: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
    """x with mean 0 and variance 1 over the axes, times gamma, plus beta.

    Reference: Ba, Kiros and Hinton, Layer normalization, 2016.
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    axes = sorted(a % x.ndim for a in ([axis] if isinstance(axis, int) else axis))
    sizes = [n if a in axes else 1 for a, n in enumerate(x.shape)]
    mean, variance = moments(wide, axes, keepdims=True)
    factor = lax.rsqrt(variance + (config.epsilon() if epsilon is None else epsilon))
    factor = factor if gamma is None else factor * gamma.astype(wide.dtype).reshape(sizes)
    shift = -mean * factor
    shift = shift if beta is None else shift + beta.astype(wide.dtype).reshape(sizes)
    return (wide * factor + shift).astype(x.dtype)


def rms_normalization(x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None) -> Any:
    """x divided by its root mean square over the axes, times scale.

    Reference: Zhang and Sennrich, Root mean square layer normalization, 2019.
    """
    wide = jnp.atleast_1d(x).astype(jnp.promote_types(x.dtype, jnp.float32))
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    square = jnp.mean(jnp.square(wide), axis=axes, keepdims=True)
    out = wide * lax.rsqrt(square + (config.epsilon() if epsilon is None else epsilon))
    return (out if scale is None else out * scale.astype(wide.dtype)).astype(x.dtype)


def normalize(x: Any, axis: Any = -1, order: int = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm over the axes; a norm below epsilon counts as epsilon."""
    if not isinstance(order, int) or order < 1:
        raise ValueError(errors.report("normalize", expected="order an integer >= 1", got=f"order={order!r}"))
    least = config.epsilon() if epsilon is None else epsilon
    x = jnp.atleast_1d(x)
    axes = tuple(axis) if isinstance(axis, list) else axis
    if order == 2:
        return x * jnp.minimum(lax.rsqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True)), 1 / least)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axes, keepdims=True), least)


# -- classes and losses


def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """A new axis with 1 at the place that x names, 0 elsewhere; the result is dense always."""
    return jax.nn.one_hot(x.astype("int32"), num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype))


def multi_hot(
    inputs: Any, num_classes: int | None = None, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """1 at every place that a row of the inputs names, 0 elsewhere; the result is dense always."""
    if num_classes is None:
        raise ValueError(errors.report("multi_hot", expected="num_classes", got="None"))
    return jnp.max(one_hot(inputs, num_classes, axis, dtype), axis=1 if inputs.ndim > 1 else 0)


def _same_shapes(where: str, target: Any, output: Any) -> None:
    if target.shape != output.shape:
        raise ValueError(errors.report(where, expected=f"targets of shape {output.shape}, as the outputs", got=target.shape))


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    output = output / jnp.sum(output, axis=axis, keepdims=True)
    return jnp.log(jnp.clip(output, config.epsilon(), 1 - config.epsilon()))


def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-sum(target * log(output))` over the axis of classes.

    Args:
        target, output: (..., classes), probabilities; output may be logits.
        from_logits: whether `softmax` is still to be applied.
        axis: of the classes.
    """
    _same_shapes("categorical_crossentropy", target, output)
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """`-log(output[target])`: as `categorical_crossentropy`, with integer targets (...) or (..., 1)."""
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    classes = output.shape[axis]
    wanted = output.shape[: axis % output.ndim] + output.shape[axis % output.ndim + 1 :]
    if target.shape != wanted:
        got = f"shape {target.shape}"
        raise ValueError(errors.report("sparse_categorical_crossentropy: targets", expected=f"shape {wanted}", got=got))
    chosen = jax.nn.one_hot(target.astype("int32"), classes, axis=axis, dtype=output.dtype)
    return -jnp.sum(chosen * _log_probabilities(output, from_logits, axis), axis=axis)


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """`-target * log(output) - (1 - target) * log(1 - output)`, element by element."""
    _same_shapes("binary_crossentropy", target, output)
    if from_logits:
        return -target * jax.nn.log_sigmoid(output) - (1 - target) * jax.nn.log_sigmoid(-output)
    output = jnp.clip(output, config.epsilon(), 1 - config.epsilon())
    return -(target * jnp.log(output) + (1 - target) * jnp.log(1 - output))


# -- attention and signals


def dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> Any:
    """Attention of several heads: `softmax(query key^T * scale + bias) value`.

    Args:
        query: (batch, targets, heads, features).
        key, value: (batch, sources, heads, features); heads may be a divisor of the query's.
        bias, mask: broadcast to (batch, heads, targets, sources); what is False in mask is left out.
        scale: `1 / sqrt(features)` by default.
        is_causal: whether a target sees only sources up to its own place.
        flash_attention: True asks for the fused kernel (cuDNN; a GPU and half precision).
        attn_logits_soft_cap: not supported.

    Reference: Vaswani et al., Attention is all you need, 2017.
    """
    if attn_logits_soft_cap is not None:
        raise NotImplementedError(errors.report("dot_product_attention", got="attn_logits_soft_cap", fix="leave it out"))
    dtype = jnp.result_type(query, key, value)
    arrays = (x.astype(dtype) for x in (query, key, value))
    bias = None if bias is None else bias.astype(dtype)
    mask = None if mask is None else mask.astype(bool)
    kind = "cudnn" if flash_attention else "xla"
    return jax.nn.dot_product_attention(*arrays, bias, mask, scale=scale, is_causal=is_causal, implementation=kind)


def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers of a length and an angle in radians."""
    return lax.complex(abs_ * jnp.cos(angle), abs_ * jnp.sin(angle))


def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio of two images, in decibels; max_val is the largest possible value."""
    _same_shapes("psnr", x1, x2)
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(jnp.mean(jnp.square(x1 - x2)))
