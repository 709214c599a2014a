"""Trains a model in float64 with keraunos and with the real Keras, and prints what came out.

A program of its own: the mode of 64 bits is the whole process's.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(24, 6, 5, 2))
LABELS = RNG.integers(0, 3, 24)


def build(api):
    return api.Sequential(
        [
            api.Input((6, 5, 2)),
            api.layers.Conv2D(3, 3, padding="same", activation="relu"),
            api.layers.MaxPooling2D(),
            api.layers.Flatten(),
            api.layers.Dense(3, activation="softmax"),
        ]
    )


def trained(api, weights=None):
    """Return the model after two epochs, its first weights, and the history."""
    model = build(api)
    if weights is not None:
        model.set_weights(weights)
    start = model.get_weights()
    model.compile(
        api.optimizers.SGD(0.1, momentum=0.9),
        "sparse_categorical_crossentropy",
        metrics=[api.metrics.SparseCategoricalAccuracy()],
    )
    history = model.fit(X, LABELS, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return model, start, history.history


def lstm_gap(layers):
    """Return how far LSTM is from its equations (the real Keras on JAX: 1e-7)."""
    x = RNG.normal(size=(2, 4, 3))
    layer = layers.LSTM(2)
    layer.build(x.shape)
    kernel, recurrent, bias = weights = [RNG.normal(size=w.shape) for w in layer.weights]
    layer.set_weights(weights)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))  # noqa: E731
    h, c = np.zeros((2, 2)), np.zeros((2, 2))
    for step in x.swapaxes(0, 1):
        i, f, g, o = np.split(step @ kernel + h @ recurrent + bias, 4, 1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return float(np.abs(np.asarray(layer(x)) - h).max())


def normalization_gap(layers):
    """Return how far BatchNormalization is from its equation (the real Keras on JAX: 7e-7)."""
    x = RNG.normal(size=(8, 3))
    y = np.asarray(layers.BatchNormalization()(x, training=True))
    return float(np.abs(y - (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3)).max())


def main():
    import jax

    import keraunos

    keraunos.config.set_floatx("float64")
    assert jax.config.values["jax_enable_x64"], "64 bits came on by themselves"
    import keras  # on JAX the real Keras needs the mode to be on before

    keras.config.set_floatx("float64")
    mine, start, history = trained(keraunos)
    theirs, _, expected = trained(keras, start)
    path = Path(tempfile.mkdtemp()) / "model.keras"
    mine.save(path)
    again, foreign = keraunos.saving.load_model(path), keras.saving.load_model(path)
    outputs = mine.predict(X, verbose=0)
    pairs = zip(mine.get_weights(), theirs.get_weights())
    ops = keraunos.ops
    found = {
        "weights": sorted({w.dtype for w in mine.weights}),
        "outputs": outputs.dtype.name,
        "layer": np.asarray(mine(X)).dtype.name,
        "slots": sorted({v.dtype for v in mine.optimizer.variables if v.shape}),
        "metrics": sorted({v.dtype for m in mine.metrics for v in m.variables}),
        "loss": keraunos.losses.MeanSquaredError()(X, X + 1).dtype.name,
        "ops": [ops.zeros(2).dtype.name, ops.convert_to_tensor([0.5]).dtype.name],
        "random": keraunos.random.normal((2,)).dtype.name,
        "int64": int(ops.convert_to_tensor(np.array([2**40]))[0]) == 2**40,
        "gap of LSTM": lstm_gap(keraunos.layers),
        "gap of BatchNormalization": normalization_gap(keraunos.layers),
        "gap of the weights": max(float(np.abs(a - b).max()) for a, b in pairs),
        "gap of the losses": abs(history["loss"][-1] - expected["loss"][-1]),
        "file": float(np.abs(again.predict(X, verbose=0) - outputs).max()),
        "file in Keras": float(np.abs(foreign.predict(X, verbose=0) - outputs).max()),
    }
    keraunos.config.set_floatx("float32")
    found["back"] = [bool(jax.config.values["jax_enable_x64"]), ops.zeros(2).dtype.name]
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
