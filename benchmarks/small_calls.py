"""What a small call costs: one sample of a perceptron, beside the bare jitted function."""

from __future__ import annotations

import gc
import timeit
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import keraunos as keras
from keraunos import layers

LIMIT = 3.0  # times the bare function
PREDICTS, LONGEST = 5000, 600


def measure(rounds: int = 7, calls: int = 200) -> dict[str, dict[str, float]]:
    """Microseconds a call of keraunos and of the bare function, and their ratio, in turn."""
    return {name: _race(ours, bare, rounds, calls) for name, (ours, bare) in _pairs().items()}


def memory() -> dict[str, float]:
    """MiB that so many predicts of changing length add, and how many programs they compile."""
    model = _model()
    x = np.random.default_rng(0).normal(size=(LONGEST, 20)).astype("float32")
    sizes = np.random.default_rng(1).integers(1, LONGEST, PREDICTS)
    compiled: list[str] = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, _, **__: (
            compiled.append(name) if name.endswith("backend_compile_duration") else None
        )
    )
    for size in (1, 2, 4, 8, 16, 32, 33):
        model.predict(x[:size], verbose=0)
    first, before = len(compiled), _resident()
    for size in sizes:
        model.predict(x[:size], verbose=0)
    gc.collect()
    return {
        "MiB more": _resident() - before,
        "programs at first": first,
        "programs more": len(compiled) - first,
    }


def table(times: dict[str, dict[str, float]], more: dict[str, float]) -> str:
    """One row a call, and a sentence about memory."""
    rows = [f"| call | keraunos, us | bare, us | ratio (at most {LIMIT:g}) |", "|---|--:|--:|--:|"]
    rows += [
        f"| {name} | {t['ours']:.0f} | {t['bare']:.0f} | {t['ratio']:.2f} |"
        for name, t in times.items()
    ]
    return "\n".join(rows) + (
        f"\n\n{PREDICTS:,} predicts of 1 to {LONGEST} samples: {more['MiB more']:.1f} MiB more,"
        f" {more['programs more']:.0f} programs beside the first {more['programs at first']:.0f}"
    )


def _race(
    ours: Callable[[], Any], bare: Callable[[], Any], rounds: int, calls: int
) -> dict[str, float]:
    for function in (ours, bare):
        timeit.timeit(function, number=20)
    times = [
        [timeit.timeit(f, number=calls) / calls * 1e6 for f in (ours, bare)] for _ in range(rounds)
    ]
    return {
        "ours": min(t[0] for t in times),
        "bare": min(t[1] for t in times),
        "ratio": median(t[0] / t[1] for t in times),
    }


def _model() -> Any:
    keras.utils.set_random_seed(0)
    stack = [layers.Dense(64, "relu"), layers.Dense(64, "relu"), layers.Dense(10)]
    model = keras.Sequential([keras.Input((20,)), *stack])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return model


def _pairs() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    model, x = _model(), np.random.default_rng(0).normal(size=(1, 20)).astype("float32")
    y, weights = np.array([3], "int32"), [jnp.asarray(w) for w in model.get_weights()]
    optimizer, device_x = optax.adam(1e-3), jnp.asarray(x)

    @jax.jit
    def forward(w: list[Any], x: Any) -> Any:
        h = jax.nn.relu(x @ w[0] + w[1])
        return jax.nn.relu(h @ w[2] + w[3]) @ w[4] + w[5]

    @jax.jit
    def update(w: list[Any], state: Any, x: Any, y: Any) -> Any:
        def loss(w: list[Any]) -> Any:
            of = optax.softmax_cross_entropy_with_integer_labels
            return of(forward(w, x), y).mean()

        value, gradients = jax.value_and_grad(loss)(w)
        updates, state = optimizer.update(gradients, state)
        return optax.apply_updates(w, updates), state, value

    now = [weights, optimizer.init(weights)]

    def bare_step() -> float:
        now[0], now[1], value = update(now[0], now[1], x, y)
        return float(value)

    ready = jax.block_until_ready
    return {
        "model(x)": (lambda: ready(model(device_x)), lambda: ready(forward(weights, device_x))),
        "predict_on_batch": (
            lambda: model.predict_on_batch(x),
            lambda: np.asarray(forward(weights, x)),
        ),
        "predict": (
            lambda: model.predict(x, verbose=0),
            lambda: np.asarray(forward(weights, x)),
        ),
        "train_on_batch": (lambda: model.train_on_batch(x, y), bare_step),
    }


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 2**20


if __name__ == "__main__":
    print(table(measure(), memory()))
