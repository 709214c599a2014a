"""From what is given to `compile(metrics=...)` to a metric."""

from __future__ import annotations

from typing import Any

from keraunos._core import registry
from keraunos.losses import _choice
from keraunos.metrics import _classes
from keraunos.metrics._base import Metric
from keraunos.metrics._mean import MeanMetricWrapper

_ACCURACY = {
    "binary": _classes.BinaryAccuracy,
    "sparse": _classes.SparseCategoricalAccuracy,
    "categorical": _classes.CategoricalAccuracy,
}
_CROSSENTROPY = {
    "binary": _classes.BinaryCrossentropy,
    "sparse": _classes.SparseCategoricalCrossentropy,
    "categorical": _classes.CategoricalCrossentropy,
}
_BY_SHAPE = {
    "accuracy": _ACCURACY,
    "acc": _ACCURACY,
    "crossentropy": _CROSSENTROPY,
    "ce": _CROSSENTROPY,
}


def resolve(
    identifier: Any,
    y_true_shape: tuple[int | None, ...],
    y_pred_shape: tuple[int | None, ...],
    loss: Any = None,
) -> Metric:
    """Return the metric of an identifier; the shapes decide `"accuracy"` and `"crossentropy"`.

    Args:
        identifier: a name, a metric, a class, a config or a function of (y_true, y_pred).
        y_true_shape, y_pred_shape: of one output.
        loss: of that output: a cross-entropy of logits gives a metric of logits.

    Example:
        >>> resolve("acc", (None,), (None, 10))
        <SparseCategoricalAccuracy name=acc>
        >>> resolve("mse", (None, 1), (None, 1))
        <MeanSquaredError name=mse>
    """
    table = _BY_SHAPE.get(identifier.lower()) if isinstance(identifier, str) else None
    if table is _CROSSENTROPY:
        logits = getattr(loss, "_options", {}).get("from_logits", False)
        return _CROSSENTROPY[_choice.target_kind(y_true_shape, y_pred_shape)](
            name=identifier, from_logits=logits
        )
    if table is not None:
        return table[_choice.target_kind(y_true_shape, y_pred_shape)](name=identifier)
    found = registry.get("metrics", identifier, "metric")
    if not isinstance(found, Metric):
        name = (
            getattr(found, "__name__", None) or getattr(found, "name", None) or type(found).__name__
        )
        found = MeanMetricWrapper(found, name=name)
    if isinstance(identifier, str):
        found.name = identifier
    return found
