"""Sliding windows laid out side by side, for matmuls over them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from keraunos._kernels import conv, loop
from keraunos._kernels._geometry import IntOrInts, per_axis, window_padding


def windows(
    x: jax.Array,
    size: Sequence[int],
    strides: Sequence[int],
    padding: str = "valid",
    dilation: Sequence[int] | None = None,
) -> jax.Array:
    """Return the windows of `x` (batch, *spatial, channels): (batch, *counts, window * channels).

    Example:
        >>> windows(jnp.arange(4.0).reshape(1, 4, 1), (2,), (2,)).tolist()
        [[[0.0, 1.0], [2.0, 3.0]]]
    """
    dilation = (1,) * len(size) if dilation is None else dilation
    pads = window_padding(padding, x.shape[1:-1], size, strides, dilation)
    x = jnp.pad(x, [(0, 0), *pads, (0, 0)])
    spans = [(n - 1) * gap for n, gap in zip(size, dilation)]
    parts = []
    for offset in itertools.product(*map(range, size)):
        starts = [at * gap for at, gap in zip(offset, dilation)]
        ends = [n - span + at for n, span, at in zip(x.shape[1:-1], spans, starts)]
        box = (0, *starts, 0), (x.shape[0], *ends, x.shape[-1]), (1, *strides, 1)
        parts.append(lax.slice(x, *box))
    return jnp.concatenate(parts, -1)


def convolution_in_loop(
    x: jax.Array,
    kernel: jax.Array,
    *,
    strides: IntOrInts,
    padding: str,
    dilation: IntOrInts,
    data_format: str,
) -> jax.Array:
    """Return what `_kernels.conv.convolution` does, fast in the body of a `lax.scan` as well.

    Where that is slow in a loop, one matmul over all windows takes its place: on a CPU a
    ConvLSTM2D trains 15 to 20 times faster so, and as fast as with its loop written out.
    """

    rank = kernel.ndim - 2
    strides, dilation = per_axis(strides, rank), per_axis(dilation, rank)

    def usual(x: Any, kernel: Any) -> Any:
        options: dict[str, Any] = {"padding": padding, "data_format": data_format}
        return conv.convolution(x, kernel, strides=strides, dilation=dilation, **options)

    if loop.steps_may_loop(jax.make_jaxpr(usual)(_like(x), _like(kernel))):
        return usual(x, kernel)

    def by_matmul(x: Any, kernel: Any) -> Any:
        x = x if data_format == "channels_last" else jnp.moveaxis(x, 1, -1)
        *size, _, filters = kernel.shape
        found = windows(x, size, strides, padding, dilation) @ kernel.reshape(-1, filters)
        return found if data_format == "channels_last" else jnp.moveaxis(found, -1, 1)

    # The gradient lays the windows out again: they are many times as large as x.
    return jax.checkpoint(by_matmul, prevent_cse=False)(x, kernel)


def _like(x: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct(x.shape, x.dtype)
