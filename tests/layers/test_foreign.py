"""Models written elsewhere, as layers: they train, keep their state, and say what is wrong."""

import sys
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")


def linear(params, inputs):
    return inputs @ params["w"] + params["b"]


def start_linear(rng, inputs):
    return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": 0.0, "note": None}


def counting(params, state, rng, inputs, training):
    kept = jax.random.bernoulli(rng, 0.5, inputs.shape) if training else 1.0
    return inputs * kept @ params, {"calls": state["calls"] + 1, "size": state["size"]}


def start_counting(rng, inputs):
    state = {"calls": jnp.zeros((), "int32"), "size": jnp.ones(())}
    return jax.random.normal(rng, (inputs.shape[-1], 1)), state


def test_params_are_trained():
    target = X @ np.ones((3, 2), "float32") + 1
    model = keras.Sequential([keras.Input((3,)), layers.JaxLayer(linear, start_linear)])
    model.compile(keras.optimizers.SGD(0.3), "mse")
    losses = model.fit(X, target, epochs=40, verbose=0).history["loss"]
    assert losses[-1] < 1e-2 * losses[0]
    assert [w.shape for w in model.trainable_weights] == [(), (3, 2)]


def test_state_is_kept_and_not_trained():
    layer = layers.JaxLayer(counting, start_counting, seed=1)
    model = keras.Sequential([keras.Input((3,)), layer])
    assert [w.dtype for w in layer.non_trainable_weights] == ["int32", "float32"]
    model.compile("sgd", "mse")
    model.fit(X, X[:, :1], batch_size=4, epochs=2, verbose=0)
    assert int(layer.state["calls"]) == 8
    assert float(layer.state["size"]) == 1
    assert np.abs(layer(X, training=True) - layer(X)).max() > 1e-3


def test_given_values_and_structures_of_inputs():
    def both(params, inputs):
        return {"sum": inputs["a"] + inputs["b"] * params}

    layer = layers.JaxLayer(both, params=np.float32(3))
    assert layer.built
    found = layer({"a": X, "b": X})
    np.testing.assert_allclose(found["sum"], 4 * X, rtol=1e-6)
    found = layer({"a": keras.Input((3,)), "b": keras.Input((3,))})
    assert found["sum"].shape == (None, 3)
    assert layers.JaxLayer(lambda inputs: inputs + 1)(X).shape == X.shape


def test_first_call_inside_of_jit():
    layer = layers.JaxLayer(linear, start_linear)
    np.testing.assert_allclose(jax.jit(layer)(X), layer(X), rtol=1e-5)


def test_mixed_precision():
    layer = layers.JaxLayer(linear, start_linear, dtype="mixed_bfloat16")
    assert layer(X).dtype == "bfloat16"
    assert {w.dtype for w in layer.weights} == {"float32"}


def test_saved_and_loaded(tmp_path):
    model = keras.Sequential([keras.Input((3,)), layers.JaxLayer(counting, start_counting)])
    model.save(tmp_path / "model.keras")
    functions = {"counting": counting, "start_counting": start_counting}
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects=functions)
    np.testing.assert_array_equal(again(X), model(X))


@pytest.mark.parametrize(
    "arguments, says",
    [
        ((lambda params, x: x, start_linear), "'call_fn'.*inputs.*params, x"),
        ((linear, lambda key, inputs: {}), "'init_fn'.*rng, inputs, training.*key, inputs"),
        (("linear",), "'call_fn'"),
        ((linear,), "'init_fn'.*params or state"),
    ],
)
def test_bad_functions(arguments, says):
    with pytest.raises(ValueError, match=f"(?s)JaxLayer 'mine'.*{says}") as caught:
        layers.JaxLayer(*arguments, name="mine")
    assert len(str(caught.value).splitlines()) <= 6


def test_state_of_another_structure():
    layer = layers.JaxLayer(
        lambda state, inputs: (inputs, {"other": inputs}), state={"kept": np.zeros(3)}, name="mine"
    )
    with pytest.raises(ValueError, match=r"(?s)JaxLayer 'mine'.*kept.*other"):
        layer(X)


@pytest.mark.parametrize("name, engine", [("TorchModuleWrapper", "PyTorch"), ("TFSMLayer", "Tens")])
def test_other_engines(name, engine):
    with pytest.raises(NotImplementedError, match=f"{name} needs {engine}(?s:.*)fix:") as caught:
        getattr(layers, name)("something")
    assert len(str(caught.value).splitlines()) <= 6


class Scaled:
    """What FlaxLayer asks of a module: init and apply, with a collection that is not trained."""

    def __call__(self, inputs, training):
        raise AssertionError("apply calls it")

    def twice(self, inputs):
        raise AssertionError("apply calls it")

    def init(self, rngs, inputs, method, training=False):
        assert rngs.keys() == {"params", "dropout"}
        return {"params": {"scale": jnp.ones(3)}, "stats": {"calls": jnp.zeros(())}}

    def apply(self, variables, inputs, rngs, mutable, method, training=False):
        assert rngs.keys() == ({"dropout"} if training else set())
        factor = 2 if method == self.twice else 1
        state = {"stats": {"calls": variables["stats"]["calls"] + training}}
        return factor * inputs * variables["params"]["scale"], state

    def get_config(self):
        return {}

    @classmethod
    def from_config(cls, config):
        return cls()


@pytest.fixture
def flax(monkeypatch):
    """A flax.linen that has the one name that FlaxLayer takes from it."""
    linen = types.SimpleNamespace(DenyList=list)
    monkeypatch.setitem(sys.modules, "flax", types.SimpleNamespace(linen=linen))
    monkeypatch.setitem(sys.modules, "flax.linen", linen)


def test_flax_module(flax):
    layer = layers.FlaxLayer(Scaled())
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.SGD(0.3), "mse")
    losses = model.fit(X, 5 * X, epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 1e-2 * losses[0]
    assert [len(layer.trainable_weights), len(layer.non_trainable_weights)] == [1, 1]
    assert float(layer.state["stats"]["calls"]) == 60


def test_flax_method_and_config(flax):
    module = Scaled()
    layer = layers.FlaxLayer(module, method=module.twice)
    np.testing.assert_allclose(layer(X), 2 * X)
    config = layer.get_config()
    assert config["method"] == "twice"
    with keras.saving.custom_object_scope({"Scaled": Scaled}):
        np.testing.assert_allclose(layers.FlaxLayer.from_config(config)(X), 2 * X)
    given = layers.FlaxLayer(module, variables={"params": {"scale": X[0]}, "stats": {"calls": 1.0}})
    np.testing.assert_allclose(given(X), X * X[0])


def test_a_module_of_flax_itself():
    nn = pytest.importorskip("flax.linen")

    class Net(nn.Module):
        @nn.compact
        def __call__(self, inputs, training):
            x = nn.BatchNorm(use_running_average=not training)(nn.Dense(8)(inputs))
            return nn.Dense(1)(nn.Dropout(0.1, deterministic=not training)(x))

    layer = layers.FlaxLayer(Net())
    model = keras.Sequential([keras.Input((3,)), layer])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    losses = model.fit(X, X[:, :1], epochs=60, verbose=0).history["loss"]
    assert losses[-1] < 0.2 * losses[0]
    assert (len(layer.trainable_weights), len(layer.non_trainable_weights)) == (6, 2)


def test_flax_is_optional(monkeypatch):
    for name in ("flax", "flax.linen"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"keraunos\[flax\]"):
        layers.FlaxLayer(Scaled())
