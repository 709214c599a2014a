# Files of text to batches of numbers: list_files, read, lower, regex, vectorize, train.
# ruff: noqa - written as such programs are
import os
import re
import string
import tempfile
import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

folder = tempfile.mkdtemp()
for i in range(40):
    name = ("pos", "neg")[i % 2]
    os.makedirs(os.path.join(folder, name), exist_ok=True)
    with open(os.path.join(folder, name, "%d.txt" % i), "w") as f:
        f.write(
            ("A GOOD film,<br />really great!" if i % 2 == 0 else "A bad film<br />Awful, boring.")
            + " %d" % i
        )

files = tf.data.Dataset.list_files(os.path.join(folder, "*", "*.txt"), shuffle=False)
assert len(files) == 40 and next(iter(files)).numpy().endswith(b".txt")


def load(path):
    label = tf.strings.split(path, os.sep)[-2] == "pos"
    return tf.io.read_file(path), tf.cast(label, tf.float32)


def custom_standardization(input_data):
    lowercase = tf.strings.lower(input_data)
    stripped_html = tf.strings.regex_replace(lowercase, "<br />", " ")
    return tf.strings.regex_replace(stripped_html, "[%s]" % re.escape(string.punctuation), "")


raw = files.map(load, num_parallel_calls=tf.data.AUTOTUNE).cache().shuffle(40, seed=1).batch(8)
vectorize_layer = layers.TextVectorization(
    standardize=custom_standardization, max_tokens=50, output_mode="int", output_sequence_length=6
)
vectorize_layer.adapt(raw.map(lambda x, y: x))
vocabulary = vectorize_layer.get_vocabulary()
assert "great" in vocabulary and "br" not in vocabulary and vocabulary[2] in ("a", "film")


def vectorize_text(text, label):
    text = tf.expand_dims(text, -1)
    return vectorize_layer(text), label


text_batch, label_batch = next(iter(raw))
assert (
    text_batch.dtype == tf.string and text_batch.shape == (8,) and label_batch.dtype == tf.float32
)
ids, _ = vectorize_text(text_batch[0], label_batch[0])
assert ids.shape[-1] == 6
train_ds = raw.map(vectorize_text).prefetch(buffer_size=tf.data.AUTOTUNE)
model = tf.keras.Sequential(
    [layers.Embedding(50, 8), layers.GlobalAveragePooling1D(), layers.Dense(1)]
)
model.compile(
    loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
    optimizer=tf.keras.optimizers.Adam(0.05),
    metrics=[tf.metrics.BinaryAccuracy(threshold=0.0)],
)
history = model.fit(train_ds, epochs=8, verbose=0)
assert history.history["binary_accuracy"][-1] == 1.0, history.history

table = tf.lookup.StaticHashTable(
    tf.lookup.KeyValueTensorInitializer(["good", "bad"], [1, 0]), default_value=-1
)
words = tf.data.Dataset.from_tensor_slices(["good", "bad", "ugly"]).map(lambda w: table.lookup(w))
assert [int(n) for n in words] == [1, 0, -1]
lines = tf.data.TextLineDataset([os.path.join(folder, "pos", "0.txt")]).map(
    lambda line: tf.strings.length(line)
)
assert [n.numpy() for n in lines] == [33]
print("ok")
