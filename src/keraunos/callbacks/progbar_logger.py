"""ProgbarLogger: the progress bar as a callback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos._progress import Progbar
from keraunos.callbacks.callback import Callback

Values = dict[str, Any] | Callable[[], dict[str, Any]] | None


class ProgbarLogger(Callback):
    """Shows how far a loop has come that a program writes with `CallbackList(add_progbar=True)`.

    `fit`, `evaluate` and `predict` have a bar of their own (see `verbose` there).

    Example:
        >>> shown = ProgbarLogger()
        >>> shown.set_params({"verbose": 2, "steps": 3, "epochs": 1})
        >>> shown.on_epoch_begin(0)
        >>> shown.on_epoch_end(0, {"loss": 0.5})  # doctest: +ELLIPSIS
        3/3 - 0s - ... - loss: 0.5000
    """

    accepts_chunks = True

    def __init__(self) -> None:
        super().__init__()
        self.target: int | None = None
        self.verbose: int | str = "auto"
        self.epochs = 1
        self._bar: Progbar | None = None
        self._seen = 0
        self._in_fit = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self.verbose = params.get("verbose", "auto")
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._in_fit = True

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        title = f"Epoch {epoch + 1}/{self.epochs}" if self.epochs > 1 else None
        self._begin(title)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._finish(logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._in_fit = False

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._show(batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._show(batch, logs)

    def on_predict_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._show(batch, None)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._begin(None)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        if not self._in_fit:
            self._finish(logs)

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._begin(None)

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._finish(None)

    def _begin(self, title: str | None) -> None:
        self._seen = 0
        self._bar = Progbar(self.target, title=title, verbose=self.verbose)

    def _show(self, batch: int, logs: Values) -> None:
        self._seen = batch + 1
        if self._bar is not None:
            self._bar.update(self._seen, logs, finalize=False)

    def _finish(self, logs: Values) -> None:
        if self._bar is None:
            return
        if self.target is None:
            # A stream without a length has one after its first epoch.
            self.target = self._bar.target = self._seen or None
        self._bar.update(self.target or self._seen, logs, finalize=True)
        self._bar = None
