"""Every way to run workers, each through a normal end, an error and Ctrl-C: run by test_feeding.py.

python tests/training/hang_matrix.py        prints a line for each of the 36 cases
"""

import contextlib
import faulthandler
import itertools
import os
import pathlib
import signal
import threading
import time
import traceback

import numpy as np

import keraunos as keras
from keraunos.data import PyDataset

WORKERS, PROCESSES = (0, 1, 4), (False, True)
SIZES, STEPS = (5, None), (None, 3, 7)  # finite and without end; a whole pass, fewer, more
PATIENCE = 120  # seconds without a case that ends: a hang


class Batches(PyDataset):
    """Batches that tell which they are; one of them raises, but not in the first two epochs."""

    def __init__(self, size, fails, **options):
        super().__init__(max_queue_size=2, **options)
        self.size, self.epochs = size, 0
        self.fails = None if size else fails  # without an end, no pass begins that would tell
        self.later = fails

    @property
    def num_batches(self):
        return self.size

    def __getitem__(self, i):
        if i == self.fails:
            raise KeyError(f"batch {i}")
        return np.full((2, 1), i, "float32"), np.zeros((2, 1), "float32")

    def on_epoch_end(self):
        self.epochs += 1
        if self.epochs == 2:
            self.fails = self.later


class Interrupt(keras.callbacks.Callback):
    """Presses Ctrl-C some time after the third batch: workers hear it too, as in a terminal."""

    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            press = lambda: os.killpg(0, signal.SIGINT)  # noqa: E731
            threading.Timer(self.after, press).start()


def children():
    """Return the processes whose parent is this one (on Linux)."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if path.read_text().rpartition(")")[2].split()[1] == str(os.getpid()):
                found.append(path)
    return found


def nothing_is_left(threads):
    ends = time.monotonic() + 30
    while threading.active_count() > threads and time.monotonic() < ends:
        time.sleep(0.01)
    assert threading.active_count() == threads, threading.enumerate()
    assert not children()


def fails(model, data, steps):
    """Train until the batch that raises; the epochs before it saw the right batches."""
    losses = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda e, logs: losses.append(logs["loss"]))
    try:
        model.fit(
            data, steps_per_epoch=steps, epochs=99, shuffle=False, verbose=0, callbacks=[seen]
        )
    except KeyError:
        told = traceback.format_exc()
    assert "in __getitem__" in told
    assert f"KeyError: 'batch {data.later}'" in told
    if data.size is None and steps is None:  # the first epoch has no end
        assert not losses
        return
    each = steps or data.size
    numbers = np.arange(len(losses) * each) % (data.size or len(losses) * each)
    np.testing.assert_allclose(losses, (numbers**2).reshape(-1, each).mean(1), rtol=1e-6)
    assert len(losses) >= 2


def interrupted(model, data, after):
    interrupt = Interrupt(after)
    try:
        model.fit(data, steps_per_epoch=10**9, verbose=0, callbacks=[interrupt])
    except KeyboardInterrupt:
        return
    raise AssertionError("Ctrl-C was not heard")


def main():
    signal.signal(signal.SIGINT, signal.default_int_handler)
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones", use_bias=False)]
    )
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(np.ones((4, 1)), np.ones((4, 1)), verbose=0)
    threads = threading.active_count()
    cases = itertools.product(WORKERS, PROCESSES, SIZES, STEPS)
    for number, (workers, processes, size, steps) in enumerate(cases):
        faulthandler.dump_traceback_later(PATIENCE, exit=True)
        options = {"workers": workers, "use_multiprocessing": processes}
        fails(model, Batches(size, 4 if size else 20, **options), steps)
        nothing_is_left(threads)
        interrupted(model, Batches(size, -1, **options), 0.003 * (number % 6))
        nothing_is_left(threads)
        faulthandler.cancel_dump_traceback_later()
        print(*options.values(), size, steps, flush=True)


if __name__ == "__main__":
    main()
