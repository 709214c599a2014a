"""Epochs, chunks of steps, callbacks; no arithmetic."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import jax

from keraunos._training.feed import Resident
from keraunos._training.program import StepProgram
from keraunos._training.step import Batch
from keraunos._training.streaming import Stream
from keraunos._training.windows import Window

# How long a dispatch should take: short enough for the bar, for Ctrl-C and for stop_training.
_CHUNK_SECONDS = 0.1
# XLA frees a step's memory a moment after its results are there. A step that comes sooner takes
# other memory, and on a CPU the process keeps both.
_MOMENT = 0.01

Report = Callable[[int, dict[str, Any]], None]


class Pace:
    """Chooses how many steps go into a dispatch, from how long the last ones took."""

    def __init__(self) -> None:
        self.steps = 1
        # Dispatches under way at once. Two: the next one is ready when the device has done with
        # this one. But steps that are long themselves gain nothing, and would take memory twice.
        self.in_flight = 1
        self._began = 0.0

    def begin(self) -> None:
        """Note that an epoch begins."""
        self._began = time.perf_counter()

    def learn(self, steps: int) -> None:
        """Note that a dispatch of so many steps has come back."""
        took = max(time.perf_counter() - self._began, 1e-6)
        if steps == self.steps:
            each = took / steps
            self.steps = max(1, min(int(_CHUNK_SECONDS / each), 4 * self.steps))
            self.in_flight = 2 if each < _CHUNK_SECONDS else 1
        if self.in_flight == 1 and took > _CHUNK_SECONDS:
            time.sleep(min(_MOMENT, took / 50))
        self.begin()


class Runner:
    """Runs a program over data, epoch after epoch.

    Args:
        program: of the train or the test step.
        feed: resident arrays or a stream.
    """

    def __init__(self, program: StepProgram, feed: Resident | Stream) -> None:
        self.program, self.feed = program, feed
        if isinstance(feed, Resident):
            feed.data = program.shared(feed.data)
        elif program.takes_windows(feed.first()):
            feed.in_windows()
        self._pace = Pace()
        self._position = 0  # in a pass that an epoch of `steps_per_epoch` left unfinished
        self._order: Any = None
        self._order_seed: list[int] | None = None
        self._taken = 0  # batches of the stream, over all epochs

    def state(self) -> dict[str, Any]:
        """Return where in its data it is, as plain values."""
        own = {"position": self._position, "order": self._order_seed, "taken": self._taken}
        where = getattr(self.feed, "position", lambda: None)
        return own | {"stream": where(), "in_epoch": getattr(self.feed, "_in_epoch", False)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from where `state` was taken."""
        feed: Any = self.feed
        self._position, self._taken = state["position"], state["taken"]
        if state["stream"] is not None:
            feed.restore(state["stream"])
        if isinstance(feed, Resident):
            self._draw(state["order"])
            return
        if state["stream"] is None and self._taken:
            deque(feed.take(self._taken), maxlen=0)
        feed._in_epoch = state["in_epoch"]

    def _draw(self, seed: list[int] | None) -> None:
        assert isinstance(self.feed, Resident)
        order = self.feed.order(seed is not None, seed or [])
        self._order_seed = seed
        self._order = None if order is None else jax.device_put(order)

    def rewind(self) -> None:
        """Begin with the first batch again, where an epoch of fewer steps has left the pass."""
        self._position = 0
        getattr(self.feed, "rewind", lambda: None)()

    def epoch(
        self,
        steps: int | None,
        *,
        first: int = 0,
        seed: list[int] | None = None,
        single: bool = False,
        before: Callable[[int], None] | None = None,
        after: Report | None = None,
        most: Callable[[], int | None] = lambda: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Run one epoch and return its results, on the device.

        Args:
            steps: how many; None for one pass over the data.
            first: the step to begin with, where a run goes on in the middle of an epoch.
            seed: of the epoch's order; None takes the samples as they lie.
            single: one step a dispatch, because somebody listens to batches.
            before, after: called with the number of the step, and after it with the results so far.
            most: asked for how many steps the next dispatch may take; None: any.
            stop: asked after each dispatch.
        """
        run = self._resident if isinstance(self.feed, Resident) else self._stream
        pending: deque[dict[str, Any]] = deque()
        self._pace.begin()
        last: dict[str, Any] = {}
        for number, count, dispatch in run(steps, first, seed, most, single):
            if before is not None:
                before(number)
            last = dispatch()
            pending.append(last)
            if len(pending) >= (1 if single else self._pace.in_flight):
                jax.block_until_ready(pending.popleft())
                self._pace.learn(count)
            if after is not None:
                after(number + count, last)
            if stop():
                break
        return last

    def _stream(self, steps: int | None, first: int, _: Any, most: Any, single: bool) -> Any:
        feed = self.feed
        assert isinstance(feed, Stream)
        done = first
        feed.together(1)
        for found in feed.take(None if steps is None else steps - first):
            batches = found.batches if isinstance(found, Window) else 1
            self._taken += batches
            at = 0
            while at < batches:
                count = min(batches - at, most() or batches)
                yield done, count, self._batches(found, at, count)
                at, done = at + count, done + count
            feed.together(1 if single else self._pace.steps)

    def _batches(self, found: Batch | Window, at: int, count: int) -> Any:
        feed: Any = self.feed

        def dispatch() -> dict[str, Any]:
            if isinstance(found, Window):
                size = found.size
                return self.program.run_rows(found.data, None, at * size, count, size)
            return self.program.run_batch(found, checked=True)

        return lambda: feed.dispatched(dispatch())

    def _resident(
        self, steps: int | None, first: int, seed: list[int] | None, most: Any, single: bool
    ) -> Any:
        feed = self.feed
        assert isinstance(feed, Resident)
        size = feed.batch_size
        many = not single and self.program.loops(feed.data, size, feed.padded)
        whole = feed.steps if feed.padded else feed.full
        done, wanted = first, feed.steps if steps is None else steps
        while done < wanted:
            if self._position == 0:
                self._draw(None if seed is None else [*seed, done])
            start = self._position
            left = min(whole - start, wanted - done)
            count, rows, valid = 1, feed.odd, None  # the last batch, a smaller one
            if left > 0:
                count = min(self._pace.steps, left, most() or left, feed.most) if many else 1
                rows, valid = size, feed.size if feed.padded else None
            # Already here: a backup is made while this generator waits.
            self._position = (start + count) % feed.steps
            yield done, count, self._rows(start * size, count, rows, valid)
            done += count

    def _rows(self, offset: int, count: int, size: int, valid: int | None) -> Any:
        feed: Any = self.feed
        order = self._order

        def dispatch() -> dict[str, Any]:
            data, start = feed.at(offset, count * size)
            data = self.program.shared(data)  # a new window; all others lie there already
            left = None if valid is None else valid - offset + start
            return self.program.run_rows(data, order, start, count, size, left)

        return dispatch
