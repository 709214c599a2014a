"""`.h5` files of Keras 2.3 and tf_keras are read whole; those that we write tf_keras can read."""

import io
import json
import re
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from tests.tables import layers as table

import keraunos as keras
from keraunos import compat, initializers, layers, optimizers
from keraunos._core import registry
from keraunos.saving.common_configs import common

HERE = Path(__file__).parent
# Each trained for six steps on X and Y; beside it what it predicted, and after two more steps.
FILES = zipfile.ZipFile(HERE / "old_files.zip")
X = np.linspace(-1, 1, 32).reshape(8, 4).astype("float32")
Y = np.stack([X.sum(1), X[:, 0]], 1)


@pytest.fixture
def file(request, tmp_path):
    path = tmp_path / f"{request.param}.h5"
    path.write_bytes(FILES.read(path.name))
    return path, np.load(io.BytesIO(FILES.read(f"{request.param}.npz")))


OF_TF_KERAS = [
    *("tf_keras_2.21", "tf_keras_2.21_graph"),
    *("tf_keras_legacy_amsgrad", "tf_keras_legacy_rmsprop"),
]


@pytest.mark.parametrize("file", OF_TF_KERAS, indirect=True)
def test_training_goes_on_where_tf_keras_was(file):
    path, expected = file
    model = keras.models.load_model(path)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected["p"], atol=1e-6)
    assert int(model.optimizer.iterations) == 6
    for _ in range(2):
        model.train_on_batch(X, Y)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected["q"], atol=1e-6)


@pytest.mark.parametrize("file", ["keras_2.3.1", "keras_2.3.1_graph"], indirect=True)
def test_models_and_optimizers_of_keras_2_3(file):
    # Its next steps are not compared: its own count of steps is a race within the graph.
    path, expected = file
    model = keras.models.load_model(path)
    np.testing.assert_allclose(model.predict(X, verbose=0), expected["p"], atol=1e-6)
    with h5py.File(path) as stored:
        group = stored["optimizer_weights"]
        names = [name.decode() for name in group.attrs["weight_names"]]
        for slot, ours in (("m", "momentum"), ("v", "velocity")):
            theirs = [np.asarray(group[n]) for n in names if f"/{slot}_" in n]
            boxes = [v for v in model.optimizer.variables if v.path.endswith(ours)]
            assert len(boxes) == len(theirs) == len(model.trainable_variables)
            for box, array in zip(boxes, theirs):
                np.testing.assert_array_equal(box.numpy(), array)


@pytest.mark.parametrize("file", ["keras_2.3.1_lstm"], indirect=True)
def test_the_hard_sigmoid_of_the_time(file):
    path, expected = file
    with pytest.warns(UserWarning, match="hard_sigmoid was 0.2 x"):
        keras.models.load_model(path)
    compat.install("keras2")
    try:
        found = keras.models.load_model(path).predict(X, verbose=0)
    finally:
        compat.uninstall()
    np.testing.assert_allclose(found, expected["p"], atol=1e-6)


def test_a_state_that_does_not_fit_is_told(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    model.compile("adam", "mse")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5", "r+") as stored:
        group = stored["optimizer_weights"]
        group.attrs["weight_names"] = group.attrs["weight_names"][:3]
    with pytest.warns(UserWarning, match="does not fit: it begins anew"):
        keras.models.load_model(tmp_path / "m.h5")


# -- what we write -------------------------------------------------------------------------------

# class: the arguments that tf_keras 2.21 takes (its legacy optimizers are what it makes of a
# config that does not say which kind it is of)
_TEXT = (HERE / "tf_keras_arguments.txt").read_text(encoding="utf-8")
# Two that it takes out of `**kwargs`; an Identity is a layer and an initializer.
TAKEN: dict[str, set[str]] = {}
for _name, _rest in re.findall(r"^(\w+): (.*)$", _TEXT, re.MULTILINE):
    TAKEN.setdefault(_name, {"vocabulary_size", "zero_output_for_mask"}).update(_rest.split())
MADE = [
    *[(layers, case.layer, case.options) for case in table.CASES],
    *[(layers, name, {"units": 3}) for name in ("LSTM", "GRU", "SimpleRNN", "LSTMCell")],
    *[(layers, name, {"height": 3, "width": 3}) for name in ("Resizing", "CenterCrop")],
    *[(layers, name, {"factor": 0.1}) for name in ("RandomRotation", "RandomContrast")],
    *[(layers, name, {"vocabulary": ["a"]}) for name in ("StringLookup", "TextVectorization")],
    *[(layers, name, {}) for name in ("LeakyReLU", "Masking", "Attention", "RandomFlip")],
    (layers, "Dropout", {"rate": 0.2}),
    (initializers, "HeNormal", {"seed": 1}),
    *[(optimizers, name, {}) for name in "SGD Adam RMSprop Adagrad Adadelta Adamax Nadam".split()],
]
# What tf_keras has no word for.
NEVER = {"RMSNormalization", "MultiHeadAttention", "ZeroPadding1D(data_format=channels_first)"}


@pytest.mark.parametrize("room, name, options", MADE)
def test_tf_keras_takes_every_argument(room, name, options):
    if name in NEVER or f"{name}(data_format={options.get('data_format')})" in NEVER:
        return
    saved = common(registry.serialize(getattr(room, name)(**options)))
    assert saved["class_name"] == name
    assert set(saved["config"]) <= TAKEN[name]
    again = registry.deserialize(registry.serialize(getattr(room, name)(**options)))
    assert common(registry.serialize(again))["config"].keys() == saved["config"].keys()


def test_calls_are_lists_of_tensors(tmp_path):
    x = keras.Input((4,), name="x")
    inner = keras.Sequential(
        [keras.Input((4,)), layers.Dense(3, dtype="mixed_float16")], name="inner"
    )
    a, b = layers.Dense(3, name="a")(x), layers.LeakyReLU(name="b")(inner(x))
    model = keras.Model(x, layers.Concatenate(name="c")([a, layers.Dropout(0.1, name="d")(a), b]))
    model.save(tmp_path / "m.h5")
    with h5py.File(tmp_path / "m.h5") as stored:
        config = json.loads(stored.attrs["model_config"])["config"]
    made = {layer["name"]: layer for layer in config["layers"]}
    assert made["x"]["config"]["batch_input_shape"] == [None, 4]
    assert made["d"]["inbound_nodes"] == [[["a", 0, 0, {}]]]
    assert made["c"]["inbound_nodes"] == [[["a", 0, 0, {}], ["d", 0, 0, {}], ["b", 0, 0, {}]]]
    # Keras 3 and tf_keras count the calls of a model within a model differently.
    assert isinstance(made["b"]["inbound_nodes"][0], dict)
    assert made["inner"]["config"]["layers"][1]["config"]["dtype"] == "mixed_float16"
    assert not any("module" in layer for layer in config["layers"])
    again = keras.models.load_model(tmp_path / "m.h5")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
