"""How often the answer is right: functions of (y_true, y_pred) that return 1 or 0 a sample."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config
from keraunos._core import dtypes
from keraunos.losses._crossentropy import label_pair, pick
from keraunos.losses._formula import formula
from keraunos.losses._shapes import floating, mismatch, pair, same_rank


@formula(kind="metrics")
def accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return where outputs equal targets.

    Example:
        >>> accuracy([[1.0, 2.0]], [[1.0, 3.0]]).tolist()
        [[1.0, 0.0]]
    """
    y_true, y_pred = pair(y_true, y_pred, "accuracy")
    return _float(y_true == y_pred)


@formula(kind="metrics")
def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> jax.Array:
    """Return where outputs above the threshold are 1 in the targets, and others 0.

    Example:
        >>> binary_accuracy([[1.0, 1.0]], [[0.6, 0.4]]).tolist()
        [[1.0, 0.0]]
    """
    y_true, y_pred = pair(y_true, y_pred, "binary_accuracy")
    return _float(y_true == (y_pred > threshold))


@formula(kind="metrics")
def categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return where the largest output is that of the true class.

    Args:
        y_true: (batch, ..., classes), one-hot.
        y_pred: (batch, ..., classes).

    Raises:
        ValueError: integer labels, or another mismatch of the shapes.

    Example:
        >>> categorical_accuracy([[0.0, 1.0]], [[0.1, 0.9]]).tolist()
        [1.0]
    """
    labels, y_pred = _one_hot(y_true, y_pred, "categorical_accuracy", "SparseCategoricalAccuracy")
    return _float(is_largest(y_pred, labels))


@formula(kind="metrics")
def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> jax.Array:
    """Return where the largest output is that of the label.

    Args:
        y_true: (batch, ...) integer labels; a last axis of size 1 is accepted.
        y_pred: (batch, ..., classes).

    Example:
        >>> sparse_categorical_accuracy([1], [[0.1, 0.9]]).tolist()
        [1.0]
    """
    labels, y_pred = label_pair(y_true, y_pred, -1, "sparse_categorical_accuracy")
    return _float(is_largest(y_pred, labels))


@formula(kind="metrics")
def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> jax.Array:
    """Return where the true class is among the k largest outputs.

    Example:
        >>> top_k_categorical_accuracy([[0.0, 1.0, 0.0]], [[0.5, 0.4, 0.1]], k=2).tolist()
        [1.0]
    """
    labels, y_pred = _one_hot(
        y_true, y_pred, "top_k_categorical_accuracy", "SparseTopKCategoricalAccuracy"
    )
    return _float(_in_top(y_pred, labels, k))


@formula(kind="metrics")
def sparse_top_k_categorical_accuracy(
    y_true: Any, y_pred: Any, k: int = 5, from_sorted_ids: bool = False
) -> jax.Array:
    """Return where the label is among the k largest outputs.

    Args:
        y_true: (batch, ...) integer labels.
        y_pred: (batch, ..., classes); or labels, the best first.
        k: how many count.
        from_sorted_ids: whether `y_pred` holds labels.

    Example:
        >>> sparse_top_k_categorical_accuracy([1], [[0.5, 0.4, 0.1]], k=2).tolist()
        [1.0]
    """
    labels, y_pred = label_pair(y_true, y_pred, -1, "sparse_top_k_categorical_accuracy")
    if from_sorted_ids:
        return _float(jnp.any(y_pred[..., :k] == labels[..., None], axis=-1))
    return _float(_in_top(y_pred, labels, k))


def is_largest(y_pred: jax.Array, labels: jax.Array) -> jax.Array:
    """Return whether `argmax(y_pred, -1) == labels`, without the argmax, which is slow on a CPU."""
    own = pick(y_pred, labels, -1)[..., None]
    before = jax.lax.broadcasted_iota(jnp.int32, y_pred.shape, y_pred.ndim - 1) < labels[..., None]
    valid = (labels >= 0) & (labels < y_pred.shape[-1])
    return jnp.all(jnp.where(before, y_pred < own, y_pred <= own), axis=-1) & valid


def _in_top(y_pred: jax.Array, labels: jax.Array, k: int) -> jax.Array:
    own = pick(y_pred, labels, -1)
    valid = (labels >= 0) & (labels < y_pred.shape[-1]) & jnp.isfinite(own)
    return (jnp.sum(y_pred > own[..., None], axis=-1) < k) & valid


def _one_hot(y_true: Any, y_pred: Any, where: str, other: str) -> tuple[jax.Array, jax.Array]:
    y_true, y_pred = same_rank(dtypes.as_array(y_true), floating(y_pred))
    if y_true.shape != y_pred.shape:
        raise ValueError(
            mismatch(where, y_true.shape, y_pred.shape, f"for integer labels use {other}")
        )
    return jnp.argmax(y_true, axis=-1), y_pred


def _float(found: jax.Array) -> jax.Array:
    return found.astype(config.floatx())
