"""Small things of tf.keras: own metrics, metrics of two outputs, attention, tables of places."""

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras import backend as K
from tensorflow.keras import layers

draw = np.random.RandomState(0)
data = draw.rand(32, 4).astype("float32")
sums, signs = data.sum(1, keepdims=True), (data[:, :1] > 0.5).astype("float32")


class Furthest(keras.metrics.Metric):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.largest = self.add_weight("largest", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.largest.assign(tf.maximum(self.largest, tf.reduce_max(tf.abs(y_true - y_pred))))

    def result(self):
        return self.largest


metric = Furthest()
metric.update_state(tf.constant([1.0, 2.0]), tf.constant([1.5, 5.0]))
assert metric.result().numpy() == 3
metric.reset_states()
assert metric.result().numpy() == 0

# One metric for two outputs is one for each.
x = keras.Input((4,))
model = keras.Model(x, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)])
model.compile("sgd", "mse", metrics=[keras.metrics.MeanAbsoluteError(name="mae")])
logs = model.evaluate(data, [sums, signs], verbose=0, return_dict=True)
for name, target, output in zip("ab", (sums, signs), model.predict(data, verbose=0)):
    assert np.isclose(logs[f"{name}_mae"], np.abs(target - output).mean(), rtol=1e-4), logs

# Attention that looks back only, said when it is made; its file says it too.
steps = draw.rand(2, 5, 3).astype("float32")
x = keras.Input((5, 3))
causal = keras.Model(x, layers.Attention(causal=True)([x, x]))
called = keras.Model(x, layers.Attention()([x, x], use_causal_mask=True))
causal.save("causal.h5")
for model in (causal, keras.models.load_model("causal.h5")):
    assert np.allclose(model.predict(steps), called.predict(steps), atol=1e-6)


# A table of places that is shorter than sequences of unknown length may be.
class Places(layers.Layer):
    table = tf.constant(draw.rand(1, 30, 3).astype("float32"))

    def call(self, inputs):
        return inputs + self.table[:, : tf.shape(inputs)[-2], :]


model = keras.Sequential([Places(input_shape=(None, 3))])
assert model.output_shape == (None, None, 3)
assert np.allclose(model.predict(steps), steps + Places.table.numpy()[:, :5], atol=1e-6)


# A regularizer that compares with one number.
class Sparse(keras.regularizers.Regularizer):
    def __call__(self, x):
        return keras.losses.kullback_leibler_divergence(0.1, K.mean(x, axis=0))


model = keras.Sequential([layers.Dense(3, "sigmoid", activity_regularizer=Sparse())])
assert model(data).shape == (32, 3)
(found,) = model.losses
mean = np.mean(model(data).numpy(), axis=0)
expected = np.sum(0.1 * np.log(0.1 / mean)) / 32  # by the sample, as of an activity
assert np.isclose(np.ravel(found.numpy())[0], expected, rtol=1e-4)
