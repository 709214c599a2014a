"""Runs a step whichever way it is written: on variables or values, on data or an iterator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import state
from keraunos._core.variable import Variable, held

Groups = tuple[list[Variable], ...]


def pure(step: Callable[..., Any]) -> bool:
    """Return whether a step is written as a function of the state: `(self, state, data)`."""
    rows = inspect.signature(step).parameters.values()
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in rows) >= 2


def as_pure(step: Callable[[Any], Any], kind: str, groups: Groups, given: Any, data: Any) -> Any:
    """Run a step that changes variables as a pure function of their values.

    Returns:
        What it returns, and the new values: of all groups, or in prediction those of the second.
    """
    boxes = [box for group in groups for box in group]
    with state.bind(boxes, [value for group in given for value in group]) as scope:
        found, new = step(data), tuple(scope.updates(group) for group in groups)
    return found, new[1] if kind == "predict" else new


def on_variables(step: Callable[..., Any], kind: str, groups: Groups, data: Any) -> Any:
    """Run a step that is a pure function of values on the variables themselves.

    Raises:
        TypeError: it does not return a pair.
    """
    result = step(tuple([held(box) for box in group] for group in groups), data)
    if not isinstance(result, tuple) or len(result) != 2:
        where = f"{getattr(step, '__name__', kind + '_step')}(self, state, data)"
        raise TypeError(errors.report(where, expected="it returns logs, state"))
    found, new = result
    if kind == "predict":
        groups, new = groups[1:], (new,)
    for boxes, values in zip(groups, new, strict=True):
        for box, value in zip(boxes, values, strict=True):
            box.assign(value)
    return found


def from_iterator(model: Any, kind: str, *given: Any) -> Any:
    """Run a model's step on the next batch: what `make_train_function` and its kin make.

    Args:
        model: whose `train_step`, `test_step` or `predict_step` is run.
        kind: `"train"`, `"test"` or `"predict"`.
        given: `(iterator)`, to change variables; or `(state, iterator)`, to return the new state.
    """
    *values, batches = given
    step, data = getattr(model, f"{kind}_step"), next(batches)
    groups = getattr(model, f"_{kind}_state")()
    if values:
        written = pure(step)
        return step(values[0], data) if written else as_pure(step, kind, groups, values[0], data)
    return on_variables(step, kind, groups, data) if pure(step) else step(data)


def step_of(model: Any, kind: str) -> Callable[..., Any]:
    """Return what is run on a batch: the step; or the function of an iterator around it, where the
    program has written `make_train_function` or its kin.

    Raises:
        TypeError: that made nothing.
    """
    name = f"make_{kind}_function"
    make = getattr(model, name)
    if getattr(make, "built_in", False):
        return getattr(model, f"{kind}_step")
    setattr(model, f"{kind}_function", None)
    returned = make()
    function = getattr(model, f"{kind}_function") or returned
    if not callable(function):
        where, expected = f"{type(model).__name__}.{name}", f"it sets self.{kind}_function"
        raise TypeError(errors.report(where, expected=expected, got=repr(function)))

    @functools.wraps(function)
    def on_data(*given: Any) -> Any:
        *values, data = given
        try:
            # Copies, as it may give them away (`jax.jit(..., donate_argnums=0)`).
            return function(*jax.tree.map(jnp.array, values), iter([data]))
        except StopIteration:
            where = f"{type(model).__name__}.{name}: its function asks for a second batch"
            fix = "let it take one; fit() runs many steps a dispatch by itself"
            raise TypeError(errors.report(where, fix=fix)) from None

    return on_data


def built_in(method: Any) -> Any:
    """Mark a method of ours, so that an override is told from it."""
    method.built_in = True
    return method
