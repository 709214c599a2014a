"""Pipelines made of several: side by side, one after another, in turn, by lot."""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import structure
from keraunos.data.chance import Chance, Run
from keraunos.data.index import Rows
from keraunos.data.parallel import Ahead
from keraunos.data.steps import Open, replayed


def zipped(parents: Any) -> Open:
    """Return the opener of tuples (or dictionaries) of what several pipelines give."""
    datasets = structure.leaves(parents)

    def open_(run: Run, skip: int) -> Iterator[Any]:
        together = zip(*[one._open(run, skip) for one in datasets])

        def shaped(parts: tuple[Any, ...]) -> Any:
            left = iter(parts)
            return structure.mapped(lambda _: next(left), parents)

        return map(shaped, together)

    return open_


def checked(given: Any, where: str) -> list[Any]:
    """Return the datasets of a structure.

    Raises:
        TypeError: something else in it, or nothing.
    """
    given = tuple(given) if isinstance(given, list) else given
    parts = [dataset_of(one, where) for one in structure.leaves(given)]
    if not parts:
        raise TypeError(errors.report(where, expected="datasets", got="none"))
    return parts


def zipped_rows(parents: Any) -> Rows | None:
    """Return arrays side by side, where each pipeline is the rows of its arrays as they lie."""
    rows = [one._rows for one in structure.leaves(parents)]
    straight = all(one is not None and one.batch is None and one.index.straight for one in rows)
    if not straight or len({one.index.count for one in rows}) > 1:
        return None
    return Rows(structure.mapped(lambda one: one._rows.columns, parents), rows[0].index)


def concatenated(first: Open, count: float | None, second: Open) -> Open:
    def open_(run: Run, skip: int) -> Iterator[Any]:
        if count is None:
            both = itertools.chain(first(run, 0), second(run, 0))
            return itertools.islice(both, skip, None)
        mine = int(min(skip, count))
        return itertools.chain(first(run, mine), second(run, skip - mine))

    return open_


def interleaved(
    parent: Open, make: Callable[[Any], Any], cycle: int, block: int, threads: bool
) -> Open:
    """Return the opener that reads `cycle` pipelines in turn, `block` elements of each."""
    call = structure.caller(make)

    def opened(run: Run, one: Any) -> Iterator[Any]:
        elements = dataset_of(call(one), "interleave")._open(run, 0)
        return Ahead(elements, 2 * block) if threads else elements

    def elements(run: Run, sources: Iterator[Any]) -> Iterator[Any]:
        # A place whose pipeline has ended takes the next one when its turn comes.
        places: deque[Iterator[Any] | None] = deque([None] * cycle)
        ended = False
        while any(place is not None for place in places) or not ended:
            now = places.popleft()
            if now is None and not ended:
                one = next(sources, _END)
                ended = one is _END
                now = None if ended else opened(run, one)
            done = 0
            for found in itertools.islice(now or (), block):
                done += 1
                yield found
            places.append(now if done == block else None)

    return replayed(lambda run: elements(run, parent(run, 0)))


_END = object()


def flattened(parent: Open, make: Callable[[Any], Any]) -> Open:
    call = structure.caller(make)

    def elements(run: Run) -> Iterator[Any]:
        inner = (dataset_of(call(one), "flat_map")._open(run, 0) for one in parent(run, 0))
        return itertools.chain.from_iterable(inner)

    return replayed(elements)


def dataset_of(value: Any, where: str) -> Any:
    """Return what a user's function gave where a Dataset is due.

    Raises:
        TypeError: something else.
    """
    if not hasattr(value, "_open"):
        got = type(value).__name__
        fix = "Dataset.from_tensor_slices(...) makes one of arrays"
        raise TypeError(errors.report(where, expected="a Dataset", got=got, fix=fix))
    return value


def chosen(parents: list[Any], choices: Open, stop: bool) -> Open:
    """Return the opener that takes the next element of the pipeline which `choices` names."""

    def elements(sources: list[Any], numbers: Iterator[Any]) -> Iterator[Any]:
        left = len(sources)
        for number in numbers:
            if not 0 <= number < len(sources):
                expected = f"numbers from 0 to {len(sources) - 1}"
                where = "choose_from_datasets"
                raise ValueError(errors.report(where, expected=expected, got=number))
            found = next(sources[number], _END) if sources[number] is not None else _END
            if found is not _END:
                yield found
                continue
            left -= sources[number] is not None
            sources[number] = None
            if stop or not left:
                return

    return replayed(lambda run: elements([one._open(run, 0) for one in parents], choices(run, 0)))


def drawn(parents: list[Any], weights: Any, chance: Chance, stop: bool) -> Open:
    """Return the opener that draws by lot which pipeline gives the next element.

    Raises:
        ValueError: another number of weights, or negative ones.
    """
    weights = np.ones(len(parents)) if weights is None else weights
    if not hasattr(weights, "_open") and (len(weights) != len(parents) or min(weights) < 0):
        expected = f"{len(parents)} weights from 0 on, one a dataset"
        raise ValueError(errors.report("sample_from_datasets", expected=expected, got=weights))

    def elements(sources: list[Any], shares: Any, generator: Any) -> Iterator[Any]:
        current: Any = None
        while sources:
            current = np.array(next(shares) if shares is not None else weights, float)
            alive = [number for number, one in enumerate(sources) if one is not None]
            odds = current[alive]
            if not odds.sum():
                return
            number = alive[generator.choice(len(alive), p=odds / odds.sum())]
            found = next(sources[number], _END)
            if found is not _END:
                yield found
                continue
            sources[number] = None
            if stop or len(alive) == 1:
                return

    def make(run: Run) -> Iterator[Any]:
        shares = weights._open(run, 0) if hasattr(weights, "_open") else None
        return elements([one._open(run, 0) for one in parents], shares, run.generator(chance))

    return replayed(make)


def total(counts: list[float | None]) -> float | None:
    """Return how many elements pipelines have together; None if one does not know."""
    if math.inf in counts:
        return math.inf
    return None if None in counts else sum(one or 0 for one in counts)


def least(counts: list[float | None]) -> float | None:
    """Return how many elements the shortest has; None if one does not know."""
    return None if None in counts else min(one if one is not None else 0 for one in counts)
