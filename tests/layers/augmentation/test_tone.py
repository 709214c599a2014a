"""Tones: histograms of each image, values turned over, bits kept, neighbours weighed."""

import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.augmentation_color import run

from keraunos import layers
from keraunos.layers.augmentation import tone

MANY = np.zeros((4000, 1, 1, 3), "float32")


def images(shape, low=0, high=256, seed=0):
    return np.random.default_rng(seed).integers(low, high, shape).astype("float32")


def slowly_equalized(plane):
    """Histogram equalization as the definition says it, value by value."""
    values, counts = np.unique(plane, return_counts=True)
    below = np.cumsum(counts)
    if len(values) == 1:
        return plane
    table = {v: round(255 * (b - below[0]) / (below[-1] - below[0])) for v, b in zip(values, below)}
    return np.vectorize(table.get)(plane)


def test_equalization_is_of_each_image():
    x = np.stack([images((9, 8, 3), 20, 60), images((9, 8, 3), 100, 256), np.full((9, 8, 3), 7.0)])
    layer = layers.Equalization()
    found = run(layer, x)
    for i in range(3):
        for channel in range(3):
            wanted = slowly_equalized(x[i, ..., channel])
            np.testing.assert_allclose(found[i, ..., channel], wanted, atol=1e-3)
    np.testing.assert_array_equal(found[1], run(layer, x[1]))
    scaled = run(layers.Equalization(value_range=(0, 1)), x / 255)
    np.testing.assert_allclose(scaled * 255, found, atol=1e-3)


def test_histograms_count():
    x = images((2, 3, 50)).astype("int32") // 32
    wanted = [[np.bincount(row, minlength=8) for row in plane] for plane in x]
    np.testing.assert_array_equal(tone.histograms(jnp.asarray(x), 8), wanted)


def test_clahe_of_one_tile_is_global():
    """One tile without a limit: plain equalization, but for the share of the lowest value."""
    x = images((1, 8, 8, 1), 30, 90)
    layer = layers.ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(1, 1), clip_limit=0)
    found = run(layer, x)[0, ..., 0]
    share = np.array([np.mean(x <= v) for v in x.ravel()]).reshape(8, 8)
    np.testing.assert_allclose(found, share * 255, atol=1e-3)
    limited = layers.ContrastLimitedAdaptiveHistogramEqualization(
        tile_grid_size=(1, 1), clip_limit=1e-3
    )
    limited = run(limited, x)
    # With all peaks cut off nothing is changed, but for the offset of half a value.
    np.testing.assert_allclose(limited, x, atol=1)


def test_autocontrast_of_one_value():
    x = np.full((1, 3, 3, 2), 9.0, "float32")
    x[0, 0, 0, 1] = 10
    found = layers.AutoContrast()(x, training=False)
    np.testing.assert_array_equal(found[..., 0], 9)
    assert sorted(set(found[..., 1].ravel().tolist())) == [0, 255]


def test_solarization_scales_both_ends():
    layer = layers.Solarization(addition_factor=(0.5, 0.5), threshold_factor=(0.2, 0.4))
    drawn = layer.get_random_transformation(MANY)
    np.testing.assert_allclose(drawn["additions"], 127.5)
    assert 51 <= drawn["thresholds"].min() < 52
    assert 101 < drawn["thresholds"].max() <= 102
    assert layers.Solarization((1, 1))(np.zeros((1, 1, 1))).item() == 0


@pytest.mark.parametrize("factor, bits", [(1, {1}), (3, {1, 2, 3}), ((7, 8), {7, 8})])
def test_posterization_draws_both_ends(factor, bits):
    drawn = layers.RandomPosterization(factor).get_random_transformation(MANY)
    assert set((8 - drawn["shift_factor"]).ravel().tolist()) == bits


def test_posterization_keeps_bits():
    x = np.arange(256, dtype="float32").reshape(1, 16, 16, 1)
    assert len(np.unique(layers.RandomPosterization((3, 3))(x))) == 8
    np.testing.assert_array_equal(layers.RandomPosterization((8, 8))(x), x)
    scaled = layers.RandomPosterization((4, 4), value_range=(0, 1))
    found = run(scaled, x / 255) * 255
    np.testing.assert_allclose(found, x // 16 * 16, atol=1e-3)


def test_each_image_has_its_own_draw():
    x = images((6, 8, 8, 1))
    layer = layers.RandomGaussianBlur((1, 1), sigma=(0.2, 1.0), seed=1)
    found = run(layer, np.stack([x[0]] * 6))
    assert len({float(one.sum(where=one > 0).round(1)) for one in np.asarray(found) - x[0]}) > 4


def test_blur_keeps_the_sum():
    x = np.zeros((2, 9, 9, 3), "float32")
    x[:, 4, 4] = 100
    found = run(layers.RandomGaussianBlur((1, 1), kernel_size=(5, 7), sigma=(1, 1)), x)
    np.testing.assert_allclose(found.sum(axis=(1, 2)), 100, atol=1e-3)
    assert (found[0, :, :, 0] > 0).sum() == 35  # 5 across, 7 down
    assert (found[0, 4, :, 0] > 0).sum() == 5


def test_erased_rectangles():
    layer = layers.RandomErasing((1, 1), scale=(0.25, 0.25), fill_value=1, value_range=(0, 1))
    found = np.asarray(run(layer, np.zeros((50, 20, 40, 3), "float32")))
    assert (found == found[..., :1]).all()
    rows, columns = found.any(axis=(2, 3)), found.any(axis=(1, 3))
    assert set(rows.sum(axis=1)) <= {10, 11}
    assert set(columns.sum(axis=1)) <= {20, 21}
    assert len({int(row.argmax()) for row in rows}) > 5  # at places of their own
    noise = run(layers.RandomErasing((1, 1), scale=(1, 1)), np.zeros((1, 20, 20, 3)))
    assert 0 <= noise.min() < noise.max() <= 255
    assert abs((noise == 0).mean() - 0.5) < 0.05
