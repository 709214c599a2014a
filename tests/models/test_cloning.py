"""clone_model: layers copied, wrapped, called otherwise, models inside models."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

X = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")


def nested():
    inner = keras.Sequential([keras.Input((4,)), layers.Dense(3, name="deep")], name="inner")
    inputs = keras.Input((4,))
    hidden = layers.Dense(4, name="wide")(inputs)
    outputs = layers.add([inner(hidden), inner(inputs)])
    return keras.Model(inputs, outputs, name="outer")


def seeded(layer):
    config = layer.get_config()
    if "kernel_initializer" in config:
        config["kernel_initializer"] = "ones"
    return type(layer).from_config(config)


def test_call_function_puts_layers_between():
    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        return layers.Dropout(0.5)(outputs) if layer.name == "wide" else outputs

    model = nested()
    clone = keras.models.clone_model(model, clone_function=lambda layer: layer, call_function=call)
    kinds = [type(layer).__name__ for layer in clone.layers]
    assert kinds == ["InputLayer", "Dense", "Dropout", "Sequential", "Add"]
    np.testing.assert_array_equal(clone(X), model(X))


@pytest.mark.parametrize("recursive", [False, True])
def test_recursive_reaches_the_layers_inside(recursive):
    clone = keras.models.clone_model(nested(), clone_function=seeded, recursive=recursive)
    inner = clone.get_layer("inner")
    ones = bool((np.asarray(inner.get_layer("deep").kernel) == 1).all())
    assert ones == recursive
    assert [layer.name for layer in clone.layers].count("inner") == 1, "shared, as it was"
    assert (np.asarray(clone.get_layer("wide").kernel) == 1).all()


def test_sequential_is_cloned_onto_an_input():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    clone = keras.models.clone_model(model, input_tensors=keras.Input((4,)), clone_function=seeded)
    np.testing.assert_allclose(clone(X), X.sum(1, keepdims=True).repeat(2, 1), rtol=1e-5)


def test_what_cannot_be_done_is_said():
    class Net(keras.Model):
        def call(self, x):
            return x

    model = keras.Sequential([keras.Input((4,)), layers.Dense(2)])
    with pytest.raises(ValueError, match="call_function"):
        keras.models.clone_model(model, call_function=lambda layer, x: x)
    for option in ("clone_function", "call_function", "input_tensors"):
        with pytest.raises(ValueError, match=option):
            keras.models.clone_model(Net(), **{option: lambda *a: a})
    assert isinstance(keras.models.clone_model(Net()), Net)


@keras.saving.register_keras_serializable("cloning")
class Own(keras.Model):
    """A subclass with a step of its own, made of a graph."""

    def train_step(self, *args):
        return super().train_step(*args)


def test_graph_of_a_subclass_stays_one(tmp_path):
    inputs = keras.Input((4,))
    model = Own(inputs, layers.Dense(3)(inputs), name="own")
    model.save(tmp_path / "own.keras")
    loaded = keras.saving.load_model(tmp_path / "own.keras")
    np.testing.assert_array_equal(loaded(X), model(X))
    config = model.get_config()
    again = [Own.from_config(config), keras.models.model_from_json(model.to_json())]
    for copy in (loaded, keras.models.clone_model(model), *again):
        assert isinstance(copy, Own)
        assert (copy.name, copy.count_params()) == ("own", 15)


def test_model_reads_the_config_of_a_graph():
    model = keras.Model.from_config(nested().get_config())
    assert model.name == "outer"
    assert model(X).shape == (5, 3)
