"""F scores: precision and recall of classes in one number."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.losses._shapes import floating, pair, weights_like
from keraunos.metrics._base import Metric

_AVERAGES = (None, "micro", "macro", "weighted")
_STATE = ("true_positives", "false_positives", "false_negatives", "intermediate_weights")


@register()
class FBetaScore(Metric):
    """`(1 + beta^2) precision recall / (beta^2 precision + recall)` of one-hot targets.

    Args:
        average: None, `"micro"` (counts of all classes), `"macro"` (plain mean) or `"weighted"`.
        beta: how much recall counts beside precision, a float above 0.
        threshold: above which an output is yes; None: the largest output is.
        name, dtype: see `Metric`.

    Example:
        >>> FBetaScore()([[1.0, 0.0], [0.0, 1.0]], [[0.9, 0.1], [0.2, 0.8]]).round(3).tolist()
        [1.0, 1.0]
    """

    _direction = "up"
    true_positives: Any
    false_positives: Any
    false_negatives: Any
    intermediate_weights: Any

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(dtype, name)
        rows = (
            ("average", average in _AVERAGES, f"one of {_AVERAGES}", average),
            ("beta", isinstance(beta, float) and beta > 0, "a float above 0", beta),
            (
                "threshold",
                threshold is None or (isinstance(threshold, float) and 0 < threshold <= 1),
                "None or a float, 0 to 1",
                threshold,
            ),
        )
        for what, good, expected, got in rows:
            if not good:
                raise ValueError(
                    errors.report(
                        f"{what} of {type(self).__name__}", expected=expected, got=repr(got)
                    )
                )
        self.average, self.beta, self.threshold = average, beta, threshold
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
                    expected="outputs (batch, classes)",
                    got=f"{y_pred_shape}",
                )
            )
        shape = () if self.average == "micro" else (y_pred_shape[-1],)
        for name in _STATE:
            setattr(self, name, self.add_variable(shape, dtype=self.dtype, name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true, y_pred = pair(y_true, floating(y_pred, self.dtype), type(self).__name__)
        self.build(y_true.shape, y_pred.shape)
        if self.threshold is None:
            yes = (y_pred >= jnp.max(y_pred, axis=-1, keepdims=True)) & (jnp.abs(y_pred) > 1e-9)
        else:
            yes = y_pred > self.threshold
        yes = yes.astype(y_true.dtype)
        weight = jnp.ones(()) if sample_weight is None else weights_like(sample_weight, y_true)
        axis = None if self.average == "micro" else 0
        for name, values in zip(
            _STATE, (yes * y_true, yes * (1 - y_true), (1 - yes) * y_true, y_true)
        ):
            getattr(self, name).assign_add(jnp.sum(values * weight, axis=axis))

    def result(self) -> jax.Array:
        right, small, square = self.true_positives.value, config.epsilon(), self.beta**2
        precision = right / (right + self.false_positives.value + small)
        recall = right / (right + self.false_negatives.value + small)
        score = precision * recall / (square * precision + recall + small) * (1 + square)
        if self.average == "weighted":
            weight = self.intermediate_weights.value
            return jnp.sum(score * weight / (jnp.sum(weight) + small))
        return score if self.average is None else jnp.mean(score)


@register()
class F1Score(FBetaScore):
    """`2 precision recall / (precision + recall)` of one-hot targets.

    Args:
        average, threshold, name, dtype: see `FBetaScore`.

    Example:
        >>> float(F1Score(average="micro")([[1.0, 0.0]], [[0.9, 0.1]]).round(3))
        1.0
    """

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average=average, threshold=threshold, name=name, dtype=dtype)
