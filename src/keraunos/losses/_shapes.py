"""Targets, outputs, weights and masks get one shape here, or an error: nothing broadcasts."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core import dtypes

# Whether one number may be the target of all: regularizers of old programs compare with one.
number_fits = False


def floating(x: Any, dtype: Any = None) -> jax.Array:
    """Return an array of a float type: the given one, else its own, else the default."""
    if dtype is None:
        own = getattr(x, "dtype", config.floatx())
        dtype = own if dtypes.is_float(own) else config.floatx()
    return dtypes.as_array(x, jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(dtype)))


def same_rank(y_true: jax.Array, y_pred: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Squeeze or add a last axis of size 1 where the ranks differ by one; else change nothing."""
    if y_true.ndim < y_pred.ndim:
        y_pred, y_true = same_rank(y_pred, y_true)
        return y_true, y_pred
    if y_true.ndim == y_pred.ndim + 1 and y_true.shape[-1] == 1:
        if y_pred.ndim == 1:
            return y_true, y_pred[:, None]
        return y_true.squeeze(-1), y_pred
    return y_true, y_pred


def pair(y_true: Any, y_pred: Any, where: str) -> tuple[jax.Array, jax.Array]:
    """Return targets and outputs as float arrays of one shape.

    Raises:
        ValueError: the shapes differ by more than a last axis of size 1.
    """
    y_pred = floating(y_pred)
    y_true = dtypes.as_array(y_true, y_pred.dtype)
    y_true, y_pred = same_rank(y_true, y_pred)
    if number_fits and y_true.ndim == 0:
        y_true = jnp.broadcast_to(y_true, y_pred.shape)
    if y_true.shape != y_pred.shape:
        raise ValueError(mismatch(where, y_true.shape, y_pred.shape))
    return y_true, y_pred


def mismatch(
    where: str, true: tuple[int, ...], pred: tuple[int, ...], fix: str | None = None
) -> str:
    """Return the message for targets and outputs that do not fit each other."""
    return errors.report(
        f"{where}: targets and outputs differ in shape",
        expected=f"y_true of the shape of y_pred, {pred}",
        got=f"y_true {true}, y_pred {pred}",
        fix=fix
        or "change the units of the last layer, or the shape of the targets; nothing is broadcast",
    )


def weights_like(weight: Any, values: jax.Array, what: str = "sample_weight") -> jax.Array:
    """Return weights that multiply values: one a sample, one a step of each sample, or one for all.

    Args:
        weight: its shape is the first axes of `values`, an axis after the first may be 1.
        values: (batch, ...) losses or metric values.

    Raises:
        ValueError: a shape that does not fit.
    """
    weight = jnp.asarray(weight).astype(values.dtype)
    while weight.ndim > max(values.ndim, 1) and weight.shape[-1] == 1:
        weight = weight.squeeze(-1)
    if weight.ndim == 0 or values.ndim == 0:
        return weight
    sizes = zip(weight.shape[1:], values.shape[1:])
    if (
        weight.ndim > values.ndim
        or weight.shape[0] != values.shape[0]
        or any(w not in (1, v) for w, v in sizes)
    ):
        raise ValueError(
            errors.report(
                f"{what} does not fit the values it weighs",
                expected=f"the first axes of {values.shape}",
                got=f"{what} {weight.shape}",
                fix="one weight a sample has the shape (batch,), one a time step (batch, time)",
            )
        )
    return weight.reshape(weight.shape + (1,) * (values.ndim - weight.ndim))


def weighted(values: jax.Array, weight: jax.Array | None) -> jax.Array:
    """Multiply; a weight of 0 removes a value even where it is NaN."""
    return values if weight is None else jnp.where(weight == 0, 0, values * weight)
