"""FeatureSpace: features of all kinds; their numbers are compared in tests/parity."""

import numpy as np
import pytest
from tests.tables.preprocessing import TABLE, feature_space

import keraunos as keras
from keraunos.utils import FeatureSpace


def rows():
    for i in range(4):
        yield {name: column[i] for name, column in TABLE.items()}


def pairs():
    yield {name: column[:2] for name, column in TABLE.items()}, None
    yield {name: column[2:] for name, column in TABLE.items()}, None


@pytest.fixture(scope="module")
def space():
    made = feature_space(keras)
    made.adapt(TABLE)
    return made


@pytest.mark.parametrize("data", [rows, pairs])
def test_rows_and_batches_teach_the_same(data, space):
    other = feature_space(keras)
    other.adapt(data())
    np.testing.assert_allclose(other(TABLE), space(TABLE), rtol=1e-6)


def test_one_sample(space):
    one = space({name: column[1] for name, column in TABLE.items()})
    np.testing.assert_allclose(one, space(TABLE)[1], rtol=1e-6)


def test_it_trains_inside_a_model_and_is_saved_with_it(space, tmp_path):
    outputs = keras.layers.Dense(1)(space.get_encoded_features())
    model = keras.Model(space.get_inputs(), outputs)
    model.compile("sgd", "mse")
    model.fit(TABLE, np.arange(4.0), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    found, expected = loaded.predict(TABLE, verbose=0), model.predict(TABLE, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_saved_by_itself(space, tmp_path):
    space.save(tmp_path / "space.keras")
    loaded = keras.models.load_model(tmp_path / "space.keras")
    np.testing.assert_allclose(loaded(TABLE), space(TABLE))


def test_a_dictionary_of_integers():
    space = FeatureSpace(
        {"word": FeatureSpace.string_categorical(output_mode="int"), "plain": "float"},
        output_mode="dict",
    )
    space.adapt({"word": ["a", "b", "b"]})
    found = space({"word": ["b", "x"], "plain": [1.0, 2.0]})
    assert {k: v.tolist() for k, v in found.items()} == {
        "plain": [[1.0], [2.0]],
        "word": [[1], [0]],
    }


def test_a_layer_of_ones_own():
    text = keras.layers.TextVectorization(output_mode="tf_idf")
    space = FeatureSpace({"text": FeatureSpace.feature("string", text, "float")})
    space.adapt({"text": ["1st string", "2nd string", "3rd string"]})
    assert space({"text": ["2nd string"]}).shape == (1, 5)


BAD = [
    ({}, {}, "at least one feature"),
    ({"a": "floats"}, {}, "did you mean 'float'"),
    ({"a": "float"}, {"output_mode": "list"}, "'concat' or 'dict'"),
    ({"a": "float"}, {"crosses": [("a", "b")]}, "names among"),
]


@pytest.mark.parametrize("features, options, match", BAD)
def test_bad_arguments(features, options, match):
    with pytest.raises(ValueError, match=match):
        FeatureSpace(features, **options)


def test_bad_use():
    space = FeatureSpace({"word": "string_categorical"})
    with pytest.raises(ValueError, match="call adapt"):
        space({"word": ["a"]})
    with pytest.raises(ValueError, match="dictionaries with"):
        space.adapt([{"other": ["a"]}])
    space.adapt({"word": ["a"]})
    with pytest.raises(ValueError, match="columns"):
        space({"other": ["a"]})
    with pytest.raises(ValueError, match="a dictionary"):
        space(["a"])
    mixed = FeatureSpace({"a": "float", "b": FeatureSpace.integer_hashed(3, output_mode="int")})
    with pytest.raises(ValueError, match="output_mode='one_hot'"):
        mixed({"a": [1.0], "b": [1]})
    with pytest.raises(ValueError, match="output_mode"):
        FeatureSpace.cross(("a", "b"), 3, output_mode="float")
