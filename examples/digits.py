"""Train a convnet on real handwritten digits, draw its curve, save it, load it elsewhere.

    python examples/digits.py

Everything is on board: the digits come with keraunos, and the whole takes seconds on two cores.
What it writes (curve.png, digits.keras, predictions.npy) is in examples/output.
"""

import math
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import keraunos as keras
from keraunos import layers

OUTPUT = Path(__file__).with_name("output")
EPOCHS, BATCH = 20, 32
HELD_BACK = 0.05  # of the training digits, to watch for overfitting


def load_images():
    """Return the digits as float images (n, 8, 8, 1) in 0..1, with their labels."""
    (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
    return scale(x_train), y_train, scale(x_test), y_test


def scale(images):
    return images[..., np.newaxis].astype("float32") / 16


def build_model():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )


def draw(history, path):
    """Write the training curve: loss and accuracy, on training and on validation data."""
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    for axis, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        epochs = range(1, len(history[name]) + 1)
        axis.plot(epochs, history[name], label="training")
        axis.plot(epochs, history["val_" + name], label="validation")
        axis.set(xlabel="epoch", ylabel=name)
        axis.legend()
    figure.savefig(path)


def train():
    keras.utils.set_random_seed(0)
    x_train, y_train, x_test, y_test = load_images()
    model = build_model()
    model.summary()
    steps = EPOCHS * math.ceil(len(x_train) * (1 - HELD_BACK) / BATCH)
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(
        x_train, y_train, batch_size=BATCH, epochs=EPOCHS, validation_split=HELD_BACK
    )
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"test accuracy: {accuracy:.2%} on {len(x_test)} digits that it has not seen")

    OUTPUT.mkdir(exist_ok=True)
    draw(history.history, OUTPUT / "curve.png")
    model.save(OUTPUT / "digits.keras")
    np.save(OUTPUT / "predictions.npy", model.predict(x_test, verbose=0))
    return accuracy


def check():
    """Load the saved model, as another program would, and compare its predictions."""
    _, _, x_test, y_test = load_images()
    model = keras.models.load_model(OUTPUT / "digits.keras")
    predictions = model.predict(x_test, verbose=0)
    np.testing.assert_array_equal(predictions, np.load(OUTPUT / "predictions.npy"))
    right = np.mean(predictions.argmax(axis=-1) == y_test)
    print(f"loaded in a second process: the same predictions, {right:.2%} of them right")


if __name__ == "__main__":
    if "--check" in sys.argv:
        check()
        sys.exit()
    start = time.perf_counter()
    reached = train()
    subprocess.run([sys.executable, __file__, "--check"], check=True)
    print(f"curve, model and predictions are in {OUTPUT}")
    print(f"done in {time.perf_counter() - start:.0f} s")
    if reached < 0.98:
        sys.exit(f"the test accuracy should be 98 % at least, and is {reached:.2%}")
