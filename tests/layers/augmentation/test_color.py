"""Random colours: what is drawn, for each image by itself, and where the values end."""

import jax
import numpy as np
import pytest
from tests.tables.augmentation_color import run

from keraunos import layers

MANY = np.zeros((4000, 1, 1, 3), "float32")
X = np.random.default_rng(0).integers(0, 256, (8, 5, 4, 3)).astype("float32")


# Layer, options, and of its draws the (least, mean, largest), or the part that is true.
DRAWS = [
    ("RandomBrightness", {"factor": 0.4}, (-102, 0, 102)),
    ("RandomBrightness", {"factor": (0.1, 0.5), "value_range": (-1, 1)}, (0.2, 0.6, 1)),
    ("RandomContrast", {"factor": (0.2, 0.6)}, (0.8, 1.2, 1.6)),
    ("RandomContrast", {"factor": 0.3}, (0.7, 1, 1.3)),
    ("RandomHue", {"factor": 0.6}, (-0.3, 0, 0.3)),
    ("RandomColorDegeneration", {"factor": (0.2, 0.6)}, (0.2, 0.4, 0.6)),
    ("RandomColorDegeneration", {"factor": 0.6}, (0, 0.3, 0.6)),
    ("RandomSharpness", {"factor": 0.8}, (0, 0.4, 0.8)),
    ("RandomSaturation", {"factor": 0.5}, (0, 2 * np.log(2) - 1, 1)),
    ("RandomGrayscale", {"factor": 0.3}, 0.3),
    ("RandomInvert", {"factor": (0.2, 0.6)}, 0.4),
    ("RandomInvert", {}, 0.5),
    ("RandomGaussianBlur", {"factor": (0.3, 0.3)}, 0.3),
    ("RandomErasing", {"factor": (0.1, 0.5), "fill_value": 0}, 0.3),
]


@pytest.mark.parametrize("name, options, wanted", DRAWS, ids=lambda v: str(v))
def test_draws(name, options, wanted):
    """Uniform between the bounds, and another number for each image."""
    layer = getattr(layers, name)(**options)
    found = layer.get_random_transformation(MANY, seed=jax.random.key(1))
    values = next(iter(found.values())) if isinstance(found, dict) else found
    values = np.asarray(values).ravel()
    assert values.shape == (len(MANY),)
    if isinstance(wanted, float):
        assert abs(values.mean() - wanted) < 0.03
        return
    least, mean, largest = wanted
    width = largest - least
    assert values.min() >= least
    assert values.max() <= largest
    assert np.ptp(values) > 0.98 * width
    assert abs(values.mean() - mean) < 0.03 * width
    assert len(np.unique(values)) > 0.9 * len(MANY)


def test_contrast_goes_both_ways():
    assert layers.RandomContrast(0.3).factor == (0.3, 0.3)
    assert layers.RandomContrast((0.9, 0.1)).factor == (0.9, 0.1)  # lower and upper, no range


def test_a_single_factor_starts_at_zero():
    for kind in (layers.RandomSaturation, layers.RandomColorDegeneration):
        assert kind(0.3).factor == (0, 0.3)
        # How Keras writes 0.3 into its configs.
        assert kind((-0.3, 0.3)).factor == (0, 0.3)


def test_integers_do_not_wrap():
    x = np.array([10, 200], "uint8").reshape(1, 1, 2, 1)
    bright, dark = (layers.RandomBrightness((f, f))(x).ravel() for f in (0.4, -0.4))
    assert bright.tolist() == [112, 255]
    assert dark.tolist() == [0, 98]


def test_saturation_stays_in_the_range():
    found = run(layers.RandomSaturation((1, 1)), X)
    assert found.min() >= 0
    assert found.max() <= 255
    # Full colours: one of the three is not there.
    np.testing.assert_allclose(found.min(axis=-1), 0, atol=1e-3)
    np.testing.assert_allclose(run(layers.RandomSaturation((0.5, 0.5)), X), X, atol=1e-3)


@pytest.mark.parametrize("low, high", [(0, 255), (-1, 1), (2, 4)])
def test_negatives_stay_in_the_range(low, high):
    x = low + X / 255 * (high - low)
    layer = layers.RandomInvert((1, 1), value_range=(low, high))
    found = layer(x)
    np.testing.assert_allclose(found + x, low + high, atol=1e-3)
    np.testing.assert_allclose(layer(found), x, atol=1e-3)


def test_hue_turns_around():
    """A full turn of half the wheel twice is none."""
    layer = layers.RandomHue((1, 1))
    np.testing.assert_allclose(run(layer, run(layer, X)), X, atol=2e-3)


def test_gray_images_stay_gray():
    gray = X.mean(axis=-1, keepdims=True)
    for layer in (layers.RandomGrayscale(1.0), layers.RandomColorDegeneration((1, 1))):
        np.testing.assert_allclose(layer(gray), gray, atol=1e-3)


def test_jitter_leaves_out_what_is_none():
    layer = layers.RandomColorJitter(contrast_factor=(0.5, 0.5))
    assert layer.random_hue is None
    assert list(layer.get_random_transformation(X)) == ["random_contrast"]
    np.testing.assert_array_equal(layers.RandomColorJitter()(X), X)


def test_colors_in_sixteen_bits():
    """Worked out in float32: only the result is rounded."""
    layer = layers.RandomContrast((0.5, 0.5), dtype="mixed_bfloat16")
    drawn = {"contrast_factor": np.full(8, 1.4, "float32")}
    exact = layers.RandomContrast(0.5).transform_images(X, drawn)
    np.testing.assert_allclose(
        layer.transform_images(X, drawn).astype("float32"), exact, rtol=2**-8
    )
