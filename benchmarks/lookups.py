"""Milliseconds for a column of a million: lookups and hashes, beside Keras's on TensorFlow.

    python -m benchmarks.lookups
    python -m benchmarks.lookups keraunos

The contenders take turns, and each one's best round counts: other work of the machine makes rounds
slower, never faster.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

import numpy as np

LENGTH, ROUNDS = 1_000_000, 3


def columns() -> dict[str, tuple[np.ndarray, list[Any]]]:
    """Return columns and vocabularies: few and many different strings, small and large numbers."""
    rng = np.random.default_rng(0)
    few = np.array([f"word{i}" for i in range(1000)], object)
    many = np.array([f"token number {i}" for i in range(300_000)], object)
    return {
        "few strings": (rng.choice(few, LENGTH), few[:200].tolist()),
        "many strings": (rng.choice(many, LENGTH), many[:100_000].tolist()),
        "small integers": (rng.integers(0, 1000, LENGTH), list(range(0, 1000, 3))),
        "large integers": (rng.integers(0, 2**31 - 1, LENGTH), list(range(100_000))),
    }


def tasks(layers: Any, column: np.ndarray, vocabulary: list[Any]) -> dict[str, Callable[[], Any]]:
    """Return what is measured: name -> call."""
    kind = layers.StringLookup if column.dtype == object else layers.IntegerLookup
    lookup, shared = kind(vocabulary=vocabulary), kind(vocabulary=vocabulary, num_oov_indices=5)
    hashing, salted = layers.Hashing(1000), layers.Hashing(1000, salt=3)
    return {
        "lookup": lambda: lookup(column),
        "lookup, 5 ids for the unknown": lambda: shared(column),
        "hash": lambda: hashing(column),
        "hash with a salt": lambda: salted(column),
        "adapt": lambda: kind(max_tokens=5000).adapt(column) or 0,
    }


def main() -> None:
    """Print one line a task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=["keraunos", "keras"])
    rooms = {n: importlib.import_module(n).layers for n in parser.parse_args().names}
    print(f"{'':45}" + "".join(f"{name:>12}" for name in rooms))
    for title, (column, vocabulary) in columns().items():
        made = {name: tasks(layers, column, vocabulary) for name, layers in rooms.items()}
        for task in next(iter(made.values())):
            best = dict.fromkeys(rooms, float("inf"))
            for _ in range(ROUNDS):
                for name in rooms:
                    start = time.perf_counter()
                    np.asarray(made[name][task]())
                    best[name] = min(best[name], time.perf_counter() - start)
            line = "".join(f"{1000 * seconds:9.0f} ms" for seconds in best.values())
            print(f"{title + ': ' + task:45}{line}", flush=True)


if __name__ == "__main__":
    main()
