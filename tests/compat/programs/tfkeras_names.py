"""tf.keras: its paths, Keras 2's order of compile, metrics for every output."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
import tensorflow.keras as keras
from tensorflow.keras import backend as K
from tensorflow.keras.layers import Dense, Input
from tensorflow.keras.layers.experimental.preprocessing import Normalization, Rescaling
from tensorflow.keras.models import Model
from tensorflow.keras.optimizers.legacy import Adam
from tensorflow.python.keras.layers import Dense as Same

assert Same is Dense
x = Input(shape=(4,), name="x")
hidden = Rescaling(0.5)(x)
model = Model(inputs=x, outputs=[Dense(1, name="a")(hidden), Dense(2, name="b")(hidden)])
model.compile(Adam(learning_rate=0.01), "mse", ["mae"], loss_weights=[1.0, 0.5])
data = np.ones((8, 4), "float32")
history = model.fit(data, [np.ones((8, 1)), np.ones((8, 2))], epochs=1, verbose=0)
assert {"a_mae", "b_mae", "a_loss", "b_loss"} <= set(history.history)
assert history.history["a_mean_absolute_error"] == history.history["a_mae"]
assert Normalization.__name__ == "Normalization"
assert np.allclose(K.hard_sigmoid(np.ones(1, "float32")), 0.7)
assert np.allclose(keras.activations.hard_sigmoid(np.ones(1, "float32")), 0.7)
embedding = keras.Sequential([keras.layers.Embedding(5, 3)])
assert embedding.output_shape == (None, None, 3)

normalized = keras.Sequential([keras.layers.BatchNormalization(input_shape=(2,), trainable=False)])
assert np.allclose(normalized(np.ones((1, 2)), training=True), 1 / np.sqrt(1.001))
