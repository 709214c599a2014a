"""Shapes by abstract evaluation; graphs sorted and replayed."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keraunos._core.graph import Function
from keraunos._core.op import op
from keraunos._core.symbolic import SymbolicTensor, infer

double = op(lambda x: x * 2, "x", "Twice.", name="test_double")
total = op(jnp.add, "x1, x2", "Sum.", name="test_total", unify=True)
flat = op(lambda x: x.reshape(x.shape[0], -1), "x", "Flat.", name="test_flat")

sizes = st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=1, max_size=4)


@settings(max_examples=40)
@given(sizes, st.integers(1, 7))
def test_inferred_shapes_agree_with_computed_ones(shape, unknown):
    found = infer(lambda x: flat(x), (SymbolicTensor(shape),), {}).shape
    real = flat(jnp.ones([unknown if n is None else n for n in shape])).shape
    assert len(found) == len(real)
    assert all(a is None or a == b for a, b in zip(found, real, strict=True))
    if None not in shape:
        assert found == real


def test_unknown_sizes_take_the_other_operands():
    assert total(SymbolicTensor((None, 3)), SymbolicTensor((2, None))).shape == (2, 3)
    assert total(SymbolicTensor((None, 3)), SymbolicTensor((1, 3))).shape == (None, 3)


def test_a_size_that_is_really_known_stays_known():
    assert infer(lambda x: x[:7], (SymbolicTensor((None, 2)),), {}).shape == (7, 2)


def test_a_graph_runs_each_node_once():
    calls = []

    def counted(x):
        calls.append(1)
        return x + 1

    step = op(counted, "x", "Counted.", name="test_counted")
    x = SymbolicTensor((None, 2))
    y = step(x)
    function = Function(x, total(double(y), y))
    calls.clear()
    assert function(jnp.ones((1, 2))).tolist() == [[6.0, 6.0]]
    assert len(calls) == 1


def test_a_graph_of_thousands_of_nodes_needs_no_recursion():
    x = y = SymbolicTensor((2,))
    for _ in range(3000):
        new = SymbolicTensor((2,))
        from keraunos._core.op import Operation
        from keraunos._core.symbolic import Node

        Node(Operation(double), (y,), {}, new)
        y = new
    assert len(Function(x, y).nodes) == 3000


@pytest.mark.parametrize("action", [bool, float, np.asarray, len, iter])
def test_what_needs_a_value_says_so(action):
    with pytest.raises(TypeError, match="no value yet"):
        action(SymbolicTensor((None, 2), name="x"))
