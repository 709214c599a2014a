"""Floats that behave as if they were quantized: eight-bit floats, ranges that are trained."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes

from keraunos import errors
from keraunos._core.op import op


@op
def compute_float8_scale(amax: Any, scale: Any, dtype_max: Any, margin: int = 0) -> Any:
    """Return the divisor that brings the largest magnitude to the end of an eight-bit float.

    Args:
        amax: the largest magnitude so far; where it is 0 or not finite the scale stays.
        scale: the divisor so far.
        dtype_max: the largest number of the eight-bit type.
        margin: so many powers of two are left free.

    Example:
        >>> float(compute_float8_scale(896.0, 1.0, 448.0))
        2.0
    """
    amax, before = jnp.asarray(amax), 1 / jnp.asarray(scale)
    factor = dtype_max / amax / 2**margin
    return 1 / jnp.where((amax > 0) & jnp.isfinite(amax), factor, before)


@op
def compute_float8_amax_history(x: Any, amax_history: Any) -> Any:
    """Return the history of largest magnitudes with that of `x` in front and the oldest gone.

    Example:
        >>> compute_float8_amax_history(jnp.array([-5.0]), jnp.array([3.0, 2.0, 1.0])).tolist()
        [5.0, 1.0, 3.0]
    """
    history = jnp.asarray(amax_history)
    return jnp.roll(history, -1).at[0].set(jnp.max(jnp.abs(x)).astype(history.dtype))


@op
def quantize_and_dequantize(
    inputs: Any, scale: Any, quantized_dtype: str, compute_dtype: str
) -> Any:
    """Return the inputs as an eight-bit float would keep them, in the compute dtype.

    Args:
        inputs: floats.
        scale: what they are divided by first, and multiplied by at the end.
        quantized_dtype: `"float8_e4m3fn"` or `"float8_e5m2"`.
        compute_dtype: of the result.

    Example:
        >>> x = jnp.array([1.06, 500.0])
        >>> quantize_and_dequantize(x, 1.0, "float8_e4m3fn", "float32").tolist()
        [1.0, 448.0]
    """
    name = getattr(quantized_dtype, "__name__", quantized_dtype)
    small = getattr(ml_dtypes, name)
    most = jnp.asarray(float(ml_dtypes.finfo(small).max), compute_dtype)
    scale = jnp.asarray(scale, compute_dtype)
    x = jnp.clip(jnp.asarray(inputs) / scale, -most, most).astype(small)
    return x.astype(compute_dtype) * scale


@op
def fake_quant_with_min_max_vars(
    inputs: Any,
    min_vals: Any,
    max_vals: Any,
    num_bits: int = 8,
    narrow_range: bool = False,
    axis: int | None = None,
) -> Any:
    """Round floats to the steps of a range, as integers would; the range can be trained.

    The ends are moved a little, so that zero is one of the steps (arXiv 1712.05877). An input
    inside of the range hands its gradient on; one outside hands it to the end that it met.

    Args:
        inputs: floats.
        min_vals, max_vals: the ends of the range: a number, or one for each index of `axis`.
        num_bits: there are 2 ** num_bits steps.
        narrow_range: one step less, at the lower end.
        axis: the axis along which the ends differ; None: one range for all.

    Raises:
        ValueError: `axis` or `num_bits` out of its range.

    Example:
        >>> x = jnp.array([-1.0, 0.3, 2.0])
        >>> fake_quant_with_min_max_vars(x, 0.0, 1.0, num_bits=2).round(3).tolist()
        [0.0, 0.333, 1.0]
    """
    x, low, high = jnp.asarray(inputs), jnp.asarray(min_vals), jnp.asarray(max_vals)
    if int(num_bits) < 1 or (axis is not None and not -x.ndim <= axis < x.ndim):
        expected = f"num_bits of at least 1, axis below {x.ndim}"
        where = "fake_quant_with_min_max_vars"
        raise ValueError(errors.report(where, expected=expected, got=f"{num_bits=}, {axis=}"))
    axis = None if axis is None else axis % x.ndim
    return _fake(int(num_bits), narrow_range, axis, x, low, high)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _fake(bits: int, narrow: bool, axis: int | None, x: Any, low: Any, high: Any) -> Any:
    return _fake_forward(bits, narrow, axis, x, low, high)[0]


def _fake_forward(
    bits: int, narrow: bool, axis: int | None, x: Any, low: Any, high: Any
) -> tuple[Any, Any]:
    ends = (_along(axis, x, part) for part in (low, high))
    start, end, step, per_step = _nudged(bits, narrow, *ends)
    zero = jnp.floor(-start * per_step + 0.5)
    place = (jnp.clip(x.astype(start.dtype), start, end) - start) * per_step
    values = (jnp.floor(place - zero + 0.5) * step).astype(x.dtype)
    return values, (x, start, end, low, high)


def _fake_backward(
    bits: int, narrow: bool, axis: int | None, kept: Any, slope: Any
) -> tuple[Any, Any, Any]:
    x, start, end, low, high = kept

    def gathered(met: Any, part: Any) -> Any:
        # One sum for each end.
        axes = None if axis is None else tuple(i for i in range(x.ndim) if i != axis)
        total = jnp.sum(jnp.where(met, slope, 0), axis=axes)
        return total.reshape(part.shape).astype(part.dtype)

    inside = jnp.where((x >= start) & (x <= end), slope, 0)
    return inside, gathered(x <= start, low), gathered(x >= end, high)


_fake.defvjp(_fake_forward, _fake_backward)


def _along(axis: int | None, x: Any, part: Any) -> Any:
    if axis is None or part.ndim != 1:
        return part
    return part.reshape([-1 if i == axis else 1 for i in range(x.ndim)])


def _nudged(bits: int, narrow: bool, low: Any, high: Any) -> tuple[Any, Any, Any, Any]:
    """Return the ends, moved so that zero is a step, the size of a step, and its inverse."""
    kind = jnp.promote_types(low.dtype, "float32")
    low, high = low.astype(kind), high.astype(kind)
    first, last = int(narrow), 2**bits - 1
    step = (high - low) / (last - first)
    zero = jnp.round(jnp.clip(first - low / step, first, last))
    return (first - zero) * step, (last - zero) * step, step, (last - first) / (high - low)
