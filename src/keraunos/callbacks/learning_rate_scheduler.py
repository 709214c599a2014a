"""LearningRateScheduler: a learning rate for each epoch, from a function."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.callbacks import learning_rates
from keraunos.callbacks.callback import Callback


class LearningRateScheduler(Callback):
    """Sets the learning rate at the beginning of each epoch.

    Args:
        schedule: `(epoch, learning_rate) -> learning_rate`, or a function of the epoch alone.
        verbose: 1 prints each new value.

    Raises:
        ValueError: before training, an optimizer with a schedule of its own; a function that does
            not return a float.

    Example:
        >>> LearningRateScheduler(lambda epoch, rate: rate * 0.9).verbose
        0
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self.schedule, self.verbose = schedule, verbose

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        learning_rates.refuse_schedule(self)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        optimizer = self.model.optimizer
        args = (epoch, float(optimizer.learning_rate))
        new = self.schedule(*args[: 2 if _takes_two(self.schedule) else 1])
        if (
            np.ndim(new)
            or isinstance(new, (bool, str))
            or not np.issubdtype(np.asarray(new).dtype, np.floating)
        ):
            got = f"{new!r} of type {type(new).__name__}"
            raise ValueError(
                errors.report("LearningRateScheduler", expected="schedule returns a float", got=got)
            )
        optimizer.learning_rate = float(new)
        if self.verbose > 0:
            print(
                f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {float(new)}."
            )

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if logs is not None:
            learning_rates.log(self.model.optimizer, logs)


def _takes_two(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind(0, 0.0)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True
