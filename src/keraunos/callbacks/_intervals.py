"""What is shared by callbacks that save after epochs, or after a number of batches."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos.callbacks.callback import Callback


class AtIntervals(Callback):
    """Calls `_save(epoch, batch, logs)` as `save_freq` says; `batch` is None after an epoch.

    A chunk of steps ends where something is to be saved, and may be as long as it likes elsewhere.
    """

    accepts_chunks = True
    save_freq: int | str = "epoch"

    def _set_interval(self, save_freq: int | str, or_never: bool = False) -> None:
        """Take `"epoch"`, a number of batches, or False for never.

        Raises:
            ValueError: something else.
        """
        never = or_never and save_freq is False
        if save_freq != "epoch" and not never and not _is_number(save_freq):
            expected = "'epoch', a number of batches" + (", or False" if or_never else "")
            where = f"{type(self).__name__}, save_freq"
            raise ValueError(errors.report(where, expected=expected, got=repr(save_freq)))
        self.save_freq = save_freq
        self._epoch = 0
        self._batches = 0  # since the last saving
        self._last_batch = -1  # of this epoch
        if not _is_number(save_freq) and type(self).on_train_batch_end is _after_batch:
            self._unused = ("on_train_batch_end",)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._epoch, self._last_batch = epoch, -1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch, None, logs or {})

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        if not _is_number(self.save_freq):
            return
        self._batches += batch - self._last_batch
        self._last_batch = batch
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, batch, logs or {})

    def _batches_left(self) -> int | None:
        return int(self.save_freq) - self._batches if _is_number(self.save_freq) else None

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        raise NotImplementedError


_after_batch = AtIntervals.on_train_batch_end


def _is_number(save_freq: Any) -> bool:
    return isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq >= 1
