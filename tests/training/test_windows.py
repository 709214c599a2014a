"""Batches of a stream put behind one another: nothing is lost, and the steps are the same."""

import math

import numpy as np
import pytest

import keraunos as keras
from keraunos._training import windows
from keraunos._training.step import Batch
from keraunos._training.windows import Window, Windows

SIZE = 4
X = np.random.default_rng(0).normal(size=(42, 3)).astype("float32")
Y = np.random.default_rng(1).integers(0, 5, 42).astype("int32")


def batches(rows=None):
    for at in range(0, rows or len(X), SIZE):
        yield Batch(X[at : at + SIZE], Y[at : at + SIZE])


def filled(source, together):
    made = Windows(next(batches()))
    made.together = together
    numbered = ((batch, number) for number, batch in enumerate(source))
    return made.filled(numbered, lambda batch: batch)


@pytest.fixture
def patient(monkeypatch):
    """Let a batch wait for the next, however long it took."""
    monkeypatch.setattr(windows, "_SOON", math.inf)


@pytest.fixture
def hasty(monkeypatch):
    """Let no batch wait for another."""
    monkeypatch.setattr(windows, "_SOON", 0.0)


def test_windows_hold_the_rows_in_their_order(patient):
    found = list(filled(batches(), together=4))
    assert [one.batches if isinstance(one, Window) else 0 for one, _ in found] == [4, 4, 2, 0]
    assert [where for _, where in found] == [3, 7, 9, 10]
    rows = [np.asarray(one.data.x)[: one.batches * SIZE] for one, _ in found[:-1]]
    np.testing.assert_array_equal(np.concatenate([*rows, found[-1][0].x]), X)


def test_a_batch_that_came_late_waits_for_no_other(hasty):
    assert [one.batches for one, _ in filled(batches(SIZE * 3), together=4)] == [1, 1, 1]


def test_what_came_before_an_error_comes_first(patient):
    def broken():
        yield from batches(SIZE * 3)
        raise OSError("the disk")

    found = filled(broken(), together=2)
    assert [next(found)[0].batches, next(found)[0].batches] == [2, 1]
    with pytest.raises(OSError, match="disk"):
        next(found)


def trained(source, callbacks=(), **options):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(8, "relu")])
    model.add(keras.layers.Dropout(0.3))
    model.add(keras.layers.Dense(5, "softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(source, verbose=0, epochs=3, callbacks=list(callbacks), **options)
    return model.get_weights(), history.history


class EachBatch(keras.callbacks.Callback):
    def __init__(self):
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(batch)


class EveryFifth(keras.callbacks.Callback):
    accepts_chunks = True

    def __init__(self):
        self.seen = 0

    def _batches_left(self):
        return 5 - self.seen % 5

    def on_train_batch_end(self, batch, logs=None):
        self.seen = batch + 1


def reused():
    """Fill the same arrays again and again, as generators may."""
    x, y = np.empty((SIZE, 3), "float32"), np.empty(SIZE, "int32")
    while True:
        for batch in batches(SIZE * 10):
            x[:], y[:] = batch.x, batch.y
            yield x, y


class Numbered(keras.utils.PyDataset):
    def __len__(self):
        return 11

    def __getitem__(self, index):
        return tuple(list(batches())[index][:2])


SOURCES = {
    "generator": (reused, {"steps_per_epoch": 40}),
    "numbered": (Numbered, {}),
    "dataset": (
        lambda: keras.data.Dataset.from_tensor_slices((X, Y)).map(lambda x, y: (x, y)).batch(SIZE),
        {},
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_the_steps_are_the_same_to_the_bit(kind, patient):
    source, options = SOURCES[kind]
    weights, history = trained(source(), **options)
    each = EachBatch()
    for callbacks in ([each], [EveryFifth()]):
        others, told = trained(source(), callbacks, **options)
        assert told == history
        for mine, other in zip(weights, others, strict=True):
            np.testing.assert_array_equal(mine, other)
    steps = options.get("steps_per_epoch", 11)
    assert each.seen == [*range(steps)] * 3
