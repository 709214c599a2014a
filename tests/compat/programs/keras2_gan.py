"""Keras 2: what is trained is settled by `compile`, as adversarial networks have it."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras.layers import Dense, Input
from keras.models import Model, Sequential
from keras.optimizers import Adam

generator = Sequential([Dense(4, input_dim=2)])
discriminator = Sequential(
    [Dense(8, activation="relu", input_dim=4), Dense(1, activation="sigmoid")]
)
discriminator.compile(loss="binary_crossentropy", optimizer=Adam(lr=0.01), metrics=["accuracy"])
discriminator.trainable = False
z = Input(shape=(2,))
combined = Model(z, discriminator(generator(z)))
combined.compile(loss="binary_crossentropy", optimizer=Adam(0.01))

noise, real = np.random.RandomState(0).normal(size=(8, 2)), np.ones((8, 4))


def weights(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


before = weights(discriminator)
loss, accuracy = discriminator.train_on_batch(real, np.ones((8, 1)))
assert 0 <= accuracy <= 1
between, made = weights(discriminator), weights(generator)
assert not np.allclose(before, between), "the discriminator was compiled while it was trained"
combined.train_on_batch(noise, np.ones((8, 1)))
assert np.allclose(between, weights(discriminator)), "in the combined model it is frozen"
assert not np.allclose(made, weights(generator))
assert discriminator.trainable is False

# The metrics of a batch are those of that batch alone.
one = discriminator.test_on_batch(real, np.ones((8, 1)))
assert np.allclose(one, discriminator.test_on_batch(real, np.ones((8, 1))))
