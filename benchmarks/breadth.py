"""More models in the Keras API, to find what is slow: one of each kind that programs have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

OPTIMIZER = "adam"


def _classifier(keras: Any, inputs: Any, outputs: Any, classes: int) -> Any:
    outputs = keras.layers.Dense(classes, activation="softmax")(outputs)
    model = keras.Model(inputs, outputs)
    model.compile(OPTIMIZER, "sparse_categorical_crossentropy")
    return model


def resnet(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((32, 32, 3))
    x = layers.Conv2D(16, 3, padding="same")(inputs)
    for filters, strides in ((16, 1), (32, 2), (64, 2)):
        y = layers.Activation("relu")(layers.BatchNormalization()(x))
        y = layers.Conv2D(filters, 3, strides=strides, padding="same")(y)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        y = layers.Conv2D(filters, 3, padding="same")(y)
        x = layers.add([layers.Conv2D(filters, 1, strides=strides)(x), y])
    return _classifier(keras, inputs, layers.GlobalAveragePooling2D()(x), 10)


def mobilenet(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64, 64, 3))
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(inputs)
    for filters, strides in ((32, 1), (64, 2), (64, 1), (128, 2)):
        x = layers.DepthwiseConv2D(3, strides=strides, padding="same", use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
        x = layers.Conv2D(filters, 1, use_bias=False)(x)
        x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    return _classifier(keras, inputs, layers.GlobalAveragePooling2D()(x), 10)


def unet(keras: Any) -> Any:
    layers = keras.layers

    def conv(x: Any, filters: int) -> Any:
        return layers.Conv2D(filters, 3, padding="same", activation="relu")(x)

    inputs = keras.Input((64, 64, 3))
    fine = conv(inputs, 16)
    middle = conv(layers.MaxPooling2D()(fine), 32)
    x = conv(layers.MaxPooling2D()(middle), 64)
    x = conv(layers.concatenate([layers.UpSampling2D()(x), middle]), 32)
    x = conv(layers.concatenate([layers.UpSampling2D()(x), fine]), 16)
    return _classifier(keras, inputs, x, 3)


def generator(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64,))
    x = layers.Reshape((4, 4, 64))(layers.Dense(1024)(inputs))
    for filters in (64, 32, 16):
        x = layers.Conv2DTranspose(filters, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU()(x)
    outputs = layers.Conv2D(3, 5, padding="same", activation="tanh")(x)
    model = keras.Model(inputs, outputs)
    model.compile(OPTIMIZER, "mse")
    return model


def augmented(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64, 64, 3))
    x = layers.RandomFlip()(inputs)
    x = layers.RandomZoom(0.1)(layers.RandomRotation(0.1)(x))
    x = layers.Conv2D(16, 3, activation="relu")(x)
    return _classifier(keras, inputs, layers.GlobalAveragePooling2D()(x), 10)


def conv3d(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((8, 24, 24, 1))
    x = layers.MaxPooling3D()(layers.Conv3D(8, 3, activation="relu")(inputs))
    x = layers.Conv3D(16, 2, activation="relu")(x)
    return _classifier(keras, inputs, layers.GlobalAveragePooling3D()(x), 2)


def convlstm(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((6, 16, 16, 1))
    x = layers.ConvLSTM2D(8, 3, padding="same")(inputs)
    return _classifier(keras, inputs, layers.GlobalAveragePooling2D()(x), 2)


def transformer(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Embedding(5000, 64)(inputs)
    for _ in range(2):
        x = layers.LayerNormalization()(layers.add([x, layers.MultiHeadAttention(4, 16)(x, x)]))
        y = layers.Dense(64)(layers.Dense(128, "gelu")(x))
        x = layers.LayerNormalization()(layers.add([x, y]))
    return _classifier(keras, inputs, layers.GlobalAveragePooling1D()(x), 2)


def grus(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((50, 16))
    x = layers.Bidirectional(layers.GRU(32, return_sequences=True))(inputs)
    return _classifier(keras, inputs, layers.GRU(32)(x), 2)


def wide(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((20,), dtype="int32")
    x = layers.Flatten()(layers.Embedding(50_000, 32)(inputs))
    return _classifier(keras, inputs, layers.Dense(64, "relu")(x), 2)


def tabular(keras: Any) -> Any:
    layers = keras.layers
    inputs = keras.Input((30,))
    x = layers.BatchNormalization()(layers.Dense(64, "relu")(inputs))
    x = layers.Dense(32, "relu")(layers.Dropout(0.3)(x))
    return _classifier(keras, inputs, x, 2)


MODELS: dict[str, Callable[[Any], Any]] = {
    f.__name__: f
    for f in (
        resnet, mobilenet, unet, generator, augmented, conv3d, convlstm, transformer, grus, wide,
        tabular,
    )
}  # fmt: skip
