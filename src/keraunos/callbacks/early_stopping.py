"""EarlyStopping: ends training when a metric no longer improves."""

from __future__ import annotations

from typing import Any

from keraunos.callbacks.monitor import Monitor


class EarlyStopping(Monitor):
    """Stops training when a metric has not improved for a number of epochs.

    Args:
        monitor: the name in the logs.
        min_delta: a smaller change is no improvement.
        patience: epochs without improvement to wait.
        verbose: 1 prints what is done.
        mode: `"min"`, `"max"` or `"auto"`.
        baseline: epochs count as without improvement until this value is beaten.
        restore_best_weights: whether the model has the weights of the best epoch when `fit` ends,
            however it ends: by this callback, by another, after the last epoch, by Ctrl-C.
        start_from_epoch: epochs to let pass first.

    Raises:
        ValueError: at the end of the first epoch, if the logs have no such name.

    Example:
        >>> EarlyStopping("loss", patience=3).patience
        3
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience, self.verbose, self.baseline = patience, verbose, baseline
        self.restore_best_weights, self.start_from_epoch = restore_best_weights, start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = None
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._reset()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        current = self.value(logs)
        if current is None or epoch < self.start_from_epoch:
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch)
        self.wait += 1
        if self.is_improvement(current, self.best):
            self.best = current
            self._keep(epoch)
            if self.baseline is None or self.is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self.stopped_epoch > 0 and self.verbose > 0:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        self._restore()

    def _keep(self, epoch: int) -> None:
        self.best_epoch = epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def _restore(self) -> None:
        if self.best_weights is None:
            return
        if self.verbose > 0:
            print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
        self.model.set_weights(self.best_weights)
