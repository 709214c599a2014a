"""Keras 2: generators, callbacks with older names, the learning rate."""
# ruff: noqa  (old programs are written as they were)

import os

import keras
import numpy as np
from keras import backend as K
from keras.callbacks import Callback, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from keras.layers import Dense
from keras.models import Sequential, load_model

rng = np.random.RandomState(0)
x = rng.normal(size=(64, 4))
y = (x.sum(axis=1) > 0).astype("float32")


def batches(size=16):
    while True:
        for i in range(0, 64, size):
            yield x[i : i + size], y[i : i + size]


class Watch(Callback):
    def on_train_begin(self, logs={}):
        self.sizes, self.rates = [], []

    def on_batch_end(self, batch, logs={}):
        self.sizes.append(logs.get("size"))

    def on_epoch_end(self, epoch, logs={}):
        self.rates.append(float(K.get_value(self.model.optimizer.lr)))
        assert logs.get("val_acc") == logs["val_accuracy"]
        assert self.validation_data[0].shape == (64, 4)
        assert self.params["samples"] == 64


model = Sequential([Dense(8, activation="relu", input_dim=4), Dense(1, activation="sigmoid")])
model.compile(
    loss="binary_crossentropy", optimizer=keras.optimizers.Adam(lr=0.01), metrics=["acc"], zeal=1
)
K.set_value(model.optimizer.lr, 0.02)
assert abs(float(model.optimizer.lr) - 0.02) < 1e-7
model.optimizer.lr = 0.03
watch = Watch()
history = model.fit(
    x,
    y,
    epochs=4,
    batch_size=20,
    verbose=0,
    validation_data=(x, y),
    callbacks=[
        watch,
        EarlyStopping(monitor="val_acc", patience=10),
        EarlyStopping(monitor="no_such_value", patience=1),
        ModelCheckpoint("w-{epoch:02d}-{val_acc:.2f}.hdf5", monitor="val_acc", period=2),
        ModelCheckpoint("best.h5", monitor="val_acc", save_best_only=True, mode="auto"),
        ReduceLROnPlateau(monitor="val_acc", factor=0.5, patience=50, epsilon=1e-4),
    ],
)
assert watch.sizes == [20, 20, 20, 4] * 4
assert np.allclose(watch.rates, 0.03)
assert history.history["val_acc"] == history.history["val_accuracy"]
assert np.allclose(history.history["lr"], 0.03)
assert len([name for name in os.listdir(".") if name.startswith("w-")]) == 2
best = load_model("best.h5")
assert best.evaluate(x, y, verbose=0)[1] == max(history.history["val_acc"])

more = model.fit_generator(
    batches(),
    steps_per_epoch=4,
    epochs=2,
    verbose=0,
    validation_data=batches(),
    validation_steps=4,
    max_queue_size=10,
    workers=2,
    use_multiprocessing=False,
)
assert len(more.history["val_loss"]) == 2
whole = model.evaluate(x, y, verbose=0)
assert np.allclose(model.evaluate_generator(batches(), steps=4), whole, atol=1e-5)
assert np.allclose(model.predict_generator(batches(), 4), model.predict(x, verbose=0), atol=1e-6)
