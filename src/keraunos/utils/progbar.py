"""`keras.utils.Progbar`: the progress bar as programs with loops of their own call it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from keraunos import _progress as progress
from keraunos import errors


class Progbar:
    """Shows how far a loop has come, and the means of what it reports.

    Args:
        target: the number of steps; None where it is not known.
        width: cells of the bar.
        verbose: 0 shows nothing, 1 a bar that moves (a plain line at the end where the output is
            no terminal), 2 the plain line everywhere.
        interval: seconds between two drawings.
        stateful_metrics: names whose last value is shown as it is; the others are averaged.
        stateless_metrics: names that are averaged; the others are shown as they are.
        unit_name: `"step"`, `"sample"` ...

    Raises:
        ValueError: both kinds of names are given.

    Example:
        >>> bar = Progbar(2, verbose=2)
        >>> bar.update(1, [("loss", 3.0)])
        >>> bar.add(1, [("loss", 1.0)])
        2/2 - ... - loss: 1.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            where = "Progbar: stateful_metrics and stateless_metrics"
            raise ValueError(errors.report(where, expected="one of them", got="both"))
        self.target, self.unit_name = target, unit_name
        self._stateful = None if stateful_metrics is None else set(stateful_metrics)
        self._stateless = None if stateless_metrics is None else set(stateless_metrics)
        self._sums: dict[str, tuple[Any, int]] = {}
        self._bar = progress.Progbar(
            target, verbose=verbose, unit_name=unit_name, width=width, interval=interval
        )
        self._seen = 0

    def update(
        self,
        current: int,
        values: Iterable[tuple[str, Any]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Say that `current` steps are done.

        Args:
            current: the number of steps done.
            values: (name, value) of the last step.
            finalize: whether this is the last time, for which the values are shown as they are;
                by default, whether the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            total, count = self._sums.get(name, (0.0, 0))
            averaged = self._averages(name) and not finalize
            self._sums[name] = (total + value * steps, count + steps) if averaged else (value, 1)
        self._seen = current
        self._bar.update(current, self._means, finalize)

    def add(self, n: int, values: Iterable[tuple[str, Any]] | None = None) -> None:
        """Say that `n` more steps are done."""
        self.update(self._seen + n, values)

    def _averages(self, name: str) -> bool:
        if self._stateless is not None:
            return name in self._stateless
        return name not in (self._stateful or ())

    def _means(self) -> dict[str, float]:
        return {name: float(np.mean(total)) / count for name, (total, count) in self._sums.items()}
