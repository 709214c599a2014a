"""Weights as GPTQ and AWQ leave them: how they lie in a layer, and the floats they mean.

They lie as (outputs, inputs), with a scale and a zero point for each output and group of inputs.
"""

from __future__ import annotations

import math
from typing import Any

import jax

from keraunos import errors
from keraunos.quantizers import _rules as rules


def layout(layer: Any, mode: str) -> dict[str, tuple[Any, Any, Any]]:
    """Return name -> shape, dtype, initial value of the variables, in the order of the file."""
    inputs, outputs = matrix_shape(layer)
    size, name = layer._policy.group_size, layer._large
    groups = 1 if size == -1 else math.ceil(inputs / size)
    rows = (outputs + 1) // 2 if layer._policy.weight_bits == 4 else outputs
    scales = {"awq_scales": ((inputs,), None, "ones")} if mode == "awq" else {}
    return {
        name: ((rows, inputs), "uint8", "zeros"),
        f"{name}_scale": ((outputs, groups), None, "ones"),
        f"{name}_zero": ((outputs, groups), "uint8", "zeros"),
        **scales,
        "g_idx": ((inputs,), "float32", "zeros"),
    }


def take(layer: Any, found: Any) -> None:
    """Give a layer, whose variables are made, what a calibration found."""
    made = found.integers.astype("uint8")
    if layer._policy.weight_bits == 4:
        made = rules.pack_int4(made, axis=0, dtype="uint8")[0]
    name = layer._large
    parts = {f"_{name}": made, f"{name}_scale": found.scale, f"{name}_zero": found.zero}
    parts |= {"g_idx": found.groups}
    if found.input_scales is not None:
        parts["awq_scales"] = found.input_scales
    for part, value in parts.items():
        getattr(layer, part).assign(value)


def weight(layer: Any) -> jax.Array:
    """Return the weight as floats, in the shape in which the layer multiplies it."""
    made, scale, zero = layer._parts()
    if layer._policy.weight_bits == 4:
        made = rules.unpack_int4(made, matrix_shape(layer)[1], axis=0, dtype="uint8")
    matrix = rules.dequantize_grouped(made, scale, zero, layer.g_idx.value, axis=-1).T
    if layer.quantization_mode == "awq":
        matrix = matrix / layer.awq_scales.value[:, None]
    return matrix.reshape(layer._weight_shape).astype(layer.compute_dtype)


def matrix_shape(layer: Any) -> tuple[int, int]:
    """Return inputs and outputs, as Keras tells them apart: the longest axis is the model's."""
    shape = layer._weight_shape
    if len(shape) == 2:
        return shape[0], shape[1]
    if len(shape) != 3:
        where = f"{layer.quantization_mode} of {type(layer).__name__} {layer.name!r}"
        raise NotImplementedError(errors.report(where, expected="2 or 3 axes", got=shape))
    first, middle, last = shape
    into_heads = max(shape) == first
    return (first, middle * last) if into_heads else (first * middle, last)
