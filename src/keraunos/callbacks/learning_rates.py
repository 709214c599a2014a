"""What the callbacks that change the learning rate share."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos.callbacks.callback import Callback


def refuse_schedule(callback: Callback) -> None:
    """Raise before training if the learning rate follows a schedule: callbacks cannot set it."""
    optimizer = callback.model.optimizer
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # of a scaled loss
    name = type(callback).__name__
    if optimizer is None:
        raise ValueError(
            errors.report(f"{name}: the model has no optimizer", fix="compile it first")
        )
    if not hasattr(optimizer, "learning_rate"):
        where = f"{name} cannot change the learning rates of several optimizers"
        got, fix = type(optimizer).__name__, "set them in a callback of your own"
        raise ValueError(errors.report(where, got=got, fix=fix))
    if not getattr(optimizer, "built", True):
        text = f"{name} changes model.optimizer, which the model's train step does not use"
        errors.warn(text)
    schedule = getattr(optimizer, "_learning_rate", None)
    if callable(schedule):
        raise ValueError(
            errors.report(
                f"{name} cannot change a learning rate that follows a schedule",
                expected="a number as the optimizer's learning_rate",
                got=type(schedule).__name__,
                fix="compile with a number, or leave the callback out",
            )
        )


def log(optimizer: Any, logs: dict[str, Any]) -> None:
    """Add the learning rate to the logs, so that the history has it."""
    logs["learning_rate"] = float(optimizer.learning_rate)
