"""What fit, evaluate and predict add to the arithmetic, and how long until the first epoch ends.

The arithmetic is a hand-written `lax.scan` of the same step over the same resident data.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any

LIMIT = 1.3  # times the hand-written scan
BATCH, STEPS, WIDTH = 128, 200, 128

START = """
import os, sys, time
start = float(sys.argv[1])
import numpy as np
if sys.argv[2] == "keraunos":
    import keraunos as keras
else:
    os.environ["KERAS_BACKEND"] = "jax"
    import keras
x = np.random.default_rng(0).normal(size=(6000, 28, 28, 1)).astype("float32")
y = np.random.default_rng(0).integers(0, 10, 6000)
L = keras.layers
model = keras.Sequential([
    keras.Input((28, 28, 1)),
    L.Conv2D(32, 3, activation="relu"), L.MaxPooling2D(), L.Conv2D(64, 3, activation="relu"),
    L.MaxPooling2D(), L.Flatten(), L.Dense(10, "softmax"),
])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y, batch_size=128, verbose=0)
print(time.time() - start)
"""


def measure(rounds: int = 7) -> dict[str, dict[str, float]]:
    """Milliseconds a step of keraunos and of the scan, in turn, and the median of the ratios."""
    return {name: _race(*pair, rounds) for name, pair in _pairs().items()}


def first_epochs(names: tuple[str, ...] = ("keraunos", "keras")) -> dict[str, list[float]]:
    """Seconds from the start of a process to the end of the first epoch: cold, then warm cache."""
    found: dict[str, list[float]] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            cache = {"KERAUNOS_COMPILATION_CACHE": folder, "JAX_COMPILATION_CACHE_DIR": folder}
            own = cache if name != "keraunos" else {"KERAUNOS_COMPILATION_CACHE": folder}
            for _ in range(2):
                done = subprocess.run(
                    [sys.executable, "-c", START, str(time.time()), name],
                    env=os.environ | own,
                    capture_output=True,
                    text=True,
                )
                if done.returncode == 0:
                    found.setdefault(name, []).append(float(done.stdout.split()[-1]))
    return found


def table(times: dict[str, dict[str, float]], first: dict[str, list[float]]) -> str:
    """One row for fit, evaluate and predict; one for each contender's first epoch."""
    head = f"| | keraunos, ms a step | lax.scan, ms a step | ratio (at most {LIMIT:g}) |"
    rows = [head, "|---|--:|--:|--:|"]
    rows += [
        f"| {name} | {t['ours']:.3f} | {t['bare']:.3f} | {t['ratio']:.2f} |"
        for name, t in times.items()
    ]
    rows += ["", "| start to the end of the first epoch | cold, s | warm cache, s |"]
    rows += ["|---|--:|--:|"]
    rows += [
        f"| {name} | " + " | ".join(f"{s:.1f}" for s in row) + " |" for name, row in first.items()
    ]
    return "\n".join(rows)


def _race(ours: Callable[[], Any], bare: Callable[[], Any], rounds: int) -> dict[str, float]:
    for function in (ours, bare, ours, bare):
        function()
    times = [[_seconds(f) / STEPS * 1e3 for f in (ours, bare)] for _ in range(rounds)]
    return {
        "ours": min(t[0] for t in times),
        "bare": min(t[1] for t in times),
        "ratio": median(t[0] / t[1] for t in times),
    }


def _seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def _pairs() -> dict[str, tuple[Callable[[], Any], Callable[[], Any]]]:
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    import keraunos as keras
    from keraunos import layers

    count = BATCH * STEPS
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(count, 784)).astype("float32"), rng.integers(0, 10, count)
    stack = [layers.Dense(WIDTH, "relu") for _ in range(3)]
    model = keras.Sequential([keras.Input((784,)), *stack, layers.Dense(10)])
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    weights = [jnp.asarray(w) for w in model.get_weights()]
    optimizer = optax.adam(1e-3)
    on_device = jnp.asarray(x), jnp.asarray(y)

    def forward(w: list[Any], x: Any) -> Any:
        for i in range(0, 6, 2):
            x = jax.nn.relu(x @ w[i] + w[i + 1])
        return x @ w[6] + w[7]

    def loss(w: list[Any], x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(forward(w, x), y).mean()

    def cut(order: Any, i: Any) -> Any:
        rows = jax.lax.dynamic_slice_in_dim(order, i * BATCH, BATCH)
        return on_device[0][rows], on_device[1][rows]

    @jax.jit
    def epoch(carry: Any, order: Any) -> Any:
        def step(carry: Any, i: Any) -> Any:
            w, state, total = carry
            value, gradients = jax.value_and_grad(loss)(w, *cut(order, i))
            updates, state = optimizer.update(gradients, state)
            return (optax.apply_updates(w, updates), state, total + value), None

        return jax.lax.scan(step, carry, jnp.arange(STEPS))[0]

    @jax.jit
    def test(w: list[Any]) -> Any:
        def step(total: Any, i: Any) -> Any:
            return total + loss(w, *cut(jnp.arange(count), i)), None

        return jax.lax.scan(step, jnp.zeros(()), jnp.arange(STEPS))[0]

    @jax.jit
    def outputs(w: list[Any], x: Any) -> Any:
        batches = x.reshape(STEPS, BATCH, 784)
        return jax.lax.map(lambda b: forward(w, b), batches).reshape(count, 10)

    now = [(weights, optimizer.init(weights), jnp.zeros(()))]

    def bare_epoch() -> None:
        now[0] = jax.block_until_ready(epoch(now[0], jnp.asarray(rng.permutation(count))))

    def batches() -> Iterator[Any]:
        for at in range(0, count, BATCH):
            yield x[at : at + BATCH], y[at : at + BATCH]

    quiet = {"batch_size": BATCH, "verbose": 0}
    return {
        "fit": (lambda: model.fit(x, y, **quiet), bare_epoch),
        "fit, from a generator": (lambda: model.fit(batches(), verbose=0), bare_epoch),
        "evaluate": (lambda: model.evaluate(x, y, **quiet), lambda: float(test(weights))),
        "predict": (
            lambda: model.predict(x, **quiet),
            lambda: np.asarray(outputs(weights, jnp.asarray(x))),
        ),
    }


if __name__ == "__main__":
    print(table(measure(), first_epochs()))
