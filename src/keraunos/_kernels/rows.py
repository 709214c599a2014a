"""Rows of an array at given places: how a batch is cut from resident data."""

from __future__ import annotations

import math

import jax

from . import native

# A shorter row is not worth a call: XLA copies element by element, the kernel row by row.
_LEAST_BYTES = 256


def take_rows(array: jax.Array, places: jax.Array) -> jax.Array:
    """Return the rows of an array at places that are known to be in range, none of them twice.

    Args:
        array: (rows, ...).
        places: (count,) int32.

    Returns:
        (count, ...).

    Example:
        >>> import jax.numpy as jnp
        >>> take_rows(jnp.asarray([[1, 2], [3, 4], [5, 6]]), jnp.asarray([2, 0])).tolist()
        [[5, 6], [1, 2]]
    """
    bytes_of_row = math.prod(array.shape[1:]) * array.dtype.itemsize
    if bytes_of_row >= _LEAST_BYTES and native.available():
        result = jax.ShapeDtypeStruct((len(places), *array.shape[1:]), array.dtype)
        return native.call("keraunos_rows", result, array, places)
    return array.at[places].get(mode="promise_in_bounds", unique_indices=True)
