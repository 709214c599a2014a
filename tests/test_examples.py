"""The examples do what they say, from the training to the second process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(folder, name, *arguments, **environment):
    shutil.copy(EXAMPLES / name, folder)
    command = [sys.executable, str(folder / name), *arguments]
    environment = os.environ | environment
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_digits_trains_draws_saves_and_loads(tmp_path):
    done = _run(tmp_path, "digits.py")
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"test accuracy: ([\d.]+)%", done.stdout)[1]) >= 98
    assert "the same predictions" in done.stdout
    assert "\b" not in done.stdout, "a log has no control characters"
    curve = (tmp_path / "output" / "curve.png").read_bytes()
    assert curve.startswith(b"\x89PNG")


@pytest.mark.filterwarnings("ignore")
def test_mnist_trains_on_the_file_in_the_keras_home(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (96, 28, 28), np.uint8), rng.integers(0, 10, 96, np.uint8)
    np.savez(tmp_path / "mnist.npz", x_train=x[:64], y_train=y[:64], x_test=x[64:], y_test=y[64:])
    done = _run(tmp_path, "mnist.py", "1", KERAS_HOME=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "93,322" in done.stdout, "the number of parameters that the book prints"
    assert "test accuracy:" in done.stdout


def test_mnist_without_data_or_network_ends_in_one_line(tmp_path):
    # A proxy that is not there stands for a network that is not there.
    done = _run(tmp_path, "mnist.py", KERAS_HOME=str(tmp_path), https_proxy="http://127.0.0.1:9")
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert f"put the file mnist.npz in {tmp_path / 'datasets'}" in last
    assert "Traceback" not in done.stderr
