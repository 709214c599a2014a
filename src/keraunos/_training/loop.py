"""Epochs, chunks of steps, callbacks; no arithmetic."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

import jax

from keraunos._training.feed import Resident, Stream
from keraunos._training.program import StepProgram

# How long a dispatch should take: short enough for the bar, for Ctrl-C and for stop_training.
_CHUNK_SECONDS = 0.1
# Dispatches under way at once: the next one is ready when the device has done with this one.
_IN_FLIGHT = 2

Report = Callable[[int, dict[str, Any]], None]


class Pace:
    """Chooses how many steps go into a dispatch, from how long the last ones took."""

    def __init__(self) -> None:
        self.steps = 1
        self._began: float | None = None

    def learn(self, steps: int) -> None:
        """Note that a dispatch of so many steps has come back."""
        now = time.perf_counter()
        if self._began is not None and steps == self.steps:
            each = max(now - self._began, 1e-6) / steps
            self.steps = max(1, min(int(_CHUNK_SECONDS / each), 4 * self.steps))
        self._began = now


class Runner:
    """Runs a program over data, epoch after epoch.

    Args:
        program: of the train or the test step.
        feed: resident arrays or a stream.
        pace: shared by the epochs of one fit.
    """

    def __init__(self, program: StepProgram, feed: Resident | Stream) -> None:
        self.program, self.feed = program, feed
        self._pace = Pace()
        self._position = 0  # in a pass that an epoch of `steps_per_epoch` left unfinished
        self._order: Any = None

    def epoch(
        self,
        steps: int | None,
        *,
        seed: list[int] | None = None,
        single: bool = False,
        before: Callable[[int], None] | None = None,
        after: Report | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> dict[str, Any]:
        """Run one epoch and return its results, on the device.

        Args:
            steps: how many; None for one pass over the data.
            seed: of the epoch's order; None takes the samples as they lie.
            single: one step a dispatch, because somebody listens to batches.
            before, after: called with the number of the step, and after it with the results so far.
            stop: asked after each dispatch.
        """
        run = self._resident if isinstance(self.feed, Resident) else self._stream
        pending: deque[dict[str, Any]] = deque()
        last: dict[str, Any] = {}
        for first, count, dispatch in run(steps, seed, single):
            if before is not None:
                before(first)
            last = dispatch()
            pending.append(last)
            if len(pending) >= (1 if single else _IN_FLIGHT):
                jax.block_until_ready(pending.popleft())
                self._pace.learn(count)
            if after is not None:
                after(first + count, last)
            if stop():
                break
        return last

    def _stream(self, steps: int | None, seed: Any, single: bool) -> Any:
        assert isinstance(self.feed, Stream)
        for number, batch in enumerate(self.feed.take(steps)):
            yield number, 1, lambda batch=batch: self.program.run_batch(batch)

    def _resident(self, steps: int | None, seed: list[int] | None, single: bool) -> Any:
        feed = self.feed
        assert isinstance(feed, Resident)
        size = feed.batch_size
        many = not single and self.program.loops(feed.data, size, feed.padded)
        whole = feed.steps if feed.padded else feed.full
        done, wanted = 0, feed.steps if steps is None else steps
        while done < wanted:
            if self._position == 0:
                order = feed.order(seed is not None, [*(seed or ()), done])
                self._order = None if order is None else jax.device_put(order)
            left = min(whole - self._position, wanted - done)
            if left > 0:
                count = min(self._pace.steps, left) if many else 1
                offset = self._position * size
                valid = feed.size if feed.padded else None
                yield (
                    done,
                    count,
                    lambda c=count, o=offset, v=valid: self.program.run_rows(
                        feed.data, self._order, o, c, size, v
                    ),
                )
            else:
                count = 1
                yield (
                    done,
                    1,
                    lambda: self.program.run_rows(
                        feed.data, self._order, feed.full * size, 1, feed.odd
                    ),
                )
            done += count
            self._position = (self._position + count) % feed.steps
