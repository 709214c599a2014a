"""Ctrl-C: the first ends the steps under way in order, the second stops at once."""

import contextlib
import signal
import threading

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(512, 64)).astype("float32")
Y = RNG.integers(0, 3, 512)


@contextlib.contextmanager
def pressing_ctrl_c(after):
    """Interrupts the main thread, and again as a user would: Python itself swallows an interrupt
    that comes while a destructor runs."""
    over = threading.Event()

    def press():
        wait = after
        while not over.wait(wait):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            wait = 5

    presser = threading.Thread(target=press)
    presser.start()
    try:
        yield
    finally:
        over.set()
        presser.join()


def test_ctrl_c_leaves_current_weights_and_training_goes_on():
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, batch_size=32, verbose=0)
    for attempt in range(12):
        before = int(model.optimizer.iterations.numpy())
        with pytest.raises(KeyboardInterrupt), pressing_ctrl_c(after=0.05 + 0.013 * attempt):
            model.fit(X, Y, batch_size=32, epochs=100_000, verbose=0)
        assert int(model.optimizer.iterations.numpy()) >= before
        assert all(np.isfinite(w).all() for w in model.get_weights())
        assert len(model.history.epoch) < 100_000
    assert np.isfinite(model.evaluate(X, Y, verbose=0))


class Pressing(keras.callbacks.Callback):
    """Presses Ctrl-C in a hook, some times, and notes which hooks came after."""

    def __init__(self, hook, times=1, batch=3):
        super().__init__()
        self.called, self._times, self._batch = [], times, batch
        setattr(self, hook, self._press)

    def _press(self, number=0, logs=None):
        if number == self._batch and not self.called:
            self.called.append("pressed")
            for _ in range(self._times):
                signal.raise_signal(signal.SIGINT)

    def on_train_end(self, logs=None):
        self.called.append("on_train_end")


def small():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((64,)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def fit(model, *callbacks, **given):
    model.fit(X[:64], Y[:64], batch_size=8, callbacks=list(callbacks), **({"verbose": 0} | given))


@pytest.mark.parametrize(
    "hook, batch, steps, epochs",
    [
        ("on_train_batch_end", 3, 4, []),
        ("on_train_batch_begin", 3, 4, []),
        ("on_epoch_end", 1, 16, [0, 1]),
        ("on_test_batch_end", 1, 8, []),
    ],
)
def test_the_first_ends_the_step_in_order(hook, batch, steps, epochs):
    model, pressing = small(), Pressing(hook, batch=batch)
    with pytest.raises(KeyboardInterrupt) as raised:
        fit(model, pressing, epochs=5, validation_data=(X[:32], Y[:32]))
    assert type(raised.value) is KeyboardInterrupt
    assert pressing.called == ["pressed", "on_train_end"]
    assert int(model.optimizer.iterations.numpy()) == steps
    assert model.history.epoch == epochs
    assert len(model.history.history.get("loss", [])) == len(epochs)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_second_stops_at_once():
    model, pressing = small(), Pressing("on_train_batch_end", times=2)
    with pytest.raises(KeyboardInterrupt):
        fit(model, pressing, epochs=5)
    assert pressing.called == ["pressed"]
    assert np.isfinite(model.evaluate(X, Y, verbose=0))


def test_it_says_what_the_first_one_did(capfd):
    with pytest.raises(KeyboardInterrupt):
        fit(small(), Pressing("on_train_batch_end"), verbose=2)
    assert "again stops at once" in capfd.readouterr().err


def test_a_handler_of_the_program_is_left_in_place():
    noted = []
    before = signal.signal(signal.SIGINT, lambda *_: noted.append(1))
    try:
        fit(small(), Pressing("on_train_batch_end"), epochs=2)
    finally:
        signal.signal(signal.SIGINT, before)
    assert noted == [1]


def test_fit_in_another_thread_leaves_signals_alone():
    model = small()
    thread = threading.Thread(target=fit, args=(model,))
    thread.start()
    thread.join()
    assert model.history.epoch == [0]


def test_best_weights_are_restored_and_a_backup_made(tmp_path):
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", restore_best_weights=True)
    backup = keras.callbacks.BackupAndRestore(tmp_path / "backup", save_freq=False)
    whole, model = small(), small()
    fit(whole, epochs=3)
    with pytest.raises(KeyboardInterrupt):
        fit(model, stopping, backup, Pressing("on_train_batch_end"), epochs=3, initial_epoch=0)
    again = small()
    fit(again, backup, epochs=3)
    assert int(again.optimizer.iterations.numpy()) == 24
    assert all(np.array_equal(*pair) for pair in zip(again.get_weights(), whole.get_weights()))
    assert not (tmp_path / "backup").exists()
