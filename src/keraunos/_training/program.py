"""Programs: the pure steps, traced once, compiled for one step or for many a dispatch."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import jaxpr_as_fun

from keraunos._core import random
from keraunos._core.variable import Variable
from keraunos._kernels.loop import steps_may_loop
from keraunos._kernels.rows import take_rows
from keraunos._training.step import Batch, Boxes, Values, results
from keraunos.distribution import Distribution

Step = Callable[..., Any]


def current_values(boxes: Boxes, donate: bool = False) -> Values:
    """Return what the boxes hold now; to be donated, what somebody has seen is copied."""

    def read(box: Variable) -> Any:
        return _copied(box._value) if donate and box._lent else box._value

    return Values(*([read(box) for box in part] for part in boxes))


def _copied(value: Any) -> jax.Array:
    several = len(value.sharding.device_set) > 1
    return jax.device_put(np.array(value), value.sharding if several else None)


def put_values(boxes: Boxes, values: Values) -> None:
    """Let the boxes hold new values: nothing is copied, nothing waits."""
    for part, new in zip(boxes, values, strict=False):
        for box, value in zip(part, new, strict=False):
            box._value = value
            box._lent = False


class StepProgram:
    """Runs a step on boxes: one batch a dispatch, or many cut from resident arrays.

    Args:
        step: (values, batch, key) -> values; only what changes is in the result.
        boxes: the variables.
        objective: whose results come out with each dispatch.
        changes: which of the parts the step returns: these are donated and written back.
        plan: how variables and batches lie on several devices; None: on one.
    """

    def __init__(
        self,
        step: Step,
        boxes: Boxes,
        objective: Any,
        changes: tuple[str, ...],
        plan: Distribution | None = None,
    ) -> None:
        self._step, self.boxes, self.objective, self._changes = step, boxes, objective, changes
        self._plan = plan
        self._flat = [box for part in boxes for box in part]
        self._shardings = [] if plan is None else plan.shardings(self._flat)
        self._compiled: dict[Any, Callable[..., Any]] = {}
        self._traces: dict[Any, Traced] = {}
        # Looks at a batch from the host before it is used; resident data are looked at as a whole.
        self.check: Callable[[Batch], None] | None = None

    def run_batch(self, batch: Batch, checked: bool = False, alone: bool = False) -> dict[str, Any]:
        """Take one step on a batch and return the results so far, on the device.

        Args:
            batch: of arrays.
            checked: whether somebody has looked at it already.
            alone: whether the results are of this batch alone.
        """
        if self.check is not None and not checked:
            self.check(batch)
        batch = jax.tree.map(_ready, batch)
        if self._plan is not None:
            batch = self._plan.cut(batch)
        inside = alone and self.objective.begins_at_zero()
        if alone and not inside:
            self.objective.reset()
        run = self._program(("batch", inside), batch, lambda traced: self._one(traced, inside))
        return self._dispatch(run, batch)

    def run_rows(
        self, data: Batch, order: Any, offset: int, steps: int, size: int, valid: int | None = None
    ) -> dict[str, Any]:
        """Take steps on resident arrays, from sample `offset` of the epoch on.

        Args:
            data: arrays on the device.
            order: (samples,) the order of this epoch, or None.
            offset: the first sample.
            steps: how many; more than one only where `loops()` says so.
            size: samples a batch.
            valid: how many samples count, where the arrays were filled up; None: all.
        """
        example = _example(data, size, valid is not None)
        key = ("rows", size, order is None)
        run = self._program(key, example, lambda traced: self._many(traced, size))
        counted = None if valid is None else np.int32(valid)
        return self._dispatch(run, data, order, np.int32(offset), np.int32(steps), counted)

    def shared(self, data: Batch) -> Batch:
        """Return resident arrays where the steps that cut batches from them run."""
        return data if self._plan is None else self._plan.copied(data)

    def loops(self, data: Batch, size: int, padded: bool = False) -> bool:
        """Return whether many steps may be put in one program on this platform."""
        return self._traced(_example(data, size, padded)).may_loop

    def takes_windows(self, example: Batch) -> bool:
        """Return whether batches that come one by one may be put in one program too."""
        return self._plan is None and self._traced(example).may_loop

    def _dispatch(self, run: Callable[..., Any], *data: Any) -> dict[str, Any]:
        if self._plan is not None:
            self._plan.place(self._flat, self._shardings)
        values = current_values(self.boxes, donate=True)
        changing = {name: getattr(values, name) for name in self._changes}
        fixed = {name: getattr(values, name) for name in Boxes._fields if name not in self._changes}
        done: list[tuple[dict[str, Any], dict[str, Any]]] = []
        try:
            # No Python runs between the call and the list: Ctrl-C cannot come after the old
            # values were given away and before the new ones are held.
            done.extend(itertools.starmap(run, [(changing, fixed, random.step_seed(), *data)]))
        finally:
            for new, _ in done:
                put_values(self.boxes, Values(*(new.get(name, []) for name in Boxes._fields)))
        return done[0][1]

    # -- tracing and compiling --------------------------------------------------------------------

    def _program(self, key: Any, example: Any, make: Callable[[Traced], Any]) -> Callable[..., Any]:
        leaves, tree = jax.tree.flatten(example)
        full = (key, tree, *((leaf.shape, leaf.dtype) for leaf in leaves))
        if full not in self._compiled:
            where: Any = {} if self._plan is None else {"out_shardings": (self._lying(), None)}
            made = make(self._traced(example))
            self._compiled[full] = jax.jit(made, donate_argnums=0, **where)
        return self._compiled[full]

    def _lying(self) -> dict[str, Any]:
        """Return where the variables lie that change: there they stay."""
        rows = iter(self._shardings)
        parts = {n: [next(rows) for _ in part] for n, part in zip(Boxes._fields, self.boxes)}
        return {name: parts[name] for name in self._changes}

    def _traced(self, example: Any) -> Traced:
        batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), example)
        leaves, tree = jax.tree.flatten(batch)
        key = (tuple((leaf.shape, leaf.dtype) for leaf in leaves), tree)
        if key not in self._traces:
            self._traces[key] = Traced(self._step, current_values(self.boxes), batch)
        return self._traces[key]

    def _one(self, traced: Traced, resets: bool) -> Callable[..., Any]:
        def run(changing: Any, fixed: Any, seed: Any, batch: Batch) -> Any:
            if resets:  # in the program: on the host it would take longer than a small step
                changing = changing | {"metrics": [jnp.zeros_like(v) for v in changing["metrics"]]}
            new, logs = self._advance(traced, changing, fixed, seed, batch)
            return new, self._results(new, logs)

        return run

    def _many(self, traced: Traced, size: int) -> Callable[..., Any]:
        def run(
            changing: Any,
            fixed: Any,
            seed: Any,
            data: Batch,
            order: Any,
            offset: Any,
            steps: Any,
            valid: Any,
        ) -> Any:
            def body(i: Any, state: Any) -> Any:
                start = offset + i * size
                batch = _cut(data, order, start, size)
                if valid is not None:
                    batch = batch._replace(valid=start + jnp.arange(size) < valid)
                return self._advance(traced, state[0], fixed, seed, batch)

            first = (changing, traced.no_logs())
            new, logs = (
                jax.lax.fori_loop(0, steps, body, first) if traced.may_loop else body(0, first)
            )
            return new, self._results(new, logs)

        return run

    def _advance(self, traced: Traced, changing: Any, fixed: Any, seed: Any, batch: Batch) -> Any:
        if self._plan is not None:
            batch = self._plan.cut(batch)
        values = Values(**changing, **fixed)
        key = jax.random.wrap_key_data(seed, impl="threefry2x32")
        if values.optimizer:
            number_of_the_step = values.optimizer[0].astype(jnp.uint32)
            key = jax.random.fold_in(key, number_of_the_step)
        new = traced(values, batch, key)
        return {name: getattr(new, name) for name in changing}, new.logs

    def _results(self, new: Any, logs: Any) -> dict[str, Any]:
        return logs if logs != () else results(self.objective, self.boxes, new["metrics"])


class Traced:
    """A step traced to a jaxpr once, so that every program made of it costs no second tracing."""

    def __init__(self, step: Step, values: Values, batch: Any) -> None:
        def run(values: Values, batch: Any, seed: Any) -> Any:
            return step(values, batch, jax.random.wrap_key_data(seed, impl="threefry2x32"))

        closed, shape = jax.make_jaxpr(run, return_shape=True)(values, batch, random.step_seed())
        self._run = jaxpr_as_fun(closed)
        self._tree = jax.tree.structure(shape)
        self._logs = shape.logs
        self.may_loop = steps_may_loop(closed)

    def __call__(self, values: Values, batch: Any, key: Any) -> Values:
        leaves = jax.tree.leaves((values, batch, jax.random.key_data(key)))
        return jax.tree.unflatten(self._tree, self._run(*leaves))

    def no_logs(self) -> Any:
        """Return what a step reports, before the first one."""
        return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), self._logs)


def _ready(leaf: Any) -> Any:
    """Return an array that a program takes as it is; NumPy's own goes in with the call."""
    if isinstance(leaf, np.ndarray) and jax.dtypes.canonicalize_dtype(leaf.dtype) == leaf.dtype:
        return leaf
    return jnp.asarray(leaf)


def _example(data: Batch, size: int, padded: bool) -> Batch:
    """Return the shapes of a batch that is cut from resident arrays."""
    batch = jax.tree.map(lambda a: jax.ShapeDtypeStruct((size, *a.shape[1:]), a.dtype), data)
    return batch._replace(valid=jax.ShapeDtypeStruct((size,), jnp.bool_)) if padded else batch


def _cut(data: Batch, order: Any, start: Any, size: int) -> Batch:
    """Return the batch that begins at sample `start` of the epoch."""
    if order is None:
        return jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, size), data)
    rows = jax.lax.dynamic_slice_in_dim(order, start, size)
    return jax.tree.map(lambda a: take_rows(a, rows), data)


def bucket(count: int, batch_size: int) -> int:
    """Return the size that `count` samples are filled up to: a power of two, so few programs.

    Example:
        >>> bucket(5, 32), bucket(30, 48), bucket(33, 32)
        (8, 32, 32)
    """
    return (
        min(batch_size, 1 << max(count - 1, 0).bit_length()) if count < batch_size else batch_size
    )
