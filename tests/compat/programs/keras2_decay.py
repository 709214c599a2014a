"""Keras 2: `decay` makes the rate lr / (1 + decay * iterations)."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras.layers import Dense
from keras.models import Sequential, load_model
from keras.optimizers import SGD

model = Sequential([Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
model.compile(SGD(lr=0.5, decay=1.0), lambda y_true, y_pred: -y_pred[:, 0])
x, y = np.ones((1, 1)), np.ones((1, 1))
for _ in range(3):
    model.train_on_batch(x, y)
assert np.allclose(model.get_weights()[0], 0.5 * (1 + 1 / 2 + 1 / 3))

plain = Sequential([Dense(1, use_bias=False, kernel_initializer="zeros", input_shape=(1,))])
plain.compile(SGD(lr=0.5, decay=1.0), "mse")
plain.train_on_batch(x, y)
plain.save("decay.h5")
again = load_model("decay.h5")
assert float(again.optimizer.lr) == 0.5
assert again.optimizer.decay == 1.0
again.train_on_batch(x, y)
plain.train_on_batch(x, y)
assert np.allclose(again.get_weights()[0], plain.get_weights()[0])
