"""Layers of keraunos and of Keras with the same weights, for tests of LoRA and quantization."""

import jax
import jax.numpy as jnp
import numpy as np

QUICK = {"xla_backend_optimization_level": 0}  # each program runs once


def filled(layer, seed=1):
    """Give the float weights of a layer the same random values, whoever wrote the layer."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if str(weight.dtype) == "float32" and "scale" not in weight.name and weight.name != "g_idx":
            weight.assign(rng.normal(size=weight.shape).astype("float32"))
    return layer


def made(api, case, **options):
    layer = getattr(api.layers, case.layer)(**case.options, **options)
    layer(api.Input(batch_shape=case.shape, dtype=case.inputs().dtype.name))
    return filled(layer)


def outputs_and_slopes(layer, x):
    """Return outputs, and gradients with respect to what is trained and to a float input."""
    fixed = [jnp.asarray(v) for v in layer.non_trainable_variables]

    def total(weights, x):
        outputs = layer.stateless_call(weights, fixed, x)[0]
        wave = jnp.cos(jnp.arange(outputs.size, dtype="float32")).reshape(outputs.shape)
        return jnp.sum(outputs * wave), outputs

    whole = jnp.issubdtype(x.dtype, jnp.integer)
    slope = jax.jit(jax.grad(total, 0 if whole else (0, 1), has_aux=True), compiler_options=QUICK)
    slopes, outputs = slope([jnp.asarray(v) for v in layer.trainable_variables], x)
    return jax.tree.leaves((outputs, slopes))


def same_weights(mine, theirs):
    """Compare names, shapes, dtypes and values: integers exactly."""
    named = lambda w: (w.name, tuple(w.shape), str(w.dtype))  # noqa: E731
    assert [*map(named, mine.weights)] == [*map(named, theirs.weights)]
    for own, other in zip(mine.weights, theirs.weights):
        own, other = np.asarray(own), np.asarray(other)
        if own.dtype.kind in "iu":
            np.testing.assert_array_equal(own, other)
        else:
            np.testing.assert_allclose(own, other, rtol=1e-6)


def close(mine, theirs):
    for own, other in zip(mine, theirs, strict=True):
        assert own.shape == other.shape
        assert own.dtype == other.dtype
        np.testing.assert_allclose(own, other, rtol=1e-5, atol=2e-5)
