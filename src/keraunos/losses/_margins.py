"""Margins, overlaps and the rest: hinges, dice and Tversky, circle, CTC."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from keraunos import config, errors
from keraunos._core import context, dtypes
from keraunos.losses._formula import formula
from keraunos.losses._shapes import floating, pair


@formula()
def hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(max(1 - y_true * y_pred, 0))`; targets are -1 and 1, or all 0 and 1.

    Example:
        >>> hinge([[-1.0, 1.0]], [[0.0, 2.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "hinge")
    return jnp.mean(jnp.maximum(1 - _signs(y_true) * y_pred, 0), axis=-1)


@formula()
def squared_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(max(1 - y_true * y_pred, 0)^2)`; targets as for `hinge`.

    Example:
        >>> squared_hinge([[-1.0, 1.0]], [[0.0, 2.0]]).tolist()
        [0.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "squared_hinge")
    return jnp.mean(jnp.square(jnp.maximum(1 - _signs(y_true) * y_pred, 0)), axis=-1)


@formula()
def categorical_hinge(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `max(1 + largest wrong output - output of the true class, 0)`; targets are one-hot.

    Example:
        >>> categorical_hinge([[0.0, 1.0]], [[0.0, 0.5]]).tolist()
        [0.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "categorical_hinge")
    right = jnp.sum(y_true * y_pred, axis=-1)
    wrong = jnp.max((1 - y_true) * y_pred, axis=-1)
    return jnp.maximum(wrong - right + 1, 0)


@formula()
def dice(y_true: Any, y_pred: Any, axis: int | tuple[int, ...] | None = None) -> jax.Array:
    """Return 1 minus the Dice overlap `2 |A B| / (|A| + |B|)` of masks.

    Args:
        y_true, y_pred: (batch, ...), 0 to 1.
        axis: over which the overlap is taken; all axes by default.

    Example:
        >>> round(float(dice([[1.0, 0.0]], [[1.0, 1.0]])), 3)
        0.333
    """
    y_true, y_pred = pair(y_true, y_pred, "dice")
    both = jnp.sum(y_true * y_pred, axis=axis)
    either = jnp.sum(y_true, axis=axis) + jnp.sum(y_pred, axis=axis)
    return 1 - 2 * both / (either + config.epsilon())


@formula()
def tversky(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.5,
    beta: float = 0.5,
    axis: int | tuple[int, ...] | None = None,
) -> jax.Array:
    """Return 1 minus the Tversky overlap (Salehi et al. 2017).

    Args:
        y_true, y_pred: (batch, ...), 0 to 1.
        alpha: the weight of what is in the targets only.
        beta: the weight of what is in the outputs only.
        axis: over which the overlap is taken; all axes by default.

    Example:
        >>> round(float(tversky([[1.0, 0.0]], [[1.0, 1.0]])), 3)
        0.333
    """
    y_true, y_pred = pair(y_true, y_pred, "tversky")
    both = jnp.sum(y_true * y_pred, axis=axis)
    missed = jnp.sum(y_true * (1 - y_pred), axis=axis)
    invented = jnp.sum((1 - y_true) * y_pred, axis=axis)
    return 1 - both / (both + alpha * missed + beta * invented + config.epsilon())


@formula()
def circle(
    y_true: Any,
    y_pred: Any,
    ref_labels: Any = None,
    ref_embeddings: Any = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> jax.Array:
    """Return the circle loss (Sun et al. 2020); samples without a loss do not count in the mean.

    Args:
        y_true: (batch,) integer labels.
        y_pred: (batch, features) embeddings of length 1.
        ref_labels, ref_embeddings: what is compared with; the batch itself by default.
        remove_diagonal: whether a sample is not compared with itself.
        gamma: the scale. margin: the relaxation.

    Example:
        >>> circle([0, 0, 1], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]], gamma=1).round(3).tolist()
        [0.546, 0.546, 0.0]
    """
    y_pred, labels = floating(y_pred), dtypes.as_array(y_true, "int32").reshape(-1)
    others = y_pred if ref_embeddings is None else floating(ref_embeddings, y_pred.dtype)
    other_labels = (
        labels if ref_labels is None else dtypes.as_array(ref_labels, "int32").reshape(-1)
    )
    distance = jnp.maximum(1 - y_pred @ others.T, 0)
    same = labels[:, None] == other_labels[None]
    near = same & ~jnp.eye(*same.shape, dtype=bool) if remove_diagonal else same
    pull = -gamma * jnp.maximum(margin + distance, 0) * (margin - distance)
    push = gamma * jnp.maximum(1 + margin - distance, 0) * (1 - margin - distance)
    logits = [
        jax.nn.logsumexp(jnp.where(m, x, -jnp.inf), axis=1)
        for m, x in ((near, pull), (~same, push))
    ]
    values = jax.nn.softplus(logits[0] + logits[1])
    context.set_mask(values, values > 0)
    return values


@formula()
def ctc(y_true: Any, y_pred: Any) -> jax.Array:
    """Return the connectionist temporal classification loss (Graves et al. 2006).

    Args:
        y_true: (batch, length) labels from 1; 0 is padding.
        y_pred: (batch, time, classes) logits; class 0 is the blank.

    Raises:
        ValueError: other ranks.

    Example:
        >>> ctc([[1]], [[[0.0, 0.0]]]).round(3).tolist()
        [0.693]
    """
    labels, logits = dtypes.as_array(y_true, "int32"), floating(y_pred)
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(
            errors.report(
                "ctc",
                expected="y_true (batch, length), y_pred (batch, time, classes)",
                got=f"y_true {labels.shape}, y_pred {logits.shape}",
            )
        )
    length = jnp.sum(labels != 0, axis=-1, keepdims=True)
    padding = (jnp.arange(labels.shape[1]) >= length).astype(logits.dtype)
    return optax.ctc_loss(logits, jnp.zeros(logits.shape[:2], logits.dtype), labels, padding)


def _signs(y_true: jax.Array) -> jax.Array:
    binary = jnp.all((y_true == 0) | (y_true == 1))
    return jnp.where(binary, 2 * y_true - 1, y_true)
