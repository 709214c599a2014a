"""Preprocessing layers equal the real Keras: live where it needs no TensorFlow, else by a table."""

import json
import zipfile

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables import preprocessing as table
from tests.tables.preprocessing import CASES, FREE, REVIEWS, TABLE, WORDS

import keraunos

EXPECTED = table.expected()
QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
# Windows of both Keras's are made in float32 and float64: logarithms of almost nothing differ.
LOOSE = {"MelSpectrogram": 1e-3, "STFTSpectrogram": 1e-3}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outputs_vocabulary_and_config(case):
    found, expected = table.run(keraunos.layers, case), EXPECTED[case.id]
    assert found["config"] == expected["config"]
    assert found.get("vocabulary") == expected.get("vocabulary")
    assert np.shape(found["outputs"]) == np.shape(expected["outputs"])
    np.testing.assert_allclose(found["outputs"], expected["outputs"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_real_config_is_read(case):
    config = EXPECTED[case.id]["config"]
    layer = getattr(keraunos.layers, case.layer).from_config(config)
    assert json.loads(json.dumps(layer.get_config())) == config


def both(case):
    made = []
    for layers in (keraunos.layers, keras.layers):
        layer = getattr(layers, case.layer)(**case.options, name="one")
        if case.data is not None:
            layer.adapt(case.data)
        made.append(layer)
    return made


@pytest.mark.parametrize("case", FREE, ids=lambda case: case.id)
def test_live(case):
    mine, theirs = both(case)
    found, expected = mine(case.inputs), np.asarray(theirs(case.inputs))
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    tolerance = LOOSE.get(case.layer, 1e-5)
    if case.options.get("mode") == "angle":  # pi is minus pi, and any where there is no sound
        found, expected, tolerance = np.exp(1j * np.asarray(found)), np.exp(1j * expected), 0.01
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
    assert [(w.name, w.shape, w.dtype) for w in mine.weights] == [
        (w.name, tuple(w.shape), w.dtype) for w in theirs.weights
    ]
    for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=2e-5)
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    assert saved["config"] == foreign["config"]
    keras.layers.deserialize(saved)
    again = keraunos.layers.deserialize(foreign)
    assert json.loads(json.dumps(keraunos.layers.serialize(again)))["config"] == foreign["config"]


@pytest.mark.parametrize("case", FREE[::2], ids=lambda case: case.id)
def test_inside_a_compiled_step_it_is_the_same_layer(case):
    layer = getattr(keraunos.layers, case.layer)(**case.options)
    if case.data is not None:
        layer.adapt(case.data)
    compiled = jax.jit(layer, compiler_options=QUICK)(jnp.asarray(case.inputs))
    np.testing.assert_allclose(compiled, layer(case.inputs), rtol=1e-4, atol=1e-4)


def test_spectrogram_kernels_train_alike():
    x = FREE[-1].inputs[:, :1].transpose(0, 2, 1)
    slopes = []
    for layers in (keraunos.layers, keras.layers):
        layer = layers.STFTSpectrogram(mode="magnitude", frame_length=64)
        layer.build(x.shape)

        def total(weights, layer=layer):
            return jnp.sum(layer.stateless_call(weights, [], x)[0] ** 2)

        slope = jax.jit(jax.grad(total), compiler_options=QUICK)
        slopes.append(slope([w.value for w in layer.trainable_variables]))
    for one, other in zip(*slopes, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3 * np.abs(other).max())


def test_feature_space():
    space = table.feature_space(keraunos)
    space.adapt(TABLE)
    np.testing.assert_allclose(space(TABLE), EXPECTED["feature_space"], rtol=1e-6)


def test_feature_space_of_a_real_file(tmp_path):
    space = keraunos.saving.load_model(table.saved_file("feature_space", tmp_path))
    np.testing.assert_allclose(space(TABLE), EXPECTED["feature_space"], rtol=1e-6)


def _inputs():
    ramp = np.linspace(0, 1, 12, dtype="float32").reshape(3, 4)
    return [np.array(REVIEWS[:3]), WORDS, ramp]


def test_a_real_file_with_vocabularies(tmp_path):
    # (It reads its own file less well: it drops the token "" at the end of a vocabulary.)
    model = table.text_model(keraunos)
    loaded = keraunos.saving.load_model(table.saved_file("text_model", tmp_path))
    for one, other in zip(model(_inputs()), loaded(_inputs()), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)


@pytest.mark.parametrize("name", ["feature_space", "text_model"])
def test_our_file_holds_what_the_real_one_holds(name, tmp_path):
    model = getattr(table, name)(keraunos)
    if name == "feature_space":
        model.adapt(TABLE)
    ours = tmp_path / "ours.keras"
    model.save(ours)
    real = table.saved_file(name, tmp_path)
    with zipfile.ZipFile(ours) as one, zipfile.ZipFile(real) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        for member in other.namelist():
            if member.startswith("assets/"):
                assert one.read(member) == other.read(member)
        mine, theirs = (json.loads(z.read("config.json")) for z in (one, other))
    assert _classes(mine) == _classes(theirs)


def _classes(saved):
    """Return the classes of a config with their modules, in order."""
    if isinstance(saved, list):
        return [found for one in saved for found in _classes(one)]
    if not isinstance(saved, dict):
        return []
    own = [(saved.get("class_name"), saved.get("module"))]
    inner = [found for value in saved.values() for found in _classes(value)]
    return (own if "config" in saved and "class_name" in saved else []) + sorted(inner, key=str)


def test_the_real_keras_splits_lines_where_there_are_none(tmp_path):
    # Its reader breaks a vocabulary at U+2028 and the like; a token may hold them.
    layer = keraunos.layers.TextVectorization()
    layer.adapt(["one\u2028two three\x85"])
    model = keraunos.Sequential([keraunos.Input((1,), dtype="string"), layer])
    model.save(tmp_path / "model.keras")
    loaded = keraunos.saving.load_model(tmp_path / "model.keras")
    assert loaded.layers[0].get_vocabulary() == ["", "[UNK]", "three\x85", "one\u2028two"]
