"""Arrays in general: conversion, control flow, scattering, gradients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import errors
from keraunos._core import dtypes
from keraunos._core.op import checked, op, public_names
from keraunos._core.symbolic import SymbolicTensor, any_symbolic
from keraunos._core.variable import Variable

# -- conversion


def convert_to_tensor(
    x: Any, dtype: Any = None, sparse: bool | None = None, ragged: bool | None = None
) -> Any:
    """Return x as a `jax.Array`; a symbolic tensor stays one.

    Args:
        x: an array, a variable, a number or nested lists of numbers.
        dtype: of the result; x's own by default.
        sparse, ragged: kept for programs that pass them; the result is dense.

    Raises:
        ValueError: `ragged=True`, or an integer that does not fit the dtype.

    Example:
        >>> convert_to_tensor([1, 2], "float32")
        Array([1., 2.], dtype=float32)
    """
    if ragged:
        raise ValueError(
            errors.report("convert_to_tensor", expected="a dense array", got="ragged=True")
        )
    if isinstance(x, SymbolicTensor):
        return x if dtype in (None, x.dtype) else cast(x, dtype)
    return dtypes.as_array(x.value if isinstance(x, Variable) else x, dtype)


def convert_to_numpy(x: Any) -> np.ndarray:
    """Return x as a NumPy array on the host, a copy.

    Example:
        >>> convert_to_numpy(jnp.ones(2))
        array([1., 1.], dtype=float32)
    """
    return np.array(x.value if isinstance(x, Variable) else x)


def is_tensor(x: Any) -> bool:
    """Return whether x is an array of the engine, a traced one included.

    Example:
        >>> is_tensor(jnp.ones(2)), is_tensor([1.0])
        (True, False)
    """
    return isinstance(x, jax.Array)


def shape(x: Any) -> tuple[int | None, ...]:
    """Return the shape as a tuple; None is an unknown size of a symbolic tensor.

    Example:
        >>> shape(jnp.ones((2, 3)))
        (2, 3)
    """
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


def dtype(x: Any) -> str:
    """Return the name of x's dtype.

    Example:
        >>> dtype(jnp.ones(2))
        'float32'
    """
    return dtypes.standardize_dtype(x.dtype if hasattr(x, "dtype") else jnp.asarray(x).dtype)


@checked
@op
def cast(x: Any, dtype: Any) -> Any:
    """x in another dtype; a Python integer must fit it, arrays wrap round as in C."""
    return x.astype(dtypes.standardize_dtype(dtype))


@op
def saturate_cast(x: Any, dtype: Any) -> Any:
    """x in another dtype; what does not fit becomes its largest or smallest number."""
    name = dtypes.standardize_dtype(dtype)
    if name == "bool" or "complex" in name:
        return x.astype(name)
    name = jax.dtypes.canonicalize_dtype(name).name  # "int64" has 32 bits unless 64 are on
    least, most = (_limits(d) for d in (name, x.dtype.name))
    return jnp.clip(x, max(least[0], most[0]), min(least[1], most[1])).astype(name)


def _limits(name: str) -> tuple[float, float]:
    if name == "bool":
        return 0, 1
    info = jnp.finfo(name) if dtypes.is_float(name) else jnp.iinfo(name)
    return (
        (float(info.min), float(info.max))
        if dtypes.is_float(name)
        else (int(info.min), int(info.max))
    )


# -- control flow: the functions get and return arrays, or structures of arrays


@op
def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Result of `true_fn()` or `false_fn()`; only one runs, both must give the same shapes."""
    return lax.cond(pred, true_fn, false_fn)


@op
def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Result of `branches[index](*operands)`; an index out of range takes the nearest."""
    return lax.switch(index, branches, *operands)


@op
def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    maximum_iterations: int | None = None,
) -> Any:
    """Values of the loop variables after `body` has run as long as `cond` holds.

    Args:
        cond: `(*loop_vars) -> bool`.
        body: `(*loop_vars) -> loop_vars`, of the same shapes and dtypes.
        loop_vars: a tuple or list of arrays, or one array.
        maximum_iterations: the loop ends then at the latest.
    """
    several = isinstance(loop_vars, (tuple, list))
    most = np.iinfo(np.int32).max if maximum_iterations is None else maximum_iterations

    def proceed(state: Any) -> Any:
        turn, values = state
        return jnp.logical_and(turn < most, cond(*values))

    def step(state: Any) -> Any:
        turn, values = state
        new = body(*values)
        return turn + 1, tuple(new) if several else (new,)

    first = tuple(loop_vars) if several else (loop_vars,)
    _, last = lax.while_loop(proceed, step, (0, first))
    return last if several else last[0]


@op
def fori_loop(lower: Any, upper: Any, body_fun: Callable[[Any, Any], Any], init_val: Any) -> Any:
    """Value after `value = body_fun(i, value)` for each i from lower to upper - 1."""
    return lax.fori_loop(lower, upper, body_fun, init_val)


@op
def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> Any:
    """Last state and all outputs of `state, output = f(state, x)`, over the first axis of xs."""
    return lax.scan(f, init, xs, length, reverse, unroll)


@op
def associative_scan(
    f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0
) -> Any:
    """All partial results of an associative function f over an axis, computed in parallel."""
    return lax.associative_scan(f, elems, reverse, axis)


@op
def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """f of each slice of xs along the first axis, one after the other."""
    return lax.map(f, xs)


@op
def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """The function of each slice of elements along the first axis, all at once."""
    return jax.vmap(function)(elements)


# -- scattering and slicing


@op
def scatter(indices: Any, values: Any, shape: Sequence[int]) -> Any:
    """Zeros with the values added at the indices.

    Args:
        indices: (..., axes), integers.
        values: (..., *rest): what to add; rest are the axes that indices does not name.
        shape: of the result.
    """
    return jnp.zeros(tuple(shape), values.dtype).at[tuple(jnp.moveaxis(indices, -1, 0))].add(values)


@op
def scatter_update(inputs: Any, indices: Any, updates: Any, reduction: str | None = None) -> Any:
    """A copy of the inputs, changed at the indices (see `scatter`).

    `reduction` is None to replace, or `"add"`, `"mul"`, `"min"` or `"max"`.
    """
    way = {None: "set", "add": "add", "mul": "multiply", "min": "min", "max": "max"}
    if reduction not in way:
        fix = errors.suggest(reduction, [n for n in way if n])
        raise ValueError(errors.report("scatter_update: reduction", got=repr(reduction), fix=fix))
    place = inputs.at[tuple(jnp.moveaxis(indices, -1, 0))]
    return getattr(place, way[reduction])(updates)


@op
def slice(inputs: Any, start_indices: Any, shape: Sequence[int]) -> Any:
    """A block of the inputs; -1 in the shape stands for all that follows."""
    sizes = [
        n - start if size == -1 else size
        for n, start, size in zip(inputs.shape, start_indices, shape)
    ]
    return lax.dynamic_slice(inputs, start_indices, sizes)


@op
def slice_update(inputs: Any, start_indices: Any, updates: Any) -> Any:
    """A copy of the inputs with a block replaced by the updates."""
    return lax.dynamic_update_slice(inputs, updates.astype(inputs.dtype), start_indices)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> list[Any]:
    """A list of the slices of x along an axis."""
    return [lax.index_in_dim(x, i, axis, keepdims=False) for i in range(x.shape[axis])]


# -- gradients


@op
def stop_gradient(variable: Any) -> Any:
    """The same values, constant for derivatives."""
    return jax.tree.map(lax.stop_gradient, variable)


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its own derivative.

    Args:
        f: returns `(result, gradient)`; `gradient(upstream)` gets the derivative by the result
            and returns one for each argument.

    Example:
        >>> @custom_gradient
        ... def clamp_slope(x):
        ...     return x**2, lambda upstream: jnp.clip(2 * x * upstream, -1, 1)
        >>> float(jax.grad(clamp_slope)(3.0))
        1.0
    """
    inner = jax.custom_gradient(f)

    def call(*args: Any, **kwargs: Any) -> Any:
        if any_symbolic((args, kwargs)):
            raise TypeError(
                errors.report(
                    "a function with a custom gradient",
                    got="a symbolic tensor",
                    fix="call it in a layer",
                )
            )
        return (
            inner(*args, **kwargs)
            if not kwargs
            else jax.custom_gradient(lambda *a: f(*a, **kwargs))(*args)
        )

    return call


__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
