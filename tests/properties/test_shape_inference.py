"""The inferred shape is the computed one, and replaying the graph gives the computed values."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tables.ops import BATCH, ROWS, find, title

import keraunos
from keraunos import ops
from keraunos._core.graph import Function
from keraunos._core.symbolic import SymbolicTensor

# Not operations of a graph, or of numbers that must be known when the graph is made.
_EAGER = {
    "arange",
    "array",
    "bartlett",
    "blackman",
    "hamming",
    "hanning",
    "kaiser",
    "ndim",
    "size",
    "shape",
}
# Data decides the shape of the result, so the inferred one is unknown there.
_UNKNOWN = {"bincount", "nonzero"}
# Results whose shape follows from data, which cannot be known: they raise symbolically.
_DATA = {"unique"}


def _symbol(array, unknown):
    shape = [None if unknown and i == 0 and n == BATCH else n for i, n in enumerate(array.shape)]
    return SymbolicTensor(shape, array.dtype.name)


def _is_tensor(leaf):
    return (
        isinstance(leaf, np.ndarray)
        and leaf.ndim > 0
        and leaf.dtype != np.float64
        and leaf.dtype != np.int64
    )


def _rows():
    """Return each call with tensors, and each function without further arguments once."""
    seen = set()
    for row in ROWS:
        name, args, kwargs = row
        if name in _EAGER | _DATA or not any(map(_is_tensor, jax.tree.leaves((args, kwargs)))):
            continue
        if not (all(map(_is_tensor, args)) and not kwargs and name in seen):
            yield row
        seen.add(name)


@pytest.mark.parametrize("row", list(_rows()), ids=title)
def test_inferred_equals_computed(row):
    name, args, kwargs = row
    function = find(ops, name)
    leaves, tree = jax.tree.flatten((args, kwargs))
    values = [v for v in leaves if _is_tensor(v)]

    def call(tensors):
        left = iter(tensors)
        new_args, new_kwargs = tree.unflatten([next(left) if _is_tensor(v) else v for v in leaves])
        return function(*new_args, **new_kwargs)

    computed = keraunos.tree.flatten(function(*args, **kwargs))
    known = keraunos.tree.flatten(call([_symbol(v, unknown=False) for v in values]))
    inputs = [_symbol(v, unknown=True) for v in values]
    outputs = keraunos.tree.flatten(call(inputs))
    for value, sure, unsure in zip(computed, known, outputs, strict=True):
        assert sure.dtype == unsure.dtype == value.dtype.name
        assert name in _UNKNOWN or sure.shape == value.shape
        assert len(unsure.shape) == value.ndim
        assert all(a in (b, None) for a, b in zip(unsure.shape, value.shape))
    for value, again in zip(computed, Function(inputs, outputs)(values), strict=True):
        np.testing.assert_array_equal(np.asarray(again), np.asarray(value))


_SIZES = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@settings(max_examples=30)
@given(shape=_SIZES, data=st.data())
def test_unknown_batch_stays_unknown(shape, data):
    """An axis that a function keeps is unknown in its result, and no other axis is."""
    axis = data.draw(st.integers(1, len(shape)))
    x = SymbolicTensor((None, *shape))
    assert ops.relu(x).shape == (None, *shape)
    assert ops.sum(x, axis=axis, keepdims=True).shape[0] is None
    assert ops.sum(x, axis=axis).shape == (None, *shape[: axis - 1], *shape[axis:])
    assert ops.expand_dims(x, axis).shape == (None, *shape[: axis - 1], 1, *shape[axis - 1 :])
    assert ops.reshape(x, (-1, int(np.prod(shape)))).shape == (None, int(np.prod(shape)))
    assert ops.concatenate([x, x], axis=axis).shape[axis] == 2 * shape[axis - 1]
    assert ops.flip(x, axis=axis).shape == (None, *shape)


@settings(max_examples=30)
@given(left=_SIZES, right=_SIZES)
def test_broadcasting_is_numpys(left, right):
    try:
        wanted = np.broadcast_shapes(tuple(left), tuple(right))
    except ValueError:
        with pytest.raises((ValueError, TypeError)):
            ops.add(SymbolicTensor(left), SymbolicTensor(right))
    else:
        assert ops.add(SymbolicTensor(left), SymbolicTensor(right)).shape == wanted


@pytest.mark.parametrize(
    "key, shape",
    [
        (0, (10, 3)),
        (slice(None), (None, 10, 3)),
        (slice(0, 5), (None, 10, 3)),
        ((slice(None), 0), (None, 3)),
        ((slice(None), slice(2, 6)), (None, 4, 3)),
        ((..., None), (None, 10, 3, 1)),
        ((slice(None), -1, slice(None, None, 2)), (None, 2)),
    ],
    ids=repr,
)
def test_a_part_of_an_unknown_axis_is_unknown(key, shape):
    assert SymbolicTensor((None, 10, 3))[key].shape == shape


def test_two_unknown_axes_unify():
    assert ops.add(SymbolicTensor((None, 3)), SymbolicTensor((2, None))).shape == (2, 3)
    assert ops.multiply(SymbolicTensor((None, 1)), SymbolicTensor((None, 7))).shape == (None, 7)


X, ONES, T = SymbolicTensor((None, None)), np.ones((3, 4), "float32"), SymbolicTensor


@pytest.mark.parametrize(
    "call, shape",
    [
        (lambda: ops.matmul(X, ONES), (None, 4)),
        (lambda: ops.matmul(X, T((3, 4))), (None, 4)),
        (lambda: ops.matmul(T((None, 5, None)), T((7, 3, None))), (7, 5, None)),
        (lambda: ops.dot(X, ONES.tolist()), (None, 4)),
        (lambda: ops.inner(X, ONES), (None, 3)),
        (lambda: ops.tensordot(X, ONES, axes=1), (None, 4)),
        (lambda: ops.tensordot(X, ONES, axes=[[0], [0]]), (None, 4)),
        (lambda: ops.tensordot(X, ONES, axes=[0, 1]), (None, 3)),
        (lambda: T((None, 1)) + ONES, (3, 4)),
        (lambda: ops.where(T((None, 1), "bool"), ONES, 0.0), (3, 4)),
        (lambda: ops.concatenate([X, ONES], axis=1), (3, None)),
        (lambda: ops.concatenate([X, ONES], axis=0), (None, 4)),
        (lambda: ops.stack([X, ONES]), (2, 3, 4)),
        (lambda: ops.append(X, ONES, axis=1), (3, None)),
        (lambda: ops.hstack([X, ONES]), (3, None)),
        (lambda: ops.vstack([X, ONES]), (None, 4)),
        (lambda: keraunos.layers.Concatenate(axis=0)([X, T((3, 4))]), (None, 4)),
        (lambda: ops.concatenate([X, T((None, 1)), T((3, 4))], axis=1), (3, None)),
        (lambda: ops.concatenate([T((None, None, 2)), T((None, 1, 3))], axis=-1), (None, 1, 5)),
        (lambda: ops.reshape(T((4, None, 2)), (16,)), (16,)),
        (lambda: ops.reshape(X, (5, -1, 7)), (5, None, 7)),
        (lambda: keraunos.layers.Reshape((12,))(T((None, None, None))), (None, 12)),
        (lambda: ops.diag(T((None, 3))), (None,)),
        (lambda: ops.diagonal(T((None, 3, 4)), axis1=1, axis2=2), (None, 3)),
        (lambda: ops.diagonal(T((None, 3, 4))), (4, None)),
    ],
)
def test_unknown_sizes_beside_known_ones(call, shape):
    assert call().shape == shape
