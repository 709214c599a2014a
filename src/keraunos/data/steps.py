"""Streaming steps: what a pipeline does once it is no longer arithmetic on row numbers.

Each function returns an opener: `(run, skip) -> elements from number skip on`. Opening takes the
random numbers of the pass at once; elements are made when they are asked for.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import processes, structure
from keraunos.data.chance import Chance, Run
from keraunos.data.parallel import Ahead, Pool, Results

Open = Callable[[Run, int], Iterator[Any]]
Function = Callable[..., Any]

UNKNOWN = -2  # a shuffle buffer of this size holds everything


def without(elements: Iterable[Any], count: int) -> Iterator[Any]:
    """Yield elements but the first `count`, which are made and thrown away."""
    return itertools.islice(elements, count, None) if count else iter(elements)


def listed(elements: list[Any]) -> Open:
    return lambda run, skip: map(structure.copied, itertools.islice(elements, skip, None))


def replayed(make: Callable[[Run], Iterable[Any]]) -> Open:
    """Return the opener of a step that can only skip elements by making them."""
    return lambda run, skip: without(make(run), skip)


def _maker(function: Function) -> Callable[[Any], Any]:
    call = structure.caller(function)
    return lambda one: structure.element(call(one))


def mapped(parent: Open, function: Function) -> Open:
    make = _maker(function)
    # The built-in map goes on after an error, for ignore_errors.
    return lambda run, skip: map(make, parent(run, skip))


def mapped_by(
    parent: Open, function: Function, workers: int, ordered: bool, use_processes: bool
) -> Open:
    """Return the opener of a map that threads or processes do."""
    make = _maker(function)

    def pool() -> Pool:
        if not use_processes:
            return Pool(workers, make)
        seed = int(np.random.randint(1 << 31))
        return Pool(workers, processes.sendable(make), lambda: processes.Process(seed))

    def open_(run: Run, skip: int) -> Iterator[Any]:
        return Results(parent(run, skip), pool, 2 * workers, ordered, first=skip)

    return open_


def filtered(parent: Open, predicate: Function) -> Open:
    call = structure.caller(predicate)
    return replayed(lambda run: filter(lambda one: truth(call(one), "filter"), parent(run, 0)))


def taken_while(parent: Open, predicate: Function) -> Open:
    call = structure.caller(predicate)

    def make(run: Run) -> Iterator[Any]:
        return itertools.takewhile(lambda one: truth(call(one), "take_while"), parent(run, 0))

    return replayed(make)


def truth(value: Any, where: str) -> bool:
    """Return what a predicate said.

    Raises:
        TypeError: it did not say True or False.
    """
    found = np.asarray(value)
    if found.dtype != bool or found.ndim:
        text = errors.report(f"{where}: the predicate", expected="True or False", got=repr(value))
        raise TypeError(text)
    return bool(found)


def shuffled(parent: Open, buffer: int, chance: Chance) -> Open:
    def make(run: Run) -> Iterator[Any]:
        return mixed(parent(run, 0), buffer, run.generator(chance))

    return replayed(make)


def mixed(elements: Iterator[Any], buffer: int, generator: np.random.Generator) -> Iterator[Any]:
    """Yield elements through a buffer from which each is drawn by lot."""
    held = list(itertools.islice(elements, buffer))
    while len(held) == buffer:
        for pick in generator.integers(0, buffer, 1024).tolist():
            new = next(elements, held)
            if new is held:
                break
            yield held[pick]
            held[pick] = new
        else:
            continue
        break
    for place in generator.permutation(len(held)).tolist():
        yield held[place]


def batched(parent: Open, size: int, drop: bool, join: Callable[[list[Any]], Any]) -> Open:
    def batches(elements: Iterator[Any]) -> Iterator[Any]:
        while some := list(itertools.islice(elements, size)):
            if len(some) == size or not drop:
                yield join(some)

    return lambda run, skip: batches(parent(run, skip * size))


def taken(parent: Open, count: int) -> Open:
    return lambda run, skip: itertools.islice(parent(run, min(skip, count)), max(0, count - skip))


def skipped(parent: Open, count: int) -> Open:
    return lambda run, skip: parent(run, skip + count)


def sharded(parent: Open, shards: int, number: int) -> Open:
    return lambda run, skip: itertools.islice(parent(run, number + skip * shards), 0, None, shards)


def repeated(parent: Open, times: float, count: float | None) -> Open:
    """Return the opener of several passes; passes of known length are skipped unread."""

    def passes(first: Iterator[Any], run: Run, done: int) -> Iterator[Any]:
        empty, elements = True, first
        while True:
            for one in elements:
                empty = False
                yield one
            done += 1
            if done >= times or empty:
                return
            elements = parent(run, 0)

    def open_(run: Run, skip: int) -> Iterator[Any]:
        if not times:
            return iter(())
        if not count or count == math.inf:
            return without(passes(parent(run, 0), run, 0), skip)
        whole, left = divmod(skip, int(count))
        if whole >= times:
            return iter(())
        for _ in range(whole):
            parent(run, 0)  # takes its random numbers, and is dropped
        return passes(parent(run, left), run, whole)

    return open_


def counted(parent: Open, start: int) -> Open:
    return lambda run, skip: (
        (np.int64(number), one) for number, one in enumerate(parent(run, skip), start + skip)
    )


def unbatched(parent: Open) -> Open:
    def make(run: Run) -> Iterator[Any]:
        return itertools.chain.from_iterable(map(structure.unstacked, parent(run, 0)))

    return replayed(make)


def windows(parent: Open, size: int, shift: int, stride: int, drop: bool) -> Open:
    """Return the opener of lists of elements, `size` of them `stride` apart, every `shift`."""
    span = (size - 1) * stride + 1

    def make(elements: Iterator[Any]) -> Iterator[list[Any]]:
        held: deque[Any] = deque()
        while True:
            held.extend(itertools.islice(elements, span - len(held)))
            found = list(itertools.islice(held, 0, span, stride))
            if not found or (drop and len(found) < size):
                return
            yield found
            for _ in range(min(shift, len(held))):
                held.popleft()
            if shift > span:
                deque(itertools.islice(elements, shift - span), maxlen=0)

    return lambda run, skip: make(parent(run, skip * shift))


def scanned(parent: Open, state: Any, function: Function) -> Open:
    def make(elements: Iterator[Any]) -> Iterator[Any]:
        now = structure.element(state)
        for one in elements:
            now, out = structure.element(function(now, one))
            yield out

    return replayed(lambda run: make(parent(run, 0)))


def distinct(parent: Open) -> Open:
    def make(elements: Iterator[Any]) -> Iterator[Any]:
        seen: set[Any] = set()
        for one in elements:
            key = one.tobytes() if isinstance(one, np.ndarray) else one
            if key not in seen:
                seen.add(key)
                yield one

    return replayed(lambda run: make(parent(run, 0)))


def read_ahead(parent: Open, size: int) -> Open:
    return lambda run, skip: _pulled(parent(run, skip), size)


def _pulled(elements: Iterator[Any], size: int) -> Iterator[Any]:
    # The thread begins with the first element that is asked for.
    ahead = Ahead(elements, size)
    try:
        yield from ahead
    finally:
        ahead.close()


def forgiving(parent: Open, warn: bool) -> Open:
    """Return the opener that goes on after elements that raise."""

    def make(elements: Iterator[Any]) -> Iterator[Any]:
        while True:
            try:
                yield next(elements)
            except StopIteration:
                return
            except Exception as error:
                if warn:
                    errors.warn(f"an element was left out: {error!r}")

    return replayed(lambda run: make(parent(run, 0)))
