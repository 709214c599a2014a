"""Random choices of operations: the same eagerly and compiled, new each time, in order."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

QUICK = {"xla_backend_optimization_level": 0}
FEW = ("random_brightness", "solarization", "random_contrast")  # what is quick to compile
CHAINS = {
    "chain_mixing_weights": np.array([0.2, 0.3, 0.5], "float32"),
    "weight_sample": np.float32(0.6),
    "keys": jax.random.split(jax.random.key(0), (3, 3)),
}
X = np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3)).astype("float32")


@pytest.mark.parametrize("kind", [layers.RandAugment, layers.AugMix])
def test_eager_equals_compiled(kind):
    """A loop over chosen operations, and a scan over a switch of all of them."""
    layer = kind(factor=(0.1, 0.5))
    layer.names = FEW
    if kind is layers.AugMix:
        drawn = CHAINS | {"layer_idxes": np.array([[0, 3, 1], [2, 1, 3], [3, 3, 3]])}
    else:
        drawn = layer.get_random_transformation(X, seed=jax.random.key(4))
    program = jax.jit(layer.transform_images, compiler_options=QUICK)
    found, expected = program(X, drawn), layer.transform_images(X, drawn)
    np.testing.assert_allclose(found, expected, atol=1e-2)
    assert not np.allclose(found, X, atol=1)


def test_randaugment_applies_in_order():
    layer = layers.RandAugment(num_ops=3)
    layer.names = FEW
    drawn = layer.get_random_transformation(X)
    for choice in ([0, 1, 2], [2, 1, 1]):
        expected = jnp.asarray(X)
        for name in (FEW[i] for i in choice):
            one = getattr(layer, name)
            expected = one.transform_images(expected, drawn["transforms"][name])
        found = layer.transform_images(X, drawn | {"layer_idxes": np.array(choice)})
        np.testing.assert_array_equal(found, expected)


def test_masks_move_with_the_images():
    """Operations on values leave masks of classes alone, those on places do not."""
    layer, classes = layers.RandAugment(interpolation="nearest"), X[..., :1] // 64
    drawn = layer.get_random_transformation(X)
    found = [
        layer.transform_segmentation_masks(classes, drawn | {"layer_idxes": np.array([i, i])})
        for i in range(11)
    ]
    changed = [not np.array_equal(one, classes) for one in found]
    assert changed == [True] * 3 + [False] * 8
    assert set(np.unique(found[2])) <= {0, 1, 2, 3}


def test_choices_are_even():
    layer = layers.RandAugment(num_ops=3000)
    drawn = jax.jit(lambda: layer.get_random_transformation(X)["layer_idxes"])()
    counts = np.bincount(drawn, minlength=11)
    assert counts.shape == (11,)
    assert abs(counts - 3000 / 11).max() < 70


def test_boxes_follow_the_images():
    layer = layers.RandAugment(bounding_box_format="xyxy")
    boxes = {
        "boxes": np.array([[[1, 2, 5, 7]], [[0, 1, 3, 4]]], "float32"),
        "labels": np.array([[3], [4]]),
    }
    drawn = layer.get_random_transformation(X) | {"layer_idxes": np.array([2, 0])}
    found = layer.transform_bounding_boxes(boxes, drawn)
    expected = boxes
    for name in ("random_rotation", "random_shear"):
        expected = getattr(layer, name).transform_bounding_boxes(
            expected, drawn["transforms"][name]
        )
    np.testing.assert_allclose(found["boxes"], expected["boxes"], atol=1e-4)
    np.testing.assert_array_equal(found["labels"], expected["labels"])
    assert not np.allclose(found["boxes"], boxes["boxes"], atol=0.05)


def test_chains_change_in_a_compiled_function():
    layer = layers.AugMix(num_chains=1, chain_depth=1, factor=(0.3, 0.4))

    def draw(key):
        drawn = layer.get_random_transformation(X, seed=key)
        return drawn["layer_idxes"], drawn["chain_mixing_weights"]

    draw = jax.jit(jax.vmap(draw), compiler_options=QUICK)
    choices, weights = draw(jax.random.split(jax.random.key(0), 300))
    assert set(choices.ravel().tolist()) == set(range(12))  # the last one does nothing
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-5)


def test_augmix_mixes():
    layer = layers.AugMix()
    drawn = CHAINS | {"layer_idxes": np.full((3, 3), 11)}
    np.testing.assert_allclose(layer.transform_images(X, drawn), X, atol=1e-3)
    drawn["layer_idxes"][1, 2] = layer.names.index("solarization")
    found = layer.transform_images(np.full_like(X, 255), drawn)
    # Solarized images are 0: 0.3 of the chains, which count 0.4.
    np.testing.assert_allclose(found, 255 * (1 - 0.3 * 0.4), atol=1e-3)
    assert layers.AugMix(all_ops=False).names[-1] == "equalization"


def test_gray_images_and_dictionaries():
    data = {"images": X[..., :1], "labels": np.eye(2), "segmentation_masks": X[..., :1] > 99}
    for layer in (layers.RandAugment(seed=1), layers.AugMix(num_chains=1, chain_depth=1)):
        shapes = jax.eval_shape(lambda data, layer=layer: layer(data, training=True), data)
        assert [one.shape for one in shapes.values()] == [(2, 8, 8, 1), (2, 2), (2, 8, 8, 1)]


def test_a_pipeline_is_its_layers():
    class Flag(keras.Layer):
        def call(self, x, training=False):
            return x + 1 if training else x

    inner = [layers.Rescaling(2.0), Flag(), layers.Rescaling(10.0)]
    pipeline = layers.Pipeline(inner)
    assert pipeline.layers == inner
    assert pipeline(X, training=True)[0, 0, 0, 0] == (X[0, 0, 0, 0] * 2 + 1) * 10
    assert pipeline(X, training=False)[0, 0, 0, 0] == X[0, 0, 0, 0] * 20
    assert pipeline.compute_output_shape((None, 4, 4, 3)) == (None, 4, 4, 3)
    found = layers.Pipeline([layers.RandomInvert((1, 1))])(
        {"images": X, "labels": 1}, training=True
    )
    np.testing.assert_allclose(found["images"], 255 - X)
    with pytest.raises(TypeError, match="expected: layers"):
        layers.Pipeline([layers.AutoContrast(), "flip"])


def test_a_pipeline_holds_its_weights():
    pipeline = layers.Pipeline([layers.Dense(2), layers.Dense(3)])
    pipeline(np.ones((1, 4)))
    assert len(pipeline.trainable_weights) == 4
