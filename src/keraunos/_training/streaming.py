"""Batches that come from the host: read by a thread, put on the device before they are due."""

from __future__ import annotations

import contextlib
import math
import random as python_random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from keraunos import errors
from keraunos._core import random
from keraunos._training import feed
from keraunos._training.sources import Source, source_of
from keraunos._training.step import Batch
from keraunos._training.windows import Windows
from keraunos.data.parallel import Ahead

_AHEAD = 2  # batches on the device before they are due
_PATIENCE = 5.0  # seconds for the reading thread to come back from the user's code
_LOOK = 0.001  # seconds between two looks at whether the device still works


class Stream:
    """Batches that come from the host, one after another.

    Args:
        given: yields x, (x, y) or (x, y, weights): anything that `sources.source_of` knows.
        steps: how many make an epoch; None for a pass.
        encode: what the model's first layers make of each x, on the host.
        class_weight: class -> weight, for batches without weights.
        shuffle: whether batches that have numbers come in an order by lot.
        once: whether an epoch never takes a batch twice, however many steps are asked for.

    Attributes:
        records: whether somebody wants to know where each batch ends.
        idle, seconds: of the last epoch: how long the device had nothing to do because a batch was
            not there, and how long it all took.
    """

    def __init__(
        self,
        given: Any,
        steps: int | None = None,
        encode: Callable[[Any], Any] | None = None,
        class_weight: dict[int, float] | None = None,
        shuffle: bool = False,
        once: bool = False,
    ) -> None:
        self._from: Source = source_of(given, shuffle)
        self._once = once
        self._source = self._from.object
        self._encode, self._class_weight = encode, class_weight
        self.steps = steps if steps is not None else self._from.steps
        self._running: Iterator[Any] | None = None
        self._pass, self._taken = 0, 0
        self._peeked: deque[tuple[Batch, Any]] = deque()
        self._example: Batch | None = None
        self._where: dict[str, Any] | None = None
        self._results: Any = None
        self._in_epoch = False
        self._ran_out = ""
        self.records = False
        self._windows: Windows | None = None
        self.idle = self.seconds = 0.0
        self._watch: Any = None

    def look(self, watch: Any) -> None:
        """Let `checks.Watch` look at every batch, those that are here already first."""
        try:
            for batch, _ in self._peeked:
                watch(batch)
            watch.settle(wait=True)
        except Exception:
            self.close()
            raise
        self._watch = watch

    # -- batches --------------------------------------------------------------------------------

    def in_windows(self) -> None:
        """From now on give several batches at once where they are as small as the first one."""
        windows = Windows(self.first())
        self._windows = windows if windows.room > 1 else None

    def together(self, count: int) -> None:
        """Say how many batches there may be in a window from now on."""
        if self._windows is not None:
            self._windows.together = 1 if self.records else min(count, self._windows.room)

    def first(self) -> Batch:
        """Return the first batch without losing it."""
        if self._example is None:
            self._begin_epoch()
            try:
                batch, where = self._next()
            except StopIteration:
                raise ValueError(
                    errors.report("x", expected="at least one batch", got="an empty iterator")
                ) from None
            self._example = self._mine(batch)
            self._peeked.append((self._example, where))
        return self._example

    def take(self, count: int | None) -> Iterator[Any]:
        """Yield `count` batches or windows of them, in as many passes as that takes; None: one."""
        self._begin_epoch()
        self.idle, began = 0.0, time.perf_counter()
        ahead = Ahead(self._on_device(self._produced(count)), _AHEAD)
        try:
            while (found := self._awaited(ahead)) is not None:
                batch, self._where = found
                yield batch
            if self._watch is not None:
                self._watch.settle(wait=True)
            if self._running is None and self._where is not None:
                self._where = self._where | {"ended": True}
            self._end_epoch()
            if self._ran_out:
                errors.warn(self._ran_out)
        except Exception:
            self.close()
            raise
        finally:
            self.seconds = time.perf_counter() - began
            ahead.close()
            ahead.join(_PATIENCE)

    def _on_device(self, batches: Iterator[tuple[Batch, Any]]) -> Iterator[Any]:
        def alone(batch: Batch) -> Batch:
            return jax.device_put(self._mine(batch))

        if self._windows is None:
            return ((alone(batch), where) for batch, where in batches)
        return self._windows.filled(batches, alone)

    def _mine(self, batch: Batch) -> Batch:
        """Return arrays that stay: a generator may fill its own again before they are read."""
        return batch if self._from.fresh else jax.tree.map(_copied, batch)

    def _produced(self, count: int | None) -> Iterator[tuple[Batch, Any]]:
        done, in_pass = 0, 0
        while count is None or done < count:
            try:
                found = self._looked_at() if self._peeked else self._next()
            except StopIteration:
                self._running = None
                self._pass, self._taken = self._pass + 1, 0
                if count is None or not self._begins_again(in_pass > 0, done, count):
                    return
                in_pass = 0
                continue
            done, in_pass = done + 1, in_pass + 1
            yield found

    def _begins_again(self, gave: bool, done: int, count: int) -> bool:
        # A pass that gave nothing was an old one that had ended, or the next is empty as well.
        if self._from.again and not self._once and (gave or not self._empty()):
            return True
        expected = f"{count} batches an epoch"
        self._ran_out = errors.report("the data ran out", expected=expected, got=f"{done}")
        return False

    def _empty(self) -> bool:
        """Return whether the next pass has nothing; what it has comes next."""
        try:
            self._peeked.append(self._next())
        except StopIteration:
            self._running = None
            return True
        return False

    def _next(self) -> tuple[Batch, Any]:
        if self._running is None:
            self._running = self._from.open(self._order(), 0, None)
        item = next(self._running)
        self._taken += 1
        return self._prepared(item), self._position()

    def _prepared(self, item: Any) -> Batch:
        batch = feed.unpacked(item)
        if self._encode is not None:
            batch = batch._replace(x=self._encode(batch.x))
        batch = jax.tree.map(feed.host_array, batch)
        if self._class_weight and batch.y is not None:
            weights = feed.class_weights(batch.y, self._class_weight, batch.weights)
            batch = batch._replace(weights=weights)
        if self._watch is not None:
            self._watch(batch)
        return batch

    # -- waiting --------------------------------------------------------------------------------

    def dispatched(self, results: Any) -> Any:
        """Note what the device is working at, and return it."""
        self._results = results
        return results

    def _busy(self) -> bool:
        leaves = jax.tree.leaves(self._results)
        return any(hasattr(leaf, "is_ready") and not leaf.is_ready() for leaf in leaves[:1])

    def _awaited(self, ahead: Ahead) -> Any:
        if self._results is not None and not ahead.ready(0.0):
            idle_since = None if self._busy() else time.perf_counter()
            while not ahead.ready(_LOOK):
                if idle_since is None and not self._busy():
                    idle_since = time.perf_counter()
            if idle_since is not None:
                self.idle += time.perf_counter() - idle_since
        return next(ahead, None)

    # -- position -------------------------------------------------------------------------------

    def _order(self) -> list[int]:
        return [random.global_seed(), self._pass]

    def _position(self) -> dict[str, Any]:
        state = getattr(self._running, "state", lambda: None)()
        own = {"pass": self._pass, "taken": self._taken, "ended": False}
        if state is None and self.records:
            # Its batches may come from these, and this thread is ahead of the loop.
            own["drawn"] = _generators()
        return own | {"seed": random.global_seed(), "state": state}

    def _looked_at(self) -> tuple[Batch, Any]:
        batch, where = self._peeked.popleft()
        if self.records and where["state"] is None and not self._peeked:
            # Others have drawn since it was looked at: the next batch comes after them.
            where = where | {"drawn": _generators()}
        return batch, where

    @property
    def drawn(self) -> dict[str, Any]:
        """The state of the global generators when the last batch that was taken was read."""
        return (self._where or {}).get("drawn", {})

    def position(self) -> dict[str, Any] | None:
        """Return where the batches that were taken end, to be kept as JSON.

        None where only going through the batches again leads there.
        """
        if self._where is None or not self._from.seekable:
            return None
        return {key: value for key, value in self._where.items() if key != "drawn"}

    def restore(self, position: dict[str, Any]) -> None:
        """Go on with the batch after those that were taken when `position` was."""
        self._peeked.clear()
        self._pass, self._taken = position["pass"], position["taken"]
        order = [position["seed"], self._pass]
        self._running = self._from.open(order, self._taken, position["state"])
        if position["ended"]:
            self._running, self._taken = None, 0
            self._pass += 1
        self._where = position

    def check_end(self, steps: int | None) -> None:
        """Raise where the data are to be measured to their end, and have none.

        Raises:
            ValueError: no number of steps.
        """
        if steps is None and self._from.count == math.inf:
            fix = "give steps (validation_steps in fit), or dataset.take(n)"
            where = "evaluate, predict"
            raise ValueError(errors.report(where, got="data without an end", fix=fix))

    def rewind(self) -> None:
        """Begin another pass, if a part of one has been taken."""
        begun = self._where is not None and (self._running is not None or self._peeked)
        if begun and self._from.again:
            self._peeked.clear()
            getattr(self._running, "close", lambda: None)()
            self._running = None
            self._pass, self._taken = self._pass + 1, 0

    # -- hooks ----------------------------------------------------------------------------------

    def _begin_epoch(self) -> None:
        """Tell a `PyDataset` that an epoch begins: before its first batch is made."""
        if not self._in_epoch:
            self._in_epoch = True
            getattr(self._source, "on_epoch_begin", lambda: None)()

    def _end_epoch(self) -> None:
        self._in_epoch = False
        getattr(self._source, "on_epoch_end", lambda: None)()

    def close(self) -> None:
        """End the threads and processes that make batches."""
        running, self._running = self._running, None
        for one in (running, self._from):
            with contextlib.suppress(ValueError):  # a generator that another thread is in
                getattr(one, "close", lambda: None)()

    def __del__(self) -> None:
        if hasattr(self, "_from"):
            self.close()


def _generators() -> dict[str, Any]:
    return {"numpy": np.random.get_state(), "python": python_random.getstate()}


def _copied(leaf: Any) -> Any:
    return leaf if isinstance(leaf, jax.Array) else np.array(leaf)


@contextlib.contextmanager
def closing(*feeds: Any) -> Iterator[None]:
    """End the threads and processes of feeds after this block, whatever happens in it."""
    try:
        yield
    finally:
        for one in feeds:
            if isinstance(one, Stream):
                one.close()


def told(one: Any) -> str:
    """Return a line about how long the device waited for the data of the last epoch.

    Example:
        >>> told("arrays on the device")
        'waited for data: 0.0 %, as they lie on the device'
    """
    if not isinstance(one, Stream):
        return "waited for data: 0.0 %, as they lie on the device"
    share = one.idle / max(one.seconds, 1e-9)
    return f"waited for data: {100 * share:.1f} % of {one.seconds:.1f} s"
