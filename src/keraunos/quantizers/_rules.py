"""How floats become small integers and back: scales, zero points, groups; plain functions."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core import dtypes
from keraunos._core.op import op

_INT4 = (-8, 7)


def _axes(axis: Any) -> Any:
    return tuple(axis) if isinstance(axis, list) else axis


@op
def abs_max_quantize(
    inputs: Any,
    axis: Any,
    value_range: tuple[int, int] = (-127, 127),
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any]:
    """Return integers and the scale that was multiplied: the largest magnitude meets the range.

    Args:
        inputs: floats.
        axis: the axes over which the largest magnitude is taken; they stay, with size 1.
        value_range: the least and the greatest integer.
        dtype: of the integers.
        epsilon: keeps the scale finite where all inputs are zero.
        to_numpy: compute on the host, so that a large kernel needs no room on the device.

    Example:
        >>> integers, scale = abs_max_quantize(jnp.array([[0.5, -2.0]]), axis=-1)
        >>> integers.tolist(), scale.tolist()
        ([[32, -127]], [[63.5]])
    """
    low, high = value_range
    xp: Any = np if to_numpy else jnp
    x = xp.asarray(inputs)
    name = dtypes.standardize_dtype(x.dtype)
    scale = xp.divide(high, xp.max(xp.abs(x), axis=_axes(axis), keepdims=True) + epsilon)
    if not to_numpy:
        scale = scale.astype(name)
    integers = xp.clip(xp.round(x * scale), low, high).astype(dtype)
    return jnp.asarray(integers), jnp.asarray(scale, name)


@op
def abs_max_quantize_grouped_with_zero_point(
    inputs: Any,
    block_size: int,
    value_range: tuple[int, int] = _INT4,
    dtype: str = "int8",
    epsilon: float = 1e-7,
    to_numpy: bool = False,
) -> tuple[Any, Any, Any]:
    """Return integers, scales and zero points, one of each for `block_size` rows of a column.

    The range of a group is its least to its greatest value, so that nothing is wasted where the
    values do not lie about zero: `inputs = (integers - zero) * scale`.

    Args:
        inputs: (rows, columns) of floats.
        block_size: rows a group; the last one may be smaller.
        value_range: the least and the greatest integer.
        dtype: of the integers.
        epsilon: keeps the scale above zero where all values of a group are equal.
        to_numpy: compute on the host.

    Returns:
        (rows, columns), (groups, columns) and (groups, columns) of int8.

    Example:
        >>> x = jnp.array([[0.0], [1.0], [2.0], [3.0]])
        >>> integers, scale, zero = abs_max_quantize_grouped_with_zero_point(x, block_size=4)
        >>> integers.ravel().tolist(), zero.tolist()
        ([-8, -3, 2, 7], [[-8]])
    """
    xp: Any = np if to_numpy else jnp
    x = xp.asarray(inputs)
    name = dtypes.standardize_dtype(x.dtype)
    (rows, columns), (low, high) = x.shape, value_range
    groups = math.ceil(rows / block_size)
    padded = xp.pad(x, ((0, groups * block_size - rows), (0, 0)))
    blocks = padded.reshape(groups, block_size, columns)
    # What fills up the last group counts as values of it, in Keras as well: zero stays exact. But
    # on the device Keras has two rules of its own: for a single group, and for one of equal values.
    counted = x[None] if groups == 1 and not to_numpy else blocks
    least, most = (f(counted, axis=1, keepdims=True) for f in (xp.min, xp.max))
    if not to_numpy:
        flat = least == most
        least, most = xp.where(flat, least - 1, least), xp.where(flat, most + 1, most)
    scale = (most - least + epsilon) / (high - low)
    zero = xp.clip(xp.round(-least / scale) + low, low, high)
    integers = xp.clip(xp.round(blocks / scale) + zero, low, high).astype(dtype)
    integers = integers.reshape(groups * block_size, columns)[:rows]
    zero = zero[:, 0].astype("int8")
    return jnp.asarray(integers), jnp.asarray(scale[:, 0], name), jnp.asarray(zero)


def dequantize_grouped(integers: Any, scale: Any, zero: Any, groups: Any, axis: int) -> Any:
    """Return `(integers - zero) * scale`, with the scale and zero point of each one's group.

    Args:
        integers: (rows, columns), or with more axes in front.
        scale, zero: the same, with the groups in the place of what was grouped.
        groups: the number of the group of each row (or column).
        axis: where the groups stand in `scale`.
    """
    places = jnp.asarray(groups).astype("int32")
    scale, zero = (jnp.take(part, places, axis=axis) for part in (scale, zero))
    return (integers - zero.astype(scale.dtype)) * scale


# -- two integers of four bits in a byte ----------------------------------------------------------


def _checked(name: str, dtype: str) -> str:
    if dtype not in ("int8", "uint8"):
        where = f"argument 'dtype' of {name}"
        raise ValueError(errors.report(where, expected="'int8' or 'uint8'", got=repr(dtype)))
    return dtype


def pack_int4(arr: Any, axis: int = 0, dtype: str = "int8") -> tuple[Any, tuple[int, ...], int]:
    """Put two neighbours along an axis into one byte, the first in the lower four bits.

    Args:
        arr: int8 (or uint8) of -8 to 7 (0 to 15).
        axis: where neighbours are taken; an odd end is filled up with 0.
        dtype: of `arr` and of the result.

    Returns:
        The packed array, its shape, and the length of the axis before.

    Raises:
        TypeError: `arr` is of another dtype.

    Example:
        >>> packed, shape, length = pack_int4(np.array([[-3, 7], [2, -8], [1, 0]], "int8"))
        >>> packed.tolist(), shape, length
        ([[45, -121], [1, 0]], (2, 2), 3)
    """
    _checked("pack_int4", dtype)
    array = np.asarray(arr)
    if array.dtype.name != dtype:
        raise TypeError(errors.report("pack_int4", expected=f"{dtype} values", got=array.dtype))
    front = np.moveaxis(array, axis, 0)
    length = front.shape[0]
    front = np.concatenate([front, np.zeros((length % 2, *front.shape[1:]), dtype)])
    low, high = front[::2] & np.array(15, dtype), front[1::2] & np.array(15, dtype)
    packed = np.moveaxis(low | (high << np.array(4, dtype)), 0, axis).astype(dtype)
    return jnp.asarray(packed), packed.shape, length


@op
def unpack_int4(packed: Any, orig_len: int, axis: int = 0, dtype: str = "int8") -> Any:
    """Return what `pack_int4` packed.

    Args:
        packed: int8 or uint8.
        orig_len: the length of the axis before it was packed.
        axis: along which it was packed.
        dtype: `"int8"` for values of -8 to 7, `"uint8"` for 0 to 15.

    Example:
        >>> unpack_int4(jnp.array([45, 1], "int8"), orig_len=3).tolist()
        [-3, 2, 1]
    """
    _checked("unpack_int4", dtype)
    packed = jnp.asarray(packed)
    if packed.dtype.name not in ("int8", "uint8"):
        raise TypeError(errors.report("unpack_int4", expected="int8 or uint8", got=packed.dtype))
    low, high = packed & 15, (packed >> 4) & 15
    if dtype == "int8":
        low, high = (((part ^ 8) - 8) for part in (low, high))
    axis %= packed.ndim
    pairs = jnp.stack([low, high], axis=axis + 1).astype(dtype)
    shape = (*packed.shape[:axis], -1, *packed.shape[axis + 1 :])
    index = (slice(None),) * axis + (slice(orig_len),)
    return pairs.reshape(shape)[index]
