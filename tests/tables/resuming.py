"""Runs of `fit` to be killed: between them they hold every kind of state.

`python -m tests.tables.resuming CASE FOLDER RESULT [EVENT]` is one of them as a program of its own,
which prints a line after each chunk of steps. With EVENT, a number, it kills itself when the
backup's folder is touched (a file opened, renamed, removed) for that time.
"""

import hashlib
import json
import os
import signal
import sys
from pathlib import Path

import numpy as np

import keraunos as keras
from keraunos import callbacks, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = RNG.integers(0, 3, 70)
HELD_OUT = (RNG.normal(size=(20, 6)).astype("float32"), RNG.integers(0, 3, 20))


def made(optimizer="adam", dtype="float32"):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,), dtype="float32"),
            layers.Dense(8, "relu", dtype=dtype),
            layers.BatchNormalization(dtype=dtype),
            layers.Dropout(0.3, dtype=dtype),
            layers.Dense(3, "softmax", dtype=dtype),
        ]
    )
    if dtype == "mixed_float16":
        optimizer = optimizers.LossScaleOptimizer(optimizer, dynamic_growth_steps=4)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


class Two(keras.Model):
    """A step of its own, with two optimizers that `compile` does not know."""

    def __init__(self):
        super().__init__()
        self.parts = [layers.Dense(4, "tanh"), layers.Dropout(0.3), layers.Dense(3)]
        self.slow, self.fast = optimizers.SGD(0.01, momentum=0.9), optimizers.Adam(0.01)
        self.seen = keras.metrics.Mean(name="loss")

    def call(self, x, training=False):
        for part in self.parts:
            x = part(x, training=training) if isinstance(part, layers.Dropout) else part(x)
        return x

    def train_step(self, data):
        x, y = data
        with keras.training.GradientTape(persistent=True) as tape:
            outputs = self(x, training=True)
            loss = keras.losses.sparse_categorical_crossentropy(y, outputs, from_logits=True)
        for part, optimizer in ((self.parts[0], self.slow), (self.parts[2], self.fast)):
            weights = part.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        self.seen.update_state(loss)
        return {"loss": self.seen.result()}


def two():
    keras.utils.set_random_seed(3)
    model = Two()
    model.compile()
    return model


def generator():
    """Yield batches without end, drawn from NumPy's global generator."""
    while True:
        rows = np.random.randint(0, len(X), 16)
        yield X[rows], Y[rows]


class Shuffled:
    """Batches in an order that each epoch's end shuffles once more."""

    def __init__(self):
        self.order = np.arange(len(X))

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = self.order[index * 16 : (index + 1) * 16]
        return X[rows], Y[rows]

    def on_epoch_begin(self):
        self.order = np.roll(self.order, np.random.randint(9))

    def on_epoch_end(self):
        np.random.shuffle(self.order)


class Noisy(keras.data.PyDataset):
    """Batches with noise from NumPy's global generator; validation draws from it too."""

    def __len__(self):
        return 5

    def __getitem__(self, index):
        rows = slice(index * 16, (index + 1) * 16)
        return X[rows] + np.random.normal(size=X[rows].shape).astype("float32"), Y[rows]


def pipeline():
    whole = keras.data.Dataset.from_tensor_slices((X, Y)).shuffle(32)
    return whole.map(lambda x, y: (x * 2, y)).batch(16)


def filtered():
    """Return a pipeline of which nobody knows the length, or the rows without going through it."""
    return keras.data.Dataset.from_tensor_slices((X, Y)).shuffle(32).filter(odd).batch(16)


def odd(x, y):
    return y != 1


def on_disk(folder):
    """Return the inputs as a file, which is not loaded as a whole."""
    path = Path(folder, "x.npy")
    if not path.exists():
        np.save(path, X)
    return np.load(path, mmap_mode="r")


class Losses(callbacks.Callback):
    """What people write: a list that grows with the batches."""

    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


ARRAYS = {"x": X, "y": Y, "batch_size": 16, "epochs": 4}

# name -> (arguments of `made`, of `fit`, callbacks in that folder)
CASES = {
    "resident": lambda folder: ({}, ARRAYS | {"validation_data": HELD_OUT}, []),
    "short epochs": lambda folder: (
        {}, ARRAYS | {"steps_per_epoch": 3, "epochs": 6}, [Losses()]
    ),
    "callbacks": lambda folder: (
        {},
        ARRAYS | {"validation_split": 0.2, "epochs": 6},
        [
            callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True),
            callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=0.05),
            callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
            callbacks.ModelCheckpoint(folder + "/{epoch}-{batch}.weights.h5", "loss", mode="min",
                                      save_best_only=True, save_weights_only=True, save_freq=4),
            callbacks.CSVLogger(folder + "/log.csv"),
        ],
    ),
    "averages": lambda folder: (
        {"optimizer": optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.8)},
        ARRAYS | {"validation_data": HELD_OUT},
        [callbacks.SwapEMAWeights(swap_on_epoch=True)],
    ),
    "float16": lambda folder: (
        {
            "optimizer": optimizers.Adam(0.01, gradient_accumulation_steps=3),
            "dtype": "mixed_float16",
        },
        ARRAYS,
        [],
    ),
    "generator": lambda folder: (
        {},
        {"x": generator(), "steps_per_epoch": 5, "epochs": 4, "validation_data": generator(),
         "validation_steps": 2},
        [],
    ),
    "sequence": lambda folder: ({}, {"x": Shuffled(), "epochs": 4}, []),
    "noisy": lambda folder: (
        {}, {"x": Noisy(), "epochs": 4, "validation_data": Noisy(), "validation_freq": 2}, []
    ),
    "dataset": lambda folder: ({}, {"x": pipeline(), "epochs": 4}, []),
    "endless dataset": lambda folder: (
        {}, {"x": pipeline().repeat(), "epochs": 7, "steps_per_epoch": 3}, []
    ),
    "filtered": lambda folder: ({}, {"x": filtered(), "epochs": 4}, []),
    "on disk": lambda folder: ({}, ARRAYS | {"x": on_disk(folder)}, []),
    "two optimizers": lambda folder: ({"model": two}, ARRAYS, []),
}  # fmt: skip


def run(case, folder, extra=(), **backup):
    """Train as the case says, with a backup in the folder if it has arguments; return the bits."""
    keras.utils.set_random_seed(3)  # pipelines draw their seeds when they are made
    compiled, given, others = CASES[case](str(folder))
    model = compiled.pop("model", made)(**compiled)
    before = [callbacks.BackupAndRestore(f"{folder}/backup", **backup)] if backup else []
    model.fit(**given, callbacks=[*before, *extra, *others], verbose=0)
    return bits(model, others)


def bits(model, others):
    """Return everything that two runs must have in common, as plain values."""
    kept = [model.optimizer] if model.optimizer is not None else [model.slow, model.fast]
    arrays = [*model.get_weights(), *(v.numpy() for o in kept for v in o.variables)]
    digests = [hashlib.sha256(a.tobytes()).hexdigest() for a in arrays]
    counted = [[type(c).__name__, *map(repr, map(vars(c).get, _COUNTED))] for c in others]
    history = model.history
    return [digests, history.history, history.epoch, counted, model.stop_training]


_COUNTED = ("best", "wait", "best_epoch", "stopped_epoch", "cooldown_counter", "losses", "keys")


class Saying(callbacks.Callback):
    """Prints a line after each chunk of steps."""

    accepts_chunks = True

    def on_train_batch_end(self, batch, logs=None):
        print(batch, flush=True)


def kill_at(event, folder):
    """Kill this process when the folder is touched for that time."""
    left = [event]

    def count(name, arguments):
        touched = name.partition(".")[0] in ("open", "os")
        if touched and any(str(a).startswith(folder) for a in arguments):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


if __name__ == "__main__":
    _case, _folder, _result, *_event = sys.argv[1:]
    for _at in _event:
        kill_at(int(_at), f"{_folder}/backup/")
    _found = run(_case, _folder, [Saying()], save_freq=3)
    Path(_result).write_text(json.dumps(_found))
