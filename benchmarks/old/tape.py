"""A loop of the program's own: tf.data, GradientTape in a tf.function, metrics by hand."""

import numpy as np
import tensorflow as tf

rng = np.random.RandomState(0)
x = rng.rand(12800, 64).astype("float32")
y = (x @ rng.randn(64, 10)).argmax(1)

inputs = tf.keras.Input((64,))
hidden = tf.keras.layers.Dense(128, activation="relu")(inputs)
model = tf.keras.Model(inputs, tf.keras.layers.Dense(10)(hidden))
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
optimizer = tf.keras.optimizers.Adam(0.002)
accuracy = tf.keras.metrics.SparseCategoricalAccuracy()


@tf.function
def train_step(images, labels):
    with tf.GradientTape() as tape:
        logits = model(images, training=True)
        loss = loss_fn(labels, logits)
    gradients = tape.gradient(loss, model.trainable_variables)
    optimizer.apply_gradients(zip(gradients, model.trainable_variables))
    accuracy.update_state(labels, logits)
    return loss


data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(12800).batch(64)
for epoch in range(4):
    accuracy.reset_state()
    for images, labels in data:
        loss = train_step(images, labels)
    print(epoch, float(loss), float(accuracy.result()))
assert float(accuracy.result()) > 0.5
print("ok")
