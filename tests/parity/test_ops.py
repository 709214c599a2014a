"""Every function of `ops` equals the real Keras on JAX: values at 1e-5, and dtypes."""

import keras
import numpy as np
import pytest
from tests.tables.ops import ROWS, find, title

import keraunos


@pytest.mark.parametrize("row", ROWS, ids=title)
def test_equals_keras(row):
    name, args, kwargs = row
    ours = keraunos.tree.flatten(find(keraunos.ops, name)(*args, **kwargs))
    theirs = keraunos.tree.flatten(find(keras.ops, name)(*args, **kwargs))
    assert len(ours) == len(theirs)
    for one, other in zip(ours, theirs):
        one, other = np.asarray(one), np.asarray(other)
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
