"""Keras 2: HDF5 files of models and of weights, by order and by name."""
# ruff: noqa  (old programs are written as they were)

import h5py
import keras
import numpy as np
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model, Sequential, load_model, model_from_json


def swish2(x):
    return x * keras.backend.sigmoid(2 * x)


x = np.random.RandomState(0).rand(32, 3)
inner = Sequential([Dense(4, input_dim=3, name="a"), BatchNormalization(name="b")], name="inner")
i = Input(shape=(3,))
model = Model(i, Dense(2, activation=swish2, name="c")(inner(i)))
model.compile("adam", "mse", metrics=["mae"])
model.fit(x, np.ones((32, 2)), epochs=1, verbose=0)
expected = model.predict(x, verbose=0)

model.save("model.h5")
again = load_model("model.h5", custom_objects={"swish2": swish2})
assert np.allclose(again.predict(x, verbose=0), expected)
assert np.allclose(
    again.evaluate(x, np.ones((32, 2)), verbose=0), model.evaluate(x, np.ones((32, 2)), verbose=0)
)
for _ in range(2):  # the state of the optimizer has come along
    assert np.allclose(
        again.train_on_batch(x, np.ones((32, 2))),
        model.train_on_batch(x, np.ones((32, 2))),
        atol=1e-6,
    )

model.save("bare.h5", include_optimizer=False)
assert load_model("bare.h5", custom_objects={"swish2": swish2}).optimizer is None

model.save_weights("weights.h5")
other = model_from_json(model.to_json(), custom_objects={"swish2": swish2})
other.load_weights("weights.h5")
assert np.allclose(other.predict(x, verbose=0), model.predict(x, verbose=0))
with h5py.File("weights.h5", "r") as file:
    assert [n.decode() for n in file.attrs["layer_names"]] == [v.name for v in model.layers]

part = Sequential([Dense(2, input_dim=4, name="c"), Dense(1, name="new")])
part.load_weights("weights.h5", by_name=True)
assert np.allclose(part.layers[0].get_weights()[0], model.get_layer("c").get_weights()[0])
