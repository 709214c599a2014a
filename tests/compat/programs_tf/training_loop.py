# The custom training loop of the guides: metrics, validation, a tape, tf.function.
# ruff: noqa - written as such programs are
import time
import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(2)
x = np.random.normal(size=(256, 8)).astype("float32")
y = (x.sum(axis=1) > 0).astype("int64")
inputs = keras.Input(shape=(8,), name="numbers")
h = keras.layers.Dense(16, activation="relu", kernel_regularizer=keras.regularizers.l2(1e-4))(
    inputs
)
outputs = keras.layers.Dense(2, name="predictions")(h)
model = keras.Model(inputs=inputs, outputs=outputs)
optimizer = keras.optimizers.Adam(learning_rate=1e-2)
loss_fn = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
train_acc_metric = keras.metrics.SparseCategoricalAccuracy()
val_acc_metric = keras.metrics.SparseCategoricalAccuracy()
train_dataset = tf.data.Dataset.from_tensor_slices((x[:192], y[:192]))
train_dataset = train_dataset.shuffle(buffer_size=1024).batch(32).prefetch(tf.data.AUTOTUNE)
val_dataset = tf.data.Dataset.from_tensor_slices((x[192:], y[192:])).batch(32)


@tf.function
def train_step(x, y):
    with tf.GradientTape() as tape:
        logits = model(x, training=True)
        loss_value = loss_fn(y, logits)
        loss_value += sum(model.losses)
    grads = tape.gradient(loss_value, model.trainable_weights)
    optimizer.apply_gradients(zip(grads, model.trainable_weights))
    train_acc_metric.update_state(y, logits)
    return loss_value


@tf.function
def test_step(x, y):
    val_logits = model(x, training=False)
    val_acc_metric.update_state(y, val_logits)


history = []
for epoch in range(10):
    start_time = time.time()
    for step, (x_batch_train, y_batch_train) in enumerate(train_dataset):
        loss_value = train_step(x_batch_train, y_batch_train)
        if step % 200 == 0:
            print("Training loss (for one batch) at step %d: %.4f" % (step, float(loss_value)))
    train_acc = train_acc_metric.result()
    print("Training acc over epoch: %.4f" % (float(train_acc),))
    train_acc_metric.reset_state()
    for x_batch_val, y_batch_val in val_dataset:
        test_step(x_batch_val, y_batch_val)
    val_acc = val_acc_metric.result()
    val_acc_metric.reset_state()
    history.append(float(val_acc))

assert history[-1] > 0.9, history
assert int(optimizer.iterations) == 60
logits = model(x[:32])
assert abs(float(loss_fn(y[:32], logits)) - float(loss_value)) < 0.5

# the same gradient by hand, without tf.function
with tf.GradientTape(persistent=True) as tape:
    loss = loss_fn(y[:32], model(tf.constant(x[:32]))) + tf.add_n(model.losses)
both = tape.gradient(loss, {"w": model.trainable_variables[0], "b": model.trainable_variables[1]})
again = tape.gradient(loss, model.trainable_variables[0])
del tape
np.testing.assert_allclose(both["w"].numpy(), again.numpy())
print("ok")
