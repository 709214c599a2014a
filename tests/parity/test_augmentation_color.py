"""Layers that change pixels equal the real Keras at 1e-5 of the range, given the same draws."""

import json
from pathlib import Path

import jax
import keras
import numpy as np
import pytest
from tests.tables.augmentation_color import COMPOSED, FIRST_OF_EACH, QUICK, ROWS, WRONG

import keraunos

# Keras asks for integers of 64 bits where there are none.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64")
EVERY = [*ROWS, *COMPOSED]
MIXING = ("MixUp", "CutMix")
# What single factors become in configs, where Keras's differ from what it documents.
RESPELLED = {"RandomContrast", "RandomSaturation", "RandomColorDegeneration"}


def both(row, **options):
    options = row.options | options
    return getattr(keraunos.layers, row.layer)(**options), getattr(keras.layers, row.layer)(
        **options
    )


def transformed(layer, x, drawn, training=True):
    """Return the images of a layer; one program is quicker to compile than each operation."""
    return jax.jit(
        lambda x: layer.transform_images(x, drawn, training=training), compiler_options=QUICK
    )(x)


def assert_same(row, found, expected):
    low, high = row.range
    assert found.shape == tuple(expected.shape)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * (high - low))


def mixture(x):
    """Return a transformation of the layers that mix."""
    rng = np.random.default_rng(1)
    return {
        "mix_weight": rng.uniform(size=len(x)).astype("float32"),
        "permutation_order": rng.permutation(len(x)),
        "batch_masks": np.repeat(rng.uniform(size=(*x.shape[:3], 1)) < 0.4, 3, axis=-1),
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_same_draws_give_the_same_images(row):
    mine, theirs = both(row)
    x = row.images()
    if row.layer in MIXING:
        drawn, labels = mixture(x), np.eye(len(x), dtype="float32")
        one, other = (layer.transform_labels(labels, drawn) for layer in (mine, theirs))
        np.testing.assert_allclose(one, other, atol=1e-6)
    else:
        drawn = theirs.get_random_transformation(x, training=True)
    found, expected = transformed(mine, x, drawn), transformed(theirs, x, drawn)
    assert found.dtype == expected.dtype
    assert_same(row, found, expected)


@pytest.mark.parametrize("row", FIRST_OF_EACH, ids=lambda row: row.layer)
def test_draws_have_the_same_names(row):
    x = row.images()

    def shapes(layer):
        drawn = jax.eval_shape(lambda: layer.get_random_transformation(x, training=True, seed=1))
        return drawn if isinstance(drawn, dict) else {"": drawn}

    found, expected = map(shapes, both(row))
    assert found.keys() == expected.keys()
    for key, one in found.items():
        if one is None:
            assert expected[key] is None
        elif key != "blur_factor":  # of which Keras has one for the batch
            assert one.shape[:1] == expected[key].shape[:1] == (row.batch,)


@pytest.mark.parametrize("row", [*FIRST_OF_EACH, *COMPOSED], ids=lambda row: row.layer)
def test_outside_of_training(row):
    """Equal values; ours are always of the compute dtype, Keras's in some layers of the input's."""
    x = row.images("uint8")
    found, expected = (transformed(layer, x, None, training=False) for layer in both(row))
    assert found.dtype == "float32"
    if np.issubdtype(expected.dtype, np.integer):
        found = np.floor(found)
    assert_same(row, found, expected)


def test_color_jitter():
    for row in COMPOSED[:2]:
        mine, theirs = both(row)
        x = row.images()
        drawn = mine.get_random_transformation(x)
        expected = x
        for name, transformation in drawn.items():
            expected = transformed(getattr(theirs, name), expected, transformation)
        assert_same(row, transformed(mine, x, drawn), expected)


def with_few_bins(row, **options):
    """Return both layers with a cheap equalization: Keras's histogram is a loop over the bins."""
    for layer, api in zip(both(row, **options), (keraunos, keras), strict=True):
        layer.equalization = api.layers.Equalization(row.range, bins=8)
        yield layer


def test_randaugment():
    """Every operation, for a batch of one: Keras equalizes the batch as one image."""
    row = COMPOSED[2]._replace(batch=1)
    mine, theirs = with_few_bins(row, num_ops=1)

    def program(x, choice):
        drawn = mine.get_random_transformation(x, seed=jax.random.key(1))
        drawn["layer_idxes"] = choice[None]
        return [layer.transform_images(x, drawn) for layer in (mine, theirs)]

    program = jax.jit(program, compiler_options=QUICK)
    for choice in range(11):
        assert_same(row, *program(row.images(), choice))


def test_augmix():
    """Every operation in its place in the chains; Keras has a list where ours has numbers."""
    row = COMPOSED[4]._replace(batch=1)
    mine, theirs = with_few_bins(row)
    places = np.arange(12).reshape(3, 4)
    drawn = {
        "chain_mixing_weights": np.array([0.5, 0.2, 0.3], "float32"),
        "weight_sample": np.float32(0.3),
        "layer_idxes": places,
        "keys": jax.random.split(jax.random.key(2), places.shape),
    }

    def operation(x, index):
        name = mine.names[index]
        key = drawn["keys"][np.nonzero(places == index)][0]
        transformation = getattr(mine, name).get_random_transformation(x, seed=key)
        return {"layer_name": name, "transformation": transformation}

    def program(x):
        chains = [[operation(x, i) for i in chain if i < 11] for chain in places]
        listed = drawn | {"chain_transforms": chains}
        return mine.transform_images(x, drawn), theirs.transform_images(x, listed)

    assert_same(row, *jax.jit(program, compiler_options=QUICK)(row.images()))


@pytest.mark.parametrize("row", EVERY, ids=lambda row: row.id)
def test_config_goes_both_ways(row):
    mine, theirs = both(row, name="one")
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    assert foreign["config"].keys() <= saved["config"].keys()
    assert saved["module"] == foreign["module"]
    again = json.loads(json.dumps(keras.layers.serialize(keras.layers.deserialize(saved))))
    ours = json.loads(json.dumps(keraunos.layers.serialize(keraunos.layers.deserialize(foreign))))
    for key, value in foreign["config"].items():
        if key == "factor" and row.layer in RESPELLED:
            continue
        assert again["config"][key] == value, key
        assert ours["config"][key] == value, key


def test_a_pipeline_goes_both_ways():
    def made(api):
        inner = [api.layers.RandomContrast((0.2, 0.3), seed=2), api.layers.AutoContrast()]
        return api.layers.Pipeline(inner, name="augment")

    saved = json.loads(json.dumps(keraunos.layers.serialize(made(keraunos))))
    foreign = json.loads(json.dumps(keras.layers.serialize(made(keras))))
    assert saved["config"].keys() == foreign["config"].keys()
    again = keras.layers.deserialize(saved)
    assert [type(one).__name__ for one in again.layers] == ["RandomContrast", "AutoContrast"]
    ours = keraunos.layers.deserialize(foreign)
    assert ours.layers[0].factor == (0.2, 0.3)
    x = np.arange(12, dtype="float32").reshape(1, 2, 2, 3)
    np.testing.assert_allclose(ours(x, training=False), made(keras)(x, training=False), atol=1e-3)


def test_the_table_names_tests_that_exist():
    text = "".join(p.read_text() for p in Path(__file__).parents[1].rglob("test_*.py"))
    for _, tests in WRONG.values():
        for name in tests.split(", "):
            assert f"def {name}(" in text, name
