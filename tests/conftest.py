"""What every test stands on: a Keras home of its own, the real Keras on JAX, no network."""

import atexit
import gc
import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path

# Before anything imports keras or matplotlib. Parallel workers inherit the first process's home.
os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("MPLBACKEND", "Agg")
# Thousands of small programs are compiled once and run once: XLA need not polish them.
# (JAX_DISABLE_MOST_OPTIMIZATIONS=0 make test polishes.)
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# What a test frees is measured, and belongs to the next process.
os.environ.setdefault("KERAUNOS_KEEP_MEMORY", "0")
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["KERAS_HOME"] = tempfile.mkdtemp(prefix="keraunos-test-home-")
    atexit.register(shutil.rmtree, os.environ["KERAS_HOME"], ignore_errors=True)

import hypothesis
import jax
import keras
import numpy as np
import pytest

import keraunos

# Python does not hear Ctrl-C if it was started in the background, and neither do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Each run draws the same numbers and examples, unless it is given a seed to hunt with.
SEED = int(os.environ.get("KERAUNOS_TEST_SEED", "0"))
hypothesis.settings.register_profile("same", derandomize=not SEED, database=None, deadline=None)
hypothesis.settings.load_profile("same")
MOST_MEMORY = 1.5  # GiB, above which a worker forgets the programs that it has compiled
_connect = socket.socket.connect


def _connect_nearby(self: socket.socket, address: object) -> None:
    host = address[0] if isinstance(address, tuple) else "localhost"
    if host not in ("localhost", "127.0.0.1", "::1"):
        raise OSError(f"a test asked the network for {host}")
    _connect(self, address)


@pytest.fixture(scope="session", autouse=True)
def _no_network():
    """Refuse connections that leave this machine: a test that needs one is wrong."""
    socket.socket.connect = _connect_nearby
    yield
    socket.socket.connect = _connect


@pytest.fixture(autouse=True)
def _same_draws(request, monkeypatch):
    """Let a test draw the same numbers whichever ran before it: what fails, fails again."""
    for library in (keras, keraunos):
        library.utils.set_random_seed(SEED)
    if hasattr(request.module, "RNG"):
        monkeypatch.setattr(request.module, "RNG", np.random.default_rng(SEED))


@pytest.fixture(scope="module", autouse=True)
def _little_memory():
    """Forget compiled programs between files where they have grown many (on Linux)."""
    yield
    statistics = Path("/proc/self/statm")
    if statistics.exists():
        pages = int(statistics.read_text().split()[1])
        if pages * os.sysconf("SC_PAGE_SIZE") > MOST_MEMORY * 2**30:
            jax.clear_caches()
            gc.collect()


@pytest.fixture
def keras_home(tmp_path, monkeypatch):
    """An empty Keras home."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path
