"""What the layers of attention refuse, and what equality with Keras cannot tell of them."""

import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.attention import GROUPS, HEADS, KEY, MISUSED, QUERY, REFUSED, SCORES

import keraunos
from keraunos import config, layers

RNG = np.random.default_rng(0)


def array(*shape):
    return jnp.asarray(RNG.normal(size=shape), "float32")


def refused(name, words, act, *args, **kwargs):
    with pytest.raises(ValueError) as caught:
        act(*args, **kwargs)
    message = str(caught.value)
    assert words in message
    assert name.replace("GroupQuery", "GroupedQuery") in message
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize("name, options, words", REFUSED)
def test_wrong_arguments_are_named_at_once(name, options, words):
    refused(name.replace("GroupQuery", "GroupedQuery"), words, getattr(layers, name), **options)


@pytest.mark.parametrize("is_symbolic", [False, True])
@pytest.mark.parametrize("name, options, shapes, call, words", MISUSED)
def test_wrong_inputs_are_named(name, options, shapes, call, words, is_symbolic):
    make = (lambda s: keraunos.Input(batch_shape=s)) if is_symbolic else jnp.ones
    inputs = [make(shape) for shape in shapes]
    inputs = [inputs] if name in ("Attention", "AdditiveAttention") else inputs
    refused(name, words, getattr(layers, name)(**options), *inputs, **call)


def test_features_of_another_size_are_named():
    layer = layers.MultiHeadAttention(**HEADS)
    layer(array(*QUERY), array(*QUERY))
    refused("MultiHeadAttention", "[4, 4, 4]", layer, array(2, 3, 4), array(2, 3, 5))


def test_a_layer_without_a_kernel_cannot_be_normalized():
    layer = layers.SpectralNormalization(layers.Flatten())
    refused("SpectralNormalization", "kernel", layer, array(2, 3))


def test_vectors_of_another_size_have_no_way_back():
    layer = layers.ReversibleEmbedding(5, 4)
    layer(jnp.array([[1]]))
    refused("ReversibleEmbedding", "size 4", layer, array(1, 2, 3), reverse=True)


@pytest.mark.parametrize(
    "name, options", [("MultiHeadAttention", HEADS), ("GroupQueryAttention", GROUPS)]
)
def test_dropout_acts_in_training_only(name, options):
    layer = getattr(layers, name)(dropout=0.5, **options)
    x, y = array(*QUERY), array(*KEY)
    np.testing.assert_array_equal(layer(x, y), layer(x, y))
    assert not np.allclose(layer(x, y, training=True), layer(x, y))
    # The scores are those from before the dropout.
    found, expected = (layer(x, y, training=t, **SCORES)[1] for t in (True, False))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["Attention", "AdditiveAttention"])
def test_dropout_keeps_the_mean(name):
    layer = getattr(layers, name)(dropout=0.5)
    x = jnp.ones((4, 60, 60))
    y = np.asarray(layer([x, x], training=True))
    np.testing.assert_allclose(y.mean(), 1.0, atol=0.05)
    assert y.std() > 0.01


def test_attention_over_two_axes_is_attention_over_their_places():
    grid, flat = layers.MultiHeadAttention(**HEADS), layers.MultiHeadAttention(**HEADS)
    x = array(2, 3, 4, 5)
    line = x.reshape(2, 12, 5)
    grid(x, x), flat(line, line)
    flat.set_weights(grid.get_weights())
    shown = jnp.asarray(RNG.random((2, 3, 4)) > 0.3)
    options = {"use_causal_mask": True, "return_attention_scores": True}
    out, scores = grid(x, x, value_mask=shown, **options)
    found, weights = flat(line, line, value_mask=shown.reshape(2, 12), **options)
    np.testing.assert_allclose(out, found.reshape(out.shape), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(scores, weights.reshape(scores.shape), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [1, 2])
def test_masks_of_attention_over_one_of_two_axes(axes):
    layer = layers.MultiHeadAttention(**HEADS, attention_axes=axes)
    x, shown = array(2, 3, 4, 5), np.ones((2, 3, 4), bool)
    shown[:, 2, :], shown[:, :, 3] = False, False
    inside = x[:, :2, :3]
    masked = layer(x, x, value_mask=shown, use_causal_mask=True)
    plain = layer(inside, inside, use_causal_mask=True)
    np.testing.assert_allclose(masked[:, :2, :3], plain, rtol=1e-5, atol=1e-5)


def test_a_sliding_window_is_a_band():
    layer = layers.MultiHeadAttention(**HEADS, sliding_window=2)
    x = array(1, 5, 4)
    scores = np.asarray(layer(x, x, **SCORES)[1])
    near = np.abs(np.subtract.outer(np.arange(5), np.arange(5))) < 2
    np.testing.assert_array_equal(scores > 0, np.broadcast_to(near, scores.shape))


def test_groups_of_one_head_are_many_heads():
    many = layers.MultiHeadAttention(4, 3)
    groups = layers.GroupQueryAttention(3, 4, 4)
    x, y = array(*QUERY), array(*KEY)
    many(x, y), groups(x, y)
    groups.set_weights(many.get_weights())
    np.testing.assert_allclose(many(x, y), groups(x, y), rtol=1e-5, atol=1e-6)


def test_the_switch_of_flash_attention():
    assert config.is_flash_attention_enabled() is None
    x = array(*QUERY)
    try:
        config.disable_flash_attention()
        assert config.is_flash_attention_enabled() is False
        # What a layer asks for itself counts more.
        layer = layers.MultiHeadAttention(**HEADS, flash_attention=True)
        refused("MultiHeadAttention", "compute capability", layer, x, x)
        assert layers.MultiHeadAttention(**HEADS)(x, x).shape == QUERY
    finally:
        config.enable_flash_attention()
    assert layers.MultiHeadAttention.from_config(layer.get_config()).flash_attention is True


def test_the_operation_caps_scores_and_checks_its_arrays():
    query, key, value = (array(1, 2, 1, 3) * 9 for _ in range(3))
    attend = keraunos.ops.dot_product_attention
    np.testing.assert_allclose(
        attend(query, key, value, attn_logits_soft_cap=1e-6),
        jnp.broadcast_to(value.mean(1), (1, 2, 1, 3)).reshape(1, 2, 1, 3),
        rtol=1e-4,
    )
    refused("dot_product_attention", "4 axes", attend, query[0], key, value)


def test_the_projections_can_be_adapted_and_kept():
    layer = layers.MultiHeadAttention(**HEADS)
    x = array(*QUERY)
    before = layer(x, x)
    layer.query_dense.enable_lora(2)
    np.testing.assert_allclose(layer(x, x), before, rtol=1e-6, atol=1e-6)
    assert len(layer.trainable_variables) == 9
