"""History: the metrics of every epoch; `fit` returns it."""

from __future__ import annotations

from typing import Any

from keraunos.callbacks.callback import Callback


class History(Callback):
    """Keeps the logs of each epoch.

    Attributes:
        history: metric name -> its value at the end of each epoch, as plain floats.
        epoch: the numbers of the epochs.

    Example:
        >>> kept = History()
        >>> kept.on_train_begin()
        >>> kept.on_epoch_end(0, {"loss": 0.5})
        >>> kept.history, kept.epoch
        ({'loss': [0.5]}, [0])
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self.epoch.append(epoch)
        for key, value in (logs or {}).items():
            self.history.setdefault(key, []).append(value)
