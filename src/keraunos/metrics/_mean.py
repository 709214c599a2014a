"""Sums and means over batches: the state is one number or two."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core import context, registry
from keraunos._core.registry import register
from keraunos.losses._shapes import floating, same_rank, weighted, weights_like
from keraunos.metrics._base import Metric


@register()
class Sum(Metric):
    """The sum of all values.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> float(Sum()([1.0, 3.0]))
        4.0
    """

    def __init__(self, name: str = "sum", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), dtype=self.dtype, name="total")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = samplewise(values, sample_weight, self.dtype, jnp.sum)
        self.total.assign(self.total.value + jnp.sum(weighted(values, weight)))

    def result(self) -> jax.Array:
        return self.total.value


@register()
class Mean(Metric):
    """The weighted mean of all values, each sample counting once.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> float(Mean()([1.0, 3.0], sample_weight=[1.0, 0.0]))
        1.0
    """

    def __init__(self, name: str = "mean", dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self.total = self.add_variable((), dtype=self.dtype, name="total")
        self.count = self.add_variable((), dtype=self.dtype, name="count")

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        values, weight = samplewise(values, sample_weight, self.dtype, jnp.mean)
        rest = max(math.prod(values.shape[1:]), 1)
        count = (
            values.size / rest
            if weight is None
            else jnp.sum(jnp.broadcast_to(weight, values.shape)) / rest
        )
        self.total.assign(self.total.value + jnp.sum(weighted(values, weight)) / rest)
        self.count.assign(self.count.value + count)

    def result(self) -> jax.Array:
        return divide(self.total.value, self.count.value)


@register()
class MeanMetricWrapper(Mean):
    """The mean of a function of (y_true, y_pred) that returns a value a sample.

    Args:
        fn: the function, or its name.
        name, dtype: see `Metric`.
        kwargs: passed to the function.

    Example:
        >>> metric = MeanMetricWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="distance")
        >>> float(metric(jnp.array([0.0, 0.0]), jnp.array([1.0, 3.0])))
        2.0
    """

    def __init__(self, fn: Any, name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", None) or "mean_metric_wrapper", dtype)
        self.fn = registry.get("losses", fn) if isinstance(fn, str) else fn
        self._options = kwargs

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        mask = context.get_mask(y_pred)
        y_true, y_pred = jax.tree.map(self._widened, (y_true, y_pred))
        with context.entered():
            values = self.fn(y_true, y_pred, **self._options)
            own = context.get_mask(values)
        for kept in (mask, own):
            sample_weight = sample_weight if kept is None else join(sample_weight, kept, self.dtype)
        super().update_state(values, sample_weight)

    def _widened(self, value: Any) -> Any:
        """Return half precision in the metric's: a small probability is 0 in float16."""
        dtype = getattr(value, "dtype", None)
        half = dtype is not None and jnp.issubdtype(dtype, jnp.floating) and dtype.itemsize < 4
        return value.astype(self.dtype) if half else value


def samplewise(
    values: Any, weight: Any, dtype: str, reduce_fn: Any
) -> tuple[jax.Array, jax.Array | None]:
    """Return values and weights that multiply them; axes that have no weight are reduced."""
    values = floating(values, dtype)
    if weight is None:
        return values, None
    weight = floating(weight, dtype)
    values, weight = same_rank(values, weight)
    if values.ndim == 0:
        values = jnp.broadcast_to(values, weight.shape)
    if values.ndim > weight.ndim:
        values = reduce_fn(values, axis=tuple(range(weight.ndim, values.ndim)))
    return values, weights_like(weight, values)


def join(weight: Any, mask: Any, dtype: str) -> jax.Array:
    """Return the product of weights and mask; either may stand for whole samples."""
    mask = jnp.asarray(mask).astype(dtype)
    if weight is None:
        return mask
    mask, weight = same_rank(mask, floating(weight, dtype))
    rank = max(mask.ndim, weight.ndim)
    mask, weight = (x.reshape(x.shape + (1,) * (rank - x.ndim)) for x in (mask, weight))
    return mask * weight


def divide(total: jax.Array, count: jax.Array) -> jax.Array:
    """Divide; nothing by nothing is 0."""
    return jnp.where(count == 0, 0, total / jnp.where(count == 0, 1, count))
