"""The models in the Keras API, written once for keraunos and for Keras on each backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import breadth


def perceptron(keras: Any) -> Any:
    layers = keras.layers
    hidden = [layers.Dense(128, activation="relu") for _ in range(3)]
    output = layers.Dense(10, activation="softmax")
    model = keras.Sequential([keras.Input((784,)), *hidden, output])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def convnet(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(64, (3, 3), activation="relu"),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model


def lstm(keras: Any) -> Any:
    return _reader(keras, keras.layers.LSTM(32))


def _reader(keras: Any, recurrent: Any, masked: bool = False) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((100,), dtype="int32"),
            layers.Embedding(10_000, 32, mask_zero=masked),
            recurrent,
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


def conv1d(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((500,), dtype="int32"),
            layers.Embedding(10_000, 128),
            layers.Conv1D(32, 7, activation="relu"),
            layers.MaxPooling1D(5),
            layers.Conv1D(32, 7, activation="relu"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )
    # The book gives probabilities' loss to logits; the cost is the same, and this one learns.
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    model.compile(keras.optimizers.RMSprop(1e-4), loss, metrics=["accuracy"])
    return model


def xception(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((180, 180, 3))
    x = layers.Rescaling(1.0 / 255)(inputs)
    x = layers.Conv2D(32, 5, use_bias=False)(x)
    for size in (32, 64, 128, 256, 512):
        residual = x
        for _ in range(2):
            x = layers.BatchNormalization()(x)
            x = layers.Activation("relu")(x)
            x = layers.SeparableConv2D(size, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D(3, strides=2, padding="same")(x)
        shortcut = layers.Conv2D(size, 1, strides=2, padding="same", use_bias=False)
        x = layers.add([x, shortcut(residual)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    model = keras.Model(inputs, layers.Dense(1, activation="sigmoid")(x))
    model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
    return model


VARIANTS: dict[str, Callable[[Any], Any]] = {
    "lstm-masked": lambda k: _reader(k, k.layers.LSTM(32), masked=True),
    "lstm-recurrent-dropout": lambda k: _reader(k, k.layers.LSTM(32, recurrent_dropout=0.2)),
    "lstm-bidirectional": lambda k: _reader(k, k.layers.Bidirectional(k.layers.LSTM(32))),
    "gru": lambda k: _reader(k, k.layers.GRU(32)),
    "gru-masked": lambda k: _reader(k, k.layers.GRU(32), masked=True),
    "gru-recurrent-dropout": lambda k: _reader(k, k.layers.GRU(32, recurrent_dropout=0.2)),
    "gru-bidirectional": lambda k: _reader(k, k.layers.Bidirectional(k.layers.GRU(32))),
}
MODELS = {f.__name__: f for f in (perceptron, convnet, lstm, conv1d, xception)} | VARIANTS


def trainer(
    name: str, x: np.ndarray, y: np.ndarray, batch: int, module: str = "keras"
) -> Callable[[int], float]:
    """A function that trains the model `name` for some epochs and returns the last one's loss."""
    model = (MODELS | breadth.MODELS)[name](importlib.import_module(module))

    def train(epochs: int) -> float:
        history = model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0).history
        return float(history["loss"][-1])

    return train
