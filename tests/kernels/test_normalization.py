"""Batch normalization equals the plain formula, and so do its derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos._kernels.normalization import batch_norm


def plain(x, gamma, beta, epsilon, axis):
    axes = tuple(a for a in range(x.ndim) if a != axis % x.ndim)
    shape = [-1 if a == axis % x.ndim else 1 for a in range(x.ndim)]
    mean = x.mean(axes, keepdims=True)
    variance = jnp.square(x - mean).mean(axes, keepdims=True)
    y = (x - mean) / jnp.sqrt(variance + epsilon) * gamma.reshape(shape) + beta.reshape(shape)
    return y, mean.reshape(-1), variance.reshape(-1)


def arrays(shape, axis, scale=1.0):
    draw = np.random.default_rng(0)
    sizes = shape, (shape[axis],), (shape[axis],)
    return [jnp.asarray(draw.normal(3, 1, size) * scale, "float32") for size in sizes]


CASES = [((6, 5), -1), ((4, 3, 5, 2), -1), ((4, 3, 5, 2), 1), ((4, 3, 2), -2)]


def assert_equal(ours, theirs, tolerance=1e-5):
    for one, other in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        size = max(1.0, float(jnp.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=0, atol=tolerance * size)


@pytest.mark.parametrize("shape, axis", CASES, ids=str)
def test_equals_the_plain_formula_forwards_and_backwards(shape, axis):
    given = arrays(shape, axis)

    def results(function):
        def run(*given):
            return function(*given, 1e-3, axis)

        values, pull = jax.vjp(run, *given)
        weights = [jnp.cos(jnp.arange(v.size, dtype="float32")).reshape(v.shape) for v in values]
        return values, pull(tuple(weights)), jax.jvp(run, given, [g / 2 for g in given])

    assert_equal(jax.jit(lambda: results(batch_norm))(), jax.jit(lambda: results(plain))())


def test_is_differentiated_twice():
    given = arrays((5, 3), -1)

    def penalty(function):
        def loss(*given):
            return jnp.sin(function(*given, 1e-3, -1)[0]).sum()

        def total(*given):
            return sum(jnp.sum(g * g) for g in jax.grad(loss, (0, 1, 2))(*given))

        return jax.jit(jax.grad(total, (0, 1, 2)))(*given)

    assert_equal(penalty(batch_norm), penalty(plain))


def test_a_large_mean_costs_no_digits():
    x = jnp.asarray([[10000.0], [10001.0]], "float32")
    one = jnp.ones(1)
    assert float(batch_norm(x, one, one, 0.0, -1)[2][0]) == 0.25
