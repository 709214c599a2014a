"""ReduceLROnPlateau: a smaller learning rate when a metric no longer improves."""

from __future__ import annotations

from typing import Any

import numpy as np

from keraunos import errors
from keraunos.callbacks import learning_rates
from keraunos.callbacks.monitor import Monitor


class ReduceLROnPlateau(Monitor):
    """Lowers the learning rate when a metric has not improved for a number of epochs.

    Args:
        monitor: the name in the logs.
        factor: below 1.
        patience: epochs without improvement to wait.
        verbose: 1 prints what is done.
        mode: `"min"`, `"max"` or `"auto"`.
        min_delta: a smaller change is no improvement.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the learning rate does not go below this.

    Raises:
        ValueError: a factor of 1 or more; before training, an optimizer with a schedule; at the
            end of the first epoch, a name that the logs do not have.

    Example:
        >>> ReduceLROnPlateau("loss", factor=0.5).factor
        0.5
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(
                errors.report("ReduceLROnPlateau", expected="factor < 1", got=f"factor={factor}")
            )
        self.factor, self.patience, self.verbose = factor, patience, verbose
        self.cooldown, self.min_lr = cooldown, min_lr
        self._reset()

    def _reset(self) -> None:
        self.best = None
        self.cooldown_counter = self.wait = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        learning_rates.refuse_schedule(self)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = {} if logs is None else logs
        learning_rates.log(self.model.optimizer, logs)
        current = self.value(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.is_improvement(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter = self.cooldown
                self.wait = 0

    def in_cooldown(self) -> bool:
        """Return whether a reduction is so fresh that nothing is counted."""
        return self.cooldown_counter > 0

    def _reduce(self, epoch: int) -> bool:
        optimizer = self.model.optimizer
        before = float(optimizer.learning_rate)
        if before <= np.float32(self.min_lr):
            return False
        new = max(before * self.factor, self.min_lr)
        optimizer.learning_rate = new
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True
