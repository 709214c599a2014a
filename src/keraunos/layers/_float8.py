"""Training with products of eight-bit floats: inputs and weights e4m3, their gradients e5m2.

What is rounded is scaled first, by a scale that follows the largest values of the last steps
(arXiv 2209.05433). The new scales come out of the backward pass in the place of gradients.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes

from keraunos import errors
from keraunos._core import context
from keraunos.quantizers import _floats as rules

_FORWARD, _BACKWARD = "float8_e4m3fn", "float8_e5m2"
_LENGTH = 1024  # of the memory of largest values, where the dtype policy says none


def build(layer: Any) -> None:
    """Make the scales of a layer, and the memories of largest values."""
    length = getattr(layer._policy, "amax_history_length", _LENGTH)
    for what in ("inputs", layer._large, "outputs_grad"):
        for name, shape, first in (("scale", (), "ones"), ("amax_history", (length,), "zeros")):
            variable = layer.add_weight(
                shape,
                first,
                "float32",
                autocast=False,
                overwrite_with_gradient=True,
                name=f"{what}_{name}",
            )
            setattr(layer, variable.name, variable)


def product(layer: Any, x: jax.Array) -> jax.Array:
    """Return the product of an input and the layer's weight, rounded as eight-bit floats are."""
    if layer.lora_enabled:
        where = f"{type(layer).__name__} {layer.name!r} in float8"
        note = "LoRA and eight-bit floats do not go together"
        raise NotImplementedError(errors.report(where, note=note, fix="int8 or int4 do"))
    running = context.current()
    learns = bool(running is not None and running.training)
    dtype = layer.compute_dtype
    boxes = [
        (getattr(layer, f"{what}_scale").value, getattr(layer, f"{what}_amax_history").value)
        for what in ("inputs", layer._large, "outputs_grad")
    ]
    x = _rounded(learns, dtype, x, *boxes[0])
    weight = _rounded(learns, dtype, layer._float_weight(), *boxes[1])
    return _rounded_backward(dtype, layer._product(x, weight), *boxes[2])


def _follow(x: Any, scale: Any, history: Any, kind: str) -> tuple[Any, Any]:
    """Return the next scale and history."""
    most = float(ml_dtypes.finfo(getattr(ml_dtypes, kind)).max)
    after = rules.compute_float8_scale(jnp.max(history), scale, most)
    return after, rules.compute_float8_amax_history(x, history)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def _rounded(learns: bool, dtype: str, x: Any, scale: Any, history: Any) -> Any:
    return rules.quantize_and_dequantize(x, scale, _FORWARD, dtype)


def _rounded_forward(learns: bool, dtype: str, x: Any, scale: Any, history: Any) -> Any:
    after = _follow(x, scale, history, _FORWARD) if learns else (scale, history)
    return _rounded(learns, dtype, x, scale, history), after


_rounded.defvjp(_rounded_forward, lambda learns, dtype, after, slope: (slope, *after))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _rounded_backward(dtype: str, x: Any, scale: Any, history: Any) -> Any:
    return x


def _slope_rounded(dtype: str, kept: Any, slope: Any) -> Any:
    scale, history = kept
    rounded = rules.quantize_and_dequantize(slope, scale, _BACKWARD, dtype)
    return rounded, *_follow(slope, scale, history, _BACKWARD)


_rounded_backward.defvjp(lambda dtype, x, scale, history: (x, (scale, history)), _slope_rounded)
