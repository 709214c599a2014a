"""The first network of every book: 784-512-10 on pictures of digits, five epochs."""

import numpy as np
from tensorflow.keras import layers, models
from tensorflow.keras.utils import to_categorical

rng = np.random.RandomState(0)
images = rng.rand(20000, 28 * 28).astype("float32")
scores = images @ rng.randn(784, 10)
labels = to_categorical((scores - scores.mean(0)).argmax(1), 10)

network = models.Sequential()
network.add(layers.Dense(512, activation="relu", input_shape=(28 * 28,)))
network.add(layers.Dense(10, activation="softmax"))
network.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = network.fit(images, labels, epochs=5, batch_size=128, verbose=2)
assert history.history["accuracy"][-1] > 0.5
print("ok")
