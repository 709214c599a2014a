# Checkpoints, summaries, saved models, a custom layer with tf.Variables, tf.Module, strategies.
# ruff: noqa - written as such programs are
import os
import tempfile
import numpy as np
import tensorflow as tf

print(tf.__version__)
for gpu in tf.config.list_physical_devices("GPU"):
    tf.config.experimental.set_memory_growth(gpu, True)
assert len(tf.config.list_physical_devices("CPU")) >= 1
folder = tempfile.mkdtemp()
assert tf.distribute.MirroredStrategy().num_replicas_in_sync == 1
strategy = tf.distribute.get_strategy()


class Linear(tf.keras.layers.Layer):
    def __init__(self, units=4):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(
            shape=(input_shape[-1], self.units), initializer="random_normal", trainable=True
        )
        self.scale = self.add_weight(shape=(), initializer="ones", trainable=False)

    def call(self, inputs):
        return tf.matmul(inputs, self.w) * self.scale


with strategy.scope():
    model = tf.keras.Sequential([tf.keras.Input((3,)), Linear(4), tf.keras.layers.Dense(1)])
    model.compile("sgd", "mse")
batch_size = 8 * strategy.num_replicas_in_sync
x = np.random.normal(size=(32, 3)).astype("float32")
model.fit(x, x[:, :1], batch_size=batch_size, epochs=2, verbose=0)

step = tf.Variable(0)
optimizer = tf.keras.optimizers.Adam(0.1)
checkpoint = tf.train.Checkpoint(step=step, optimizer=optimizer, model=model)
manager = tf.train.CheckpointManager(checkpoint, os.path.join(folder, "ckpts"), max_to_keep=2)
writer = tf.summary.create_file_writer(os.path.join(folder, "logs"))
for i in range(4):
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(tf.math.squared_difference(model(x), x[:, :1]))
    optimizer.apply_gradients(
        zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables)
    )
    step.assign_add(1)
    with writer.as_default():
        tf.summary.scalar("loss", loss, step=i)
        tf.summary.histogram("weights", model.trainable_variables[0], step=i)
    manager.save()
writer.flush()
assert os.listdir(os.path.join(folder, "logs")) and len(manager.checkpoints) == 2
kept = [v.numpy() for v in model.variables]
for v in model.variables:
    v.assign(tf.zeros_like(v))
step.assign(0)
status = checkpoint.restore(manager.latest_checkpoint)
assert int(step) == 4 and int(optimizer.iterations) == 4
for v, w in zip(model.variables, kept):
    np.testing.assert_array_equal(v.numpy(), w)
assert tf.train.latest_checkpoint(os.path.join(folder, "ckpts")) == manager.latest_checkpoint


class Adder(tf.Module):
    def __init__(self):
        super().__init__()
        self.total = tf.Variable(0.0)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    def add(self, values):
        self.total.assign_add(tf.reduce_sum(values))
        return self.total


adder = Adder()
adder.add(tf.constant([1.0, 2.0]))
assert float(adder.add(tf.constant([3.0]))) == 6.0 and len(adder.trainable_variables) == 1
with tf.device("/CPU:0"):
    assert float(tf.reduce_sum(tf.ones([2, 2]))) == 4.0


@tf.function
def loops(n, x):
    total = tf.constant(0.0)
    for i in tf.range(3):
        total += tf.cast(i, tf.float32) * x
    if tf.reduce_sum(x) > 1.0:
        total = -total
    return total * n


assert float(loops(2, tf.constant(1.0))) == 6.0 and float(loops(2, tf.constant(2.0))) == -12.0
try:
    tf.debugging.assert_equal(tf.constant(1), tf.constant(2), message="two numbers")
    raise SystemExit("no error")
except tf.errors.InvalidArgumentError:
    print("ok")
