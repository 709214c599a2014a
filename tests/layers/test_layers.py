"""What is random, refused, masked or frozen in layers, where equality with Keras cannot tell."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.layers import MISUSED, REFUSED

import keraunos
from keraunos import layers
from keraunos._core import context, state

ONES = jnp.ones((400, 50))


@pytest.mark.parametrize("name, options, word", REFUSED)
def test_wrong_arguments_are_named_at_once(name, options, word):
    with pytest.raises(ValueError) as caught:
        getattr(layers, name)(**options)
    message = str(caught.value)
    assert word in message
    assert name in message
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize("symbolic", [False, True])
@pytest.mark.parametrize("name, options, shapes, word", MISUSED)
def test_wrong_inputs_are_named(name, options, shapes, word, symbolic):
    make = (lambda s: keraunos.Input(batch_shape=s)) if symbolic else (lambda s: jnp.ones(s))
    inputs = [make(shape) for shape in shapes]
    layer = getattr(layers, name)(**options)
    with pytest.raises(ValueError) as caught:
        layer(inputs if len(inputs) > 1 else inputs[0])
    message = str(caught.value)
    assert word in message
    assert name in message
    assert len(message.splitlines()) <= 6


def test_a_wrong_input_does_not_build_the_layer():
    layer = layers.Conv2D(2, 3)
    with pytest.raises(ValueError):
        layer(jnp.ones((2, 8, 8)))
    assert layer(jnp.ones((2, 8, 8, 3))).shape == (2, 6, 6, 2)


def test_an_unknown_argument_has_the_nearest_one():
    with pytest.raises(TypeError, match="activation"):
        layers.Dense(3, activaton="relu")


@pytest.mark.parametrize("name", ["Dropout", "GaussianDropout", "AlphaDropout"])
@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_noise_keeps_the_mean_and_is_off_in_inference(name, rate):
    layer = getattr(layers, name)(rate)
    x = (
        ONES
        if name != "AlphaDropout"
        else jnp.asarray(np.random.default_rng(0).normal(size=(400, 50)), "float32")
    )
    noisy = layer(x, training=True)
    np.testing.assert_allclose(noisy.mean(), x.mean(), atol=0.05)
    assert not np.array_equal(noisy, x)
    np.testing.assert_array_equal(layer(x), x)


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.8, 1.0])
def test_dropout_drops_its_rate(rate):
    y = np.asarray(layers.Dropout(rate)(ONES, training=True))
    assert abs((y == 0).mean() - rate) < 0.02
    np.testing.assert_allclose(y[y != 0], 1 / max(1 - rate, 1e-7), rtol=1e-6)


def test_dropout_follows_the_key_of_the_step():
    layer = layers.Dropout(0.5)

    def run(seed):
        with state.bind([], [], key=jax.random.key(seed)):
            return np.asarray(layer(ONES, training=True))

    np.testing.assert_array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_spatial_dropout_drops_whole_channels(layout):
    y = np.asarray(
        layers.SpatialDropout2D(0.5, data_format=layout)(jnp.ones((8, 6, 6, 6)), training=True)
    )
    y = y if layout == "channels_first" else np.moveaxis(y, -1, 1)
    assert set(np.unique(y.sum((2, 3)))) == {0.0, 72.0}


def test_noise_shape_is_shared():
    y = np.asarray(
        layers.Dropout(0.5, noise_shape=(None, 1, 4))(jnp.ones((8, 5, 4)), training=True)
    )
    assert (y == y[:, :1]).all()


def test_frozen_batch_normalization_runs_in_inference_mode():
    layer = layers.BatchNormalization()
    x = jnp.asarray(np.random.default_rng(0).normal(3.0, 2.0, (16, 4)), "float32")
    layer(x, training=True)
    before = layer.get_weights()
    layer.trainable = False
    frozen = layer(x, training=True)
    np.testing.assert_array_equal(frozen, layer(x, training=False))
    for one, other in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_batch_normalization_is_exact_far_from_zero():
    x = jnp.asarray(np.random.default_rng(0).normal(1000.0, 1.0, (512, 2)), "float32")
    y = np.asarray(layers.BatchNormalization(epsilon=0.0)(x, training=True))
    np.testing.assert_allclose(y.std(0), 1.0, rtol=1e-3)


def test_embedding_says_nan_to_an_integer_out_of_range():
    y = np.asarray(layers.Embedding(4, 2)(jnp.array([[3, 4]])))
    assert np.isfinite(y[0, 0]).all()
    assert np.isnan(y[0, 1]).all()


def test_embedding_starts_from_given_weights():
    table = np.arange(6.0, dtype="float32").reshape(3, 2)
    layer = layers.Embedding(3, 2, weights=[table])
    np.testing.assert_array_equal(layer(jnp.array([2, 0])), table[[2, 0]])
    assert "weights" not in layer.get_config()


def test_embedding_keeps_large_integers_in_half_precision():
    layer = layers.Embedding(3001, 2, dtype="mixed_bfloat16")
    np.testing.assert_array_equal(layer(np.array([2999.0], "float32")), layer(np.array([2999])))


def test_masks_travel_through_layers():
    x = layers.Embedding(5, 3, mask_zero=True)(np.array([[1, 2, 0], [3, 0, 0]]))
    y = layers.TimeDistributed(layers.Dense(2))(layers.Dropout(0.2)(x))
    np.testing.assert_array_equal(context.get_mask(y), [[True, True, False], [True, False, False]])


def test_lambda_gets_mask_and_training():
    seen = {}

    def watch(x, mask=None, training=None, by=1):
        seen.update(mask=mask, training=training, by=by)
        return x

    x = layers.Masking()(jnp.array([[[1.0], [0.0]]]))
    y = layers.Lambda(watch, mask=lambda x, mask: ~mask, arguments={"by": 3})(x, training=True)
    assert (seen["training"], seen["by"]) == (True, 3)
    np.testing.assert_array_equal(seen["mask"], [[True, False]])
    np.testing.assert_array_equal(context.get_mask(y), [[False, True]])


def test_activity_regularization_is_charged_once_a_call():
    layer = layers.Dense(2, kernel_initializer="ones", activity_regularizer="l2")
    layer(jnp.ones((4, 3)))
    np.testing.assert_allclose(sum(layer.losses), 0.01 * 9 * 8 / 4)


def test_functional_forms():
    a, b = jnp.array([[1.0, 4.0]]), jnp.array([[3.0, 2.0]])
    rows = {
        "add": [4, 6],
        "subtract": [-2, 2],
        "multiply": [3, 8],
        "average": [2, 3],
        "maximum": [3, 4],
        "minimum": [1, 2],
    }
    for name, expected in rows.items():
        np.testing.assert_allclose(getattr(layers, name)([a, b]), [expected])
    assert layers.concatenate([a, b], axis=0).shape == (2, 2)
    np.testing.assert_allclose(layers.dot([a, b], axes=1), [[11.0]])


def test_input():
    x = layers.Input((28, 28), batch_size=4, dtype="int32", name="image")
    assert (x.shape, x.dtype, x.name) == ((4, 28, 28), "int32", "image")
    assert layers.Input(batch_shape=(None, 3)).shape == (None, 3)
    assert layers.InputLayer.from_config(layers.InputLayer((3,)).get_config()).batch_shape == (
        None,
        3,
    )
    for wrong in ({}, {"shape": (3,), "batch_shape": (None, 3)}, {"shape": 3}, {"shape": ("a",)}):
        with pytest.raises(ValueError, match="shape"):
            layers.Input(**wrong)


def test_unknown_sizes_of_merged_inputs_are_filled_in():
    merged = layers.add([layers.Input((None, 4)), layers.Input((7, 4))])
    assert merged.shape == (None, 7, 4)
    assert layers.concatenate([layers.Input((None, 4)), layers.Input((7, 2))]).shape == (None, 7, 6)


def test_names_of_keras_aliases():
    for alias in (
        "MaxPool2D",
        "Convolution2D",
        "GlobalAvgPool1D",
        "SeparableConvolution2D",
        "Convolution2DTranspose",
    ):
        assert issubclass(getattr(layers, alias), layers.Layer)
    assert layers.deserialize({"class_name": "MaxPool2D", "config": {}}).pool_size == (2, 2)


@pytest.mark.parametrize(
    "layer",
    [layers.Dense(2, "relu"), layers.Conv1D(2, 1, activation="relu"), layers.Activation("relu")],
)
def test_an_activation_may_be_taken_off(layer):
    x = -np.ones((1, 2, 2), "float32") if not isinstance(layer, layers.Activation) else -np.ones(2)
    layer(x)
    layer.activation = None
    changed = np.asarray(layer(x))
    layer.activation = keraunos.activations.linear
    np.testing.assert_array_equal(changed, np.asarray(layer(x)))
