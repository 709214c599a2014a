"""What every Dataset is: how to open it, how many elements it has, what they look like."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, Self

from keraunos import errors
from keraunos.data import spec as specs
from keraunos.data.chance import Run
from keraunos.data.index import Rows
from keraunos.data.steps import Open

INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2


class Pipeline:
    """A description of elements to come; nothing is read before it is iterated over.

    Args:
        open_: (run, how many to skip) -> elements.
        count: how many there are, `math.inf` without end, None if nobody knows.
        spec: what they look like; by default as the first one does.
        example: makes one to look at; by default the first.
        rows: arrays and row numbers, as long as the elements are only that.
    """

    def __init__(
        self,
        open_: Open,
        count: float | None,
        spec: Callable[[], Any] | None = None,
        example: Callable[[], Any] | None = None,
        rows: Rows | None = None,
    ) -> None:
        self._open, self._count, self._rows = open_, count, rows
        self._describe = spec or (lambda: specs.spec_of(self._example()))
        self._example = example or self._first
        self._spec: list[Any] = []

    def _first(self) -> Any:
        for one in self._open(Run(peek=True), 0):
            return one
        where = "element_spec"
        raise ValueError(errors.report(where, expected="a first element to look at", got="none"))

    @property
    def element_spec(self) -> Any:
        """What an element looks like: a structure of `TensorSpec`s.

        After a step that runs a function of yours, it is what the first element looks like.
        """
        if not self._spec:
            self._spec.append(self._describe())
        return self._spec[0]

    def cardinality(self) -> int:
        """Return the number of elements, or INFINITE_CARDINALITY, or UNKNOWN_CARDINALITY."""
        if self._count is None:
            return UNKNOWN_CARDINALITY
        return INFINITE_CARDINALITY if self._count == math.inf else int(self._count)

    def __len__(self) -> int:
        """Return the number of elements.

        Raises:
            TypeError: there is no end, or nobody knows.
        """
        if self._count is None or self._count == math.inf:
            got = "an infinite one" if self._count else "a length that nobody knows before the end"
            text = errors.report("len(dataset)", expected="a finite dataset", got=got)
            raise TypeError(text)
        return int(self._count)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        size = {None: "?", math.inf: "endless"}.get(self._count, self._count)
        return f"<{type(self).__name__}: {size} elements>"

    def __iter__(self) -> DatasetIterator:
        return self.iterator()

    def iterator(self, state: dict[str, Any] | None = None) -> DatasetIterator:
        """Return an iterator, from the beginning or from where another one was.

        Args:
            state: what `DatasetIterator.state()` returned, maybe in another process.
        """
        return DatasetIterator(self, state)


class DatasetIterator(Iterator[Any]):
    """Goes through a Dataset once, and can say where it is.

    Example:
        >>> import keraunos as keras
        >>> def numbers():
        ...     return keras.data.Dataset.range(6).shuffle(6, seed=1)
        >>> first = numbers().iterator()
        >>> start = [int(next(first)) for _ in range(3)]
        >>> rest = numbers().iterator(first.state())
        >>> sorted(start + [int(n) for n in rest])
        [0, 1, 2, 3, 4, 5]
    """

    def __init__(self, dataset: Pipeline, state: dict[str, Any] | None = None) -> None:
        state = state or {"taken": 0, "draws": []}
        self._dataset, self._run, self._taken = dataset, Run(state["draws"]), int(state["taken"])
        self._elements = dataset._open(self._run, self._taken)

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Any:
        found = next(self._elements)
        self._taken += 1
        return found

    get_next = __next__

    def state(self) -> dict[str, Any]:
        """Return the position, to be kept as JSON: what comes next is what would have come next.

        Steps that are arithmetic on row numbers, `map` and `batch` jump there; others make the
        elements before it again.
        """
        return {"taken": self._taken, "draws": [list(one) for one in self._run.log]}

    @property
    def element_spec(self) -> Any:
        """What an element looks like."""
        return self._dataset.element_spec

    def close(self) -> None:
        """Let go of files, threads and processes."""
        close = getattr(self._elements, "close", None)
        self._elements = iter(())
        if close is not None:
            close()


class Options:
    """Settings of tf.data, taken and left alone: any attribute can be read and set."""

    def __getattr__(self, name: str) -> Options:
        if name.startswith("__"):
            raise AttributeError(name)
        self.__dict__[name] = found = Options()
        return found
