"""Steps that a program wrote itself, made into the pure steps that are compiled."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core import calling, context, state
from keraunos._core import variable as boxes_room
from keraunos._core.variable import Variable, held
from keraunos._training import checks, functions
from keraunos._training.overridable import Steps
from keraunos._training.step import Batch, Boxes, Values
from keraunos.optimizers import LossScaleOptimizer
from keraunos.optimizers._gradients import watched

_MEASURING = ("compute_loss", "compute_metrics", "get_metrics_result", "metrics", "reset_metrics")
_PARTS = {
    "train": ("train_step", "make_train_function", *_MEASURING),
    "test": ("test_step", "make_test_function", *_MEASURING),
    "predict": ("predict_step", "make_predict_function"),
}
_ALL = frozenset(name for names in _PARTS.values() for name in names)
_TOO_EARLY = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerBoolConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


def is_written(model: Any, kind: str) -> bool:
    """Return whether a program wrote a part of the train, test or predict step itself."""
    return _is_written_by(type(model), kind) or not _ALL.isdisjoint(vars(model))


@functools.lru_cache
def _is_written_by(cls: type, kind: str) -> bool:
    return any(getattr(cls, name) is not getattr(Steps, name) for name in _PARTS[kind])


class Measures:
    """What stands in the place of an `Objective` for a step that reports by itself."""

    def __init__(self, model: Any) -> None:
        self._model = model

    @property
    def variables(self) -> list[Variable]:
        return _unique([v for metric in self._metrics() for v in metric.variables])

    def reset(self) -> None:
        """Set every metric back that the model says it has."""
        self._model.reset_metrics()
        lists_all = type(self._model).metrics is Steps.metrics
        for metric in self._metrics() if lists_all else ():
            metric.reset_state()

    def begins_at_zero(self) -> bool:
        """Return False: `reset_metrics` may be the program's own."""
        return False

    def accepts_padding(self) -> bool:
        """Return False: what the step does with rows that only fill up is not known."""
        return False

    def ordered(self, found: dict[str, Any]) -> dict[str, Any]:
        """Return what was reported, metrics in their order first."""
        names = ["loss", *(metric.name for metric in self._model.metrics)]
        return {name: found[name] for name in names if name in found} | dict(sorted(found.items()))

    def _metrics(self) -> list[Any]:
        objective = self._model._objective
        known = [] if objective is None else objective.metrics
        return _unique([*self._model.metrics, *known, *self._model._own_metrics()])


def step(model: Any, kind: str, example: Batch) -> tuple[Callable[..., Any], Boxes]:
    """Return a written step as a pure function, and every variable that it reads or changes.

    Args:
        model: its `train_step`, `test_step` or `predict_step` is run.
        kind: `"train"`, `"test"` or `"predict"`.
        example: a batch, for its shapes.
    """
    seen = _survey(model, kind, example)
    boxes, counter = _sorted(model, kind, seen)

    def run(values: Values, batch: Batch, key: jax.Array) -> Any:
        mine = [box for part in boxes for box in part]
        theirs = [value for part in values[: len(boxes)] for value in part]
        applied = checks.Applied(debugged(model, boxes))
        note = None if model.debug is None else applied.note
        with state.bind(mine, theirs, key) as scope, context.fresh(), watched(note):
            found = _call(model, kind, batch)
            if counter is not None:
                counter.assign(held(counter) + 1)
            new = Values(*(scope.updates(part) for part in boxes))
            if kind == "predict":
                return found, new.other + new.states
            where = f"{type(model).__name__}, its {kind} step"
            new = new._replace(logs=_logs(found, where))
            if model.debug is None or kind == "test":
                return new
            return _unless_bad(new, values, applied.flags(where))

    return run, boxes


def debugged(model: Any, boxes: Boxes) -> list[Variable]:
    """Return the variables whose gradients `debug="nan"` looks at, in the order of its flags."""
    return [*boxes.trainable, *(boxes.other if is_written(model, "train") else [])]


def _unless_bad(new: Values, old: Values, flags: jax.Array) -> Values:
    """Return the new values with the flags, but the old ones where a gradient is not finite."""
    bad = flags[:, 0].any()
    kept = jax.tree.map(lambda a, b: jnp.where(bad, b, a), new._replace(logs=()), old)
    return kept._replace(logs=new.logs | {checks.FLAGS: flags})


def data_of(batch: Batch) -> Any:
    """Return a batch as a step of a program gets it: x, (x, y) or (x, y, sample_weight)."""
    if batch.weights is not None:
        return batch.x, batch.y, batch.weights
    if batch.y is not None:
        return batch.x, batch.y
    return (batch.x,) if isinstance(batch.x, list) else batch.x


def _call(model: Any, kind: str, batch: Batch) -> Any:
    """Run the step in the scope that is bound, whichever way it is written."""
    step, data = functions.step_of(model, kind), data_of(batch)
    with _explained(model, kind):
        try:
            if not functions.pure(step):
                return step(data)
            groups = getattr(model, f"_{kind}_state")()
            return functions.on_variables(step, kind, groups, data)
        finally:
            _settle(model)


def _settle(model: Any) -> None:
    """Count losses that nobody has counted, and keep none of this trace."""
    objective = model._objective
    for tracker in () if objective is None else (objective.tracker, *objective.parts):
        tracker.settle()
        tracker._noted = None


def _logs(found: Any, where: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise TypeError(
            errors.report(
                where,
                expected="it returns a dictionary name -> value",
                got=type(found).__name__,
                fix="return {'loss': loss}, or {m.name: m.result() for m in self.metrics}",
            )
        )
    flat: dict[str, Any] = {}
    for name, value in found.items():
        flat |= value if isinstance(value, dict) else {name: value}
    arrays = {name: jnp.asarray(value) for name, value in flat.items() if value is not None}
    # Loops carry them: a weak type would change from the first step to the second.
    return {name: jax.lax.convert_element_type(a, a.dtype) for name, a in arrays.items()}


# -- variables -----------------------------------------------------------------------------------


def _survey(model: Any, kind: str, example: Batch) -> list[Variable]:
    """Run the step once on shapes: it builds what is not built, and shows what it touches."""
    seen: dict[int, Variable] = {}
    specs = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), example)
    if functions.pure(functions.step_of(model, kind)):
        _prepare(model, kind, example)

    def run(batch: Batch) -> None:
        with state.sandbox(jax.random.key(0)) as scope, context.fresh():
            _call(model, kind, batch)
            seen.update((id(box), box) for box in scope._boxes)

    def note(box: Variable, _: Any) -> None:
        seen.setdefault(id(box), box)

    boxes_room.readers().append(note)
    optimizer = model.optimizer
    scales = kind == "train" and isinstance(optimizer, LossScaleOptimizer)
    if scales:
        optimizer.asked, optimizer.divides = False, True
    try:
        if model.run_eagerly:
            run(jax.tree.map(jnp.asarray, example))
        else:
            jax.eval_shape(run, specs)
    finally:
        boxes_room.readers().remove(note)
    used = scales and optimizer.built and id(optimizer.dynamic_scale) in seen
    if used and not optimizer.asked:
        optimizer.divides = False
        if not optimizer.by_hand:
            errors.warn(
                f"{type(model).__name__}, its train step: the loss is not scaled, so that small"
                " gradients of float16 become 0; take those of self.optimizer.scale_loss(loss)"
            )
    state.new_version()
    return list(seen.values())


def _prepare(model: Any, kind: str, example: Batch) -> None:
    """Build model, losses and optimizer: a pure step gets the values of all their variables."""
    if not model._is_ready():
        model._ensure_built(example)
    if kind != "predict" and model._objective is None and example.y is not None:
        outputs, _ = model._outlined(example.x)
        model._objective_for(example.y, outputs)
    if kind == "train" and model.optimizer is not None:
        model.optimizer.build(model.trainable_variables)


def _sorted(model: Any, kind: str, seen: list[Variable]) -> tuple[Boxes, Variable | None]:
    """Return all variables by their part, and a counter of steps where no optimizer counts them."""
    plain = model._boxes()
    metrics = _unique([*Measures(model).variables, *plain.metrics]) if kind != "predict" else []
    optimizer = plain.optimizer if kind == "train" else []
    known = {id(box) for box in (*plain.trainable, *plain.other, *plain.states, *optimizer)}
    metrics = [box for box in metrics if id(box) not in known]
    known |= {id(box) for box in metrics}
    loose = [box for box in seen if id(box) not in known]
    counts = bool(optimizer) and any(box is optimizer[0] for box in seen)
    counter = None if counts or kind != "train" else _counter(model)
    first = [] if counter is None else [counter]
    other = [*plain.other, *loose]
    return Boxes(plain.trainable, other, plain.states, [*first, *optimizer], metrics), counter


def _counter(model: Any) -> Variable:
    """Return the model's count of its steps, which random keys follow from."""
    made = vars(model).get("_steps_taken")
    if made is None:
        made = Variable(np.zeros((), np.int32), trainable=False, name="steps_taken")
        model._book.hidden.add("_steps_taken")
        vars(model)["_steps_taken"] = made
    return made


def _unique(items: Any) -> list[Any]:
    return list({id(one): one for one in items}.values())


# -- errors --------------------------------------------------------------------------------------


@contextmanager
def _explained(model: Any, kind: str) -> Iterator[None]:
    """Say where a step needs a value that a compiled program does not have yet."""
    try:
        yield
    except _TOO_EARLY as error:
        raise TypeError(
            errors.report(
                f"{type(model).__name__}.{kind}_step, {calling._line_of(error)}:"
                " Python needs a value too early",
                expected="a step that can be compiled: `if`, float(), .numpy() need a value",
                got=str(error).split("\n")[0],
                fix="use keras.ops.where or keras.ops.cond, or compile(run_eagerly=True)",
            )
        ) from error
