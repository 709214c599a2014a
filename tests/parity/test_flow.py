"""Operations that take functions equal the real Keras on JAX: values and derivatives."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.flow import ROWS, WHOLE

import keraunos

RNG = np.random.default_rng(0)
ids = lambda value: value if isinstance(value, str) else ""  # noqa: E731
A, B = (jnp.asarray(RNG.uniform(0.2, 1.5, (3, 4)), "float32") for _ in range(2))


def same(mine, theirs):
    mine, theirs = jax.tree.leaves(mine), jax.tree.leaves(theirs)
    for one, other in zip(mine, theirs, strict=True):
        assert np.asarray(one).dtype == np.asarray(other).dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name, call", [*ROWS, *WHOLE], ids=ids)
def test_value(name, call):
    same(call(keraunos, A, B), call(keras, A, B))


@pytest.mark.parametrize("name, call", ROWS, ids=ids)
def test_derivative(name, call):
    total = lambda a, api: sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(call(api, a, B)))  # noqa: E731
    same(jax.grad(total)(A, keraunos), jax.grad(total)(A, keras))
