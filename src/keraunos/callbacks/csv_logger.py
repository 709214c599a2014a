"""CSVLogger: one row of metrics an epoch."""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from keraunos.callbacks.callback import Callback
from keraunos.utils.writing import check_writable


class CSVLogger(Callback):
    """Writes the metrics of each epoch to a CSV file, whole rows, as they come.

    Args:
        filename: of the file.
        separator: between the columns.
        append: go on with an existing file instead of replacing it.

    Raises:
        OSError: before training, if the file cannot be written.

    Example:
        >>> CSVLogger("log.csv").append
        False
    """

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename, self.sep, self.append = os.fspath(filename), separator, append
        self.keys: list[str] | None = None
        self._file: TextIO | None = None
        self._with_header = True
        self._size: int | None = None  # of the file before this run, and after each row

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        check_writable(self.filename)
        self._close()
        path = Path(self.filename)
        self._with_header = not (self.append and path.exists() and path.stat().st_size)
        self.keys = None
        resumed = (self.params or {}).get("resumed", False)
        self._file = path.open("a" if self.append or resumed else "w", newline="")
        self._size = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        # Not in on_train_begin: a backup holds what has changed since.
        if self._size is None and self._file is not None:
            self._size = os.fstat(self._file.fileno()).st_size

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        logs = logs or {}
        assert self._file is not None
        writer = csv.writer(self._file, delimiter=self.sep)
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Columns for a validation that comes later, or when the file is appended to.
                self.keys += [f"val_{key}" for key in self.keys]
            if self._with_header:
                writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(_cell(logs.get(key, "NA")) for key in self.keys)])
        self._file.flush()
        self._size = os.fstat(self._file.fileno()).st_size

    def _restored(self) -> None:
        # Rows of epochs that will be trained once more.
        if self._file is not None and self._size is not None:
            self._file.truncate(min(self._size, os.fstat(self._file.fileno()).st_size))

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        self._close()

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
