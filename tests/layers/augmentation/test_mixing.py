"""Mixtures of two images: what is mixed in which proportion, and with what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.augmentation_color import QUICK, run

from keraunos import layers

X = np.random.default_rng(0).uniform(0, 255, (6, 8, 10, 3)).astype("float32")
CLASSES = np.arange(6)
RNG = np.random.default_rng(1)
DRAWN = {
    "mix_weight": RNG.uniform(size=6).astype("float32"),
    "permutation_order": RNG.permutation(6),
    "batch_masks": RNG.uniform(size=(6, 8, 10, 1)) < 0.4,
}


@pytest.mark.parametrize("kind", [layers.MixUp, layers.CutMix])
def test_mixed_labels(kind):
    """One-hot labels say what the pixels say; floats are mixed one by one; classes are refused."""
    layer, drawn = kind(), DRAWN
    weight, order = drawn["mix_weight"], drawn["permutation_order"]
    found = layer.transform_labels(jnp.eye(6, dtype="int32"), drawn)
    wanted = weight[:, None] * np.eye(6) + (1 - weight[:, None]) * np.eye(6)[order]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    numbers = layer.transform_labels(np.arange(6.0, dtype="float32"), drawn)
    np.testing.assert_allclose(numbers, weight * CLASSES + (1 - weight) * order, atol=1e-5)
    with pytest.raises(ValueError, match="one-hot labels"):
        layer.transform_labels(CLASSES, drawn)
    same = layer({"images": X, "labels": CLASSES}, training=False)
    assert jnp.array_equal(same["labels"], CLASSES)


def test_cutmix_counts_pixels():
    """Constant images: the mean of a mixed one is the mixed label."""
    x = np.broadcast_to(np.arange(6, dtype="float32")[:, None, None, None], X.shape)
    found = run(layers.CutMix(seed=3), {"images": x, "labels": np.arange(6, dtype="float32")})
    np.testing.assert_allclose(found["images"].mean(axis=(1, 2, 3)), found["labels"], atol=1e-5)


def test_mixup_keeps_the_boxes_of_both():
    layer = layers.MixUp(seed=1, bounding_box_format="xyxy")
    boxes = np.arange(48, dtype="float32").reshape(6, 2, 4)
    data = {"boxes": boxes, "labels": np.arange(12).reshape(6, 2)}
    found, order = layer.transform_bounding_boxes(data, DRAWN), DRAWN["permutation_order"]
    np.testing.assert_array_equal(found["boxes"], np.concatenate([boxes, boxes[order]], axis=1))
    assert found["labels"].shape == (6, 4)
    np.testing.assert_array_equal(found["labels"][:, 2:], data["labels"][order])
    with pytest.raises(NotImplementedError, match="use MixUp"):
        layers.CutMix().transform_bounding_boxes(data, DRAWN)


@pytest.mark.parametrize("kind", [layers.MixUp, layers.CutMix])
def test_mixed_masks(kind):
    """A mask is mixed as its image, plane by plane, and keeps its shape."""
    layer, drawn = kind(), DRAWN
    whole = layer.transform_images(X, drawn)
    mask = layer.transform_segmentation_masks(X[..., :1], drawn)
    np.testing.assert_allclose(mask, whole[..., :1], atol=1e-3)
    classes = layer.transform_segmentation_masks(np.ones((6, 8, 10, 1), "uint8"), drawn)
    assert classes.dtype == ("float32" if kind is layers.MixUp else "uint8")


@pytest.mark.parametrize("kind", [layers.MixUp, layers.CutMix])
def test_channels_first(kind):
    last = kind().transform_images(X, DRAWN)
    moved = DRAWN | {"batch_masks": np.moveaxis(DRAWN["batch_masks"], -1, 1)}
    first = kind(data_format="channels_first").transform_images(np.moveaxis(X, -1, 1), moved)
    np.testing.assert_allclose(np.moveaxis(first, 1, -1), last, atol=1e-3)


def test_a_single_image_stays():
    for layer in (layers.MixUp(), layers.CutMix()):
        np.testing.assert_allclose(run(layer, X[0]), X[0], rtol=1e-6)


def test_mixup_weights():
    drawn = layers.MixUp(alpha=0.4).get_random_transformation(np.zeros((3000, 1, 1, 1)))
    weights = np.asarray(drawn["mix_weight"])
    assert sorted(drawn["permutation_order"].tolist()) == list(range(3000))
    assert abs(weights.mean() - 0.5) < 0.03
    # The variance of Beta(a, a) is 1 / (4 (2 a + 1)).
    assert abs(weights.var() - 1 / 7.2) < 0.02


def test_cutmix_areas():
    layer, x = layers.CutMix((1, 1)), np.zeros((800, 20, 20, 3))
    drawn = jax.jit(layer.get_random_transformation, compiler_options=QUICK)(x)
    kept = np.asarray(drawn["mix_weight"])
    np.testing.assert_allclose(kept, 1 - drawn["batch_masks"].mean(axis=(1, 2, 3)), atol=1e-6)
    assert abs(kept.mean() - 0.5) < 0.06  # Beta(1, 1) is uniform
    assert 0 <= kept.min() < 0.1
    assert 0.95 < kept.max() <= 1
