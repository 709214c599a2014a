"""The book's first convnet, on MNIST: 60,000 digits of 28x28 pixels.

    python examples/mnist.py [epochs]

The data, `mnist.npz`, is taken from the Keras home (`$KERAS_HOME`, else `~/.keras`), or downloaded
to it (11 MB).
"""

import sys

import keraunos as keras
from keraunos import layers


def load_images():
    """Return the digits as float images (n, 28, 28, 1) in 0..1, with one-hot labels (n, 10)."""
    try:
        (x_train, y_train), (x_test, y_test) = keras.datasets.mnist.load_data()
    except ConnectionError as error:
        sys.exit(str(error))
    return scale(x_train), one_hot(y_train), scale(x_test), one_hot(y_test)


def scale(images):
    return images.reshape(-1, 28, 28, 1).astype("float32") / 255


def one_hot(labels):
    return keras.utils.to_categorical(labels, 10)


def build_model():
    return keras.Sequential(
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


def main(epochs):
    keras.utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = load_images()
    model = build_model()
    model.summary()
    model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=epochs, batch_size=64)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy: {accuracy:.2%}")


if __name__ == "__main__":
    main(epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 5)
