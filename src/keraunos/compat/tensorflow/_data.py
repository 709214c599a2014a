"""`tf.data`: keraunos's own Dataset, whose elements look like tensors to functions of old programs.

Those get host tensors, which NumPy computes with, element by element; a loop over a Dataset gets
JAX arrays. `fit` and the steps between see none of this.
"""

from __future__ import annotations

import csv
import functools
import glob
import gzip
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import data, errors
from keraunos._core.tape import outside
from keraunos.compat.tensorflow import _tensor
from keraunos.compat.tensorflow._function import NeedsEager
from keraunos.compat.tensorflow._io import _decode_csv, path_of
from keraunos.compat.tensorflow._random import for_elements
from keraunos.compat.tensorflow._tensor import HostTensor, host
from keraunos.data import dataset as pipelines
from keraunos.data import structure
from keraunos.data.pipeline import Pipeline

# -- elements as the functions and loops of a program see them


def _hosted(one: Any) -> Any:
    return one if isinstance(one, Pipeline) else host(one)


def presented(one: Any) -> Any:
    """Return a leaf of an element as a loop sees it: on the device, but for 64 bits and strings."""
    if isinstance(one, Pipeline):
        return one
    array = np.asarray(one)
    wide = array.dtype.kind in "OSU" or array.dtype.itemsize == 8
    return host(one) if wide else jnp.asarray(array)


def _plain(value: Any) -> Any:
    """Return what a function gave, in NumPy's terms."""
    if isinstance(value, HostTensor):
        return value.numpy()
    if isinstance(value, (tuple, list)):
        return structure.rebuilt(value if isinstance(value, tuple) else (), map(_plain, value))
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _shown(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a program's function of elements, given host tensors; keraunos's own as it is."""
    if str(getattr(function, "__module__", "")).startswith("keraunos."):
        return function

    @functools.wraps(function, updated=())
    def call(*args: Any) -> Any:
        with for_elements():
            return _plain(function(*(structure.mapped(_hosted, one) for one in args)))

    return call


class ElementIterator(Iterator[Any]):
    """Goes through a Dataset as `DatasetIterator` does; each leaf is made to look like a tensor."""

    def __init__(self, elements: Any, look: Callable[[Any], Any]) -> None:
        self._elements, self._look = elements, look

    def __next__(self) -> Any:
        return structure.mapped(self._look, next(self._elements))

    get_next = __next__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._elements, name)


def _iterated(self: Any) -> ElementIterator:
    if not outside():
        raise NeedsEager("a loop over a Dataset")
    return ElementIterator(self.iterator(), presented)


def _numpy_elements(self: Any) -> ElementIterator:
    return ElementIterator(self.iterator(), lambda one: host(one).numpy())


def _columns(value: Any, where: str, original: Callable[..., Any] = structure.columns) -> Any:
    return original(value.numpy() if isinstance(value, HostTensor) else value, where)


_PATCHES: list[tuple[Any, str, Any]] = [
    (structure, "caller", lambda f, old=structure.caller: old(_shown(f))),
    (pipelines, "caller", lambda f, old=structure.caller: old(_shown(f))),
    (pipelines, "columns", _columns),
    (Pipeline, "__iter__", _iterated),
    (data.Dataset, "as_numpy_iterator", _numpy_elements),
    (Pipeline, "cardinality", lambda self, old=Pipeline.cardinality: host(np.int64(old(self)))),
    (
        data.Dataset,
        "reduce",
        lambda self, initial_state, reduce_func, name=None, old=data.Dataset.reduce: (
            structure.mapped(presented, old(self, initial_state, _shown(reduce_func)))
        ),
    ),
]
_tensor.also(_PATCHES)

# -- datasets of files


def _lines(name: str, kind: str) -> Iterator[bytes]:
    opener = gzip.open if kind == "GZIP" else open
    with opener(name, "rb") as file:
        for line in file:
            yield line.rstrip(b"\r\n")


def text_lines(
    filenames: Any, compression_type: Any = None, buffer_size: Any = None, *_: Any, **__: Any
) -> data.Dataset:
    """Return the lines of text files, as bytes without their ends."""
    names = [path_of(n) for n in np.ravel(_named(filenames))]
    kind = compression_type or ""
    return data.Dataset.from_generator(lambda: (v for n in names for v in _lines(n, kind)))


def _named(filenames: Any) -> Any:
    if isinstance(filenames, data.Dataset):
        return np.array([host(n).numpy() for n in filenames.as_numpy_iterator()], object)
    return [filenames] if isinstance(filenames, (str, Path)) else np.asarray(filenames)


def csv_rows(
    filenames: Any,
    record_defaults: Any,
    compression_type: Any = None,
    buffer_size: Any = None,
    header: bool = False,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    select_cols: Any = None,
    exclude_cols: Any = None,
) -> data.Dataset:
    """Return the lines of CSV files as tuples."""
    names = [path_of(n) for n in np.ravel(_named(filenames))]

    def rows() -> Iterator[Any]:
        for name in names:
            for line in itertools.islice(_lines(name, compression_type or ""), int(header), None):
                found = _decode_csv(line, record_defaults, field_delim, na_value, select_cols)
                yield tuple(_plain(v if isinstance(v, HostTensor) else host(v)) for v in found)

    return data.Dataset.from_generator(rows)


def csv_columns(
    file_pattern: Any,
    batch_size: int,
    column_names: Any = None,
    column_defaults: Any = None,
    label_name: str | None = None,
    select_columns: Any = None,
    field_delim: str = ",",
    use_quote_delim: bool = True,
    na_value: str = "",
    header: bool = True,
    num_epochs: int | None = None,
    shuffle: bool = True,
    shuffle_buffer_size: int = 10000,
    shuffle_seed: int | None = None,
    **_: Any,
) -> data.Dataset:
    """Return batches of CSV files: a dictionary of columns, and the label's if it is named."""
    patterns = [path_of(p) for p in np.ravel(file_pattern)]
    names = sorted(n for p in patterns for n in glob.glob(p))  # noqa: PTH207 - any pattern
    texts = (Path(n).read_text().splitlines() for n in names)
    tables = [list(csv.reader(text, delimiter=field_delim)) for text in texts]
    heads = column_names or tables[0][0]
    lines = [line for table in tables for line in table[int(header) :]]
    wanted = [n for n in heads if select_columns is None or n in select_columns]
    columns = {n: _typed([line[heads.index(n)] for line in lines], na_value) for n in wanted}
    label = columns.pop(label_name) if label_name else None
    found = data.Dataset.from_tensor_slices(columns if label is None else (columns, label))
    if shuffle:
        found = found.shuffle(shuffle_buffer_size, shuffle_seed)
    return found.repeat(num_epochs).batch(batch_size)


def _typed(words: list[str], na_value: str) -> np.ndarray:
    for kind, fill in ((np.int32, 0), (np.float32, 0)):
        try:
            return np.array([fill if w in ("", na_value) else w for w in words]).astype(kind)
        except (ValueError, OverflowError):
            continue
    return np.array([w.encode() for w in words], object)


def _missing(*_: Any, **__: Any) -> Any:
    fix = "read them with TensorFlow once, and save NumPy arrays or files in folders"
    raise NotImplementedError(errors.report("TFRecord files are not read here", fix=fix))


def _stepped(name: str) -> Callable[..., Any]:
    """Return a Dataset's method as a function for `apply`."""
    return lambda *args, **kwargs: lambda dataset: getattr(dataset, name)(*args, **kwargs)


def _idle(*_: Any, **__: Any) -> Any:
    return lambda dataset: dataset


NAMES: dict[str, Any] = {
    "AUTOTUNE": data.AUTOTUNE,
    "Dataset": data.Dataset,
    "Iterator": data.DatasetIterator,
    "Options": data.Options,
    "DatasetSpec": data.DatasetSpec,
    "INFINITE_CARDINALITY": data.INFINITE_CARDINALITY,
    "UNKNOWN_CARDINALITY": data.UNKNOWN_CARDINALITY,
    "TextLineDataset": text_lines,
    "TFRecordDataset": _missing,
    "FixedLengthRecordDataset": _missing,
}
EXPERIMENTAL: dict[str, Any] = {
    **{n: NAMES[n] for n in ("AUTOTUNE", "INFINITE_CARDINALITY", "UNKNOWN_CARDINALITY")},
    "cardinality": lambda dataset: dataset.cardinality(),
    "CsvDataset": csv_rows,
    "make_csv_dataset": csv_columns,
    "ignore_errors": _stepped("ignore_errors"),
    "unbatch": _stepped("unbatch"),
    "enumerate_dataset": _stepped("enumerate"),
    "bucket_by_sequence_length": _stepped("bucket_by_sequence_length"),
    "group_by_window": _stepped("group_by_window"),
    "rejection_resample": _stepped("rejection_resample"),
    "take_while": _stepped("take_while"),
    "unique": _stepped("unique"),
    "assert_cardinality": _idle,
    "prefetch_to_device": _idle,
    "copy_to_device": _idle,
    "sample_from_datasets": data.Dataset.sample_from_datasets,
    "choose_from_datasets": data.Dataset.choose_from_datasets,
    "Counter": data.Dataset.counter,
    "get_single_element": lambda dataset: dataset.get_single_element(),
    "AutoShardPolicy": type("AutoShardPolicy", (), {"OFF": 0, "AUTO": 1, "FILE": 2, "DATA": 3}),
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow.data": NAMES,
    "tensorflow.data.experimental": EXPERIMENTAL,
}
