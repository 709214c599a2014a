"""Depthwise convolution for the CPU: a sum of shifted slices, each times its weights.

XLA's grouped convolution is 20 to 40 times slower there, and so is its kernel gradient.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp
from jax import lax

# Products that one pass of the kernel gradient's loop adds up in registers; more make the
# compiler slow, fewer make the loop's own cost show.
PRODUCTS_A_PASS = 48


def shifted_sum(
    x: jax.Array,
    weights: jax.Array,
    strides: Sequence[int],
    pads: Sequence[tuple[int, int]],
    dilation: Sequence[int],
) -> jax.Array:
    """Convolves each channel of `x` (batch, *spatial, channels) with `weights` (*window, channels).

    Example:
        >>> x, weights = jnp.arange(4.0).reshape(1, 4, 1), jnp.ones((2, 1))
        >>> shifted_sum(x, weights, (1,), [(0, 0)], (1,))[0, :, 0].tolist()
        [1.0, 3.0, 5.0]
    """
    x = _pad(x, [(before, after, 0) for before, after in pads])
    return _shifted_sum(x, weights, tuple(strides), tuple(dilation))


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _shifted_sum(x, weights, strides, dilation):
    # Without the barrier what makes x would be computed anew for each shift.
    return _sum_of_shifts(lax.optimization_barrier(x), weights, strides, dilation)


def _forward(x, weights, strides, dilation):
    x = lax.optimization_barrier(x)
    return _sum_of_shifts(x, weights, strides, dilation), (x, weights)


def _backward(strides, dilation, saved, gradient):
    x, weights = saved
    return (
        _input_gradient(x.shape, weights, gradient, strides, dilation),
        _weights_gradient(x, weights, gradient, strides, dilation),
    )


_shifted_sum.defvjp(_forward, _backward)


def _sum_of_shifts(x, weights, strides, dilation):
    window = weights.shape[:-1]
    counts = _counts(x.shape[1:-1], window, strides, dilation)
    return sum(
        _shift(x, offset, counts, strides, dilation) * weights[offset]
        for offset in itertools.product(*map(range, window))
    )


def _input_gradient(shape, weights, gradient, strides, dilation):
    """The transposed convolution: strides become holes, and the window is turned round."""
    window = weights.shape[:-1]
    config = []
    for axis, (size, stride, step) in enumerate(zip(window, strides, dilation), 1):
        reach = (size - 1) * step
        rest = shape[axis] - ((gradient.shape[axis] - 1) * stride + 1 + reach)
        config.append((reach, reach + rest, stride - 1))
    holed = lax.optimization_barrier(_pad(gradient, config))
    turned = jnp.flip(weights, range(len(window)))
    return _sum_of_shifts(holed, turned, (1,) * len(window), dilation)


def _weights_gradient(x, weights, gradient, strides, dilation):
    """For each shift, the products of `x` and the gradient summed over batch and space.

    A loop over blocks of rows small enough for the cache, in which all shifts read the same
    rows; the sums over rows are spelled out, for XLA does not vectorise a reduction that
    it has fused with a product.
    """
    if weights.ndim == 2:
        x, gradient, weights = x[:, None], gradient[:, None], weights[None]
        return _weights_gradient(x, weights, gradient, (1, *strides), (1, *dilation))[0]
    window = weights.shape[:-1]
    batch, rows, *counts, channels = gradient.shape
    blocks = -(-rows // max(PRODUCTS_A_PASS // math.prod(window), 1))
    block = -(-rows // blocks)
    span = (block - 1) * strides[0] + (window[0] - 1) * dilation[0] + 1
    missing = (blocks * block - block) * strides[0] + span - x.shape[1]
    others = [(0, 0, 0)] * (len(window) - 1)
    x = _pad(x, [(0, max(missing, 0), 0), *others])
    gradient = _pad(gradient, [(0, blocks * block - rows, 0), *others])
    offsets = list(itertools.product(*map(range, window)))
    wide = jnp.promote_types(weights.dtype, jnp.float32)

    def add_block(sums, index):
        sample, start = index // blocks, index % blocks * block
        corner = (0,) * (x.ndim - 2)
        xs = lax.dynamic_slice(x, (sample, start * strides[0], *corner), (1, span, *x.shape[2:]))
        gs = lax.dynamic_slice(gradient, (sample, start, *corner), (1, block, *gradient.shape[2:]))
        xs, gs = xs.astype(wide), gs.astype(wide)
        shifts = [_shift(xs, offset, (block, *counts), strides, dilation)[0] for offset in offsets]
        return [
            total + sum(shift[row] * gs[0, row] for row in range(block))
            for total, shift in zip(sums, shifts)
        ], None

    start = [jnp.zeros((*counts, channels), wide)] * len(offsets)
    sums, _ = lax.scan(add_block, start, jnp.arange(batch * blocks))
    sums = jnp.stack(sums).sum(range(1, len(window)))
    return sums.reshape(weights.shape).astype(weights.dtype)


def _counts(sizes, window, strides, dilation):
    return tuple(
        (n - (size - 1) * step - 1) // stride + 1
        for n, size, stride, step in zip(sizes, window, strides, dilation)
    )


def _shift(x, offset, counts, strides, dilation):
    """The elements of `x` that meet the window's element at `offset`."""
    starts = [at * step for at, step in zip(offset, dilation)]
    limits = [a + (n - 1) * stride + 1 for a, n, stride in zip(starts, counts, strides)]
    return lax.slice(x, (0, *starts, 0), (x.shape[0], *limits, x.shape[-1]), (1, *strides, 1))


def _pad(x, spatial):
    """Zeros before, after and between the elements of each spatial axis."""
    return lax.pad(x, jnp.zeros((), x.dtype), [(0, 0, 0), *spatial, (0, 0, 0)])
