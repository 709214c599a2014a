"""What an operation says of its result before it runs is what comes out: shape and dtype.

A few calls of each are drawn, the same in every run. For many, and others each time:

    KERAUNOS_TEST_SEED=1 KERAUNOS_EXHAUSTIVE=200 pytest tests/properties/test_ops.py
"""

import os

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.tables.op_families import FAMILIES, FIXED
from tests.tables.ops import ROWS, find

from keraunos import ops
from keraunos._core.symbolic import SymbolicTensor

EXAMPLES = int(os.environ.get("KERAUNOS_EXHAUSTIVE", "0"))
CALLS = [(name, draw) for names, draw in FAMILIES for name in names.split()]
# An unknown first axis: functions of one array that do not count along it.
OPEN = {name for names, draw in FAMILIES[:5] for name in names.split()} | set(
    "max_pool average_pool conv softmax log_softmax one_hot top_k cast image.resize".split()
)
# Of an array, but not with one as the result.
DESCRIBING = {"ndim", "shape", "size"}


def symbols(arrays, unknown):
    """Return symbolic tensors of the arrays' shapes; the axes in `unknown` have no size."""
    found = []
    for i, x in enumerate(arrays):
        shape = [None if (i, axis) in unknown else n for axis, n in enumerate(x.shape)]
        found.append(SymbolicTensor(shape, x.dtype.name))
    return found


def described(outputs):
    return [(tuple(y.shape), getattr(y.dtype, "name", y.dtype)) for y in jax.tree.leaves(outputs)]


@pytest.mark.parametrize("name, draw_call", CALLS, ids=[name for name, _ in CALLS])
@settings(
    max_examples=EXAMPLES or 2,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_symbolic_result_is_the_computed_one(name, draw_call, data):
    arrays, call = draw_call(data.draw)
    function = find(ops, name)
    batch = data.draw(st.booleans()) and name in OPEN
    try:
        computed = described(call(function, arrays))
    except (TypeError, ValueError):
        # What is refused for arrays is refused in a graph.
        with pytest.raises((TypeError, ValueError)):
            call(function, symbols(arrays, ()))
        return
    assert described(call(function, symbols(arrays, ()))) == computed
    if batch and arrays[0].ndim:
        unsure = described(call(function, symbols(arrays, {(0, 0)})))
        for (shape, dtype), (real, kind) in zip(unsure, computed, strict=True):
            assert dtype == kind
            assert len(shape) == len(real)
            assert all(a in (None, b) for a, b in zip(shape, real))


def test_every_operation_on_arrays_is_drawn_or_fixed():
    drawn = {name for name, _ in CALLS}
    on_arrays = {
        row[0]
        for row in ROWS
        if any(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(row[1:]))
    }
    same = {id(find(ops, name)) for name in drawn | FIXED}
    assert sorted(name for name in on_arrays if id(find(ops, name)) not in same) == sorted(
        DESCRIBING
    )
    assert not drawn & FIXED
