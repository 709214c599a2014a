"""Convolutions by the compiled kernels, as JAX primitives that know their own derivatives:
ordinary ones, and those of each channel by itself ("depthwise").

A convolution is linear in its input and in its kernel, and so are its two gradients: the
gradient of each of the three is made of the other two. Told so, JAX differentiates them
forwards, backwards and as often as anyone likes.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import core, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import native
from .depthwise import shifted_sum

# The kernels have three spatial axes; fewer are filled up in front with axes of one element.
AXES = 3


class Geometry(NamedTuple):
    """What a convolution of (batch, *spatial, channels) with (*window, channels, filters) is."""

    sizes: tuple[int, ...]
    channels: int
    filters: int
    window: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]

    @property
    def out_sizes(self) -> tuple[int, ...]:
        spans = ((n - 1) * step + 1 for n, step in zip(self.window, self.dilation))
        rows = zip(self.sizes, spans, self.strides, self.pads)
        return tuple(max((n + sum(pad) - span) // step + 1, 0) for n, span, step, pad in rows)

    def as_attribute(self, batch: int) -> np.ndarray:
        """In the order that the kernels read."""
        rows = zip(self.sizes, self.out_sizes, self.window, self.strides, self.dilation, self.pads)
        axes = [(*row, before) for *row, (before, _) in rows]
        missing = [(1, 1, 1, 1, 1, 0)] * (AXES - len(axes))
        numbers = itertools.chain((batch, self.channels, self.filters), *missing, *axes)
        return np.array([*numbers], np.int64)


def usable(x: jax.Array, kernel: jax.Array, window: Any) -> bool:
    """Whether the kernels can convolve `x` with `kernel`, whose window has so many axes."""
    return len(window) <= AXES and native.usable(x, kernel)


def convolution(x: jax.Array, kernel: jax.Array, strides, pads, dilation) -> jax.Array:
    """Convolves `x` (batch, *spatial, channels) with `kernel` (*window, channels, filters)."""
    geometry = geometry_of(x, kernel.shape[:-2], kernel.shape[-1], strides, pads, dilation)
    return _convolution.bind(x, kernel, geometry=geometry)


def depthwise(x: jax.Array, kernel: jax.Array, strides, pads, dilation) -> jax.Array:
    """Convolves each channel of `x` (batch, *spatial, channels): `kernel` (*window, channels)."""
    geometry = geometry_of(x, kernel.shape[:-1], kernel.shape[-1], strides, pads, dilation)
    return _depthwise.bind(x, kernel, geometry=geometry)


def transposed(y: jax.Array, kernel: jax.Array, strides, pads, dilation) -> jax.Array:
    """Returns the gradient of the input of a `convolution` whose result has the gradient `y`.

    `kernel` is (*window, channels of the result, channels of `y`); `pads` are what is added to the
    stretched `y`, and give the size of the result.
    """
    window = kernel.shape[:-2]
    spans = [(n - 1) * step + 1 for n, step in zip(window, dilation)]
    rows = zip(y.shape[1:-1], strides, pads, spans)
    sizes = tuple((n - 1) * step + 2 + sum(pad) - span for n, step, pad, span in rows)
    around = tuple((span - 1 - low, span - 1 - high) for (low, high), span in zip(pads, spans))
    channels, filters = kernel.shape[-2:]
    geometry = Geometry(
        sizes, channels, filters, tuple(window), tuple(strides), tuple(dilation), around
    )
    return _convolution_input.bind(y, kernel, geometry=geometry)


def geometry_of(x: jax.Array, window, filters: int, strides, pads, dilation) -> Geometry:
    """What these arguments say about the windows that slide over `x`."""
    sizes = x.shape[1:-1]
    return Geometry(
        sizes, x.shape[-1], filters, tuple(window), tuple(strides), tuple(dilation),
        tuple(map(tuple, pads)),
    )  # fmt: skip


# Shapes of the three arrays that a convolution relates.
def input_shape(batch: int, g: Geometry) -> tuple[int, ...]:
    return (batch, *g.sizes, g.channels)


def _full_kernel_shape(batch: int, g: Geometry) -> tuple[int, ...]:
    return (*g.window, g.channels, g.filters)


def _thin_kernel_shape(batch: int, g: Geometry) -> tuple[int, ...]:
    return (*g.window, g.channels)


def output_shape(batch: int, g: Geometry) -> tuple[int, ...]:
    return (batch, *g.out_sizes, g.filters)


# The same convolutions for programs that are sent to another platform after all.
def _full_by_xla(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    axes = "DHW"[-len(geometry.window) :]
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.pads,
        rhs_dilation=geometry.dilation,
        dimension_numbers=(f"N{axes}C", f"{axes}IO", f"N{axes}C"),
    )


def _thin_by_xla(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    return shifted_sum(x, kernel, geometry.strides, geometry.pads, geometry.dilation)


def primitive_of(name: str, shape: Any, by_xla: Any, shared: bool = True) -> Primitive:
    """The primitive `keraunos_{name}` of two arrays, the first of which has the batch.

    Args:
        shape: of the result, a function of the batch's size and the geometry.
        by_xla: the same function of the arrays for another platform.
        shared: whether the second array serves every sample.
    """
    primitive = Primitive(f"keraunos_{name}")

    def abstract(left: Any, right: Any, *, geometry: Geometry) -> Any:
        return core.ShapedArray(shape(left.shape[0], geometry), left.dtype)

    def by_kernel(left: jax.Array, right: jax.Array, *, geometry: Geometry) -> jax.Array:
        result = jax.ShapeDtypeStruct(shape(left.shape[0], geometry), left.dtype)
        attribute = geometry.as_attribute(left.shape[0])
        return native.call(primitive.name, result, left, right, geometry=attribute)

    def default(left: jax.Array, right: jax.Array, *, geometry: Geometry) -> jax.Array:
        return by_xla(left, right, geometry)

    def batched(arrays: Any, axes: Any, *, geometry: Geometry) -> Any:
        one = functools.partial(primitive.bind, geometry=geometry)
        moved = [a if axis is None else jnp.moveaxis(a, axis, 0) for a, axis in zip(arrays, axes)]
        if shared and axes[1] is None and shape in (input_shape, output_shape):
            # One batch more is a larger batch.
            left, right = moved
            result = one(left.reshape(-1, *left.shape[2:]), right)
            return result.reshape(*left.shape[:2], *result.shape[1:]), 0
        mapped = [a for a, axis in zip(moved, axes) if axis is not None]

        def slices(parts: Any) -> jax.Array:
            parts = iter(parts)
            return one(*(a if axis is None else next(parts) for a, axis in zip(moved, axes)))

        return lax.map(slices, mapped), 0

    primitive.def_abstract_eval(abstract)
    primitive.def_impl(functools.partial(_run, primitive))
    mlir.register_lowering(primitive, mlir.lower_fun(default, multiple_results=False))
    mlir.register_lowering(
        primitive, mlir.lower_fun(by_kernel, multiple_results=False), platform="cpu"
    )
    batching.primitive_batchers[primitive] = batched
    return primitive


@functools.partial(jax.jit, static_argnums=0, static_argnames="geometry")
def _run(primitive: Primitive, *arrays: jax.Array, geometry: Geometry) -> jax.Array:
    return primitive.bind(*arrays, geometry=geometry)


def _convolution_of(name: str, kernel_shape: Any, by_xla: Any) -> tuple[Primitive, Primitive]:
    """The primitives of a convolution and of its input's gradient; that of its kernel's with them.

    y = x * w; of_x = input(of_y, w); of_w = kernel(x, of_y). Each rule below gets the cotangent of
    its primitive's result, and in place of the argument that it differentiates a placeholder.
    """

    def transposed(like: Any, one: Any) -> Any:
        return jax.vjp(one, jnp.zeros(like, jnp.float32))[1]

    def input_by_xla(y: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
        like = input_shape(len(y), geometry)
        return transposed(like, lambda x: by_xla(x, kernel, geometry))(y)[0]

    def kernel_by_xla(x: jax.Array, y: jax.Array, geometry: Geometry) -> jax.Array:
        like = kernel_shape(len(y), geometry)
        return transposed(like, lambda kernel: by_xla(x, kernel, geometry))(y)[0]

    forward = primitive_of(name, output_shape, by_xla)
    of_input = primitive_of(f"{name}_input", input_shape, input_by_xla)
    of_kernel = primitive_of(f"{name}_kernel", kernel_shape, kernel_by_xla)
    ad.defbilinear(
        forward,
        lambda y, x, w, *, geometry: of_input.bind(y, w, geometry=geometry),
        lambda y, x, w, *, geometry: of_kernel.bind(x, y, geometry=geometry),
    )
    ad.defbilinear(
        of_input,
        lambda x, y, w, *, geometry: forward.bind(x, w, geometry=geometry),
        lambda x, y, w, *, geometry: of_kernel.bind(x, y, geometry=geometry),
    )
    ad.defbilinear(
        of_kernel,
        lambda w, x, y, *, geometry: of_input.bind(y, w, geometry=geometry),
        lambda w, x, y, *, geometry: forward.bind(x, w, geometry=geometry),
    )
    return forward, of_input


_convolution, _convolution_input = _convolution_of("convolution", _full_kernel_shape, _full_by_xla)
_depthwise, _ = _convolution_of("depthwise", _thin_kernel_shape, _thin_by_xla)
