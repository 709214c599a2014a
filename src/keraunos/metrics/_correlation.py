"""How outputs go with targets: correlations along an axis, and R squared over the data."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.losses._formula import formula
from keraunos.losses._shapes import floating, pair, weights_like
from keraunos.metrics._base import Metric
from keraunos.metrics._mean import Mean

_AGGREGATIONS = (None, "uniform_average", "variance_weighted_average")


@formula(kind="metrics")
def pearson_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return Pearson's correlation along an axis, -1 to 1.

    Example:
        >>> pearson_correlation([[0.0, 1.0, 2.0]], [[1.0, 3.0, 5.0]]).round(3).tolist()
        [1.0]
    """
    parts = [
        y - jnp.mean(y, axis=axis, keepdims=True)
        for y in pair(y_true, y_pred, "pearson_correlation")
    ]
    parts = [y / jnp.std(y, axis=axis, keepdims=True) for y in parts]
    return jnp.mean(parts[0] * parts[1], axis=axis)


@formula(kind="metrics")
def concordance_correlation(y_true: Any, y_pred: Any, axis: int = -1) -> jax.Array:
    """Return Lin's concordance correlation along an axis: how near to the line y_pred = y_true.

    Example:
        >>> concordance_correlation([[0.0, 1.0, 2.0]], [[0.0, 1.0, 2.0]]).round(3).tolist()
        [1.0]
    """
    y_true, y_pred = pair(y_true, y_pred, "concordance_correlation")
    means = [jnp.mean(y, axis=axis, keepdims=True) for y in (y_true, y_pred)]
    spread = jnp.var(y_true, axis=axis, keepdims=True) + jnp.var(y_pred, axis=axis, keepdims=True)
    covariance = (y_true - means[1]) * (y_pred - means[1])
    return jnp.mean(
        2 * covariance / (spread + jnp.square(means[0] - means[1]) + config.epsilon()), axis=axis
    )


@register()
class RootMeanSquaredError(Mean):
    """The root of the mean squared error.

    Args:
        name, dtype: see `Metric`.

    Example:
        >>> float(RootMeanSquaredError()([[0.0], [0.0]], [[1.0], [7.0]]))
        5.0
    """

    _direction = "down"

    def __init__(self, name: str = "root_mean_squared_error", dtype: Any = None) -> None:
        super().__init__(name, dtype)

    def update_state(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        y_true, y_pred = pair(y_true, floating(y_pred, self.dtype), "root_mean_squared_error")
        super().update_state(jnp.square(y_pred - y_true), sample_weight)

    def result(self) -> jax.Array:
        return jnp.sqrt(super().result())


@register()
class R2Score(Metric):
    """R squared: the part of the targets' variance that the outputs explain.

    Args:
        class_aggregation: `"uniform_average"`, `"variance_weighted_average"` or None.
        num_regressors: for the adjusted score: how many inputs the model has.
        name, dtype: see `Metric`.

    Example:
        >>> float(R2Score()([[1.0], [2.0], [3.0]], [[1.0], [2.0], [3.0]]))
        1.0
    """

    _direction = "up"

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        if class_aggregation not in _AGGREGATIONS:
            raise ValueError(
                errors.report(
                    "class_aggregation of R2Score",
                    expected=f"one of {_AGGREGATIONS}",
                    got=repr(class_aggregation),
                )
            )
        if num_regressors < 0:
            raise ValueError(
                errors.report(
                    "num_regressors of R2Score", expected="at least 0", got=num_regressors
                )
            )
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors
        self.num_samples = self.add_variable((), name="num_samples")
        self._built = False

    def build(
        self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]
    ) -> None:
        if self._built:
            return
        if len(y_pred_shape) != 2 or y_pred_shape[-1] is None:
            raise ValueError(
                errors.report(
                    f"metric {self.name!r}",
                    expected="outputs (batch, outputs)",
                    got=f"{y_pred_shape}",
                )
            )
        size = (y_pred_shape[-1],)
        self.squared_sum, self.sum, self.total_mse, self.count = (
            self.add_variable(size, name=n) for n in ("squared_sum", "sum", "residual", "count")
        )
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = pair(y_true, floating(y_pred, self.dtype), "r2_score")
        self.build(y_true.shape, y_pred.shape)
        weight = jnp.ones(()) if sample_weight is None else weights_like(sample_weight, y_true)
        weight = jnp.broadcast_to(weight, y_true.shape).astype(y_true.dtype)
        self.sum.assign_add(jnp.sum(y_true * weight, axis=0))
        self.squared_sum.assign_add(jnp.sum(y_true * y_true * weight, axis=0))
        self.total_mse.assign_add(jnp.sum(jnp.square(y_true - y_pred) * weight, axis=0))
        self.count.assign_add(jnp.sum(weight, axis=0))
        self.num_samples.assign_add(y_true.size)

    def result(self) -> jax.Array:
        total = self.squared_sum.value - jnp.square(self.sum.value) / self.count.value
        scores = 1 - self.total_mse.value / total
        scores = jnp.where(jnp.isinf(scores), 0, scores)
        if self.class_aggregation == "uniform_average":
            scores = jnp.mean(scores)
        elif self.class_aggregation:
            scores = jnp.sum(total * scores) / jnp.sum(total)
        if not self.num_regressors:
            return scores
        freedom = self.num_samples.value - self.num_regressors - 1
        # With no freedom left there is no adjusted score: the plain one stands.
        adjusted = 1 - (1 - scores) * (self.num_samples.value - 1) / jnp.maximum(freedom, 1)
        return jnp.where(freedom > 0, adjusted, scores)
