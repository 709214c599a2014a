"""A run that was killed and started again ends as one that was not, bit by bit."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from tests.tables.resuming import CASES, run

import keraunos as keras


class Killed(BaseException):
    """Ends a run as nothing else does."""


class Killer(keras.callbacks.Callback):
    """Kills the run after a step, wherever that is."""

    accepts_chunks = True

    def __init__(self, step):
        super().__init__()
        self._step, self._seen, self._last = step, 0, -1

    def on_epoch_begin(self, epoch, logs=None):
        self._last = -1

    def on_train_batch_end(self, batch, logs=None):
        self._seen += batch - self._last
        self._last = batch
        if self._seen >= self._step:
            raise Killed


@pytest.mark.parametrize("case", CASES)
def test_a_killed_run_ends_as_one_that_was_not(case, tmp_path):
    whole, killed = folders(tmp_path)
    expected = run(case, whole)
    for step in (5, 11):  # after one backup, so before some of the first epoch is in it; later on
        with pytest.raises(Killed):
            run(case, killed, [Killer(step)], save_freq=3)
    assert run(case, killed, save_freq=3) == expected
    assert files(killed) == files(whole)


def test_batches_after_the_one_that_fit_has_looked_at_are_drawn_as_they_were(tmp_path):
    whole, killed = folders(tmp_path)
    with pytest.raises(Killed):
        run("noisy", killed, [Killer(2)], save_freq=1)
    assert run("noisy", killed, save_freq=1) == run("noisy", whole)


def folders(tmp_path):
    found = tmp_path / "whole", tmp_path / "killed"
    for folder in found:
        folder.mkdir()
    return found


def files(folder):
    """Return name -> content of what a run has left; of weights the name alone."""
    return {p.name: p.suffix == ".csv" and p.read_text() for p in folder.iterdir()}


# -- real processes ------------------------------------------------------------------------------

# `KERAUNOS_KILLS=50 pytest tests/training/test_resume.py -k processes` kills that often.
KILLS = int(os.environ.get("KERAUNOS_KILLS", "2"))
KILLS_OF_A_RUN = 5


@pytest.mark.parametrize("number", range(-(-KILLS // KILLS_OF_A_RUN)))
def test_processes_that_are_killed_at_random_end_as_one_that_was_not(number, tmp_path):
    chance = random.Random()
    case = [*CASES][number % len(CASES)] if number else chance.choice([*CASES])
    whole, killed = folders(tmp_path)
    expected = json.loads(json.dumps(run(case, whole)))
    told = [case]  # how to see a failure again
    for kill in range(min(KILLS, KILLS_OF_A_RUN)):
        event, lines = chance.randint(2, 7), chance.randint(1, 4)
        if kill % 2:  # inside of a backup that is written: at an event in its folder
            process = started(case, killed, event)
            told.append(f"at event {event}")
        else:  # anywhere: some steps after it began, when the signal happens to arrive
            process = started(case, killed)
            for _ in range(lines):
                process.stdout.readline()
            process.kill()
            told.append(f"after {lines} lines")
        process.communicate()
        assert process.returncode in (0, -signal.SIGKILL), told
        if process.returncode == 0:
            break  # it was over before the signal came
    else:
        process = started(case, killed)
        process.communicate()
    assert process.returncode == 0, told
    assert json.loads((tmp_path / "result").read_text()) == expected, told
    assert files(killed) == files(whole), told
    print(f"killed {len(told) - 1} times: {told}")


def started(case, folder, *event):
    program = [sys.executable, "-m", "tests.tables.resuming", case, str(folder)]
    result = str(folder.parent / "result")
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [*program, result, *map(str, event)],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
    )
