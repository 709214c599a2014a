"""BackupAndRestore: a run that was killed goes on where it was, to the same bits."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

from keraunos import errors
from keraunos.callbacks import _snapshot
from keraunos.callbacks._intervals import AtIntervals
from keraunos.utils.writing import check_writable


class BackupAndRestore(AtIntervals):
    """Backs the run up, so that the same program, started again, goes on from there.

    The backup has all that the rest of the run depends on: weights, the optimizer's state, the
    metrics in the middle of an epoch, the order of the samples and the position in the data,
    random seeds, what the other callbacks have counted, the history. An interrupted run and one
    that was not end with the same weights and the same history.

    Args:
        backup_dir: a folder for this `fit` alone.
        save_freq: `"epoch"`, or a number of batches, or False: only Ctrl-C makes a backup.
        double_checkpoint: whether to keep the backup before the last one too, and to fall back
            on it if the last one is damaged.
        delete_checkpoint: whether the backup is deleted when `fit` has come to its end. (An error
            or Ctrl-C leaves it.)

    Raises:
        ValueError: an empty `backup_dir` or another `save_freq`; before training, a backup of
            another model or of other data.
        OSError: before training, if the folder cannot be written to or the backup is damaged.

    Example:
        >>> BackupAndRestore("backup", save_freq=100).double_checkpoint
        False
    """

    _comes_last = True  # the others have counted the batch or the epoch when it is backed up

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not backup_dir:
            raise ValueError(errors.report("BackupAndRestore", expected="a folder", got="nothing"))
        self._set_interval(save_freq, or_never=True)
        self.backup_dir = os.fspath(backup_dir)
        self.double_checkpoint, self.delete_checkpoint = double_checkpoint, delete_checkpoint
        self._run: Any = None
        names = ("latest.backup", "previous.backup", "next.backup")
        self._latest, self._previous, self._next = (Path(self.backup_dir, n) for n in names)

    # -- called by fit ----------------------------------------------------------------------------

    def attach(self, run: Any) -> dict[str, Any] | None:
        """Take the run to back up, an object with `capture()`; return the backup there is."""
        check_writable(self._latest, make_folders=True)
        self._run = run
        for part in self._latest.parent.glob(".*.part"):
            part.unlink(missing_ok=True)  # a kill in the middle of a backup has left it
        try:
            return _snapshot.read(self._latest)
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            if self._previous.exists():
                return _snapshot.read(self._previous)
            if missing:
                return None
            raise

    def back_up(self) -> None:
        """Write a backup of the run as it is now."""
        if self._run is None:
            fix = "pass it to fit(callbacks=[...])"
            raise RuntimeError(errors.report("BackupAndRestore is used outside of fit()", fix=fix))
        content = self._run.capture()
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        if not self.double_checkpoint:
            _snapshot.write(self._latest, content)
            return
        _snapshot.write(self._next, content)
        with contextlib.suppress(FileNotFoundError):
            self._latest.replace(self._previous)
        # Killed here, the run goes on from the older one.
        self._next.replace(self._latest)

    def finish(self) -> None:
        """Delete the backup, unless it is to be kept: the run has come to its end."""
        if self.delete_checkpoint:
            for path in (self._next, self._previous, self._latest):
                path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # there is something else in it
                self._latest.parent.rmdir()

    # -- hooks ------------------------------------------------------------------------------------

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._run = None

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        self.back_up()
