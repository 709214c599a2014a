"""Pooling kernels equal XLA's windowed reduction, in values and in gradients, ties included."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from keraunos._kernels.pooling import average_pool, max_pool

# shape with the channels last, pool_size, strides
CASES = [
    ((2, 7, 3), 2, None),
    ((2, 9, 3), 3, 2),
    ((2, 9, 3), 2, 3),
    ((1, 45, 2), 40, 1),
    ((2, 8, 8, 3), 2, None),
    ((2, 9, 7, 3), 3, 2),
    ((2, 9, 7, 2), (3, 2), (1, 3)),
    ((2, 5, 6, 2), 5, 1),
    ((2, 5, 4, 6, 2), 2, None),
    ((1, 5, 6, 7, 2), 3, 2),
    ((2, 6, 6, 2), (1, 2), None),
    ((2, 6, 6, 2), 1, 2),
    ((3, 9, 7, 35), 3, 2),
    ((2, 7, 8), 2, None),
    ((2, 4, 5, 6, 16), 2, 1),
]


def reference(x, start, function, pool_size, strides, padding, data_format):
    rank = x.ndim - 2
    sizes = (pool_size,) * rank if isinstance(pool_size, int) else pool_size
    steps = sizes if strides is None else strides
    steps = (steps,) * rank if isinstance(steps, int) else steps
    before, after = ((1,), (1,)) if data_format == "channels_last" else ((1, 1), ())
    widen = lambda values: before + tuple(values) + after  # noqa: E731
    return lax.reduce_window(x, start, function, widen(sizes), widen(steps), padding.upper())


def average_reference(x, *args):
    total = reference(x, 0.0, lax.add, *args)
    return total / reference(jnp.ones_like(x), 0.0, lax.add, *args)


def max_reference(x, *args):
    return reference(x, -np.inf, lax.max, *args)


def values(shape, data_format):
    x = jax.random.normal(jax.random.key(math.prod(shape)), shape)
    return x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("padding", ["valid", "same"])
@pytest.mark.parametrize(("shape", "pool_size", "strides"), CASES)
def test_equals_windowed_reduction(shape, pool_size, strides, padding, data_format):
    def both(x, ties, cotangent):
        options = {"strides": strides, "padding": padding, "data_format": data_format}
        results = []
        for kernel, plain, at in [
            (max_pool, max_reference, x),
            (max_pool, max_reference, ties),
            (average_pool, average_reference, x),
        ]:
            got, pull = jax.vjp(lambda x, kernel=kernel: kernel(x, pool_size, **options), at)
            want, pull_plain = jax.vjp(
                lambda x, plain=plain: plain(x, pool_size, *options.values()), at
            )
            cotangent = jnp.resize(cotangent, want.shape)
            results.append((got, want, pull(cotangent)[0], pull_plain(cotangent)[0]))
        return results

    x = values(shape, data_format)
    ties = jnp.round(jax.nn.relu(x))
    cotangent = jax.random.normal(jax.random.key(1), (97,))
    for got, want, gradient, wanted_gradient in jax.jit(both)(x, ties, cotangent):
        np.testing.assert_allclose(got, want, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(gradient, wanted_gradient, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "int32"])
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_dtypes(dtype, padding):
    x = jnp.arange(-18, 18).reshape(1, 6, 6, 1).astype(dtype)
    got = max_pool(x, 3, strides=2, padding=padding)
    assert got.dtype == x.dtype
    want = max_pool(x.astype("float32"), 3, strides=2, padding=padding)
    np.testing.assert_array_equal(got.astype("float32"), want)


def test_max_passes_nan_on():
    x = jnp.array([1.0, np.nan, 2.0, 3.0]).reshape(1, 4, 1)
    assert np.isnan(max_pool(x, 2)[0, 0, 0])


@pytest.mark.parametrize("kernel", [max_pool, average_pool])
def test_forward_mode_and_second_derivatives(kernel):
    x = jax.random.normal(jax.random.key(0), (1, 5, 5, 2))
    tangent = jax.random.normal(jax.random.key(1), x.shape)
    function = lambda x: kernel(x, 3, strides=2, padding="same")  # noqa: E731
    primal, pushed = jax.jvp(function, (x,), (tangent,))
    _, pull = jax.vjp(function, x)
    cotangent = jnp.cos(primal)
    np.testing.assert_allclose(
        jnp.vdot(pushed, cotangent), jnp.vdot(pull(cotangent)[0], tangent), rtol=1e-5
    )
    jax.hessian(lambda x: jnp.sum(function(x) ** 2))(x)
