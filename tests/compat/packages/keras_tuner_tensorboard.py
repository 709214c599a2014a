"""keras-tuner in a tf.keras program: Hyperband, and what TensorBoard is told of its trials."""

import subprocess
import sys

import keras_tuner as kt
import tensorflow as tf
from sklearn.datasets import load_digits

x, y = load_digits().images / 16, load_digits().target


class Network(kt.HyperModel):
    def build(self, hp):
        model = tf.keras.Sequential([tf.keras.layers.Flatten(input_shape=(8, 8))])
        model.add(tf.keras.layers.Dense(hp.Int("units", 8, 32, step=8), activation="relu"))
        model.add(tf.keras.layers.Dense(10))
        model.compile(
            tf.keras.optimizers.Adam(hp.Choice("rate", [1e-2, 1e-3])),
            tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            metrics=["accuracy"],
        )
        return model


tuner = kt.Hyperband(
    Network(), objective="val_accuracy", max_epochs=3, factor=3, directory="tuner", project_name="b"
)
tuner.search(
    x, y, validation_split=0.2, verbose=0, callbacks=[tf.keras.callbacks.TensorBoard("logs")]
)
best = tuner.get_best_hyperparameters(num_trials=1)[0]
assert best["rate"] in (1e-2, 1e-3)
model = tuner.hypermodel.build(best)
history = model.fit(x, y, epochs=2, validation_split=0.2, verbose=0)
assert history.history["val_accuracy"][-1] > 0.3

# TensorBoard's own reader, in a process of its own, finds what each trial tried, and that it ended.
READER = """
from pathlib import Path
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

for path in Path("logs").rglob("events.out.tfevents.*"):
    for event in EventFileLoader(str(path)).Load():
        for value in event.summary.value:
            print(value.tag)
"""
told = subprocess.check_output([sys.executable, "-c", READER], text=True).split()
trials = len(tuner.oracle.trials)
for tag in ("_hparams_/session_start_info", "_hparams_/session_end_info", "epoch_loss"):
    assert told.count(tag) >= trials >= 2, told
print("ok")
