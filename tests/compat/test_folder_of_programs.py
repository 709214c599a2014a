"""A folder of old programs, if there is one: each runs, or lacks what is to come."""

import fcntl
import os
import re
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

# `make` names the folder. Its own tool says when a program has passed.
FOLDER = os.environ.get("KERAUNOS_PROGRAMS")
TOOL = Path(FOLDER or ".").absolute().parent / "tools" / "run_programs.py"
NAMES = sorted(path.name for path in Path(FOLDER).glob("s0*.py")) if FOLDER else []
# What docs/compat.md lists as not there yet.
NOT_YET = re.compile(r"NotImplementedError: (keras\.applications|plot_model|model_to_dot)\b")


@pytest.fixture(scope="session")
def data():
    """The programs' data, made by one process of several and kept for the next run."""
    with Path(tempfile.gettempdir(), "keraunos-programs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return runpy.run_path(str(TOOL))["data_folder"](None)


@pytest.mark.parametrize("name", NAMES)
def test_runs(name, data):
    # As a user runs it: the tests' own setting makes XLA compile another program.
    environment = {k: v for k, v in os.environ.items() if k != "JAX_DISABLE_MOST_OPTIMIZATIONS"}
    done = subprocess.run(
        [sys.executable, str(TOOL), name, "--data", data],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode and (lack := NOT_YET.search(done.stdout)):
        pytest.xfail(lack[1])
    assert done.returncode == 0, done.stdout
