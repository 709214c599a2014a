"""What a layer is called, and where its weights say that they are."""

import numpy as np

import keraunos as keras
from keraunos import layers


def test_a_sequential_inside_of_a_layer_is_on_the_path_of_its_weights():
    class Block(layers.Layer):
        def __init__(self):
            super().__init__(name="block")
            self.body = keras.Sequential([layers.Dense(2, name="inner")], name="body")

        def call(self, x):
            return self.body(x)

    for x in (np.ones((1, 2), "float32"), keras.Input((2,))):
        block = Block()
        block(x)
        assert [w.path for w in block.weights] == [
            "block/body/inner/kernel",
            "block/body/inner/bias",
        ]
