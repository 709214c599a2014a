"""The models in bare JAX and optax: what the same engine does with nothing around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array, lax

Parameters = dict[str, Array]
Forward = Callable[[Parameters, Array], Array]  # (parameters, x) -> logits


def weights(*shapes: tuple[int, ...]) -> Parameters:
    """w0, w1, ... by Glorot's rule, and biases b0, b1, ... of zeros."""
    rng, out = np.random.default_rng(0), {}
    for i, shape in enumerate(shapes):
        receptive = int(np.prod(shape[:-2]))
        limit = (6 / receptive / (shape[-2] + shape[-1])) ** 0.5
        out[f"w{i}"] = jnp.asarray(rng.uniform(-limit, limit, shape), "float32")
        out[f"b{i}"] = jnp.zeros(shape[-1], "float32")
    return out


def dense(p: Parameters, i: int, x: Array) -> Array:
    return x @ p[f"w{i}"] + p[f"b{i}"]


def conv(p: Parameters, i: int, x: Array) -> Array:
    """A convolution without padding, channels last, in one or two dimensions, then relu."""
    layout = ("NHC", "HIO", "NHC") if x.ndim == 3 else ("NHWC", "HWIO", "NHWC")
    window = (1,) * (x.ndim - 2)
    y = lax.conv_general_dilated(x, p[f"w{i}"], window, "VALID", dimension_numbers=layout)
    return jax.nn.relu(y + p[f"b{i}"])


def max_pool(x: Array, size: int) -> Array:
    """Windows that do not overlap, as reshape and max: its gradient is fast on a CPU."""
    spatial = [n // size for n in x.shape[1:-1]]
    x = x[(slice(None), *(slice(n * size) for n in spatial))]
    split = [part for n in spatial for part in (n, size)]
    return x.reshape(x.shape[0], *split, x.shape[-1]).max(tuple(range(2, 2 + len(split), 2)))


def perceptron() -> tuple[Parameters, Forward]:
    def forward(p: Parameters, x: Array) -> Array:
        for i in range(3):
            x = jax.nn.relu(dense(p, i, x))
        return dense(p, 3, x)

    return weights((784, 128), (128, 128), (128, 128), (128, 10)), forward


def convnet() -> tuple[Parameters, Forward]:
    def forward(p: Parameters, x: Array) -> Array:
        x = max_pool(conv(p, 0, x), 2)
        x = max_pool(conv(p, 1, x), 2)
        x = conv(p, 2, x).reshape(x.shape[0], -1)
        return dense(p, 4, jax.nn.relu(dense(p, 3, x)))

    shapes = ((3, 3, 1, 32), (3, 3, 32, 64), (3, 3, 64, 64), (576, 64), (64, 10))
    return weights(*shapes), forward


def lstm() -> tuple[Parameters, Forward]:
    def forward(p: Parameters, words: Array) -> Array:
        x = dense(p, 1, p["w0"][words.T])  # (T, B, 4 * units)

        def step(carry: tuple[Array, Array], x: Array) -> tuple[tuple[Array, Array], None]:
            h, c = carry
            i, f, g, o = jnp.split(x + h @ p["w2"], 4, axis=-1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((words.shape[0], 32))
        (h, _), _ = lax.scan(step, (zeros, zeros), x)
        return dense(p, 3, h)

    return weights((10_000, 32), (32, 128), (32, 128), (32, 1)), forward


def conv1d() -> tuple[Parameters, Forward]:
    def forward(p: Parameters, words: Array) -> Array:
        x = max_pool(conv(p, 1, p["w0"][words]), 5)
        return dense(p, 3, conv(p, 2, x).max(1))

    return weights((10_000, 128), (7, 128, 32), (7, 32, 32), (32, 1)), forward


def one_dispatch(step: Callable, carry: Any, batches: Array) -> Any:
    return lax.scan(lambda carry, rows: (step(carry, rows), None), carry, batches)[0]


def dispatch_each(step: Callable, carry: Any, batches: Array) -> Any:
    for rows in batches:
        carry = step(carry, rows)
    return carry


# XLA for CPUs is slow at a convolution inside a scan, so there each step is dispatched alone.
MODELS = {
    "perceptron": (perceptron, optax.adam(1e-3), one_dispatch),
    "lstm": (lstm, optax.rmsprop(1e-3, 0.9), one_dispatch),
    "convnet": (convnet, optax.rmsprop(1e-3, 0.9), dispatch_each),
    "conv1d": (conv1d, optax.rmsprop(1e-4, 0.9), dispatch_each),
}


def cost(logits: Array, y: Array) -> tuple[Array, Array]:
    """The mean loss and the number of hits; y: (B,) classes, (B, C) one-hot, (B, 1) of 0, 1."""
    if logits.shape[-1] == 1:
        hits = ((logits > 0) == (y > 0)).sum()
        return optax.sigmoid_binary_cross_entropy(logits, y).mean(), hits
    classes = y if y.ndim == 1 else y.argmax(-1)
    loss = optax.softmax_cross_entropy_with_integer_labels(logits, classes).mean()
    return loss, (logits.argmax(-1) == classes).sum()


def trainer(name: str, x: np.ndarray, y: np.ndarray, batch: int) -> Callable[[int], float]:
    """A function that trains the model `name` for some epochs and returns the last one's loss."""
    if name not in MODELS:
        raise LookupError(f"{name} is not written in bare JAX")
    build, optimizer, loop = MODELS[name]
    parameters, forward = build()
    data, target = jnp.asarray(x), jnp.asarray(y)

    def step(carry: Any, rows: Array, data: Array, target: Array) -> Any:
        parameters, slots, total, correct = carry
        value_and_grad = jax.value_and_grad(
            lambda p: cost(forward(p, data[rows]), target[rows]), has_aux=True
        )
        (loss, hits), gradients = value_and_grad(parameters)
        updates, slots = optimizer.update(gradients, slots, parameters)
        return optax.apply_updates(parameters, updates), slots, total + loss, correct + hits

    jit = partial(jax.jit, donate_argnums=0)
    if loop is one_dispatch:
        run = jit(lambda c, b, x, y: loop(lambda c, r: step(c, r, x, y), c, b))
    else:
        one = jit(step)

        def run(c: Any, b: Array, x: Array, y: Array) -> Any:
            return loop(lambda c, r: one(c, r, x, y), c, b)

    state = [parameters, optimizer.init(parameters)]
    rng = np.random.default_rng(0)

    def epoch() -> float:
        batches = jnp.asarray(rng.permutation(len(x)).reshape(-1, batch))
        carry = (*state, jnp.zeros(()), jnp.zeros((), "int32"))
        *state[:], total, correct = run(carry, batches, data, target)
        assert int(correct) <= len(x)
        return float(total) / len(batches)

    return lambda epochs: [epoch() for _ in range(epochs)][-1]
