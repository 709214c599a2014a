"""The book's convnet on pictures of digits, with validation and a checkpoint."""

import numpy as np
from tensorflow.keras import callbacks, layers, models

rng = np.random.RandomState(0)
labels = rng.randint(0, 10, 4000)
images = rng.rand(4000, 28, 28, 1).astype("float32") * 0.5
for image, label in zip(images, labels):
    image[2 * label : 2 * label + 8, 4:20] += 0.5  # a bar whose height tells the label

model = models.Sequential()
model.add(layers.Conv2D(32, (3, 3), activation="relu", input_shape=(28, 28, 1)))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(64, (3, 3), activation="relu"))
model.add(layers.MaxPooling2D((2, 2)))
model.add(layers.Conv2D(64, (3, 3), activation="relu"))
model.add(layers.Flatten())
model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(10, activation="softmax"))
model.compile("rmsprop", "sparse_categorical_crossentropy", metrics=["acc"])
best = callbacks.ModelCheckpoint("best.h5", monitor="val_loss", save_best_only=True)
history = model.fit(
    images, labels, epochs=4, batch_size=64, validation_split=0.2, callbacks=[best], verbose=2
)
assert history.history["val_acc"][-1] > 0.9
assert models.load_model("best.h5").evaluate(images, labels, verbose=0)[1] > 0.9
print("ok")
