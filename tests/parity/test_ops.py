"""Every function of `ops` equals the real Keras on JAX at 1e-5: values, dtypes, gradients.

Gradients are compared where the function is not JAX's own, which both call: there they are equal
because the values are.
"""

import jax
import jax.numpy as jnp
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


QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
# Losses, layers and activations of the same names have their gradients compared elsewhere.
_SMOOTH = set(
    "adaptive_average_pool adaptive_max_pool average batch_normalization cdist cholesky_inverse"
    " depth_to_space diff divide_no_nan dot_product_attention erfinv extract_sequences fft fold"
    " image.extract_patches image.hsv_to_rgb image.map_coordinates image.pad_images image.resize"
    " image.rgb_to_hsv layer_normalization logdet logsumexp lstsq median moments nan_to_num norm"
    " normalize psnr quantile rfft rms_normalization rsqrt scatter scatter_update segment_max"
    " segment_sum select slice_update solve_triangular space_to_depth tensordot trapezoid unfold"
    " unstack view_as_complex".split()
)


def _is_float(leaf):
    return isinstance(leaf, np.ndarray) and leaf.dtype == np.float32


def _differentiable():
    """Return the first row of each function that has an array of floats."""
    rows = {}
    for row in ROWS:
        if row[0] in _SMOOTH and any(map(_is_float, jax.tree.leaves(row[1:]))):
            rows.setdefault(row[0], row)
    return list(rows.values())


def _slopes(function, args, kwargs):
    leaves, tree = jax.tree.flatten((args, kwargs))

    def total(values):
        left = iter(values)
        full = [next(left) if _is_float(leaf) else leaf for leaf in leaves]
        new_args, new_kwargs = tree.unflatten(full)
        outputs = [jnp.asarray(y) for y in jax.tree.leaves(function(*new_args, **new_kwargs))]
        real = [y for y in outputs if jnp.issubdtype(y.dtype, jnp.inexact)]
        return sum(
            jnp.sum(jnp.real(y) * jnp.cos(jnp.arange(y.size)).reshape(y.shape)) for y in real
        )

    slope = jax.jit(jax.grad(total), compiler_options=QUICK)
    return slope([jnp.asarray(leaf) for leaf in leaves if _is_float(leaf)])


@pytest.mark.parametrize("row", _differentiable(), ids=title)
def test_gradient_equals_keras(row):
    name, args, kwargs = row
    ours = _slopes(find(keraunos.ops, name), args, kwargs)
    theirs = _slopes(find(keras.ops, name), args, kwargs)
    for one, other in zip(ours, theirs, strict=True):
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5 * scale)
