# JPEG files of several sizes to batches: decode, resize, augment in map; train on them.
# ruff: noqa - written as such programs are
import os
import tempfile
import numpy as np
import tensorflow as tf

folder = tempfile.mkdtemp()
rng = np.random.RandomState(0)
tf.random.set_seed(0)
paths, labels = [], []
for i in range(24):
    shape = (20 + i % 5, 24 + i % 3, 3)
    pixels = np.full(shape, 40 if i % 2 else 200, "uint8") + rng.randint(0, 20, shape).astype(
        "uint8"
    )
    path = os.path.join(folder, "%d.jpg" % i)
    tf.io.write_file(path, tf.io.encode_jpeg(pixels))
    paths.append(path)
    labels.append(i % 2)


def load(path, label):
    image = tf.io.read_file(path)
    image = tf.image.decode_jpeg(image, channels=3)
    image = tf.image.convert_image_dtype(image, tf.float32)
    image = tf.image.resize(image, [16, 16])
    return image, tf.one_hot(label, 2)


def augment(image, label):
    image = tf.image.random_flip_left_right(image)
    image = tf.image.random_brightness(image, max_delta=0.05)
    image = tf.image.random_contrast(image, 0.9, 1.1)
    image = tf.image.resize_with_crop_or_pad(image, 18, 18)
    image = tf.image.random_crop(image, size=[16, 16, 3])
    if tf.random.uniform([]) > 2.0:
        image = image * 0
    return tf.clip_by_value(image, 0.0, 1.0), label


dataset = tf.data.Dataset.from_tensor_slices((paths, labels))
clean = dataset.map(load)
image, label = next(iter(clean))
assert image.shape == (16, 16, 3) and label.numpy().tolist() == [1.0, 0.0]
assert image.numpy().dtype == np.float32 and 0.7 < float(tf.reduce_mean(image)) < 0.9
train = (
    clean.cache().shuffle(24).map(augment, num_parallel_calls=tf.data.AUTOTUNE).batch(8).prefetch(1)
)
assert train.element_spec[0].shape[1:] == (16, 16, 3)
first, second = (next(iter(train.take(1)))[0].numpy() for _ in range(2))
assert first.shape == (8, 16, 16, 3) and not np.array_equal(first, second)
model = tf.keras.Sequential(
    [
        tf.keras.layers.Conv2D(8, 3, activation="relu", input_shape=(16, 16, 3)),
        tf.keras.layers.GlobalAveragePooling2D(),
        tf.keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(tf.keras.optimizers.Adam(0.03), "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(train, epochs=15, verbose=0)
assert history.history["accuracy"][-1] > 0.9, history.history["accuracy"]
loss, accuracy = model.evaluate(clean.batch(8), verbose=0)
assert accuracy > 0.9
print("ok")
