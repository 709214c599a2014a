"""Batches of pictures that a table names."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keraunos import errors
from keraunos.data.folders import say
from keraunos.preprocessing.file_iterators import FileIterator
from keraunos.utils.walking import joined

if TYPE_CHECKING:
    from keraunos.preprocessing.generator import ImageDataGenerator

_OF_CLASSES = ("binary", "sparse", "categorical")
_WITHOUT = ("input", "multi_output", "raw", None)


class DataFrameIterator(FileIterator):
    """Batches of the pictures that a table names: a pandas or polars frame, a dict of columns.

    Args:
        dataframe: the table.
        directory: what the files' names are relative to.
        x_col: the column of the names.
        y_col: the column of the labels; a list of them for `"multi_output"` and `"raw"`.
        weight_col: the column of the samples' weights.
        classes: the labels that are kept, in the order of their numbers; by default all, sorted.
        class_mode: as for `DirectoryIterator`; a `"categorical"` label may be a list of classes;
            `"raw"` gives the columns as they are, `"multi_output"` a list of them.
        validate_filenames: leave out names without a picture's file, with a warning.

    The other arguments are those of `DirectoryIterator`; the subset is cut from the whole table.

    Raises:
        TypeError: a column of other values than its use asks for.
        ValueError: an unknown mode, or `"binary"` with other than two classes.
    """

    allowed_class_modes = {*_OF_CLASSES, *_WITHOUT}

    def __init__(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        image_data_generator: ImageDataGenerator | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = "channels_last",
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = "float32",
        validate_filenames: bool = True,
    ) -> None:
        saving = save_to_dir, save_prefix, save_format
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            *saving,
            subset,
            interpolation,
            keep_aspect_ratio,
            dtype,
        )
        self._check_mode(class_mode)
        self.directory = os.fspath(directory or "")
        self.class_mode = class_mode
        self._read(_Table(dataframe), x_col, y_col, weight_col, classes, validate_filenames)
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _read(
        self,
        table: _Table,
        x_col: str,
        y_col: Any,
        weight_col: str | None,
        classes: Any,
        look: bool,
    ) -> None:
        names = strings(table.values(x_col), f"column {x_col!r}")
        if classes and self.class_mode in _WITHOUT:
            what = f"flow_from_dataframe: class_mode={self.class_mode!r} takes no classes"
            errors.warn(what)
        labels: list[Any] | None = None
        rows = list(range(len(names)))
        if look:
            rows = self._with_files(rows, names, x_col)
        if self.class_mode in _OF_CLASSES:
            labels, known = self._known(table.values(y_col), rows, y_col, classes)
            self.class_indices = {name: i for i, name in enumerate(known)}
            rows = [i for i in rows if labels[i] is not None]
        if self.split:
            rows = rows[int(self.split[0] * len(rows)) : int(self.split[1] * len(rows))]
        self.filenames = [names[i] for i in rows]
        self.samples = len(rows)
        self._filepaths = joined(self.directory, self.filenames)
        self._sample_weight = _weights(table, weight_col, rows)
        self._take_labels(table, y_col, labels, rows)
        kind = "validated" if look else "non-validated"
        ending = f" belonging to {len(self.class_indices)} classes." if labels is not None else "."
        say(f"Found {self.samples} {kind} image filenames{ending}")

    def _take_labels(self, table: _Table, y_col: Any, labels: Any, rows: list[int]) -> None:
        if labels is not None:
            self.classes = [_numbers(labels[i], self.class_indices) for i in rows]
        elif self.class_mode == "multi_output":
            if isinstance(y_col, str):
                expected = "a list of columns as y_col"
                where = "flow_from_dataframe: class_mode='multi_output'"
                raise TypeError(errors.report(where, expected=expected, got=repr(y_col)))
            self._targets = [np.array([table.values(c)[i] for i in rows]) for c in y_col]
        elif self.class_mode == "raw":
            self._targets = table.array(y_col)[rows]

    def _known(
        self, labels: list[Any], rows: list[int], y_col: str, classes: Any
    ) -> tuple[list[Any], list[str]]:
        """Return the labels, None where none is among the classes, and the classes in order."""
        several = self.class_mode == "categorical"
        if not several or not all(isinstance(v, (str, list, tuple)) for v in labels):
            hint = "strings, or lists of them" if several else "strings"
            strings(labels, f"class_mode={self.class_mode!r}, column {y_col!r}", hint)
        count = len(set(classes or labels)) if self.class_mode == "binary" else 2
        if count != 2:
            where = "flow_from_dataframe: class_mode='binary'"
            raise ValueError(errors.report(where, expected="2 classes", got=count))
        if not classes:
            listed = [[labels[i]] if isinstance(labels[i], str) else labels[i] for i in rows]
            return labels, sorted({c for v in listed for c in v})
        known = list(dict.fromkeys(classes))
        kept = set(known)
        return [_among(v, kept) for v in labels], known

    def _with_files(self, rows: list[int], names: list[str], x_col: str) -> list[int]:
        paths = joined(self.directory, names)
        endings = self.white_list_formats
        kept = [i for i in rows if paths[i].lower().endswith(endings) and Path(paths[i]).is_file()]
        if len(kept) < len(rows):
            what = f"column {x_col!r}: {len(rows) - len(kept)} names are no picture's; left out"
            errors.warn(f"flow_from_dataframe: {what}")
        return kept

    @property
    def labels(self) -> Any:
        return self._targets if self.class_mode in ("multi_output", "raw") else self.classes

    @property
    def sample_weight(self) -> np.ndarray | None:
        return self._sample_weight


class _Table:
    """The columns of a frame of any library, or of a dictionary."""

    def __init__(self, frame: Any) -> None:
        self.frame = frame

    def values(self, name: str) -> list[Any]:
        try:
            return list(self.frame[name])
        except (KeyError, TypeError) as error:
            where = f"flow_from_dataframe: there is no column {name!r}"
            raise KeyError(errors.report(where, expected="x_col, y_col of the table")) from error

    def array(self, names: Any) -> np.ndarray:
        if isinstance(names, str):
            return np.asarray(self.frame[names])
        return np.stack([np.asarray(self.frame[name]) for name in names], axis=1)


def strings(values: list[Any], where: str, expected: str = "strings") -> list[str]:
    """Return the values, which are strings; an error that shows the first other one."""
    odd = next((v for v in values if not isinstance(v, str)), None)
    if odd is not None:
        raise TypeError(errors.report(f"flow_from_dataframe: {where}", expected=expected, got=odd))
    return values


def _among(label: Any, kept: set[str]) -> Any:
    if isinstance(label, str):
        return label if label in kept else None
    return [c for c in label if c in kept] or None


def _numbers(label: Any, numbers: dict[str, int]) -> Any:
    return numbers[label] if isinstance(label, str) else [numbers[c] for c in label]


def _weights(table: _Table, column: str | None, rows: list[int]) -> np.ndarray | None:
    if column is None:
        return None
    weights = table.array(column)
    if weights.dtype.kind not in "iuf":
        where = f"flow_from_dataframe: column {column!r}"
        raise TypeError(errors.report(where, expected="numbers", got=weights.dtype))
    return weights[rows]
