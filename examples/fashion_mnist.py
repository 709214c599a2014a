"""A small convnet on Fashion-MNIST: 70,000 photos of clothes of 28x28 pixels; 91 % in 5 epochs.

    python examples/fashion_mnist.py [epochs]

The data is taken from `datasets/fashion-mnist` of the Keras home (`$KERAS_HOME`, else `~/.keras`),
or downloaded to it (31 MB). Without a network: `apt install dataset-fashion-mnist` on Debian and
Ubuntu; or put the four files of https://github.com/zalandoresearch/fashion-mnist there.
"""

import sys

import numpy as np

import keraunos as keras
from keraunos import layers

NAMES = "T-shirt trouser pullover dress coat sandal shirt sneaker bag boot".split()


def load_images():
    """Return photos (n, 28, 28, 1) from 0 to 1 and labels (n,), to train on and to test with."""
    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.fashion_mnist.load_data()
    except ConnectionError as error:
        sys.exit(str(error))
    return scale(x_train), y_train, scale(x_test), y_test


def scale(images):
    return images[..., None].astype("float32") / 255


def build_model():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(epochs):
    keras.utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = load_images()
    model = build_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=64, validation_split=0.1)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy: {accuracy:.2%}")
    found = model.predict(x_test, verbose=0).argmax(axis=1)
    for label, name in enumerate(NAMES):
        print(f"{name:9} {np.mean(found[y_test == label] == label):.0%}")


if __name__ == "__main__":
    main(epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 5)
