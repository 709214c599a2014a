"""Pipelines that are arithmetic on row numbers: nothing is read before a batch is asked for."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos.data import structure
from keraunos.data.chance import Chance, Run
from keraunos.data.parallel import Pool, Results

# Positions (n,) -> rows (n,), or a list of the rows of each batch.
At = Callable[[np.ndarray], Any]

# Elements that are read at once where no batch says how many: at most, of so many bytes, at least.
_CHUNK, _CHUNK_BYTES, _FEW = 256, 1 << 20, 16
_MOST_SHUFFLED = 1 << 22  # an order through a small buffer is computed row by row


@dataclasses.dataclass(frozen=True)
class Index:
    """Which rows the elements of a pipeline are.

    Args:
        count: how many elements there are, `math.inf` without end.
        open: begins a pass: takes its random numbers, and returns positions -> rows.
        straight: whether the rows are as they lie, all of them.
        fixed: whether every pass is like the first.
    """

    count: float
    open: Callable[[Run], At]
    straight: bool = False
    fixed: bool = True

    def strided(self, start: int, step: int, count: float) -> Index:
        """Return every `step`-th element from `start` on."""

        def open_(run: Run) -> At:
            at = self.open(run)
            return lambda places: at(start + step * places)

        return Index(count, open_, fixed=self.fixed)

    def take(self, count: int) -> Index:
        return self.strided(0, 1, self.count if count < 0 else min(count, self.count))

    def skip(self, count: int) -> Index:
        gone = self.count if count < 0 else min(count, self.count)
        return self.strided(0 if gone == self.count else int(gone), 1, _less(self.count, gone))

    def shard(self, shards: int, number: int) -> Index:
        left = _less(self.count, number)
        return self.strided(
            number, shards, left if left == math.inf else max(0, -(-left // shards))
        )

    def repeat(self, times: float) -> Index:
        if not self.count or self.count == math.inf:
            return Index(0, self.open) if not times else self
        size = int(self.count)

        def open_(run: Run) -> At:
            passes: dict[int, At] = {0: self.open(run)}
            newest = 0

            def at(places: np.ndarray) -> Any:
                nonlocal newest
                numbers = places // size
                while newest < numbers.max(initial=0):
                    newest += 1
                    passes[newest] = self.open(run)
                if times == math.inf and len(numbers):  # there is no way back
                    for old in [one for one in passes if one < numbers.min()]:
                        del passes[old]
                return _spread(passes, numbers, places % size)

            return at

        return Index(size * times, open_, fixed=self.fixed)

    def shuffle(self, buffer: int, chance: Chance) -> Index | None:
        """Return an order as a buffer of this size makes it; None where it must be streamed."""
        if self.count == math.inf or (buffer < self.count and self.count > _MOST_SHUFFLED):
            return None

        def open_(run: Run) -> At:
            at, generator = self.open(run), run.generator(chance)
            order: list[np.ndarray] = []

            def mixed(places: np.ndarray) -> Any:
                if not order:
                    order.append(reservoir(int(self.count), buffer, generator))
                return at(order[0][places])

            return mixed

        return Index(self.count, open_, fixed=self.fixed and not chance.again)

    def batch(self, size: int, drop: bool) -> Index:
        def open_(run: Run) -> At:
            at = self.open(run)

            def rows(place: int) -> np.ndarray:
                return at(np.arange(place * size, min((place + 1) * size, self.count)))

            return lambda places: [rows(place) for place in places.tolist()]

        if self.count == math.inf:
            return Index(math.inf, open_, fixed=self.fixed)
        count = self.count // size if drop else -(-self.count // size)
        return Index(count, open_, fixed=self.fixed)


def straight(count: int) -> Index:
    """Return the rows as they lie."""
    return Index(count, lambda run: lambda places: places, straight=True)


def reservoir(count: int, buffer: int, generator: np.random.Generator) -> np.ndarray:
    """Return the order in which `count` elements leave a shuffle buffer.

    Example:
        >>> order = reservoir(6, 2, np.random.default_rng(0))
        >>> sorted(order.tolist()), bool((order[:3] < [2, 3, 4]).all())
        ([0, 1, 2, 3, 4, 5], True)
    """
    if buffer >= count:
        return generator.permutation(count)
    held, order = list(range(buffer)), np.empty(count, np.int64)
    for start in range(buffer, count, 1 << 16):
        picks = generator.integers(0, buffer, min(1 << 16, count - start)).tolist()
        out: list[int] = []
        for new, pick in enumerate(picks, start):
            out.append(held[pick])
            held[pick] = new
        order[start - buffer : start - buffer + len(out)] = out
    generator.shuffle(held)
    order[count - buffer :] = held
    return order


@dataclasses.dataclass(frozen=True)
class Rows:
    """Arrays and the rows of them that are elements, or batches of elements.

    Args:
        columns: a structure of arrays with one first axis.
        index: positions -> rows.
        batch: elements a batch; None for single elements.
        even: whether all batches are full.
        last: whether a batch that is not full can only be the last.
    """

    columns: Any
    index: Index
    batch: int | None = None
    even: bool = True
    last: bool = True

    @property
    def in_memory(self) -> bool:
        """Whether reading a row costs no more than copying it."""
        kinds = (np.ndarray, Progression)
        return all(type(one) in kinds for one in structure.leaves(self.columns))

    def elements(self, run: Run, skip: int) -> Iterator[Any]:
        """Yield elements from number `skip` on."""
        return self._elements(self.index.open(run), skip)

    def ahead(self, size: int) -> Callable[[Run, int], Iterator[Any]]:
        """Return the opener of batches that are read before they are asked for, two at a time.

        While one waits for the last of its files, the other one's keep the processors busy.
        """

        def read(rows: np.ndarray) -> Any:
            return structure.gathered(self.columns, rows)

        def open_(run: Run, skip: int) -> Iterator[Any]:
            at, count = self.index.open(run), self.index.count
            places = itertools.takewhile(lambda place: place < count, itertools.count(skip))
            rows = (at(np.array([place]))[0] for place in places)
            return Results(rows, lambda: Pool(2, read), size + 1, whole=True)

        return open_

    def _elements(self, at: At, start: int) -> Iterator[Any]:
        step = self._together() if self.batch is None else 1
        while start < self.index.count:
            places = np.arange(start, min(start + step, self.index.count))
            if self.batch is None:
                yield from structure.unstacked(structure.gathered(self.columns, at(places)))
            else:
                yield structure.gathered(self.columns, at(places)[0])
            start += step

    def _together(self) -> int:
        """Return how many elements are read at once where no batch says it."""
        columns = structure.leaves(self.columns)
        if any(None in one.shape for one in columns):  # together they would be filled up
            return 1
        sizes = [one.dtype.itemsize * int(np.prod(one.shape[1:])) for one in columns]
        return min(_CHUNK, max(_FEW, _CHUNK_BYTES // max(1, sum(sizes))))


class Progression:
    """A range that is an array of any length and takes no room."""

    def __init__(self, numbers: range, dtype: Any = np.int64) -> None:
        self._numbers, self.dtype = numbers, np.dtype(dtype)
        self.shape = (len(numbers),)

    def at(self, rows: np.ndarray) -> np.ndarray:
        return (self._numbers.start + self._numbers.step * rows).astype(self.dtype)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.asarray(self._numbers, dtype or self.dtype)


def _less(count: float, gone: float) -> float:
    return 0 if gone >= count else count - gone


def _spread(passes: dict[int, At], numbers: np.ndarray, places: np.ndarray) -> Any:
    """Return the rows of places that lie in several passes."""
    if not len(numbers) or (numbers == numbers[0]).all():
        return passes[int(numbers[0])](places) if len(numbers) else places
    found: Any = [None] * len(places)
    for number in np.unique(numbers).tolist():
        where = np.flatnonzero(numbers == number)
        rows = passes[number](places[where])
        if not isinstance(rows, list):
            found = found if isinstance(found, np.ndarray) else np.empty(len(places), np.int64)
            found[where] = rows
            continue
        for place, row in zip(where.tolist(), rows):
            found[place] = row
    return found
