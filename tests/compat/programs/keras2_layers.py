"""Keras 2: layers of one's own, shared layers, shapes of layers, losses of the graph."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras import backend as K
from keras import layers, metrics
from keras.engine.topology import Layer
from keras.layers import Dense, Input, Lambda
from keras.layers.merge import concatenate
from keras.models import Model
from keras.optimizers import Adam


class MyDense(Layer):
    def __init__(self, output_dim, **kwargs):
        self.output_dim = output_dim
        super(MyDense, self).__init__(**kwargs)

    def build(self, input_shape):
        assert len(input_shape) == 2
        self.kernel = self.add_weight(
            "kernel", (input_shape[1], self.output_dim), "float32", "uniform"
        )
        self.bias = self.add_weight(name="bias", shape=(self.output_dim,), initializer="zeros")
        super(MyDense, self).build(input_shape)

    def call(self, x):
        return K.bias_add(K.dot(x, self.kernel), self.bias)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.output_dim)

    def get_config(self):
        config = {"output_dim": self.output_dim}
        base = super(MyDense, self).get_config()
        return dict(list(base.items()) + list(config.items()))


first, second = Input(shape=(4,)), Input(shape=(4,))
shared = MyDense(3)
one, two = shared(first), shared(second)
assert shared.get_output_at(0) is one and shared.get_output_at(1) is two
assert shared.get_input_at(1) is second
assert shared.get_output_shape_at(0) == shared.output_shape == (None, 3)
model = Model([first, second], concatenate([one, two]))
assert [w.name for w in shared.trainable_weights] == ["kernel", "bias"]
copy = Model.from_config(model.get_config(), custom_objects={"MyDense": MyDense})
assert copy.output_shape == (None, 6)
assert K.int_shape(one) == (None, 3)

# An autoencoder whose loss is a part of its graph.
x = Input(shape=(6,))
h = Dense(4, activation="relu")(x)
z_mean, z_log_var = Dense(2)(h), Dense(2)(h)


def sampling(args):
    mean, log_var = args
    noise = K.random_normal(shape=(K.shape(mean)[0], 2), mean=0.0, stddev=1.0)
    return mean + K.exp(0.5 * log_var) * noise


z = Lambda(sampling, output_shape=(2,))([z_mean, z_log_var])
decoded = Dense(6, activation="sigmoid")(z)
vae = Model(x, decoded)
distance = 6 * metrics.binary_crossentropy(x, decoded)
kl = -0.5 * K.sum(1 + z_log_var - K.square(z_mean) - K.exp(z_log_var), axis=-1)
vae.add_loss(K.mean(distance + kl))
vae.compile(optimizer=Adam(lr=0.02), loss=None)
data = (np.random.RandomState(0).rand(64, 6) > 0.5).astype("float32")
history = vae.fit(data, None, epochs=8, verbose=0)
assert history.history["loss"][-1] < history.history["loss"][0]
assert layers.Dense is Dense
