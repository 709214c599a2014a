"""What is shared by callbacks that watch a metric: its value, and whether it is better now."""

from __future__ import annotations

import math
from typing import Any

from keraunos import errors
from keraunos.callbacks.callback import Callback

_MODES = ("auto", "min", "max")
# Where a metric does not say which way is better: parts of its name that do.
_UP = (
    "acc",
    "auc",
    "precision",
    "recall",
    "f1",
    "fbeta",
    "iou",
    "r2",
    "similarity",
    "sensitivity",
    "specificity",
)
_DOWN = (
    "loss",
    "error",
    "mse",
    "mae",
    "mape",
    "msle",
    "rmse",
    "crossentropy",
    "perplexity",
    "divergence",
    "hinge",
)


class Monitor(Callback):
    """Watches one of the logs.

    Args:
        monitor: its name, `"val_loss"` for example.
        mode: `"min"`, `"max"` or `"auto"`: told by the metric.
        baseline: the value to beat.
        min_delta: a smaller change is no improvement.

    Raises:
        ValueError: at the end of the first epoch: the logs have no such name, or with
            `mode="auto"` nobody knows which way is better.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            errors.warn(f"{type(self).__name__}: mode {mode!r} is unknown, it is taken as 'auto'")
            mode = "auto"
        self.monitor, self.mode = monitor, mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign: int | None = None  # +1: larger is better

    def value(self, logs: dict[str, Any] | None) -> Any:
        """Return the monitored value; None in an epoch without validation."""
        logs = logs or {}
        if self.monitor in logs:
            if self._sign is None:
                self._sign = self._direction()
            return logs[self.monitor]
        if self._comes_later(logs):
            return None
        name = f"{type(self).__name__}(monitor={self.monitor!r})"
        fix = errors.suggest(self.monitor, logs)
        if self.monitor.startswith("val_") and not any(key.startswith("val_") for key in logs):
            fix = "give fit() validation_data or validation_split, or monitor one of: " + ", ".join(
                sorted(logs)
            )
        raise ValueError(
            errors.report(f"{name}: the logs have no such value", got=", ".join(logs), fix=fix)
        )

    def is_improvement(self, value: Any, reference: Any) -> bool:
        """Return whether a value is better than a reference; any number is better than NaN."""
        if self._sign is None:
            self._sign = self._direction()
        if reference is None or (_is_nan(reference) and not _is_nan(value)):
            return reference is None or not _is_nan(value)
        return bool(self._sign * (value - self._sign * self.min_delta) > self._sign * reference)

    def _comes_later(self, logs: dict[str, Any]) -> bool:
        """Return whether validation just was not due in this epoch (`validation_freq`)."""
        rare = (self.params or {}).get("validation_freq", 1) != 1
        return rare and self.monitor.startswith("val_") and self.monitor[4:] in logs

    def _direction(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        for metric in getattr(self.model, "metrics", None) or ():
            known = getattr(metric, "_direction", None)
            if metric.name == name and known:
                return 1 if known == "up" else -1
        if name == "loss" or any(part in name for part in _DOWN):
            return -1
        if any(part in name for part in _UP):
            return 1
        where = f"{type(self).__name__}(monitor={self.monitor!r}): is more better, or less?"
        raise ValueError(errors.report(where, fix="pass mode='max' or mode='min'"))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)
