"""Subclassed models whose `call` needs several inputs: a decoder's token and state."""

import numpy as np

import keraunos as keras
from keraunos import layers


class Decoder(keras.Model):
    def __init__(self):
        super().__init__()
        self.of_token, self.of_state = layers.Dense(3), layers.Dense(3)

    def call(self, token, state, training=None):
        return self.of_token(token) + self.of_state(state)


def test_it_is_built_by_its_call():
    model = Decoder()
    found = model(np.ones((2, 4), "float32"), np.ones((2, 5), "float32"))
    assert found.shape == (2, 3)
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (5, 3), (3,)]


def test_also_along_a_graph():
    token, state = keras.Input((4,)), keras.Input((5,))
    model = keras.Model([token, state], Decoder()(token, state))
    model.compile("sgd", "mse")
    history = model.fit([np.ones((4, 4)), np.ones((4, 5))], np.ones((4, 3)), epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]
