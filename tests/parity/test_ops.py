"""Every function of `ops` equals the real Keras on JAX at 1e-5: values, dtypes, gradients."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables import op_options
from tests.tables.ops import ROWS, find, title

import keraunos


@pytest.mark.parametrize("row", [*ROWS, *op_options.ROWS], ids=title)
def test_equals_keras(row):
    name, args, kwargs = row
    ours = keraunos.tree.flatten(find(keraunos.ops, name)(*args, **kwargs))
    theirs = keraunos.tree.flatten(find(keras.ops, name)(*args, **kwargs))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
NO_SLOPE = {
    "nextafter": "JAX has no rule for it",
    "segment_prod": "JAX has no rule for it",
    "bincount": "needs concrete values",
    "rearrange": "Keras's own cannot be traced",
    "image.affine_transform": "its last two numbers count for nothing here, for something in Keras",
}


def _is_float(leaf):
    return isinstance(leaf, np.ndarray) and leaf.dtype == np.float32


def _has_slope(row):
    """Return whether a call takes floats and gives floats."""
    name, args, kwargs = row
    if name in NO_SLOPE or not any(map(_is_float, jax.tree.leaves(row[1:]))):
        return False
    values, call = _as_function(find(keraunos.ops, name), args, kwargs)
    return bool(jax.eval_shape(lambda values: _inexact(call(values)), values))


def _differentiable():
    """Return the first row of each function that has a slope."""
    rows = {}
    for row in ROWS:
        if row[0] not in rows and _has_slope(row):
            rows[row[0]] = row
    return list(rows.values())


def _as_function(function, args, kwargs):
    """Return the floats of a call, and the call as a function of them."""
    leaves, tree = jax.tree.flatten((args, kwargs))

    def call(values):
        left = iter(values)
        new_args, new_kwargs = tree.unflatten(
            [next(left) if _is_float(leaf) else leaf for leaf in leaves]
        )
        return function(*new_args, **new_kwargs)

    return [jnp.asarray(leaf) for leaf in leaves if _is_float(leaf)], call


def _inexact(outputs):
    arrays = [jnp.asarray(y) for y in jax.tree.leaves(outputs)]
    return [y for y in arrays if jnp.issubdtype(y.dtype, jnp.inexact)]


def _slopes(function, args, kwargs):
    values, call = _as_function(function, args, kwargs)

    def total(values):
        return sum(
            jnp.sum(jnp.real(y) * jnp.cos(jnp.arange(y.size)).reshape(y.shape))
            for y in _inexact(call(values))
        )

    return jax.jit(jax.grad(total), compiler_options=QUICK)(values)


@pytest.mark.parametrize("row", _differentiable(), ids=title)
def test_gradient_equals_keras(row):
    name, args, kwargs = row
    ours = _slopes(find(keraunos.ops, name), args, kwargs)
    theirs = _slopes(find(keras.ops, name), args, kwargs)
    for one, other in zip(ours, theirs, strict=True):
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * scale)


def test_every_option_is_given_in_some_row():
    """Of each function whose name is in the tables: whatever has a default, and both layouts."""
    given, functions = {}, {}
    for name, args, kwargs in [*ROWS, *op_options.ROWS]:
        function = find(keraunos.ops, name)
        bound = inspect.signature(function).bind(*args, **kwargs).arguments
        functions[id(function)] = function
        given.setdefault(id(function), set()).update(bound)
        if bound.get("data_format") == "channels_first":
            given[id(function)].add("channels_first")
    left = {}
    for key, function in functions.items():
        rows = inspect.signature(function).parameters
        options = {n for n, p in rows.items() if p.default is not p.empty}
        wanted = options - {"data_format"} | (
            {"channels_first"} if "data_format" in rows else set()
        )
        if missing := wanted - given[key] - op_options.UNTRIED.keys():
            left[function.__name__] = missing
    assert left == {}
