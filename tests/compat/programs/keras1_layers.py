"""Keras 1: a layer of one's own, recurrent layers, an embedding with given weights."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras import backend as K
from keras import initializations
from keras.engine.topology import InputSpec, Layer
from keras.layers import GRU, LSTM, Dense, Embedding, Input, TimeDistributedDense
from keras.layers.core import Highway, MaxoutDense
from keras.models import Model, Sequential


class Scaled(Layer):
    def __init__(self, output_dim, init="uniform", **kwargs):
        self.init = initializations.get(init)
        self.output_dim = output_dim
        super().__init__(**kwargs)

    def build(self, input_shape):
        self.input_spec = [InputSpec(shape=(None, input_shape[1]))]
        self.W = self.init((input_shape[1], self.output_dim), name="W")
        self.b = K.zeros((self.output_dim,), name="b")
        self.trainable_weights = [self.W, self.b]
        self.built = True

    def call(self, x, mask=None):
        return K.dot(x, self.W) + self.b

    def get_output_shape_for(self, input_shape):
        return (input_shape[0], self.output_dim)


model = Sequential([Scaled(3, input_shape=(4,)), Dense(1, init="zero")])
model.compile("sgd", "mse")
x, y = np.ones((16, 4)), np.ones((16, 1))
before = model.layers[0].get_weights()
model.fit(x, y, nb_epoch=2, verbose=0)
assert [w.shape for w in before] == [(4, 3), (3,)]
assert not np.allclose(before[0], model.layers[0].get_weights()[0])

table = np.random.RandomState(0).rand(10, 4)
text = Sequential()
text.add(Embedding(10, 4, input_length=6, weights=[table], trainable=False))
text.add(
    LSTM(
        5,
        inner_init="orthogonal",
        inner_activation="hard_sigmoid",
        dropout_W=0.1,
        dropout_U=0.1,
        forget_bias_init="one",
        return_sequences=True,
        consume_less="gpu",
    )
)
text.add(TimeDistributedDense(3))
text.add(GRU(output_dim=2, activation="tanh", U_regularizer="l2"))
text.add(MaxoutDense(4))
text.add(Highway(activation="relu"))
assert np.allclose(text.layers[0].get_weights()[0], table)
assert text.output_shape == (None, 4)
assert text.layers[1].get_config()["recurrent_activation"] == "hard_sigmoid"
assert text.layers[3].reset_after is False
text.compile("adam", "mse")
text.train_on_batch(np.ones((4, 6), int), np.zeros((4, 4)))
assert text.optimizer.epsilon == 1e-8

shared, i = Dense(2), Input(shape=(3,))
assert Model(input=i, output=shared(i)).layers[-1] is shared
