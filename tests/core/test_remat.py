"""Rematerialized layers compute the same, with the same gradients, states, losses and masks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")
Y = np.random.default_rng(1).normal(size=(8, 3)).astype("float32")


def model(scope):
    with scope:
        found = keras.Sequential(
            [
                keras.Input((6,)),
                layers.Dense(5, activation="tanh", activity_regularizer="l2", name="one"),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.Dense(3, name="two"),
            ]
        )
    rng = np.random.default_rng(2)
    found.set_weights([rng.uniform(0.5, 1.0, w.shape).astype("float32") for w in found.weights])
    found.compile("sgd", "mse")
    return found


def again(found):
    """Return how many parts of a training step are computed again."""
    trainable = [v.value for v in found.trainable_variables]
    fixed = [v.value for v in found.non_trainable_variables]

    def total(weights):
        outputs, _ = found.stateless_call(weights, fixed, X, training=True)
        return jnp.sum(outputs)

    return str(jax.make_jaxpr(jax.grad(total))(trainable)).count("remat")


@pytest.mark.parametrize(
    "scope, count",
    [
        (keras.RematScope("full"), 4),
        (keras.RematScope("activations"), 2),
        (keras.RematScope("larger_than", output_size_threshold=30), 3),
        (keras.RematScope("list_of_layers", layer_names=["one"]), 1),
        (keras.RematScope(None), 0),
    ],
    ids=lambda value: str(getattr(value, "mode", "")),
)
def test_training_is_the_same(scope, count):
    results = []
    for one in (keras.RematScope(None), scope):
        keras.utils.set_random_seed(3)
        found = model(one)
        losses = found.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]
        results.append([*losses, *found.get_weights()])
    for plain, saved in zip(*results, strict=True):
        np.testing.assert_allclose(saved, plain, rtol=1e-5, atol=1e-6)
    assert again(found) == count


def test_masks_go_on():
    with keras.RematScope("full"):
        inner = keras.Sequential([layers.Embedding(5, 3, mask_zero=True), layers.Dense(2)])
    pooled = layers.GlobalAveragePooling1D()(inner(np.array([[1, 2, 0, 0]])))
    plain = inner(np.array([[1, 2]]))
    np.testing.assert_allclose(pooled, jnp.mean(plain, axis=1), rtol=1e-5)


def test_a_function_is_wrapped():
    slope = jax.grad(keras.remat(lambda x, power=2: jnp.sin(x) ** power))(1.0)
    np.testing.assert_allclose(slope, 2 * np.sin(1.0) * np.cos(1.0), rtol=1e-5)
    with pytest.raises(ValueError, match="mode of RematScope"):
        keras.RematScope("most")


def test_methods_that_a_layer_has_for_programs():
    layer = layers.Dense(2)
    x = keras.Input((3,))
    assert layer.symbolic_call(x).shape == (None, 2)
    assert layer.rematerialized_call(layer.call) == layer.call
    assert layer.quantized_call(jnp.ones((1, 3))).shape == (1, 2)
    assert keras.Layer().add_variable((2,), "ones").shape == (2,)
    with pytest.raises(NotImplementedError, match="metrics="):
        layer.add_metric(0.0)
