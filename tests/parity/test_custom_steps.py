"""A step written for Keras 3 on JAX, and sample weights, give the real Keras's numbers."""

import os

import jax
import keras as real
import numpy as np
import pytest

import keraunos as ours

if os.environ.get("KERAS_BACKEND") != "jax":
    pytest.skip("the real Keras runs on another backend", allow_module_level=True)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 5)).astype("float32")
Y, WEIGHTS = X.sum(1, keepdims=True), RNG.uniform(size=24).astype("float32")


def trained(keras, written):
    class Model(keras.Model):
        def _loss(self, trainable, other, x, y, weights):
            outputs, other = self.stateless_call(trainable, other, x, training=True)
            return self.compute_loss(x, y, outputs, weights), (outputs, other)

        def train_step(self, state, data):
            trainable, other, optimizer, measured = state
            x, y, weights = data
            of = jax.value_and_grad(self._loss, has_aux=True)
            (loss, (_, other)), gradients = of(trainable, other, x, y, weights)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            return {"loss": loss}, (trainable, other, optimizer, measured)

    inputs = keras.Input((5,))
    hidden = keras.layers.BatchNormalization()(keras.layers.Dense(4, "tanh")(inputs))
    model = (Model if written else keras.Model)(inputs, keras.layers.Dense(1)(hidden))
    rng = np.random.default_rng(1)
    model.set_weights([0.3 * rng.normal(size=w.shape) ** 2 for w in model.get_weights()])
    model.compile(keras.optimizers.Adam(0.05), "mse")
    history = model.fit(
        X, Y, sample_weight=WEIGHTS, batch_size=8, epochs=2, shuffle=False, verbose=0
    ).history
    return history, model.get_weights()


@pytest.mark.parametrize("written", [False, True])
def test_history_and_weights_are_those_of_the_real_keras(written):
    (history, weights), (want, others) = trained(ours, written), trained(real, written)
    assert history.keys() == want.keys()
    # The real Keras ends an epoch with its own tracker, 0 here, not with what the step returned.
    if not written:
        np.testing.assert_allclose(history["loss"], want["loss"], rtol=1e-4)
    for a, b in zip(weights, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
