"""`set_floatx("float64")` reaches weights, optimizer, metrics, outputs and files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def found():
    program = Path(__file__).with_name("float64_program.py")
    run = subprocess.run([sys.executable, program], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    return json.loads(run.stdout)


def test_everything_is_float64(found):
    for what in ("weights", "slots", "metrics"):
        assert found[what] == ["float64"], what
    for what in ("outputs", "layer", "loss", "random"):
        assert found[what] == "float64", what
    assert found["ops"] == ["float64", "float64"]
    assert found["int64"], "integers have 64 bits too"


def test_training_equals_the_real_keras_in_64_bits(found):
    assert found["gap of the weights"] < 1e-9
    assert found["gap of the losses"] < 1e-9


def test_layers_equal_their_equations_in_64_bits(found):
    """The real Keras on JAX does not: it goes through float32 there, and in tanh."""
    assert found["gap of LSTM"] < 1e-12
    assert found["gap of BatchNormalization"] < 1e-12


def test_files_keep_every_bit(found):
    assert found["file"] == 0
    assert found["file in Keras"] < 1e-12


def test_float32_turns_it_off_again(found):
    assert found["back"] == [False, "float32"]
