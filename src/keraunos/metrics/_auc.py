"""AUC: the area under a curve of two rates, over many thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.losses._shapes import floating
from keraunos.metrics._base import Metric
from keraunos.metrics._confusion import NAMES, ConfusionMetric, count, prepared, spread
from keraunos.metrics._mean import divide

_CURVES = ("ROC", "PR", "PRGAIN")
_HEIGHTS = {
    "interpolation": lambda y: (y[:-1] + y[1:]) / 2,
    "minoring": lambda y: jnp.minimum(y[:-1], y[1:]),
    "majoring": lambda y: jnp.maximum(y[:-1], y[1:]),
}


@register("auc")
class AUC(ConfusionMetric):
    """The area under the ROC or precision-recall curve, from sums at fixed thresholds.

    Args:
        num_thresholds: how many, evenly from 0 to 1.
        curve: `"ROC"`, `"PR"` or `"PRGAIN"`.
        summation_method: `"interpolation"`, `"minoring"` or `"majoring"`.
        name, dtype: see `Metric`.
        thresholds: between 0 and 1, instead of `num_thresholds`.
        multi_label: whether each output is a curve of its own; the result is their mean.
        num_labels: how many outputs, where it should be known early.
        label_weights: of the outputs.
        from_logits: whether outputs are logits.

    Example:
        >>> round(float(AUC(num_thresholds=3)([0, 0, 1, 1], [0.0, 0.5, 0.3, 0.9])), 2)
        0.75
    """

    _direction = "up"

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        Metric.__init__(self, dtype, name)
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(
                errors.report(
                    "num_thresholds of AUC", expected="an integer above 1", got=num_thresholds
                )
            )
        self.curve = _choice("curve", curve.upper(), _CURVES)
        self.summation_method = _choice(
            "summation_method", summation_method.lower(), tuple(_HEIGHTS)
        )
        inner = (
            spread(num_thresholds)[1:-1]
            if thresholds is None
            else sorted(float(t) for t in thresholds)
        )
        self.thresholds = [-config.epsilon(), *inner, 1 + config.epsilon()]
        self.num_thresholds = len(self.thresholds)
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else np.asarray(label_weights, "float32")
        self._own_thresholds = thresholds is not None
        self._built = False
        if not multi_label or num_labels:
            self.build((None, num_labels), (None, num_labels))

    def build(
        self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]
    ) -> None:
        if self._built:
            return
        if self.multi_label and (len(y_pred_shape) != 2 or y_pred_shape[-1] is None):
            raise ValueError(
                errors.report(
                    f"metric {self.name!r} with multi_label",
                    expected="outputs (batch, labels)",
                    got=y_pred_shape,
                )
            )
        labels = [n for n in y_pred_shape[1:] if n is not None] if self.multi_label else []
        for name in NAMES:
            setattr(self, name, self.add_variable((self.num_thresholds, *labels), name=name))
        self._built = True

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_pred = floating(y_pred, config.floatx())
        self.build(np.shape(y_true), y_pred.shape)
        y_pred = jax.nn.sigmoid(y_pred) if self.from_logits else y_pred
        parts = prepared(y_true, y_pred, sample_weight)
        if not self.multi_label:
            truth, score, weight = parts
            weight = weight if self.label_weights is None else weight * self.label_weights
            parts = [x.reshape(-1) for x in (truth, score, weight)]
        self._add(count(parts[0], parts[1], parts[2], self.thresholds))

    def result(self) -> jax.Array:
        if self.curve == "PR" and self.summation_method == "interpolation":
            terms = self._interpolated()
        else:
            x, y = self._curve()
            terms = (x[:-1] - x[1:]) * _HEIGHTS[self.summation_method](y)
        areas = jnp.sum(terms, axis=0)
        if not self.multi_label:
            return areas
        weights = (
            jnp.ones_like(areas) if self.label_weights is None else jnp.asarray(self.label_weights)
        )
        return divide(jnp.sum(areas * weights), jnp.sum(weights))

    def get_config(self) -> dict[str, Any]:
        weights = None if self.label_weights is None else self.label_weights.tolist()
        found = super().get_config() | {
            "num_thresholds": self.num_thresholds,
            "label_weights": weights,
        }
        found.pop("thresholds")
        return found | ({"thresholds": self.thresholds[1:-1]} if self._own_thresholds else {})

    def _curve(self) -> tuple[jax.Array, jax.Array]:
        tp, fp, tn, fn = (getattr(self, name).value for name in NAMES)
        if self.curve == "ROC":
            return divide(fp, fp + tn), self.recalls()
        if self.curve == "PR":
            return self.recalls(), self.precisions()
        odds = divide(tp + fn, tn + fp)
        recall = jnp.where(tp == 0, 0, 1 - odds * divide(fn, tp))
        return jnp.maximum(recall, 0), jnp.where(tp == 0, 1, 1 - odds * divide(fp, tp))

    def _interpolated(self) -> jax.Array:
        """Return areas, with true positives linear in all positives (Davis and Goadrich 2006)."""
        tp, fn = self.true_positives.value, self.false_negatives.value
        positives = tp + self.false_positives.value
        gained, more = tp[:-1] - tp[1:], positives[:-1] - positives[1:]
        slope = divide(gained, jnp.maximum(more, 0))
        start = tp[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        ratio = jnp.where(both, divide(positives[:-1], positives[1:]), 1)
        return divide(slope * (gained + start * jnp.log(ratio)), tp[1:] + fn[1:])


def _choice(what: str, given: str, choices: tuple[str, ...]) -> str:
    if given not in choices:
        raise ValueError(
            errors.report(f"{what} of AUC", expected=f"one of {choices}", got=repr(given))
        )
    return given
