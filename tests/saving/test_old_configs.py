"""Configs as Keras 2 wrote them: the models they mean."""

import json

import h5py
import numpy as np

import keraunos as keras
from keraunos.saving import old_configs

DENSE = {"trainable": True, "dtype": "float32", "activation": "linear", "use_bias": True}
INPUT = {"batch_input_shape": [None, 3], "dtype": "float32", "sparse": False, "ragged": False}


def dense(name, units, nodes):
    return {
        "class_name": "Dense",
        "config": {"name": name, "units": units, **DENSE},
        "name": name,
        "inbound_nodes": nodes,
    }


GRAPH = {
    "class_name": "Model",
    "config": {
        "name": "model",
        "layers": [
            {
                "class_name": "InputLayer",
                "config": {"name": "x", **INPUT},
                "name": "x",
                "inbound_nodes": [],
            },
            dense("a", 4, [[["x", 0, 0, {}]]]),
            dense("b", 2, [[["x", 0, 0, {}]]]),
            {
                "class_name": "Concatenate",
                "config": {"name": "c", "axis": -1},
                "name": "c",
                "inbound_nodes": [[["a", 0, 0, {}], ["b", 0, 0, {}]]],
            },
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["c", 0, 0]],
    },
}
OPTIMIZER = {"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.25, "momentum": 0.9}}


def twin():
    x = keras.Input((3,))
    a, b = keras.layers.Dense(4, name="a")(x), keras.layers.Dense(2, name="b")(x)
    return keras.Model(x, keras.layers.Concatenate(name="c")([a, b]))


def test_a_graph_of_keras_2(tmp_path):
    model = twin()
    model.compile("sgd", "mse")
    model.save(tmp_path / "old.h5")
    with h5py.File(tmp_path / "old.h5", "r+") as file:
        file.attrs["model_config"] = json.dumps(GRAPH)
        training = {"loss": "mse", "metrics": ["mae"], "optimizer_config": OPTIMIZER}
        file.attrs["training_config"] = json.dumps(training)
        file.pop("optimizer_weights", None)
    old = keras.saving.load_model(tmp_path / "old.h5")
    x = np.random.RandomState(0).rand(4, 3)
    np.testing.assert_allclose(old.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [layer.name for layer in old.layers] == ["x", "a", "b", "c"]
    assert (old.optimizer.momentum, float(old.optimizer.learning_rate)) == (0.9, 0.5)
    old.train_on_batch(x, np.ones((4, 6)))
    np.testing.assert_allclose(float(old.optimizer.learning_rate), 0.5 / 1.25)


def test_a_config_of_today_stays_as_it_is():
    config = json.loads(twin().to_json())
    assert old_configs.upgraded(config) == config


def test_the_first_sequentials_were_lists():
    layers = [{"class_name": "Dense", "config": {"name": "a", "units": 2, **INPUT, **DENSE}}]
    del layers[0]["config"]["sparse"], layers[0]["config"]["ragged"]
    saved = old_configs.upgraded({"class_name": "Sequential", "config": layers})
    model = keras.saving.deserialize_keras_object(saved)
    assert model.output_shape == (None, 2)


def test_options_of_a_call_with_several_inputs_are_those_of_the_last(tmp_path):
    x = keras.Input((5, 3))
    model = keras.Model(x, keras.layers.Attention()([x, x], use_causal_mask=True))
    model.save(tmp_path / "model.h5")
    steps = np.random.RandomState(0).normal(size=(2, 5, 3))
    again = keras.saving.load_model(tmp_path / "model.h5")
    np.testing.assert_allclose(
        again.predict(steps, verbose=0), model.predict(steps, verbose=0), atol=1e-6
    )
