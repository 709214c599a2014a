"""ModelCheckpoint: the model on disk, after epochs or batches, or only when it is better."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.callbacks._intervals import AtIntervals
from keraunos.callbacks.monitor import Monitor
from keraunos.utils.writing import check_writable


class ModelCheckpoint(AtIntervals, Monitor):
    """Saves the model, or its weights, while it is trained.

    Each file is written beside its place and renamed: a kill or a full disk in the middle
    leaves the older one as it was.

    Args:
        filepath: ends in `.keras` (or `.h5`, Keras 2's format), or with `save_weights_only` in
            `.weights.h5`. It may hold `{epoch:02d}`, `{batch}` and names of the logs,
            `{val_loss:.2f}`.
        monitor: the name in the logs, for `save_best_only`.
        verbose: 1 prints what is done.
        save_best_only: save only if the monitored value is better than ever before.
        save_weights_only: save the weights (and the optimizer's state) without the architecture.
        mode: `"min"`, `"max"` or `"auto"`.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: the value to beat from the start.

    Raises:
        ValueError: another ending or `save_freq`; at the first saving, a name in `filepath` or
            `monitor` that the logs do not have.
        OSError: before training, if the folder cannot be written to.

    Example:
        >>> ModelCheckpoint("{epoch:02d}-{val_loss:.2f}.keras").save_freq
        'epoch'
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, baseline=initial_value_threshold)
        self.filepath, self.verbose = os.fspath(filepath), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self._set_interval(save_freq)
        self._check_arguments()

    def _check_arguments(self) -> None:
        ending = ".weights.h5" if self.save_weights_only else ".keras"
        whole = not self.save_weights_only and self.filepath.endswith(".h5")
        if self.filepath.endswith(ending) or (whole and ".weights" not in self.filepath):
            return
        stem = self.filepath
        for other in (".hdf5", ".h5", ".weights", ".keras"):
            stem = stem.removesuffix(other)
        raise ValueError(
            errors.report(
                f"ModelCheckpoint(save_weights_only={self.save_weights_only})",
                expected=f"a filepath that ends in {ending}",
                got=repr(self.filepath),
                fix=f"write {stem + ending!r}",
            )
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        fixed, _, rest = self.filepath.partition("{")
        check_writable(fixed + "x" if rest else fixed, make_folders=True)

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        news = self._news(epoch, batch, logs) if self.save_best_only else ""
        if news is None:
            return
        path = self._path(epoch, batch, logs)
        self._say(epoch, f"{news}saving model to {path}")
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)
        self._say(epoch, f"finished saving model to {path}")

    def _news(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str | None:
        """Return what got better, as text; None if nothing did."""
        if batch is not None and self.monitor.startswith("val_") and self.monitor not in logs:
            raise ValueError(
                errors.report(
                    f"ModelCheckpoint(monitor={self.monitor!r}, save_freq={self.save_freq}):"
                    " validation runs at the end of an epoch, not after a batch",
                    fix="save_freq='epoch', or monitor one of: " + ", ".join(sorted(logs)),
                )
            )
        current = self.value(logs)
        if current is None:
            return None
        if np.ndim(current):
            where = f"ModelCheckpoint: {self.monitor!r} is not one number"
            raise ValueError(errors.report(where, got=repr(current)))
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self.is_improvement(current, self.best):
            self._say(epoch, f"{self.monitor} did not improve from {best}")
            return None
        self.best = current
        return f"{self.monitor} improved from {best} to {current:.5f}, "

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        names = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError, ValueError) as error:
            where = f"ModelCheckpoint, filepath {self.filepath!r}: {error}"
            raise ValueError(
                errors.report(where, expected="names among " + ", ".join(names))
            ) from error

    def _say(self, epoch: int, text: str) -> None:
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: {text}")
