"""Trains on four devices of the CPU and on one, and prints as JSON what came of it.

Run by test_distribution.py, which says in the environment how many devices there are.
"""

import functools
import json

import jax
import numpy as np

import keraunos as keras
from keraunos import distribution, layers

ROWS = np.random.RandomState(0).normal(size=(70, 8)).astype("float32")
CLASSES = (ROWS.sum(1) > 0).astype("int32")
seen = []  # how batches lie within the step


class Look(layers.Layer):
    def call(self, x):
        jax.debug.inspect_array_sharding(x, callback=lambda s: seen.append(s.num_devices))
        return x


class OwnStep(keras.Model):
    def train_step(self, data):
        x, y = data
        loss, gradients = keras.training.value_and_grad(self, self.loss)(x, y)
        self.optimizer.apply(gradients, self.trainable_variables)
        return {"loss": loss}


def network(last=Look):
    return [
        layers.Dense(16, "relu", name="wide"),
        last(),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        layers.Dense(2, "softmax"),
    ]


def batches(size):
    for i in range(0, len(ROWS), size):
        yield ROWS[i : i + size], CLASSES[i : i + size]


@functools.cache
def train(plan, kind="arrays"):
    """Return losses, weights, outputs and scores of a training."""
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8,))
    outputs = keras.Sequential(network(Look if plan else layers.Identity))(inputs)
    model = (OwnStep if kind == "own step" else keras.Model)(inputs, outputs)
    distribution.set_distribution(plan)
    metrics = [] if kind == "own step" else ["accuracy"]
    model.compile("adam", "sparse_categorical_crossentropy", metrics=metrics)
    distribution.set_distribution(None)
    if kind == "batches":
        history = model.fit(batches(16), verbose=0)
    else:
        history = model.fit(ROWS, CLASSES, 16, epochs=2, verbose=0)
    found = [history.history["loss"], *model.get_weights()]
    if kind == "arrays":
        found += [model.predict(ROWS, verbose=0), model.evaluate(ROWS, CLASSES, verbose=0)]
    return model, [np.asarray(one, "float64") for one in found]


def differences(plan):
    """Return how far trainings on the devices are from those on one, at the most."""
    found = {}
    for kind in ("arrays", "batches", "own step"):
        (_, one), (_, four) = train(None, kind), train(plan, kind)
        found[kind] = max(float(np.abs(a - b).max()) for a, b in zip(one, four, strict=True))
    return found


def layouts(model):
    """Return the shapes of what each device holds of the wide layer's kernel and its slot."""
    slots = [v for v in model.optimizer.variables if v.path.endswith("wide_kernel_momentum")]
    boxes = [next(v for v in model.weights if v.path.endswith("wide/kernel")), *slots]
    return [[list(s.data.shape) for s in box._value.addressable_shards] for box in boxes]


def in_parts():
    """Return the layouts and the difference of a training whose weights are cut as well."""
    mesh = distribution.DeviceMesh((2, 2), ["batch", "model"])
    layout = distribution.LayoutMap(mesh)
    layout["wide/kernel"] = (None, "model")
    (_, one), (model, four) = (
        train(None),
        train(distribution.ModelParallel(layout_map=layout, batch_dim_name="batch")),
    )
    apart = max(float(np.abs(a - b).max()) for a, b in zip(one, four, strict=True))
    return {"layouts": layouts(model), "apart": apart}


def old_program():
    """Return what a program with tf.distribute sees, before and after training."""
    keras.compat.install("tf.keras")
    import tensorflow as tf

    strategy = tf.distribute.MirroredStrategy()
    with strategy.scope():
        inside = tf.distribute.get_strategy() is strategy and tf.distribute.has_strategy()
        model = tf.keras.Sequential([tf.keras.layers.Dense(2, "softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(ROWS, CLASSES, batch_size=16, verbose=0)
    two = keras.utils.multi_gpu_model(tf.keras.Sequential([layers.Dense(2, "softmax")]), gpus=2)
    two.compile("sgd", "sparse_categorical_crossentropy")
    two.fit(ROWS, CLASSES, batch_size=16, verbose=0)
    return {
        "replicas": strategy.num_replicas_in_sync,
        "inside": inside,
        "outside": tf.distribute.has_strategy(),
        "devices": [len(m.layers[0].kernel._value.sharding.device_set) for m in (model, two)],
    }


if __name__ == "__main__":
    from keraunos._kernels import native

    print(
        json.dumps(
            {
                "devices": distribution.list_devices(),
                "native": native.usable(np.ones(3, "float32")),
                "apart": differences(distribution.DataParallel()),
                "seen": sorted(set(seen)),
                "in parts": in_parts(),
                "old program": old_program(),
            }
        )
    )
