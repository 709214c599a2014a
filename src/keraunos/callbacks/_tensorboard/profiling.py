"""Which batches are profiled, and JAX's profiler around them."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import errors


def batches(wanted: Any) -> tuple[int, int]:
    """Return the first and the last batch to profile; (0, 0) for none.

    Args:
        wanted: a number, a pair, or text like `"10,20"`; the first batch is 1.

    Raises:
        ValueError: anything else.

    Example:
        >>> batches("10,20")
        (10, 20)
    """
    try:
        parts = wanted.split(",") if isinstance(wanted, str) else wanted
        numbers = [int(n) for n in parts] if isinstance(parts, (list, tuple)) else [int(parts)] * 2
        if len(numbers) == 1:
            numbers *= 2
        first, last = numbers
    except (TypeError, ValueError):
        first, last = -1, -1
    if not (0 < first <= last or first == last == 0):
        expected = "a batch, 1 or more, or a pair (first, last); 0 for none"
        raise ValueError(
            errors.report("TensorBoard, profile_batch", expected=expected, got=repr(wanted))
        )
    return first, last


class Profiler:
    """Records the batches of a range into a folder, once.

    A profiler that will not start is a warning: it does not end training.

    Args:
        first, last: the batches, counted from 1.
        folder: gets `plugins/profile/<time>/`.
    """

    def __init__(self, first: int, last: int, folder: str) -> None:
        self.first, self.last, self._folder = first, last, folder
        self._batch = 0  # of this run
        self._running = False
        self._step: Any = None
        self.done = last == 0

    def begin(self) -> None:
        """Say that a batch begins."""
        self._batch += 1
        if not self.done and self._batch == self.first:
            try:
                jax.profiler.start_trace(self._folder)
                self._running = True
            except Exception as error:
                self._failed(error)
        if self._running:
            self._step = jax.profiler.StepTraceAnnotation("train", step_num=self._batch)
            self._step.__enter__()

    def end(self) -> None:
        """Say that a batch has ended, on the device too."""
        self._end_step()
        if self._running and self._batch == self.last:
            self.stop()

    def stop(self) -> None:
        """Write what was recorded, if the range has begun."""
        self._end_step()
        if self._running:
            self._running, self.done = False, True
            try:
                jax.profiler.stop_trace()
            except Exception as error:
                self._failed(error)

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    def _failed(self, error: Exception) -> None:
        self.done = True
        errors.warn(errors.report("TensorBoard: no profile", got=str(error)))
