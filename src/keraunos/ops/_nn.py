"""What stands behind rows of `nn.py`: normalization, losses, attention."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from keraunos import config, errors
from keraunos._core import dtypes
from keraunos._kernels import attention as _attention

# -- normalization


def moments(x: Any, axes: Any, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Mean and variance over the axes.

    `synchronized` is kept for programs that pass it: on a device mesh both are of the whole batch.
    """
    axes = tuple(axes) if isinstance(axes, (list, tuple)) else axes
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    mean, variance = (f(wide, axis=axes, keepdims=keepdims) for f in (jnp.mean, jnp.var))
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return mean, variance
    return mean.astype(x.dtype), variance.astype(x.dtype)


def batch_normalization(
    x: Any,
    mean: Any,
    variance: Any,
    axis: int,
    offset: Any = None,
    scale: Any = None,
    epsilon: float = 1e-3,
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


def rms_normalization(
    x: Any, scale: Any = None, axis: Any = -1, epsilon: float | None = None
) -> Any:
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
        raise ValueError(
            errors.report("normalize", expected="order an integer >= 1", got=f"order={order!r}")
        )
    least = config.epsilon() if epsilon is None else epsilon
    x = jnp.atleast_1d(x)
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(config.floatx())
    axes = tuple(axis) if isinstance(axis, list) else axis
    if order == 2:
        # Finite in half precision too: 0 times infinity is not 0.
        most = min(1 / least, float(jnp.finfo(x.dtype).max))
        return x * jnp.minimum(lax.rsqrt(jnp.sum(jnp.square(x), axis=axes, keepdims=True)), most)
    return x / jnp.maximum(jnp.linalg.norm(x, ord=order, axis=axes, keepdims=True), least)


# -- classes and losses


def one_hot(
    x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False
) -> Any:
    """A new axis with 1 at the place that x names, 0 elsewhere; the result is dense always."""
    return jax.nn.one_hot(
        x.astype("int32"), num_classes, axis=axis, dtype=dtypes.standardize_dtype(dtype)
    )


def multi_hot(
    inputs: Any,
    num_classes: int | None = None,
    axis: int = -1,
    dtype: Any = None,
    sparse: bool = False,
) -> Any:
    """1 at every place that a row of the inputs names, 0 elsewhere; the result is dense always."""
    if num_classes is None:
        raise ValueError(errors.report("multi_hot", expected="num_classes", got="None"))
    return jnp.max(one_hot(inputs, num_classes, axis, dtype), axis=1 if inputs.ndim > 1 else 0)


def _same_shapes(where: str, target: Any, output: Any) -> None:
    if target.shape != output.shape:
        raise ValueError(
            errors.report(
                where, expected=f"targets of shape {output.shape}, as the outputs", got=target.shape
            )
        )


def _log_probabilities(output: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return jax.nn.log_softmax(output, axis=axis)
    output = output / jnp.sum(output, axis=axis, keepdims=True)
    return jnp.log(jnp.clip(output, config.epsilon(), 1 - config.epsilon()))


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`-sum(target * log(output))` over the axis of classes.

    Args:
        target, output: (..., classes), probabilities; output may be logits.
        from_logits: whether `softmax` is still to be applied.
        axis: of the classes.
    """
    _same_shapes("categorical_crossentropy", target, output)
    return -jnp.sum(target * _log_probabilities(output, from_logits, axis), axis=axis)


def sparse_categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """`categorical_crossentropy` with integer targets (...) or (..., 1): `-log(output[target])`."""
    if target.ndim == output.ndim and target.shape[-1] == 1:
        target = jnp.squeeze(target, -1)
    classes = output.shape[axis]
    wanted = output.shape[: axis % output.ndim] + output.shape[axis % output.ndim + 1 :]
    if target.shape != wanted:
        got = f"shape {target.shape}"
        raise ValueError(
            errors.report(
                "sparse_categorical_crossentropy: targets", expected=f"shape {wanted}", got=got
            )
        )
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
        bias, mask: broadcast to (batch, heads, targets, sources); where mask is False is left out.
        scale: `1 / sqrt(features)` by default.
        is_causal: whether a target sees only sources up to its own place.
        flash_attention: True asks for the fused kernel (cuDNN; a GPU and half precision).
        attn_logits_soft_cap: scores are bent to stay below it in size, before the bias:
            `cap * tanh(scores / cap)`.

    Raises:
        ValueError: arrays without four axes, or `flash_attention` where the kernel cannot run.

    Reference: Vaswani et al., Attention is all you need, 2017.
    """
    if not query.ndim == key.ndim == value.ndim == 4:
        expected, got = "query, key and value with 4 axes", [x.shape for x in (query, key, value)]
        raise ValueError(errors.report("dot_product_attention", expected=expected, got=got))
    dtype = dtypes.result_type(query.dtype, key.dtype, value.dtype)
    arrays = [x.astype(dtype) for x in (query, key, value)]
    return _attention.dot_product_attention(
        *arrays,
        bias=None if bias is None else bias.astype(dtype),
        mask=None if mask is None else mask.astype(bool),
        scale=scale,
        is_causal=is_causal,
        flash=flash_attention,
        soft_cap=attn_logits_soft_cap,
    )


def polar(abs_: Any, angle: Any) -> Any:
    """Complex numbers of a length and an angle in radians."""
    parts = abs_ * jnp.cos(angle), abs_ * jnp.sin(angle)
    return lax.complex(*(p.astype(jnp.promote_types(p.dtype, jnp.float32)) for p in parts))


def psnr(x1: Any, x2: Any, max_val: float) -> Any:
    """Peak signal-to-noise ratio of two images, in decibels; max_val is the largest value."""
    _same_shapes("psnr", x1, x2)
    return 20 * jnp.log10(jnp.asarray(max_val, x2.dtype)) - 10 * jnp.log10(
        jnp.mean(jnp.square(x1 - x2))
    )
