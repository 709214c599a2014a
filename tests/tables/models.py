"""Models for the file formats, each a function of the library that makes it: keraunos or Keras."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(0)
X = RNG.normal(size=(16, 6)).astype("float32")
SEQUENCES = RNG.normal(size=(16, 5, 3)).astype("float32")
IMAGES = RNG.normal(size=(16, 8, 8, 2)).astype("float32")
WORDS = RNG.integers(0, 9, (16, 5)).astype("int32")


def sequential(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((6,)),
            layers.Dense(4, activation="relu", name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.0),
            layers.LayerNormalization(),
            layers.Dense(1, use_bias=False),
        ],
        name="stack",
    )


def options(k: Any) -> Any:
    """Objects in configs: regularizers, constraints, initializers, policies, activations."""
    layers = k.layers
    x = k.Input((6,), name="x")
    y = layers.Dense(
        5,
        kernel_regularizer=k.regularizers.L1L2(0.01, 0.02),
        bias_constraint=k.constraints.MaxNorm(1.5),
        kernel_initializer=k.initializers.HeNormal(seed=1),
        activation=k.activations.gelu,
    )(x)
    y = layers.Activation("tanh")(y)
    y = layers.Dense(4, kernel_initializer="orthogonal", activity_regularizer="l2")(y)
    y = layers.Dense(3, trainable=False)(y)
    return k.Model(x, layers.Dense(1)(y))


def operations(k: Any) -> Any:
    """Operations of `ops` and Python's operators as nodes."""
    ops, layers = k.ops, k.layers
    x = k.Input((6,))
    y = ops.relu(x + 1) * 2 - layers.Dense(6)(x) / 3
    y = ops.concatenate([y, -x, 1 - y], axis=-1)
    y = ops.reshape(y, (-1, 3, 6))
    y = y[:, 1:, :4]
    y = ops.mean(y, axis=1) + ops.sum(y, axis=1, keepdims=False)
    y = ops.where(y > 0, y, 0.1 * y)
    y = ops.stack([y, ops.exp(y * 0.1)], axis=1)
    y = ops.transpose(y, (0, 2, 1))
    y = ops.softmax(y, axis=-1) ** 2
    y = ops.matmul(y, ops.ones((2, 3)))
    y = ops.expand_dims(ops.max(y, axis=-1), -1)
    return k.Model(x, layers.Dense(1)(layers.Flatten()(y)))


def several(k: Any) -> Any:
    """Several inputs and outputs, a shared layer, merging layers."""
    layers = k.layers
    a, b = k.Input((6,), name="a"), k.Input((6,), name="b")
    shared = layers.Dense(4, name="shared")
    first, second = shared(a), shared(b)
    joined = layers.Concatenate()(
        [first, layers.add([first, second]), layers.Multiply()([first, second])]
    )
    left = layers.Dense(1, name="left")(joined)
    return k.Model([a, b], [left, layers.Dense(2, name="right")(second)])


def dictionaries(k: Any) -> Any:
    layers = k.layers
    inputs = {"b": k.Input((6,), name="b"), "a": k.Input((6,), name="a")}
    joined = layers.Concatenate()([inputs["a"], inputs["b"]])
    return k.Model(inputs, {"out": layers.Dense(1)(joined), "aux": layers.Dense(2)(inputs["b"])})


def nested(k: Any) -> Any:
    """Models as layers, one of them called twice, at the end of the graph too."""
    layers = k.layers
    inner = k.Input((4,))
    base = k.Model(inner, layers.Dense(4, activation="tanh")(inner), name="base")
    head = k.Sequential([k.Input((4,)), layers.Dense(3), layers.Dense(4)], name="head")
    x = k.Input((6,))
    once = base(head(layers.Dense(4)(x)))
    return k.Model(x, [base(once), once])


def images(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((8, 8, 2)),
            layers.Rescaling(0.5, offset=1.0),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.SeparableConv2D(3, (3, 2), padding="same"),
            layers.DepthwiseConv2D(3, depth_multiplier=2),
            layers.AveragePooling2D(2),
            layers.GlobalAveragePooling2D(),
            layers.Reshape((3, 2)),
            layers.Conv1D(2, 2, dilation_rate=1, padding="causal"),
            layers.GlobalMaxPooling1D(),
            layers.Dense(1),
        ]
    )


def recurrent(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((5, 3)),
            layers.Bidirectional(layers.LSTM(4, return_sequences=True)),
            layers.Bidirectional(layers.GRU(3, return_sequences=True), merge_mode="sum"),
            layers.GRU(3, reset_after=False, return_sequences=True),
            layers.LSTM(3, go_backwards=True, return_sequences=True),
            layers.SimpleRNN(2),
            layers.Dense(1),
        ]
    )


def words(k: Any) -> Any:
    layers = k.layers
    return k.Sequential(
        [
            k.Input((5,), dtype="int32"),
            layers.Embedding(9, 4, mask_zero=True),
            layers.LSTM(3),
            layers.Dense(1),
        ]
    )


def half(k: Any) -> Any:
    layers = k.layers
    mixed = layers.Dense(4, dtype="mixed_bfloat16", activation="relu")
    return k.Sequential([k.Input((6,)), mixed, layers.Dense(1, dtype="float32")])


def subclassed(k: Any) -> Any:
    """Attributes, lists in lists, dictionaries, private and own weights."""
    layers = k.layers

    class Net(k.Model):
        def __init__(self, units=4, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.entry = layers.Dense(units)
            self.blocks = [
                layers.Dense(3),
                layers.Dense(2),
                [layers.Dense(2), layers.LayerNormalization()],
            ]
            self.named = {"k": layers.Dense(2)}
            self.stack = k.Sequential([layers.Dense(2), layers.Dropout(0.0)])
            self._last = layers.Dense(1)
            self.shift = self.add_weight(shape=(1,), name="shift")

        def call(self, x):
            x = self.entry(x)
            for layer in [*self.blocks[:2], *self.blocks[2], self.named["k"], self.stack]:
                x = layer(x)
            return self._last(x) + self.shift

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    model = Net(5)
    model(np.zeros((1, 6), "float32"))
    return model


# name -> (function, inputs, how to compile)
MODELS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "sequential": (sequential, X, {}),
    "options": (options, X, {"optimizer": "rmsprop"}),
    "operations": (operations, X, {"optimizer": "sgd"}),
    "several": (several, [X, X[::-1]], {}),
    "dictionaries": (dictionaries, {"a": X, "b": X[::-1]}, {}),
    "nested": (nested, X, {"optimizer": "adagrad"}),
    "images": (images, IMAGES, {}),
    "recurrent": (recurrent, SEQUENCES, {}),
    "words": (words, WORDS, {"optimizer": "adamw"}),
    "half": (half, X, {}),
    "subclassed": (subclassed, X, {}),
}
