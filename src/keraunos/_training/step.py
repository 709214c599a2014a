"""The pure step: (values, batch) -> (values, outputs). One builder for train, test and predict."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from keraunos._core import context, state
from keraunos._core.variable import Variable
from keraunos._training.compile import Objective
from keraunos.optimizers._base import kept_unless


class Boxes(NamedTuple):
    """The variables of a training run.

    Args:
        trainable: what the optimizer changes.
        other: what training changes besides (moving means), and frozen weights.
        states: what every call changes: the states of stateful recurrent layers.
        optimizer, metrics: of these.
    """

    trainable: list[Variable]
    other: list[Variable]
    states: list[Variable]
    optimizer: list[Variable]
    metrics: list[Variable]


class Values(NamedTuple):
    """Their values, in the same order; and what a step that a program wrote itself reports."""

    trainable: list[Any]
    other: list[Any]
    states: list[Any]
    optimizer: list[Any]
    metrics: list[Any]
    logs: Any = ()


class Batch(NamedTuple):
    """One batch; `valid` is (batch,) bool where rows only fill it up, else None."""

    x: Any
    y: Any = None
    weights: Any = None
    valid: Any = None


def train_step(
    model: Any,
    objective: Objective,
    optimizer: Any,
    boxes: Boxes,
    watch: Callable[[Any], Any] | None = None,
) -> Callable[..., Values]:
    """Return the step that changes weights: forward, backward, update, measure.

    Args:
        model, objective, optimizer, boxes: of the training.
        watch: makes of the gradients what is reported beside the results; a step in which one is
            not finite changes no weights then.
    """

    def step(values: Values, batch: Batch, key: jax.Array) -> Values:
        def loss_of(trainable: list[Any]) -> tuple[Any, Any]:
            mine = [*boxes.trainable, *boxes.other, *boxes.states, *boxes.optimizer]
            theirs = [*trainable, *values.other, *values.states, *values.optimizer]
            with state.bind(mine, theirs, key) as scope, context.fresh(training=True):
                outputs = model(batch.x, training=True)
                total, parts = _total(model, objective, batch, outputs)
                scaled = optimizer.scale_loss(total)
                changed = scope.updates([*boxes.other, *boxes.states])
                return scaled, (changed, outputs, _masks(outputs), total, parts)

        grads, found = jax.grad(loss_of, has_aux=True)(values.trainable)
        changed, outputs, masks, total, parts = found
        mine = [box for part in boxes for box in part]
        theirs = [*values.trainable, *changed, *values.optimizer, *values.metrics]
        with state.bind(mine, theirs, key) as scope, context.fresh(training=True):
            if watch is None:
                optimizer.apply(grads, boxes.trainable)
            else:
                finite = jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in grads]))
                with kept_unless(finite, [*boxes.trainable, *boxes.optimizer]):
                    optimizer.apply(grads, boxes.trainable)
            _restore(outputs, masks)
            objective.update(batch.y, outputs, batch.weights, total, parts, batch.valid)
            new = _updates(scope, boxes)
            if watch is None:
                return new
            return new._replace(logs=objective.results() | {"gradients": watch(grads)})

    return step


def test_step(model: Any, objective: Objective, boxes: Boxes) -> Callable[..., Values]:
    """Return the step that only measures: weights stay, states of stateful layers go on."""

    def step(values: Values, batch: Batch, key: jax.Array) -> Values:
        mine = [*boxes.trainable, *boxes.other, *boxes.states, *boxes.metrics]
        theirs = [*values.trainable, *values.other, *values.states, *values.metrics]
        with state.bind(mine, theirs, key) as scope, context.fresh(training=False):
            outputs = model(batch.x, training=False)
            total, parts = _total(model, objective, batch, outputs)
            objective.update(batch.y, outputs, batch.weights, total, parts, batch.valid)
            return Values([], [], scope.updates(boxes.states), [], scope.updates(boxes.metrics))

    return step


def predict_step(model: Any, boxes: Boxes) -> Callable[..., Any]:
    """Return the step that computes outputs, and the new states of stateful layers."""

    def step(values: Values, batch: Batch, key: jax.Array) -> tuple[Any, list[Any]]:
        mine = [*boxes.trainable, *boxes.other, *boxes.states]
        theirs = [*values.trainable, *values.other, *values.states]
        with state.bind(mine, theirs, key) as scope, context.fresh(training=False):
            return model(batch.x, training=False), scope.updates(boxes.states)

    return step


def results(objective: Objective, boxes: Boxes, values: list[Any]) -> dict[str, Any]:
    """Return what was measured, from the values of the metrics."""
    with state.bind(boxes.metrics, values), context.fresh():
        return objective.results()


def _total(model: Any, objective: Objective, batch: Batch, outputs: Any) -> tuple[Any, Any]:
    total, parts = objective.losses(batch.y, outputs, batch.weights, batch.valid)
    for extra in model.losses:
        total = total + extra.astype(total.dtype)
    return total, parts


def _masks(outputs: Any) -> list[Any]:
    return [context.get_mask(leaf) for leaf in jax.tree.leaves(outputs)]


def _restore(outputs: Any, masks: list[Any]) -> None:
    for leaf, mask in zip(jax.tree.leaves(outputs), masks, strict=True):
        if mask is not None:
            context.set_mask(leaf, mask)


def _updates(scope: state.Scope, boxes: Boxes) -> Values:
    return Values(*(scope.updates(part) for part in boxes))
