"""The update rules that look at a variable as a matrix: Adafactor and Muon."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos.optimizers._rule import Leaf, Rule, Scalars, Slot, rule
from keraunos.optimizers._rules import _adam_leaf, _adam_scalars


def adafactor(
    beta_2_decay: float = -0.8,
    epsilon_1: float = 1e-30,
    epsilon_2: float = 1e-3,
    clip_threshold: float = 1.0,
    relative_step: bool = True,
) -> Callable[[Sequence[Any]], Rule]:
    """Adafactor (Shazeer and Stern 2018): the squares of a matrix kept as a row and a column.

    Args:
        beta_2_decay: how the memory of squares grows with the steps, below 0.
        epsilon_1: added to squares.
        epsilon_2: the least size of a variable that a move is measured by.
        clip_threshold: the largest root mean square of a move.
        relative_step: whether the rate is at most `1 / sqrt(step)`, as it is in Keras either way.
    """

    def scalars(lr: Any, step: Any, shared: Any) -> Any:
        return {"rate": jnp.minimum(lr, 1 / jnp.sqrt(step)), "beta": 1 - step**beta_2_decay}, shared

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        square, beta, new = g * g + epsilon_1, s["beta"], dict(slots)
        if p.ndim < 2:
            new["velocity"] = beta * slots["velocity"] + (1 - beta) * square
        else:
            rows = new["r"] = beta * slots["r"] + (1 - beta) * jnp.mean(square, axis=-1)
            columns = new["c"] = beta * slots["c"] + (1 - beta) * jnp.mean(square, axis=-2)
            rows = rows / jnp.mean(rows, axis=-1, keepdims=True)
            new["velocity"] = rows[..., None] * columns[..., None, :]
        move = g / jnp.sqrt(new["velocity"])
        move = move / jnp.maximum(1, _rms(move) / clip_threshold)
        return -jnp.maximum(epsilon_2, _rms(p)) * s["rate"] * move, new

    def slots(variable: Any) -> tuple[Slot, ...]:
        if len(variable.shape) < 2:
            # Keras keeps two unused integers here; its files have them.
            rows = columns = Slot("r", initial=lambda value: np.zeros((), np.int32), tag=False)
        else:
            rows = Slot("r", shape=lambda shape: shape[:-1], tag=False)
            columns = Slot("c", shape=lambda shape: shape[:-2] + shape[-1:], tag=False)
        return (rows, columns._replace(name="c"), Slot("velocity"))

    return lambda variables: rule([Leaf(update, (slots(v),)) for v in variables], scalars)


def muon(
    adam_beta_1: float = 0.9,
    adam_beta_2: float = 0.999,
    adam_weight_decay: float | None = 0.004,
    epsilon: float = 1e-7,
    exclude_layers: Sequence[str] | None = None,
    exclude_embeddings: bool = True,
    muon_a: float = 3.4445,
    muon_b: float = -4.775,
    muon_c: float = 2.0315,
    adam_lr_ratio: float = 1,
    momentum: float = 0.95,
    ns_steps: int = 5,
    nesterov: bool = True,
    rms_rate: float | None = 0.2,
) -> Callable[[Sequence[Any]], Rule]:
    """Muon (Jordan 2024): moves of matrices made orthogonal; all other variables by Adam.

    Args:
        adam_beta_1, adam_beta_2, epsilon: of Adam.
        adam_weight_decay: of the variables that Adam moves.
        exclude_layers: patterns of paths that Adam moves.
        exclude_embeddings: whether Adam moves embeddings.
        muon_a, muon_b, muon_c: of the Newton-Schulz iteration. ns_steps: its steps.
        adam_lr_ratio: the rate of Adam, in units of the learning rate.
        momentum: how much of the last move is kept. nesterov: whether it looks ahead.
        rms_rate: the root mean square of a move, in units of the rate; None: not scaled.
    """

    def update(g: Any, p: Any, slots: Any, s: Scalars) -> Any:
        m = slots["momentum"] * momentum + g
        move = orthogonal(g + momentum * m if nesterov else m, (muon_a, muon_b, muon_c), ns_steps)
        return -s["lr"] * move * move_size(p.shape, rms_rate), {"momentum": m}

    by_muon = Leaf(update, ((Slot("momentum"),),))
    by_adam = _adam_leaf(adam_beta_1, adam_beta_2, epsilon)
    scalars = _adam_scalars(adam_beta_1, adam_beta_2, adam_lr_ratio)

    def made(variables: Sequence[Any]) -> Rule:
        return rule(
            [
                by_adam if goes_to_adam(v, exclude_layers, exclude_embeddings) else by_muon
                for v in variables
            ],
            scalars,
        )

    return made


def goes_to_adam(
    variable: Any, exclude_layers: Sequence[str] | None, exclude_embeddings: bool
) -> bool:
    """Return whether Muon leaves a variable to Adam."""
    excluded = any(re.search(pattern, variable.path) for pattern in exclude_layers or ())
    return (
        len(variable.shape) != 2
        or excluded
        or (exclude_embeddings and "embedding" in variable.path.lower())
    )


def move_size(shape: Sequence[int], rms_rate: float | None) -> float:
    """Return what a matrix's move is multiplied by (Moonlight, arXiv 2502.16982)."""
    return 1.0 if rms_rate is None else float(np.sqrt(max(shape[:2]))) * rms_rate


def orthogonal(x: Any, factors: tuple[float, float, float], steps: int) -> Any:
    """Return nearly the nearest orthogonal matrix (Newton and Schulz)."""
    a, b, c = factors
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (jnp.linalg.norm(x, axis=(-2, -1), keepdims=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x.mT if tall else x


def _rms(x: Any) -> Any:
    return jnp.sqrt(jnp.mean(x * x))
