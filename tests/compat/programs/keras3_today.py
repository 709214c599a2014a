"""Keras 3: nothing of the older defaults is in its way."""
# ruff: noqa  (old programs are written as they were)

import keras
import numpy as np
from keras import ops

assert np.allclose(keras.activations.hard_sigmoid(ops.ones(1)), 4 / 6)
assert keras.layers.GRU(2).reset_after is True
assert keras.layers.Conv2D(4, 3, 2).strides == (2, 2)
model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
history = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=1, verbose=0)
assert sorted(history.history) == ["loss", "mae"]
model.save("model.keras")
assert keras.saving.load_model("model.keras").output_shape == (None, 1)
