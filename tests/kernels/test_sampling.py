"""Sampling equals jax.scipy.ndimage, values and gradients, for every edge and dtype."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos._kernels import sampling

ORDERS = {"nearest": 0, "bilinear": 1}


def reference(images, rows, columns, interpolation, fill_mode, fill_value):
    """Return the same, an image and a channel at a time."""

    def plane(values, rows, columns):
        order = ORDERS[interpolation]
        return jax.scipy.ndimage.map_coordinates(
            values, [rows, columns], order, fill_mode, fill_value
        )

    return jax.vmap(jax.vmap(plane, (-1, None, None), -1))(images, rows, columns)


@pytest.mark.parametrize("interpolation", ORDERS)
@pytest.mark.parametrize("shape", [(2, 5, 4, 3), (2, 1, 3, 1)])
def test_values_and_gradients(interpolation, shape):
    rng = np.random.default_rng(0)
    images = jnp.asarray(rng.normal(size=shape), "float32")
    places = [jnp.asarray(rng.uniform(-12, 12, (2, 3, 6)), "float32") for _ in range(2)]

    @jax.jit
    def results(images, rows, columns):
        def total(f, fill_mode):
            def run(images, rows, columns):
                out = f(images, rows, columns, fill_mode)
                return jnp.sum(out * jnp.arange(out.size).reshape(out.shape)), out

            return jax.grad(run, (0, 1, 2), has_aux=True)(images, rows, columns)

        def mine(images, rows, columns, mode):
            how = {"interpolation": interpolation, "fill_mode": mode, "fill_value": 2.0}
            return sampling.sample(images, rows, columns, **how)

        theirs = lambda i, r, c, mode: reference(i, r, c, interpolation, mode, 2.0)  # noqa: E731
        return [[total(f, mode) for mode in sampling.FILL_MODES] for f in (mine, theirs)]

    for found, expected in zip(*map(jax.tree.leaves, results(images, *places)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", ["uint8", "int32", "bfloat16"])
def test_the_dtype_stays(dtype):
    images = jnp.asarray(np.random.default_rng(1).integers(0, 200, (1, 4, 4, 2)), dtype)
    rows, columns = jnp.full((1, 1, 2), 1.25), jnp.array([[[0.5, 2.75]]])
    found = sampling.sample(images, rows, columns)
    expected = reference(images, rows, columns, "bilinear", "constant", 0.0)
    assert found.dtype == expected.dtype == dtype
    np.testing.assert_array_equal(found.astype("float32"), expected.astype("float32"))
