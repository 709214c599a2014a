"""tf.keras 2: steps with compiled_loss, compiled_metrics, minimize; it ran on tf_keras too."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
import tensorflow as tf
from tensorflow import keras

rng = np.random.RandomState(0)
x = rng.normal(size=(32, 4)).astype("float32")
y = x.sum(axis=1, keepdims=True)
w = np.linspace(0, 1, 32).astype("float32")


class Plain(keras.Model):
    """What the guide of Keras 2 shows."""

    def train_step(self, data):
        x, y, sample_weight = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(
                y, y_pred, sample_weight=sample_weight, regularization_losses=self.losses
            )
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        self.compiled_metrics.update_state(y, y_pred, sample_weight=sample_weight)
        return {m.name: m.result() for m in self.metrics}

    def test_step(self, data):
        x, y, sample_weight = data
        y_pred = self(x, training=False)
        self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}


class Minimize(Plain):
    def train_step(self, data):
        x, y, sample_weight = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}


def trained(cls, optimizer=None):
    inputs = keras.Input((4,))
    hidden = keras.layers.Dense(
        3, "tanh", kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.1)
    )(inputs)
    model = cls(inputs, keras.layers.Dense(1, kernel_initializer="ones")(hidden))
    optimizer = optimizer or keras.optimizers.SGD(0.1)
    model.compile(optimizer, "mse", metrics=["mae"], weighted_metrics=["mse"])
    given = dict(sample_weight=w, epochs=2, batch_size=16, shuffle=False, verbose=0)
    history = model.fit(x, y, validation_data=(x, y, w), **given).history
    return history, model.evaluate(x, y, sample_weight=w, verbose=0), model.get_weights()


want, measured, weights = trained(keras.Model)
for cls in (Plain, Minimize):
    history, found, after = trained(cls)
    assert sorted(history) == sorted(want), (sorted(history), sorted(want))
    for name in want:
        assert np.allclose(history[name], want[name], rtol=1e-4), (cls, name)
    assert np.allclose(found, measured, rtol=1e-4)
    assert all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(after, weights))


class Scaled(Plain):
    """What the guide of mixed precision shows."""

    def train_step(self, data):
        x, y, sample_weight = data
        with tf.GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
            scaled = self.optimizer.get_scaled_loss(loss)
        found = tape.gradient(scaled, self.trainable_variables)
        found = self.optimizer.get_unscaled_gradients(found)
        self.optimizer.apply_gradients(zip(found, self.trainable_variables))
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}


wrapped = keras.mixed_precision.LossScaleOptimizer(keras.optimizers.SGD(0.1))
history, found, after = trained(Scaled, wrapped)
assert np.allclose(history["loss"], want["loss"], rtol=1e-4)
assert all(np.allclose(a, b, rtol=1e-3, atol=1e-5) for a, b in zip(after, weights))


class Outer(keras.Model):
    """Two models inside, each compiled; metrics of its own, one that `metrics` does not list."""

    def __init__(self):
        super().__init__()
        self.one = keras.Sequential([keras.layers.Dense(2, input_shape=(4,))])
        self.two = keras.Sequential([keras.layers.Dense(1, input_shape=(2,))])
        self.one.compile(keras.optimizers.SGD(0.05), "mse")
        self.two.compile(keras.optimizers.Adam(0.05), "mse")
        self.listed = keras.metrics.Mean(name="listed")
        self.quiet = keras.metrics.Sum(name="quiet")

    @property
    def metrics(self):
        return [self.listed]

    def train_step(self, data):
        x, y = data
        with tf.GradientTape(persistent=True) as tape:
            loss = tf.reduce_mean(tf.square(self.two(self.one(x)) - y))
        for part in (self.one, self.two):
            found = tape.gradient(loss, part.trainable_variables)
            part.optimizer.apply_gradients(zip(found, part.trainable_variables))
        self.listed.update_state(loss)
        self.quiet.update_state(1.0)
        return {"listed": self.listed.result(), "steps": self.quiet.result()}

    def predict_step(self, data):
        return self.two(self.one(data)) * 0.0 + 7.0


outer = Outer()
outer.compile()
history = outer.fit(x, y, batch_size=16, epochs=3, verbose=0).history
assert history["listed"][-1] < history["listed"][0]
assert history["steps"] == [2.0, 4.0, 6.0], "what metrics does not list is not reset"
assert int(outer.one.optimizer.iterations) == int(outer.two.optimizer.iterations) == 6
assert (outer.predict(x, verbose=0) == 7.0).all()
outer.reset_metrics()
assert float(outer.listed.result()) == 0.0 and float(outer.quiet.result()) == 6.0
