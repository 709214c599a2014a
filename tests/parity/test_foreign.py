"""JaxLayer equals the real Keras: outputs, gradients, state, and configs both ways."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.saving import custom_object_scope

import keraunos

APIS = keraunos, keras
X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


def call(params, state, inputs, training):
    outputs = jnp.tanh(inputs @ params["w"]) + params["b"]
    return outputs, {"mean": jnp.where(training, outputs.mean(), state["mean"]), "n": state["n"]}


def start(rng, inputs):
    return {"w": jnp.ones((3, 2)), "b": jnp.zeros(2)}, {"mean": jnp.zeros(()), "n": 1}


def test_outputs_gradients_and_state():
    found = []
    for api in APIS:
        params, state = start(None, None)
        layer = api.layers.JaxLayer(call, params=params, state=state)
        layer(X)

        def total(weights, layer=layer):
            fixed = [v.value for v in layer.non_trainable_variables]
            outputs, after = layer.stateless_call(weights, fixed, X, training=True)
            return jnp.sum(outputs**2), (outputs, after)

        weights = [v.value for v in layer.trainable_variables]
        found.append(jax.tree.leaves(jax.grad(total, has_aux=True)(weights)))
        layer(X, training=True)
        found[-1] += [np.asarray(w.value) for w in layer.weights]
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_configs_go_both_ways():
    ours, theirs = (api.layers.JaxLayer(call, start, name="one") for api in APIS)
    with custom_object_scope({"call": call, "start": start}):
        there = keras.layers.deserialize(keraunos.layers.serialize(ours))
    assert there.get_config() == theirs.get_config()
    with keraunos.saving.custom_object_scope({"call": call, "start": start}):
        back = keraunos.layers.deserialize(keras.layers.serialize(theirs))
    assert back.get_config() == ours.get_config()
