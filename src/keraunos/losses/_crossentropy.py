"""Distances between distributions: cross-entropies of classes, of yes and no, divergences."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core import context, dtypes
from keraunos.losses._formula import formula
from keraunos.losses._shapes import floating, mismatch, pair, same_rank


@formula()
def categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return `-sum(y_true * log(y_pred))` over the classes.

    Args:
        y_true: (batch, ..., classes), one-hot or probabilities.
        y_pred: (batch, ..., classes), probabilities (they are scaled to a sum of 1 and clipped
            at epsilon) or logits.
        from_logits: whether `y_pred` are logits.
        label_smoothing: what is taken from the true class and spread evenly, 0 to 1.
        axis: of the classes.

    Raises:
        ValueError: integer labels, or another mismatch of the shapes.

    Example:
        >>> categorical_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(3).tolist()
        [0.693]
    """
    y_true, y_pred = _class_pair(y_true, y_pred, label_smoothing, axis, "categorical_crossentropy")
    return -jnp.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@formula()
def sparse_categorical_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    ignore_class: int | None = None,
    axis: int = -1,
) -> jax.Array:
    """Return `-log(y_pred)` of the true class.

    Args:
        y_true: (batch, ...) integer labels, 0 to classes - 1; a last axis of size 1 is
            accepted. The loss of a label out of range is NaN.
        y_pred: (batch, ..., classes), probabilities or logits.
        from_logits: whether `y_pred` are logits.
        ignore_class: a label whose samples have no loss and do not count in the mean.
        axis: of the classes.

    Raises:
        ValueError: one-hot targets, or another mismatch of the shapes.

    Example:
        >>> sparse_categorical_crossentropy([1], [[0.5, 0.5]]).round(3).tolist()
        [0.693]
    """
    labels, y_pred = label_pair(y_true, y_pred, axis, "sparse_categorical_crossentropy")
    kept = None if ignore_class is None else labels != ignore_class
    if kept is not None:
        labels = jnp.where(kept, labels, 0)
        y_pred = jnp.where(jnp.expand_dims(kept, axis), y_pred, 0)
    picked = pick(y_pred, labels, axis)
    if from_logits:
        values = jax.nn.logsumexp(y_pred, axis=axis) - picked
    else:
        values = -jnp.log(_clip(picked / jnp.sum(y_pred, axis=axis)))
    values = jnp.where((labels >= 0) & (labels < y_pred.shape[axis]), values, jnp.nan)
    if kept is not None:
        values = jnp.where(kept, values, 0)
        context.set_mask(values, kept)
    return values


@formula("bce", "BCE")
def binary_crossentropy(
    y_true: Any,
    y_pred: Any,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the mean of `-y_true log(y_pred) - (1 - y_true) log(1 - y_pred)` over an axis.

    Args:
        y_true: (batch, ..., outputs), 0 or 1 or between.
        y_pred: of the same shape, probabilities (clipped at epsilon) or logits.
        from_logits: whether `y_pred` are logits.
        label_smoothing: how far targets are drawn to 1/2, 0 to 1.
        axis: of the mean.

    Example:
        >>> binary_crossentropy([[1.0]], [[0.5]]).round(3).tolist()
        [0.693]
    """
    y_true, y_pred = _yes_no_pair(y_true, y_pred, label_smoothing, "binary_crossentropy")
    return jnp.mean(_binary(y_true, y_pred, from_logits), axis=axis)


@formula()
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the cross-entropy weighed by `alpha * (1 - y_pred)^gamma` (Lin et al. 2017).

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: see `categorical_crossentropy`.
        alpha: a factor, or one a class.
        gamma: how little easy samples count.

    Example:
        >>> categorical_focal_crossentropy([[0.0, 1.0]], [[0.5, 0.5]]).round(4).tolist()
        [0.0433]
    """
    y_true, y_pred = _class_pair(
        y_true, y_pred, label_smoothing, axis, "categorical_focal_crossentropy"
    )
    if from_logits:
        y_pred = jax.nn.softmax(y_pred, axis=axis)
    p = _clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True))
    weight = jnp.asarray(alpha, p.dtype) * jnp.power(1 - p, gamma)
    return -jnp.sum(weight * y_true * jnp.log(p), axis=axis)


@formula()
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> jax.Array:
    """Return the cross-entropy weighed by `(1 - p)^gamma`, p that of the truth (Lin et al. 2017).

    Args:
        y_true, y_pred, from_logits, label_smoothing, axis: see `binary_crossentropy`.
        apply_class_balancing: whether alpha weighs class 1 and 1 - alpha class 0.
        alpha, gamma: see above.

    Example:
        >>> binary_focal_crossentropy([[1.0]], [[0.5]]).round(4).tolist()
        [0.1733]
    """
    y_true, y_pred = _yes_no_pair(y_true, y_pred, label_smoothing, "binary_focal_crossentropy")
    p = jax.nn.sigmoid(y_pred) if from_logits else y_pred
    truth = y_true * p + (1 - y_true) * (1 - p)
    values = jnp.power(1 - truth, gamma) * _binary(y_true, p, False)
    if apply_class_balancing:
        values = values * (y_true * alpha + (1 - y_true) * (1 - alpha))
    return jnp.mean(values, axis=axis)


@formula()
def categorical_generalized_cross_entropy(y_true: Any, y_pred: Any, q: float = 0.5) -> jax.Array:
    """Return `(1 - p^q) / q`, p that of the true class: robust to wrong labels (Zhang 2018).

    Args:
        y_true: (batch, ...) integer labels.
        y_pred: (batch, ..., classes) probabilities.
        q: 0 to 1; near 0 it is the cross-entropy, at 1 the absolute error.

    Example:
        >>> categorical_generalized_cross_entropy([1], [[0.75, 0.25]]).tolist()
        [1.0]
    """
    if not 0 < q < 1:
        raise ValueError(
            errors.report("q of the generalized cross-entropy", expected="0 < q < 1", got=q)
        )
    labels, y_pred = label_pair(y_true, y_pred, -1, "categorical_generalized_cross_entropy")
    return (1 - jnp.power(pick(y_pred, labels, -1), q)) / q


@formula("kld", "KLD")
def kl_divergence(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `sum(y_true * log(y_true / y_pred))` (Kullback and Leibler), both clipped at epsilon.

    Example:
        >>> kl_divergence([[0.5, 0.5]], [[0.5, 0.5]]).tolist()
        [0.0]
    """
    y_true, y_pred = (
        jnp.clip(y, config.epsilon(), 1) for y in pair(y_true, y_pred, "kl_divergence")
    )
    return jnp.sum(y_true * jnp.log(y_true / y_pred), axis=-1)


@formula()
def poisson(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(y_pred - y_true * log(y_pred))`: counts against rates.

    Example:
        >>> poisson([[1.0]], [[1.0]]).round(3).tolist()
        [1.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "poisson")
    return jnp.mean(y_pred - y_true * jnp.log(y_pred + config.epsilon()), axis=-1)


def label_pair(y_true: Any, y_pred: Any, axis: int, where: str) -> tuple[jax.Array, jax.Array]:
    """Return integer labels (batch, ...) and outputs (batch, ..., classes) that fit each other."""
    y_pred, y_true = floating(y_pred), dtypes.as_array(y_true)
    axis = _checked_axis(axis, y_pred, where)
    expected = y_pred.shape[:axis] + y_pred.shape[axis + 1 :]
    if y_true.ndim == y_pred.ndim and y_true.shape[axis] == 1:
        y_true = y_true.squeeze(axis)
    elif y_true.shape != expected and y_true.shape[-1:] == (1,):
        y_true = y_true.squeeze(-1)
    if y_true.shape != expected:
        one_hot = y_true.shape == y_pred.shape
        raise ValueError(
            errors.report(
                f"{where}: targets do not fit the outputs",
                expected=f"integer labels {expected} for y_pred {y_pred.shape}",
                got=f"y_true {y_true.shape}" + (", as one-hot targets have" if one_hot else ""),
                fix="use loss='categorical_crossentropy', or labels y.argmax(-1)"
                if one_hot
                else None,
            )
        )
    return y_true.astype(jnp.int32), y_pred


def pick(values: jax.Array, labels: jax.Array, axis: int) -> jax.Array:
    """Return the value of each label: a masked sum, which XLA fuses, forward and backward."""
    axis = axis % values.ndim
    classes = jax.lax.broadcasted_iota(jnp.int32, values.shape, axis)
    return jnp.sum(jnp.where(classes == jnp.expand_dims(labels, axis), values, 0), axis=axis)


def _class_pair(
    y_true: Any, y_pred: Any, smoothing: float, axis: int, where: str
) -> tuple[jax.Array, jax.Array]:
    y_pred = floating(y_pred)
    y_true = dtypes.as_array(y_true, y_pred.dtype)
    axis = _checked_axis(axis, y_pred, where)
    if y_true.shape != y_pred.shape:
        y_true, y_pred = same_rank(y_true, y_pred)
    if y_true.shape != y_pred.shape:
        labels = y_true.size * y_pred.shape[axis] == y_pred.size
        fix = "for integer labels use loss='sparse_categorical_crossentropy', or to_categorical(y)"
        raise ValueError(mismatch(where, y_true.shape, y_pred.shape, fix if labels else None))
    if y_pred.shape[axis] == 1:
        what = f"{where} of one class is always 0; for yes and no use binary_crossentropy"
        errors.warn(what, SyntaxWarning)
    if smoothing:
        y_true = y_true * (1 - smoothing) + smoothing / y_true.shape[axis]
    return y_true, y_pred


def _yes_no_pair(
    y_true: Any, y_pred: Any, smoothing: float, where: str
) -> tuple[jax.Array, jax.Array]:
    y_true, y_pred = pair(y_true, y_pred, where)
    return (y_true * (1 - smoothing) + 0.5 * smoothing if smoothing else y_true), y_pred


def _checked_axis(axis: int, y_pred: jax.Array, where: str) -> int:
    if isinstance(axis, bool) or not -y_pred.ndim <= axis < y_pred.ndim:
        raise ValueError(
            errors.report(
                f"axis of {where}", expected=f"an axis of y_pred {y_pred.shape}", got=repr(axis)
            )
        )
    return axis % y_pred.ndim


def _log_probabilities(y_pred: jax.Array, from_logits: bool, axis: int) -> jax.Array:
    if from_logits:
        return jax.nn.log_softmax(y_pred, axis=axis)
    return jnp.log(_clip(y_pred / jnp.sum(y_pred, axis=axis, keepdims=True)))


def _binary(y_true: jax.Array, y_pred: jax.Array, from_logits: bool) -> jax.Array:
    if from_logits:
        return jax.nn.softplus(y_pred) - y_true * y_pred
    p = _clip(y_pred)
    return -(y_true * jnp.log(p) + (1 - y_true) * jnp.log(1 - p))


def _clip(p: jax.Array) -> jax.Array:
    return jnp.clip(p, config.epsilon(), 1 - config.epsilon())
