"""The files of BackupAndRestore, and what it refuses; tests/training/test_resume.py kills runs."""

import collections
import types

import jax
import ml_dtypes
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers
from keraunos.callbacks import BackupAndRestore, Callback, _snapshot

X = np.linspace(-1, 1, 48, dtype="float32").reshape(24, 2)


def made(units=1, deep=False, optimizer="sgd"):
    keras.utils.set_random_seed(0)
    more = [layers.Dense(2)] if deep else []
    model = keras.Sequential([keras.Input((2,)), *more, layers.Dense(units)])
    model.compile(optimizer, "mse")
    return model


def fit(model, *callbacks, **given):
    given = {"batch_size": 4, "epochs": 3, "verbose": 0} | given
    return model.fit(X, X[:, :1], callbacks=list(callbacks), **given)


class Failing(Callback):
    """Ends the run with an error when an epoch ends."""

    def __init__(self, epoch):
        super().__init__()
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self._epoch:
            raise RuntimeError("out of power")


def interrupted(folder, epoch=1, **arguments):
    model = made()
    with pytest.raises(RuntimeError, match="power"):
        fit(model, BackupAndRestore(folder, **arguments), Failing(epoch))
    return model


@pytest.mark.parametrize("delete", [True, False])
def test_a_run_that_ended_leaves_no_backup_unless_it_is_to_be_kept(delete, tmp_path):
    folder = tmp_path / "a" / "b"
    fit(made(), BackupAndRestore(folder, delete_checkpoint=delete, double_checkpoint=True))
    assert folder.exists() == (not delete)
    if not delete:
        again = made()
        history = fit(again, BackupAndRestore(folder, delete_checkpoint=False))
        assert int(again.optimizer.iterations.numpy()) == 18
        assert history.epoch == [0, 1, 2]


def test_other_files_in_the_folder_are_left(tmp_path):
    (tmp_path / "mine.txt").write_text("x")
    fit(made(), BackupAndRestore(tmp_path))
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_more_epochs_than_before(tmp_path):
    fit(made(), BackupAndRestore(tmp_path, delete_checkpoint=False), epochs=2)
    more = made()
    fit(more, BackupAndRestore(tmp_path), epochs=4)
    assert more.history.epoch == [0, 1, 2, 3]
    assert np.array_equal(more.get_weights()[0], _after(4))


def _after(epochs):
    model = made()
    fit(model, epochs=epochs)
    return model.get_weights()[0]


def test_a_new_argument_of_a_callback_counts(tmp_path):
    class Stop(Callback):
        def __init__(self, patience):
            super().__init__()
            self.patience, self.waited = patience, 0

        def on_epoch_end(self, epoch, logs=None):
            self.waited += 1

    fit(made(), BackupAndRestore(tmp_path, delete_checkpoint=False), Stop(1), epochs=2)
    fit(made(), BackupAndRestore(tmp_path), stop := Stop(5), epochs=3)
    assert (stop.patience, stop.waited) == (5, 3)


def test_the_seed_need_not_be_set(tmp_path):
    interrupted(tmp_path)
    other = made()
    keras.utils.set_random_seed(99)
    fit(other, BackupAndRestore(tmp_path))
    assert np.array_equal(other.get_weights()[0], _after(3))


@pytest.mark.parametrize("name", ["latest.backup", None])
def test_a_damaged_backup_is_an_error_or_falls_back(name, tmp_path):
    interrupted(tmp_path, epoch=2, double_checkpoint=name is not None)
    file = tmp_path / "latest.backup"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    file.write_bytes(content[:-40])
    if name is None:
        with pytest.raises(OSError, match="damaged") as error:
            fit(made(), BackupAndRestore(tmp_path))
        assert str(error.value).count("\n") < 6
    else:
        model = made()
        fit(model, BackupAndRestore(tmp_path))
        assert np.array_equal(model.get_weights()[0], _after(3))


def test_every_flipped_bit_is_noticed(tmp_path):
    file = tmp_path / "x"
    _snapshot.write(file, {"a": np.arange(4.0), "b": [1, 2]})
    whole, content = file.read_bytes(), _snapshot.read(file)
    for at in range(0, len(whole), 3):
        damaged = bytearray(whole)
        damaged[at] ^= 16
        file.write_bytes(damaged)
        try:
            found = _snapshot.read(file)
        except OSError:
            continue
        assert repr(found) == repr(content)


@pytest.mark.parametrize(
    "change, match",
    [
        (lambda: (made(units=2), {}), "another model"),
        (lambda: (made(deep=True), {}), "another model"),
        (lambda: (made(optimizer="adam"), {}), "another model"),
        (lambda: (made(), {"batch_size": 6}), "other data"),
        (lambda: (made(), {"validation_data": (X, X[:, :1])}), "other data"),
    ],
)
def test_a_backup_of_something_else_is_refused(change, match, tmp_path):
    interrupted(tmp_path, save_freq=5)
    model, given = change()
    with pytest.raises(ValueError, match=match) as error:
        fit(model, BackupAndRestore(tmp_path), **given)
    assert str(error.value).count("\n") < 6
    assert (tmp_path / "latest.backup").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        {"backup_dir": ""},
        *({"backup_dir": "a", "save_freq": f} for f in ("step", 0, -1, 1.5, None)),
    ],
)
def test_wrong_arguments(arguments):
    with pytest.raises(ValueError, match="BackupAndRestore"):
        BackupAndRestore(**arguments)


def test_outside_of_fit_it_says_so(tmp_path):
    with pytest.raises(RuntimeError, match="fit"):
        BackupAndRestore(tmp_path).on_epoch_end(0, {})


def test_a_folder_that_cannot_be_written_is_an_error_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    model = made()
    with pytest.raises(OSError, match="not a folder"):
        fit(model, BackupAndRestore(tmp_path / "file"))
    assert int(model.optimizer.iterations.numpy()) == 0


def test_steps_between_backups_do_not_make_single_steps(tmp_path, monkeypatch):
    steps = []
    monkeypatch.setattr(BackupAndRestore, "back_up", lambda self: steps.append(self._run.capture()))
    fit(made(), BackupAndRestore(tmp_path, save_freq=4), epochs=2)
    assert [(s["run"]["epoch"], s["run"]["step"]) for s in steps] == [(0, 4), (1, 2), (1, 6)]
    assert keras.callbacks.CallbackList([BackupAndRestore("a", 4)]).listens_to_batches == "chunks"


# -- snapshots -----------------------------------------------------------------------------------

VALUES = [
    {"a": [1, 2.5, None, True, "text"], "b": {}},
    (1, (2, [3])),
    {1: "a", (2, 3): "b"},
    {"$array": 1},
    {3, 4},
    [float("inf"), -0.0, 1e-310],
    2**80,
]


@pytest.mark.parametrize("given", VALUES, ids=repr)
def test_plain_values_come_back_as_they_were(given, tmp_path):
    _snapshot.write(tmp_path / "x", given)
    assert repr(_snapshot.read(tmp_path / "x")) == repr(given)


@pytest.mark.parametrize(
    "dtype", ["float32", "bool", "complex64", "uint8", "bfloat16", "float8_e4m3fn"]
)
@pytest.mark.parametrize("shape", [(), (0, 2), (3, 2)])
@pytest.mark.parametrize("kind", [np.asarray, jax.numpy.asarray, lambda a: a.T])
def test_arrays_come_back_with_their_type(dtype, shape, kind, tmp_path):
    given = kind(np.ones(shape).astype(getattr(ml_dtypes, dtype, dtype)))
    _snapshot.write(tmp_path / "x", given)
    found = _snapshot.read(tmp_path / "x")
    assert isinstance(found, jax.Array) == isinstance(given, jax.Array)
    assert (found.dtype, found.shape) == (given.dtype, given.shape)
    assert np.asarray(found).tobytes() == np.asarray(given).tobytes()


@pytest.mark.parametrize("given", [print, object(), np.array(["a"]), collections.deque(), b"x"])
def test_what_cannot_be_held_is_left_out(given, tmp_path):
    with pytest.raises(_snapshot.Opaque):
        _snapshot.write(tmp_path / "x", [given])
    assert list(tmp_path.iterdir()) == []
    thing = types.SimpleNamespace(odd=given, count=1)
    assert _snapshot.changes(thing, {}) == {"count": 1}


def test_a_structure_that_holds_itself_is_left_out():
    own: list = []
    own.append(own)
    assert _snapshot.changes(types.SimpleNamespace(own=own), {}) == {}
