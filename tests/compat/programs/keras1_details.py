"""Keras 1: functions as `init`, the size of a deconvolution, everything by a star."""
# ruff: noqa: F403, F405

import numpy as np
from keras.initializations import identity, normal
from keras.layers import *
from keras.models import Sequential

model = Sequential()
model.add(
    SimpleRNN(
        4,
        init=lambda shape, name: normal(shape, scale=0.001, name=name),
        inner_init=lambda shape, name: identity(shape, name=name),
        input_shape=(3, 2),
    )
)
kernel, recurrent, _ = model.get_weights()
assert np.abs(kernel).max() < 0.01
assert np.array_equal(recurrent, np.eye(4))

model = Sequential(
    [
        Deconvolution2D(
            3,
            2,
            2,
            (None, 9, 8, 3),
            subsample=(2, 2),
            border_mode="valid",
            input_shape=(4, 4, 1),
        )
    ]
)
assert model.predict(np.ones((2, 4, 4, 1))).shape == (2, 9, 8, 3)

left, right = Sequential([Dense(3, input_dim=2)]), Sequential([Dense(3, input_dim=4)])
model = Sequential([Merge([left, right], mode="concat", concat_axis=-1)])
model.add(Dense(1))
model.compile("sgd", "mse")
history = model.fit([np.ones((8, 2)), np.ones((8, 4))], np.ones(8), nb_epoch=1, verbose=0)
assert np.isfinite(history.history["loss"][0])
