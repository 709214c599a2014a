"""The same steps in plain Python, one at a time, for a debugger (`run_eagerly=True`)."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core import random
from keraunos._training.program import current_values, put_values
from keraunos._training.step import Batch, Boxes, Values, results


class EagerProgram:
    """Stands in for `StepProgram`: `call` of each layer runs as written, with values to look at."""

    def __init__(self, step: Any, boxes: Boxes, objective: Any, changes: tuple[str, ...]) -> None:
        self._step, self.boxes, self.objective, self._changes = step, boxes, objective, changes
        self.check: Any = None
        self.look: Any = None  # at gradients

    def shared(self, data: Batch) -> Batch:
        return data

    def loops(self, data: Batch, size: int, padded: bool = False) -> bool:
        return False

    def takes_windows(self, example: Batch) -> bool:
        return False

    def run_batch(self, batch: Batch, checked: bool = False, alone: bool = False) -> dict[str, Any]:
        if alone:
            self.objective.reset()
        if self.check is not None and not checked:
            self.check(batch)
        values = current_values(self.boxes)
        key = jax.random.wrap_key_data(jnp.asarray(random.step_seed()), impl="threefry2x32")
        if values.optimizer:
            key = jax.random.fold_in(key, values.optimizer[0].astype(jnp.uint32))
        new = self._step(values, jax.tree.map(jnp.asarray, batch), key)
        put_values(
            self.boxes,
            Values(*(getattr(new, n) if n in self._changes else [] for n in Boxes._fields)),
        )
        if new.logs != ():
            return new.logs if self.look is None else self.look(new.logs)
        return results(self.objective, self.boxes, [v._value for v in self.boxes.metrics])

    def run_rows(
        self, data: Batch, order: Any, offset: int, steps: int, size: int, valid: int | None = None
    ) -> dict[str, Any]:
        rows = np.arange(offset, offset + size)
        batch = jax.tree.map(lambda a: a[rows if order is None else np.asarray(order)[rows]], data)
        if valid is not None:
            batch = batch._replace(valid=jnp.asarray(rows < valid))
        return self.run_batch(batch)
