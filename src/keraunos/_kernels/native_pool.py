"""Max pooling by the compiled kernels: what is largest, and where it stood in its window.

The derivative of a maximum is a choice, and a choice is linear: its transpose puts things back.
"""

from __future__ import annotations

import itertools
import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import core, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from . import native
from .native_conv import AXES, Geometry, geometry_of, input_shape, output_shape, primitive_of

# Places in a window are bytes, and fewer channels do not fill a register.
MOST_PLACES, FEWEST_CHANNELS = 255, 8


def usable(x: jax.Array, window: tuple[int, ...]) -> bool:
    """Whether the kernels can pool `x` (batch, *spatial, channels) over windows of this size."""
    return (
        0 < len(window) <= AXES
        and math.prod(window) <= MOST_PLACES
        and x.shape[-1] >= FEWEST_CHANNELS
        and native.usable(x)
    )


def max_pool(x: jax.Array, window, strides, pads) -> jax.Array:
    """The largest element of each window of `x` (batch, *spatial, channels)."""
    dilation = (1,) * len(window)
    geometry = geometry_of(x, window, x.shape[-1], strides, pads, dilation)
    return _largest.bind(x, geometry=geometry)[0]


# The same for programs that are sent to another platform after all.
def _under_windows(x: jax.Array, g: Geometry, filling: float) -> list[jax.Array]:
    """For each place in the window, the elements of all windows at that place."""
    x = jnp.pad(x, ((0, 0), *g.pads, (0, 0)), constant_values=filling)
    slices = []
    for place in itertools.product(*map(range, g.window)):
        stops = [a + (n - 1) * step + 1 for a, n, step in zip(place, g.out_sizes, g.strides)]
        starts, stops = (0, *place, 0), (len(x), *stops, g.channels)
        slices.append(lax.slice(x, starts, stops, (1, *g.strides, 1)))
    return slices


def _largest_by_xla(x: jax.Array, *, geometry: Geometry) -> tuple[jax.Array, jax.Array]:
    parts = jnp.stack(_under_windows(x, geometry, -jnp.inf))
    return parts.max(0), parts.argmax(0).astype(jnp.uint8)


def _chosen_by_xla(x: jax.Array, places: jax.Array, geometry: Geometry) -> jax.Array:
    parts = enumerate(_under_windows(x, geometry, 0))
    return sum(jnp.where(places == place, part, 0) for place, part in parts)  # pyright: ignore[reportReturnType]


def _chosen_input_by_xla(y: jax.Array, places: jax.Array, geometry: Geometry) -> jax.Array:
    like = jnp.zeros(input_shape(len(y), geometry), y.dtype)
    return jax.vjp(lambda x: _chosen_by_xla(x, places, geometry), like)[1](y)[0]


def _results(x: Any, geometry: Geometry) -> tuple[Any, Any]:
    shape = output_shape(x.shape[0], geometry)
    return core.ShapedArray(shape, x.dtype), core.ShapedArray(shape, jnp.uint8)


def _largest_by_kernel(x: jax.Array, *, geometry: Geometry) -> Any:
    results, attribute = _results(x, geometry), geometry.as_attribute(len(x))
    return native.call(_largest.name, results, x, geometry=attribute)


def _largest_batched(arrays: Any, axes: Any, *, geometry: Geometry) -> Any:
    """One batch more is a larger batch."""
    x = jnp.moveaxis(arrays[0], axes[0], 0)
    results = _largest.bind(x.reshape(-1, *x.shape[2:]), geometry=geometry)
    return [r.reshape(*x.shape[:2], *r.shape[1:]) for r in results], (0, 0)


@partial(jax.jit, static_argnames="geometry")
def _run(x: jax.Array, geometry: Geometry) -> Any:
    return _largest.bind(x, geometry=geometry)


_largest = Primitive("keraunos_largest")
_largest.multiple_results = True
_largest.def_impl(_run)
_largest.def_abstract_eval(lambda x, geometry: _results(x, geometry))
mlir.register_lowering(_largest, mlir.lower_fun(_largest_by_xla, multiple_results=True))
mlir.register_lowering(
    _largest, mlir.lower_fun(_largest_by_kernel, multiple_results=True), platform="cpu"
)
batching.primitive_batchers[_largest] = _largest_batched


def _derivative(given: Any, changes: Any, *, geometry: Geometry) -> Any:
    y, places = _largest.bind(*given, geometry=geometry)
    change = _chosen.bind(ad.instantiate_zeros(changes[0]), places, geometry=geometry)
    return (y, places), (change, ad.Zero(core.ShapedArray(places.shape, jax.dtypes.float0)))


ad.primitive_jvps[_largest] = _derivative
_chosen = primitive_of("chosen", output_shape, _chosen_by_xla, shared=False)
_chosen_input = primitive_of("chosen_input", input_shape, _chosen_input_by_xla, shared=False)


def _transposes(choice: Primitive, back: Primitive) -> None:
    """Let JAX know that a choice is linear, and what puts things back."""

    def derivative(given: Any, changes: Any, *, geometry: Geometry) -> tuple[Any, Any]:
        values, places = given
        change = ad.instantiate_zeros(changes[0])
        results = [choice.bind(v, places, geometry=geometry) for v in (values, change)]
        return results[0], results[1]

    def transposed(cotangent: Any, values: Any, places: Any, *, geometry: Geometry) -> Any:
        return back.bind(ad.instantiate_zeros(cotangent), places, geometry=geometry), None

    ad.primitive_jvps[choice] = derivative
    ad.primitive_transposes[choice] = transposed


_transposes(_chosen, _chosen_input)
_transposes(_chosen_input, _chosen)
