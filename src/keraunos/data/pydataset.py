"""PyDataset: batches by number, made by threads or processes, and never a hang."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data.parallel import Pool, Results
from keraunos.data.processes import Process, sendable


class PyDataset:
    """Batches that your class makes by their numbers.

    Write `__getitem__(i)`, which returns batch `i` as (x, y) or (x, y, weights), and `__len__`,
    how many there are; without a length (or with `num_batches` None) they have no end.

    Args:
        workers: how many threads or processes make batches; with 0 or 1 thread, `fit`'s own.
        use_multiprocessing: processes rather than threads. Yours is sent to them as it is at the
            beginning of each pass; they import NumPy and what your code names, not your program.
        max_queue_size: how many batches wait at most.

    Example:
        >>> import numpy as np
        >>> class Squares(PyDataset):
        ...     def __len__(self):
        ...         return 3
        ...     def __getitem__(self, i):
        ...         return np.full((2, 1), i), np.full((2, 1), i * i)
        >>> [int(y[0, 0]) for x, y in Batches(Squares(workers=2)).pass_()]
        [0, 1, 4]
    """

    # Also for subclasses that do not call this constructor.
    workers: int = 1
    use_multiprocessing: bool = False
    max_queue_size: int = 10

    def __init__(
        self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10
    ) -> None:
        self.workers, self.max_queue_size = workers, max_queue_size
        self.use_multiprocessing = use_multiprocessing

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`."""
        raise NotImplementedError(
            errors.report(f"{type(self).__name__}.__getitem__", fix="write it")
        )

    @property
    def num_batches(self) -> int | None:
        """How many batches there are; None without end."""
        size = getattr(self, "__len__", None)
        return None if size is None else size()

    def on_epoch_begin(self) -> None:
        """Is called before each epoch."""

    def on_epoch_end(self) -> None:
        """Is called after each epoch."""


def count_of(source: Any) -> int | None:
    """Return how many batches something like a PyDataset has; None without end."""
    if isinstance(source, PyDataset) or hasattr(type(source), "num_batches"):
        return source.num_batches
    return len(source) if hasattr(source, "__len__") else None


class Batches:
    """Goes through something like a PyDataset, pass after pass, with the workers that it asks for.

    Args:
        source: has `[i]`; and a length, `workers` ... as a PyDataset.
    """

    def __init__(self, source: Any) -> None:
        self._source = source
        self._pool: Pool | None = None

    def pass_(self, seed: list[int] | None = None, start: int = 0) -> Iterator[Any]:
        """Return the batches of a pass, in order.

        Args:
            seed: of the order; None takes the batches as they are numbered.
            start: how many to leave out.
        """
        source, count = self._source, count_of(self._source)
        order: Any = itertools.count()
        if count is not None:
            mixed = (
                np.arange(count) if seed is None else np.random.default_rng(seed).permutation(count)
            )
            order = mixed.tolist()
        numbers = itertools.islice(order, start, None)
        workers = int(getattr(source, "workers", 1))
        processes = bool(getattr(source, "use_multiprocessing", False)) and workers > 0
        if workers < 2 and not processes:
            return map(source.__getitem__, numbers)
        pool = lambda: self._prepared(workers, processes, sum(seed or [0]))  # noqa: E731
        ahead = max(workers, int(getattr(source, "max_queue_size", 10)))
        return Results(numbers, pool, ahead, whole=True, first=start, closes=False)

    def _prepared(self, workers: int, processes: bool, seed: int) -> Pool:
        """Return the workers, who stay from pass to pass, with the source as it is now."""
        work: Any = self._source.__getitem__
        if processes:
            work = sendable(work)
        if self._pool is None or self._pool.closed:
            begin = (lambda: Process(seed)) if processes else None
            self._pool = Pool(workers, work, begin)
        elif work != self._pool.function:
            self._pool.function = work
        return self._pool

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            self._pool.close()

    def __del__(self) -> None:
        self.close()
