"""Keras 1: convolutions by rows and columns, border modes, decay, counts of epochs."""
# ruff: noqa  (old programs are written as they were)

import numpy as np
from keras.layers import Activation, Dense, Dropout, Flatten
from keras.layers.convolutional import Convolution2D, MaxPooling2D, ZeroPadding2D
from keras.models import Sequential
from keras.optimizers import SGD
from keras.regularizers import l2
from keras.utils import np_utils

rng = np.random.RandomState(0)
X = rng.rand(64, 8, 8, 1)
labels = (X.mean(axis=(1, 2, 3)) > 0.5).astype(int)
Y = np_utils.to_categorical(labels, nb_classes=2)

model = Sequential()
model.add(ZeroPadding2D((1, 1), input_shape=(8, 8, 1), dim_ordering="tf"))
model.add(
    Convolution2D(4, 3, 3, init="uniform", border_mode="valid", W_regularizer=l2(0.001), bias=True)
)
model.add(Activation("relu"))
model.add(Convolution2D(4, 3, 3, border_mode="same", subsample=(2, 2)))
model.add(MaxPooling2D(pool_size=(2, 2), border_mode="same"))
model.add(Flatten())
model.add(Dropout(p=0.1))
model.add(Dense(output_dim=2, init="glorot_normal", activation="softmax"))

sgd = SGD(lr=0.05, decay=1e-4, momentum=0.9, nesterov=True)
model.compile(loss="categorical_crossentropy", optimizer=sgd, metrics=["accuracy"])
history = model.fit(X, Y, batch_size=16, nb_epoch=3, verbose=0, validation_split=0.25)

assert model.layers[1].output_shape == (None, 8, 8, 4)
assert model.layers[3].output_shape == (None, 4, 4, 4)
assert model.output_shape == (None, 2)
assert len(history.history["acc"]) == len(history.history["val_acc"]) == 3
assert history.history["acc"] == history.history["accuracy"]
assert model.predict_classes(X[:5], verbose=0).shape == (5,)
assert model.predict_proba(X[:5], verbose=0).shape == (5, 2)
assert len(model.evaluate(X, Y, verbose=0, show_accuracy=True)) == 2
