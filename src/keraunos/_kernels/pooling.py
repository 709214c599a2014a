"""Max and average pooling over windows, of any rank, in either data format.

Both are done one axis after the other. XLA's own windowed reduction has a gradient
(select-and-scatter) that is 5 to 25 times slower on a CPU than the sums of slices used here. Where
windows overlap, the compiled kernel takes half the time of the slices; where they do not, four
times as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from . import native_pool
from ._geometry import IntOrInts, per_axis, spatial_axes, window_padding

# A longer window would unroll into too many slices; XLA's windowed reduction takes over.
LONGEST_UNROLLED = 32


def max_pool(
    x: jax.Array,
    pool_size: IntOrInts,
    *,
    strides: IntOrInts | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> jax.Array:
    """The largest element of each window of `x` (batch, *spatial, channels).

    Where several elements of a window are equal, the first one (row-major) gets the
    gradient, as in `jax.lax.reduce_window`.

    Example:
        >>> max_pool(jnp.arange(6.0).reshape(1, 6, 1), 2)[0, :, 0].tolist()
        [1.0, 3.0, 5.0]
    """
    axes = spatial_axes(x.ndim - 2, data_format)
    sizes = per_axis(pool_size, len(axes))
    steps = sizes if strides is None else per_axis(strides, len(axes))
    overlaps = any(size > step for size, step in zip(sizes, steps))
    if overlaps and data_format == "channels_last" and native_pool.usable(x, sizes):
        lengths, ones = x.shape[1:-1], (1,) * len(axes)
        pads = window_padding(padding, lengths, sizes, steps, ones)
        return native_pool.max_pool(x, sizes, steps, pads)
    lowest = -np.inf if jnp.issubdtype(x.dtype, jnp.inexact) else jnp.iinfo(x.dtype).min
    # Last axis first: the first row that holds the maximum, and in it the first column.
    for axis, size, step, pads in reversed(_plan(x, pool_size, strides, padding, data_format)):
        x = _pad(x, axis, *pads, lowest)
        if size > LONGEST_UNROLLED:
            x = _reduce_window(x, lowest, lax.max, axis, size, step)
        else:
            x = _max_along(x, axis, size, step)
    return x


def average_pool(
    x: jax.Array,
    pool_size: IntOrInts,
    *,
    strides: IntOrInts | None = None,
    padding: str = "valid",
    data_format: str = "channels_last",
) -> jax.Array:
    """The mean of each window of `x` (batch, *spatial, channels); "same" leaves the padding out.

    Example:
        >>> average_pool(jnp.arange(3.0).reshape(1, 3, 1), 2, padding="same")[0, :, 0].tolist()
        [0.5, 2.0]
    """
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        x = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    for axis, size, step, (before, after) in _plan(x, pool_size, strides, padding, data_format):
        inside = np.pad(np.ones(x.shape[axis]), (before, after))
        starts = range(0, len(inside) - size + 1, step)
        counts = np.array([inside[start : start + size].sum() for start in starts])
        x = _pad(x, axis, before, after, 0)
        if size > LONGEST_UNROLLED:
            x = _reduce_window(x, 0, lax.add, axis, size, step)
        else:
            x = _sum_along(x, axis, size, step)
        shape = [-1 if a == axis else 1 for a in range(x.ndim)]
        x = x * (1 / counts).astype(x.dtype).reshape(shape)
    return x


def _plan(x, pool_size, strides, padding, data_format):
    """One (axis, size, step, (before, after)) for each spatial axis that pooling changes."""
    axes = spatial_axes(x.ndim - 2, data_format)
    sizes = per_axis(pool_size, len(axes))
    steps = sizes if strides is None else per_axis(strides, len(axes))
    lengths = [x.shape[axis] for axis in axes]
    pads = window_padding(padding, lengths, sizes, steps, (1,) * len(axes))
    return [row for row in zip(axes, sizes, steps, pads) if row[1] > 1 or row[2] > 1]


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _max_along(x: jax.Array, axis: int, size: int, step: int) -> jax.Array:
    first, *others = _slices(x, axis, size, step)
    for other in others:
        first = jnp.maximum(first, other)
    return first


@_max_along.defjvp
def _max_along_jvp(axis, size, step, primals, tangents):
    (x,), (tangent,) = primals, tangents
    best, *others = _slices(x, axis, size, step)
    chosen = jnp.zeros(best.shape, jnp.int8)
    for offset, other in enumerate(others, 1):
        chosen = jnp.where(other > best, jnp.int8(offset), chosen)
        best = jnp.maximum(best, other)
    chosen = jnp.expand_dims(chosen, axis + 1)
    picked = [
        jnp.where(chosen == offsets, part, 0).sum(axis + 1)
        for part, offsets in _folds(tangent, axis, size, step)
    ]
    return best, sum(picked)


def _sum_along(x, axis, size, step) -> Any:
    return sum(
        jnp.where(offsets >= 0, part, 0).sum(axis + 1)
        for part, offsets in _folds(x, axis, size, step)
    )


def _slices(x, axis, size, step) -> Iterator[jax.Array]:
    """For each offset in the window, the elements of all windows at that offset."""
    count = (x.shape[axis] - size) // step + 1
    for offset in range(size):
        yield lax.slice_in_dim(x, offset, offset + (count - 1) * step + 1, step, axis)


def _folds(x, axis, size, step) -> Iterator[tuple[jax.Array, np.ndarray]]:
    """The same elements, `step` offsets at a time, so that no slice has a stride.

    Yields parts of `x` with `axis` split into (windows, step), and the offset of each of the
    `step` elements in the window, -1 for those outside. The transposes of these slices are
    sums of shifted blocks, which XLA fuses; those of strided slices it does not.
    """
    count, turns = (x.shape[axis] - size) // step + 1, -(-size // step)
    blocks = count - 1 + turns
    x = _pad(x, axis, 0, blocks * step - x.shape[axis], 0)
    x = x.reshape(*x.shape[:axis], blocks, step, *x.shape[axis + 1 :])
    for turn in range(turns):
        offsets = turn * step + np.arange(step)
        offsets = np.where(offsets < size, offsets, -1).astype(np.int8)
        shape = [-1 if a == axis + 1 else 1 for a in range(x.ndim)]
        yield lax.slice_in_dim(x, turn, turn + count, axis=axis), offsets.reshape(shape)


def _pad(x, axis, before, after, value):
    if not before and not after:
        return x
    config = [(before, after, 0) if a == axis else (0, 0, 0) for a in range(x.ndim)]
    return lax.pad(x, jnp.array(value, x.dtype), config)


def _reduce_window(x, start, function, axis, size, step):
    window = [size if a == axis else 1 for a in range(x.ndim)]
    steps = [step if a == axis else 1 for a in range(x.ndim)]
    return lax.reduce_window(x, np.array(start, x.dtype), function, window, steps, "VALID")
