"""`.keras` files of Keras 2.13 and 2.15 and of tf_keras 2.21 are read, with the optimizer's state.

Each model was trained for six steps on its inputs and Y; beside it stands what it predicted, and
what it predicted after two more steps.
"""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

FILES = zipfile.ZipFile(Path(__file__).with_name("old_archives.zip"))
X = np.linspace(-1, 1, 32).reshape(8, 4).astype("float32")
Y = np.stack([X.sum(1), X[:, 0]], 1)
IDS = np.arange(40).reshape(8, 5) * 7 % 11
WORDS = np.array([["the cat sat"], ["a dog ran"], ["the dog sat"], ["cat"]])


class Scale(layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor
        self.inner = layers.Dense(3)

    def build(self, shape):
        self.w = self.add_weight(name="w", shape=(shape[-1],), initializer="ones")
        self.inner.build(shape)

    def call(self, x):
        return self.inner(x * self.w) * self.factor


class Net(keras.Model):
    # Some attributes come before "layers" in the alphabet, some behind it: where a layer stands in
    # the file follows from that, and is another place for each writer.
    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.first = layers.Dense(units, activation="tanh")
        self.blocks = [layers.Dense(3), Scale(0.5)]
        self.out = layers.Dense(3)
        self.zlast = layers.Dense(2)

    def call(self, x):
        x = self.first(x)
        for block in self.blocks:
            x = block(x)
        return self.zlast(self.out(x))


CLASSES = {"Net": Net, "Scale": Scale}


@pytest.fixture
def file(request, tmp_path):
    path = tmp_path / f"{request.param}.keras"
    path.write_bytes(FILES.read(path.name))
    return path, np.load(io.BytesIO(FILES.read(f"{request.param}.npz")))


TRAINED = sorted(
    name[:-6]
    for name in FILES.namelist()
    if name.endswith(".keras") and not name.endswith(("_text.keras", "_seq2seq.keras"))
)


@pytest.mark.parametrize("file", TRAINED, indirect=True)
def test_training_goes_on_where_it_was(file):
    path, expected = file
    x = IDS if "recurrent" in path.name else X
    model = keras.saving.load_model(path, custom_objects=CLASSES)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected["p"], atol=1e-6)
    assert int(model.optimizer.iterations) == 6
    for _ in range(2):
        model.train_on_batch(x, Y)
    np.testing.assert_allclose(model.predict(x, verbose=0), expected["q"], atol=1e-5)


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_first_states_behind_the_input_and_no_step_taken(ending, tmp_path, recwarn):
    path = tmp_path / f"seq2seq.{ending}"
    path.write_bytes(FILES.read(f"2.21_seq2seq.{ending}"))
    expected = np.load(io.BytesIO(FILES.read("2.21_seq2seq.npz")))
    model = keras.saving.load_model(path)
    found = model.predict([expected["x0"], expected["x1"]], verbose=0)
    np.testing.assert_allclose(found[0], expected["p0"], atol=1e-6)
    np.testing.assert_allclose(found[1], expected["p1"], atol=1e-6)
    assert not recwarn


@pytest.mark.parametrize("file", ["2.13_text", "2.21_text"], indirect=True)
def test_vocabularies_are_found(file):
    path, expected = file
    model = keras.saving.load_model(path)
    np.testing.assert_allclose(model.predict(WORDS, verbose=0), expected["p"], atol=1e-6)


@pytest.mark.parametrize("file", ["2.13_subclass", "2.21_subclass"], indirect=True)
def test_weights_alone_go_into_a_model(file, tmp_path):
    path, expected = file
    weights = tmp_path / "model.weights.h5"
    with zipfile.ZipFile(path) as archive:
        weights.write_bytes(archive.read("model.weights.h5"))
    model = Net(5)
    model(X)
    assert model.load_weights(weights).complete
    np.testing.assert_allclose(model.predict(X, verbose=0), expected["p"], atol=1e-6)


@pytest.mark.parametrize("file", ["2.21_graph"], indirect=True)
def test_what_was_read_is_saved_as_today(file, tmp_path):
    path, expected = file
    again = tmp_path / "again.keras"
    keras.saving.load_model(path).save(again)
    found = keras.saving.load_model(again)
    np.testing.assert_allclose(found.predict(X, verbose=0), expected["p"], atol=1e-6)


@pytest.mark.parametrize("file", ["2.21_graph"], indirect=True)
def test_a_function_without_a_twin_is_named(file, tmp_path):
    other = tmp_path / "other.keras"
    with zipfile.ZipFile(file[0]) as old, zipfile.ZipFile(other, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                made = [
                    one["config"]
                    for one in config["config"]["layers"]
                    if one["config"].get("function") == "concat"
                ]
                made[0]["function"] = "raw_ops.Unknown"
                data = json.dumps(config)
            new.writestr(name, data)
    with pytest.raises(ValueError, match=r"(?s)'tf.concat'.*'raw_ops.Unknown'"):
        keras.saving.load_model(other)
