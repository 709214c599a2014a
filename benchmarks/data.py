"""`python -m benchmarks.data`: elements a second of pipelines in memory, beside what else there is.

One epoch over 60,000 images of 28x28 and their labels in batches of 128, as rows of arrays, with a
shuffle buffer, with a function of each element, and with threads. Each pipeline is run in turn,
several rounds; the best round counts. Peers that are not installed are left out:
`pip install tensorflow-cpu torch grain`.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import time
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

SIZE, BATCH, BUFFER = 60_000, 128, 10_000
X = np.random.default_rng(0).random((SIZE, 28, 28, 1), np.float32)
Y = np.arange(SIZE, dtype=np.int32) % 10

Pipelines = dict[str, Callable[[], Iterable[Any]]]


def scaled(x: Any, y: Any) -> tuple[Any, Any]:
    return x * 2 - 1, y


def keraunos() -> Pipelines:
    from keraunos.data import Dataset

    rows = Dataset.from_tensor_slices((X, Y))
    return {
        "batch": lambda: rows.batch(BATCH),
        "shuffle all, batch": lambda: rows.shuffle(SIZE).batch(BATCH),
        "shuffle 10000, batch": lambda: rows.shuffle(BUFFER).batch(BATCH),
        "shuffle, map, batch": lambda: rows.shuffle(BUFFER).map(scaled).batch(BATCH),
        "shuffle, map by 2 threads, batch": lambda: (
            rows.shuffle(BUFFER).map(scaled, num_parallel_calls=2).batch(BATCH)
        ),
        "shuffle, batch, map": lambda: rows.shuffle(BUFFER).batch(BATCH).map(scaled),
        "elements": lambda: rows,
    }


def tf_data() -> Pipelines:
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices((X, Y))
    made = {
        "batch": rows.batch(BATCH),
        "shuffle all, batch": rows.shuffle(SIZE).batch(BATCH),
        "shuffle 10000, batch": rows.shuffle(BUFFER).batch(BATCH),
        "shuffle, map, batch": rows.shuffle(BUFFER).map(scaled).batch(BATCH),
        "shuffle, map by 2 threads, batch": rows.shuffle(BUFFER).map(scaled, 2).batch(BATCH),
        "shuffle, batch, map": rows.shuffle(BUFFER).batch(BATCH).map(scaled),
        "elements": rows,
    }
    return {
        name: (lambda one=one: one.prefetch(2).as_numpy_iterator()) for name, one in made.items()
    }


def torch_loader() -> Pipelines:
    import torch
    from torch.utils.data import DataLoader, TensorDataset

    class Mapped(torch.utils.data.Dataset):
        def __len__(self) -> int:
            return SIZE

        def __getitem__(self, i: int) -> Any:
            return scaled(X[i], Y[i])

    rows = TensorDataset(torch.from_numpy(X), torch.from_numpy(Y))
    return {
        "batch": lambda: DataLoader(rows, BATCH),
        "shuffle all, batch": lambda: DataLoader(rows, BATCH, shuffle=True),
        "shuffle, map, batch": lambda: DataLoader(Mapped(), BATCH, shuffle=True),
        "elements": lambda: DataLoader(rows, None),
    }


def grain_dataset() -> Pipelines:
    import grain

    class Source:
        def __len__(self) -> int:
            return SIZE

        def __getitem__(self, i: int) -> Any:
            return X[i], Y[i]

    rows = grain.MapDataset.source(Source()).seed(0)
    return {
        "batch": lambda: rows.batch(BATCH).to_iter_dataset(),
        "shuffle all, batch": lambda: rows.shuffle().batch(BATCH).to_iter_dataset(),
        "shuffle, map, batch": lambda: (
            rows.shuffle().map(lambda one: scaled(*one)).batch(BATCH).to_iter_dataset()
        ),
    }


CONTENDERS: dict[str, tuple[str, Callable[[], Pipelines]]] = {
    "keraunos": ("keraunos", keraunos),
    "tf.data": ("tensorflow", tf_data),
    "torch": ("torch", torch_loader),
    "grain": ("grain", grain_dataset),
}


def main() -> None:
    """Print a table: thousands of elements a second, and CPU nanoseconds an element."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--share", type=float, default=1.0, help="of an epoch that is measured")
    options = parser.parse_args()
    there = [n for n in options.only if importlib.util.find_spec(CONTENDERS[n][0]) is not None]
    made = {name: CONTENDERS[name][1]() for name in there}
    names = list(dict.fromkeys(itertools.chain.from_iterable(made.values())))
    best: dict[tuple[str, str], tuple[float, float]] = {}
    for _, name, who in itertools.product(range(options.rounds), names, there):
        if name in made[who]:
            found = measured(made[who][name], options.share)
            best[name, who] = min(found, best.get((name, who), found))
    print(f"{'thousand elements a second (CPU ns each)':42}" + "".join(f"{n:>18}" for n in there))
    for name in names:
        cells = [best.get((name, who)) for who in there]
        texts = ["-" if c is None else f"{1e-3 / c[0]:,.0f} ({c[1] * 1e9:,.0f})" for c in cells]
        print(f"{name:42}" + "".join(f"{text:>18}" for text in texts))


def measured(make: Callable[[], Iterable[Any]], share: float) -> tuple[float, float]:
    """Return wall and CPU seconds an element, of a part of an epoch."""
    wall, cpu, seen = time.perf_counter(), time.process_time(), 0
    for batch in make():
        seen += len(batch[1]) if np.ndim(batch[1]) else 1
        if seen >= share * SIZE:
            break
    return (time.perf_counter() - wall) / seen, (time.process_time() - cpu) / seen


if __name__ == "__main__":
    main()
