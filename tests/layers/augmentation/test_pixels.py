"""What all layers that change pixels promise: shapes, dtypes, seeds, layouts, errors."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.augmentation_color import FIRST_OF_EACH, QUICK, Row

from keraunos import layers

SIMPLE = [row for row in FIRST_OF_EACH if row.layer not in ("MixUp", "CutMix")]
TUPLE_FILL = Row("RandomErasing", {"fill_value": (1, 2, 3), "factor": (1, 1)})
JITTER = Row("RandomColorJitter", {"hue_factor": 0.3, "saturation_factor": 0.5})


def made(row, **options):
    return getattr(layers, row.layer)(**row.options | options)


@pytest.mark.parametrize("row", [*FIRST_OF_EACH, JITTER], ids=lambda row: row.layer)
def test_shapes_and_dtypes(row):
    """Single images and batches, integers or floats, come out in the compute dtype."""
    batch, single = row.images("uint8"), row.images("float32")[0]
    assert made(row).compute_output_shape((None, 7, 6, 3)) == (None, 7, 6, 3)
    for policy, dtype in (("float32", "float32"), ("mixed_float16", "float16")):
        layer = made(row, dtype=policy)
        for x, training in ((batch, True), (batch, False), (single, True)):
            found = jax.eval_shape(functools.partial(layer, training=training), x)
            assert (found.shape, found.dtype) == (x.shape, dtype)


@pytest.mark.parametrize("row", [*SIMPLE, JITTER], ids=lambda row: row.layer)
def test_channels_first_is_channels_last_moved(row):
    # Noise of another shape is other noise.
    row = TUPLE_FILL if row.layer == "RandomErasing" else row
    x = row.images()
    last, first = made(row), made(row, data_format="channels_first")
    moved = np.moveaxis(x, -1, 1)
    drawn = first.get_random_transformation(moved, seed=jax.random.key(3))
    same = last.get_random_transformation(x, seed=jax.random.key(3))

    def both(x, moved):
        return last.transform_images(x, same), first.transform_images(moved, drawn)

    found, other = jax.jit(both, compiler_options=QUICK)(x, moved)
    np.testing.assert_allclose(np.moveaxis(other, 1, -1), found, atol=1e-3)


def test_erasing_takes_a_value_for_each_channel():
    layer = layers.RandomErasing((1, 1), scale=(1, 1), fill_value=(1, 2, 3))
    assert layer(jnp.zeros((2, 3, 4, 3))).mean(axis=(0, 1, 2)).tolist() == [1, 2, 3]


def test_dictionaries():
    """Labels and masks belong to the images and stay as they are."""
    x = {
        "images": np.full((2, 4, 4, 3), 9, "uint8"),
        "labels": np.array([1, 0]),
        "segmentation_masks": np.ones((2, 4, 4, 1), "uint8"),
    }
    for row in (Row("RandomGrayscale", {}), Row("RandomBrightness", {"factor": (0.1, 0.1)})):
        found = made(row)(x, training=True)
        assert found["labels"].tolist() == [1, 0]
        assert found["segmentation_masks"].dtype == "uint8"
        assert found["images"].shape == (2, 4, 4, 3)
    assert x["images"].max() == 9
    np.testing.assert_allclose(found["images"], 9 + 25.5)


@pytest.mark.parametrize(
    "row",
    [Row("RandomBrightness", {"factor": 0.5}), Row("RandomPosterization", {"factor": 7}), JITTER],
    ids=lambda row: row.layer,
)
def test_seeds(row):
    """A layer's own seed repeats its sequence; draws are new each time; none outside training."""
    x = np.zeros((64, 3, 2, 3), "float32")
    layers_ = [made(row, seed=seed) for seed in (7, 7, 8)]
    draws = [
        [jax.tree.leaves(layer.get_random_transformation(x))[0] for _ in "12"] for layer in layers_
    ]
    for one, other in zip(draws[0], draws[1]):
        assert jnp.array_equal(one, other)
    assert not jnp.array_equal(*draws[0])
    assert not jnp.array_equal(draws[0][0], draws[2][0])
    assert layers_[0].get_random_transformation(x, training=False) is None


BAD = [
    ("RandomBrightness", {"factor": 1.5}, "[-1, 1]"),
    ("RandomBrightness", {"factor": "much"}, "[-1, 1]"),
    ("RandomBrightness", {"factor": 0.1, "value_range": 255}, "two numbers"),
    ("RandomContrast", {"factor": -0.1}, "[0, 1]"),
    ("RandomContrast", {"factor": (0.1, 0.2, 0.3)}, "[0, 1]"),
    ("RandomSaturation", {"factor": (-0.2, -0.1)}, "[0, 1]"),
    ("RandomHue", {"factor": 1.1}, "[0, 1]"),
    ("RandomColorDegeneration", {"factor": None}, "[0, 1]"),
    ("RandomColorJitter", {"value_range": (1, 0)}, "two numbers"),
    ("RandomGrayscale", {"factor": 2}, "from 0 to 1"),
    ("RandomInvert", {"factor": (1.5, 2)}, "[0, 1]"),
    ("AutoContrast", {"value_range": (0, 1, 2)}, "two numbers"),
    ("AutoContrast", {"data_format": "last"}, "channels_first"),
    ("Equalization", {"bins": 1}, "at least 2"),
    ("Equalization", {"value_range": 1}, "two numbers"),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (0, 2)}, "at least 1"),
    ("ContrastLimitedAdaptiveHistogramEqualization", {"clip_limit": -1}, "from 0"),
    ("Solarization", {"addition_factor": 1.2}, "[0, 1]"),
    ("Solarization", {"threshold_factor": -0.2}, "[0, 1]"),
    ("RandomPosterization", {"factor": 9}, "[1, 8]"),
    ("RandomPosterization", {"factor": 2.5}, "integers from 1 to 8"),
    ("RandomSharpness", {"factor": 3}, "[0, 1]"),
    ("RandomGaussianBlur", {"kernel_size": 4}, "odd"),
    ("RandomGaussianBlur", {"sigma": 3.0}, "[0, 1]"),
    ("RandomErasing", {"scale": 2}, "[0, 1]"),
    ("RandomErasing", {"fill_value": "gray"}, "a number"),
    ("MixUp", {"alpha": 0}, "above 0"),
    ("CutMix", {"factor": 1.5}, "[0, 1]"),
    ("RandAugment", {"num_ops": 0}, "at least 1"),
    ("RandAugment", {"factor": 2}, "[0, 1]"),
    ("RandAugment", {"interpolation": "cubic"}, "bilinear"),
    ("AugMix", {"alpha": -1}, "above 0"),
    ("AugMix", {"chain_depth": 1.5}, "at least 1"),
]


def test_a_pair_may_reach_beyond_the_range_as_in_keras():
    assert layers.RandomSaturation((0.5, 1.5)).factor == (0.5, 1.5)


@pytest.mark.parametrize("name, options, valid", BAD, ids=lambda v: str(v))
def test_bad_arguments_raise_at_construction(name, options, valid):
    with pytest.raises(ValueError) as error:
        getattr(layers, name)(**options)
    text = str(error.value)
    assert name in text
    assert valid in text
    assert text.count("\n") < 6


def test_bad_images_are_told():
    with pytest.raises(ValueError, match=r"3 axes.*or a batch"):
        layers.RandomInvert()(np.zeros((3, 3)))
    with pytest.raises(ValueError, match="images of 3 channels, channels_last"):
        layers.RandomHue(0.5)(np.zeros((3, 3, 1)), training=True)
