"""Distances between numbers: squared, absolute, relative, logarithmic, robust, by angle."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config
from keraunos.losses._formula import formula
from keraunos.losses._shapes import pair


@formula("mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean((y_true - y_pred)^2)` over the last axis.

    Args:
        y_true, y_pred: (batch, ..., features).

    Raises:
        ValueError: the shapes differ by more than a last axis of size 1.

    Example:
        >>> mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
        [2.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_squared_error")
    return jnp.mean(jnp.square(y_true - y_pred), axis=-1)


@formula("mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(|y_true - y_pred|)` over the last axis.

    Example:
        >>> mean_absolute_error([[0.0, 1.0]], [[1.0, 3.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_absolute_error")
    return jnp.mean(jnp.abs(y_true - y_pred), axis=-1)


@formula("mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `100 * mean(|y_true - y_pred| / |y_true|)`; targets are at least epsilon.

    Example:
        >>> mean_absolute_percentage_error([[2.0, 4.0]], [[1.0, 5.0]]).tolist()
        [37.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_absolute_percentage_error")
    return 100 * jnp.mean(
        jnp.abs((y_true - y_pred) / jnp.maximum(jnp.abs(y_true), config.epsilon())), axis=-1
    )


@formula("msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean((log(1 + y_true) - log(1 + y_pred))^2)`; negative numbers count as epsilon.

    Example:
        >>> mean_squared_logarithmic_error([[1.0]], [[1.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "mean_squared_logarithmic_error")
    logs = [jnp.log(jnp.maximum(y, config.epsilon()) + 1) for y in (y_true, y_pred)]
    return jnp.mean(jnp.square(logs[0] - logs[1]), axis=-1)


@formula()
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> jax.Array:
    """Return the mean of `e^2 / 2` up to delta, `delta |e| - delta^2 / 2` beyond (Huber 1964).

    Example:
        >>> huber([[0.0, 0.0]], [[1.0, 3.0]]).tolist()
        [1.5]
    """
    y_true, y_pred = pair(y_true, y_pred, "huber")
    error = jnp.abs(y_pred - y_true)
    return jnp.mean(
        jnp.where(error <= delta, 0.5 * error * error, delta * error - 0.5 * delta * delta), axis=-1
    )


@formula()
def log_cosh(y_true: Any, y_pred: Any) -> jax.Array:
    """Return `mean(log(cosh(y_pred - y_true)))`, in a form that does not overflow.

    Example:
        >>> log_cosh([[0.0]], [[0.0]]).tolist()
        [0.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "log_cosh")
    error = y_pred - y_true
    return jnp.mean(error + jax.nn.softplus(-2 * error) - jnp.log(2.0).astype(error.dtype), axis=-1)


@formula()
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return minus the cosine of the angle between the vectors: -1 for the same direction.

    Example:
        >>> cosine_similarity([[3.0, 4.0]], [[6.0, 8.0]]).tolist()
        [-1.0]
    """
    return -cosine(y_true, y_pred, axis)


def cosine(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return the cosine of the angle between the vectors along an axis."""
    y_true, y_pred = pair(y_true, y_pred, "cosine_similarity")
    return jnp.sum(_unit(y_true, axis) * _unit(y_pred, axis), axis=axis)


def _unit(x: jax.Array, axis: int) -> jax.Array:
    square = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    least = max(config.epsilon() ** 2, float(jnp.finfo(x.dtype).tiny))
    return x * jax.lax.rsqrt(jnp.maximum(square, least))
