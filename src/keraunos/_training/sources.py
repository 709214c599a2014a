"""Where batches come from: one row for each kind of object that `fit` takes beside arrays."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import Dataset
from keraunos.data.pydataset import Batches, PyDataset, count_of


@dataclasses.dataclass
class Source:
    """What gives batches.

    Args:
        object: what the user passed.
        open: begins a pass: (seed of its order, batches to leave out, what `state()` of an earlier
            iterator said) -> batches.
        count: how many a pass has; None if nobody knows, `math.inf` without end.
        again: whether there is another pass after the first.
        seekable: whether `open` can begin in the middle.
        fresh: whether the arrays of a batch are never used again by who made them.
        close: ends its threads and processes.
    """

    object: Any
    open: Callable[[list[int], int, Any], Iterator[Any]]
    count: float | None = None
    again: bool = True
    seekable: bool = False
    fresh: bool = False
    close: Callable[[], None] = lambda: None

    @property
    def steps(self) -> int | None:
        """How many batches make an epoch; None if nobody knows."""
        return None if self.count in (None, math.inf) else int(self.count)


def source_of(given: Any, shuffle: bool) -> Source:
    """Return the source that an object is.

    Raises:
        TypeError: it can be neither iterated over nor indexed.
    """
    if isinstance(given, Source):
        return given
    library = type(given).__module__.partition(".")[0]
    for knows, make in _KINDS:
        if knows(given, library):
            return make(given, shuffle)
    expected = "arrays, or something that yields batches (x, y)"
    raise TypeError(errors.report("x", expected=expected, got=type(given).__name__))


def _dataset(given: Dataset, shuffle: bool) -> Source:
    def open_(order: Any, taken: int, state: Any) -> Iterator[Any]:
        return given.iterator(state)

    return Source(None, open_, given._count, seekable=True, fresh=given._rows is not None)


def _numbered(given: Any, shuffle: bool) -> Source:
    own = Batches(given)
    mixes = shuffle and isinstance(given, PyDataset)

    def open_(order: list[int], taken: int, state: Any) -> Iterator[Any]:
        return own.pass_(order if mixes else None, taken)

    count = count_of(given)
    many = math.inf if count is None else count
    return Source(given, open_, many, seekable=True, close=own.close)


def _tensorflow(given: Any, shuffle: bool) -> Source:
    count = {-1: math.inf, -2: None}.get(int(given.cardinality()), int(given.cardinality()))
    return Source(None, lambda order, taken, state: iter(given.as_numpy_iterator()), count)


def _torch(given: Any, shuffle: bool) -> Source:
    def plain(one: Any) -> Any:
        if hasattr(one, "detach"):
            return one.detach().cpu().numpy()
        if isinstance(one, dict):
            return {key: plain(value) for key, value in one.items()}
        # The default collation makes lists of what were tuples.
        return tuple(map(plain, one)) if isinstance(one, (list, tuple)) else one

    return Source(None, lambda order, taken, state: map(plain, iter(given)), _length(given))


def _iterator(given: Iterator[Any], shuffle: bool) -> Source:
    # Wrapped, as a stream closes what it has opened, and this one is the user's.
    open_ = lambda order, taken, state: (one for one in given)  # noqa: E731
    return Source(given, open_, _length(given), again=False)


def _iterable(given: Iterable[Any], shuffle: bool) -> Source:
    count = _length(given)
    # grain repeats without end by a length that no data have.
    count = math.inf if count is not None and count >= 1 << 62 else count
    return Source(given, lambda order, taken, state: iter(given), count)


def _is_numbered(given: Any, library: str) -> bool:
    if isinstance(given, PyDataset):
        return True
    has = hasattr(type(given), "__getitem__") and hasattr(type(given), "__len__")
    return has and (hasattr(given, "on_epoch_end") or not isinstance(given, Iterable))


_KINDS: list[tuple[Callable[[Any, str], bool], Callable[[Any, bool], Source]]] = [
    (lambda given, library: isinstance(given, Dataset), _dataset),
    (lambda given, library: library == "tensorflow" and hasattr(given, "cardinality"), _tensorflow),
    (lambda given, library: isinstance(given, PyDataset), _numbered),  # some are iterators too
    (lambda given, library: hasattr(given, "__next__"), _iterator),
    (lambda given, library: library == "torch", _torch),
    (_is_numbered, _numbered),
    (lambda given, library: isinstance(given, Iterable), _iterable),
]


def tables(given: Any, batch_size: int, shuffle: bool) -> Source:
    """Return the source of batches of a Hugging Face dataset, (columns, label).

    A column "label" or "labels" is y; the others are x, by name if they are several.
    """
    data = given.with_format("numpy")
    names = list(given.column_names or [])
    label = next((name for name in ("label", "labels") if name in names), None)

    def batch(columns: dict[str, Any]) -> Any:
        columns = dict(columns)
        y = columns.pop(label) if label else None
        x = next(iter(columns.values())) if len(columns) == 1 else columns
        return x if y is None else (x, y)

    def open_(order: list[int], taken: int, state: Any) -> Iterator[Any]:
        if not hasattr(given, "__len__"):
            stream = map(batch, data.iter(batch_size=batch_size))
            return itertools.islice(stream, taken, None)
        rows = _rows(len(given), order if shuffle else None)
        starts = range(taken * batch_size, len(rows), batch_size)
        return (batch(data[np.sort(rows[at : at + batch_size]).tolist()]) for at in starts)

    count = _length(given)
    count = None if count is None else -(-count // batch_size)
    return Source(None, open_, count, seekable=True)


def slices(data: Any, size: int, batch_size: int, shuffle: bool, rows_of: Any) -> Source:
    """Return the source of batches of arrays that are too large for the device.

    Args:
        data: a batch of arrays of one length.
        size: the length.
        shuffle: whether each pass has an order of its own.
        rows_of: (data, rows) -> a batch.
    """

    def open_(order: list[int], taken: int, state: Any) -> Iterator[Any]:
        rows = _rows(size, order if shuffle else None)
        for at in range(taken * batch_size, size, batch_size):
            # Sorted within the batch: files and memory maps are read in one direction.
            yield rows_of(data, np.sort(rows[at : at + batch_size]))

    return Source(None, open_, -(-size // batch_size), seekable=True, fresh=True)


def _rows(size: int, seed: list[int] | None) -> np.ndarray:
    return np.arange(size) if seed is None else np.random.default_rng(seed).permutation(size)


def _length(given: Any) -> int | None:
    try:
        return len(given)
    except (TypeError, NotImplementedError):
        return None
