"""Losses that use tensors of the model's own graph, beside the two they are given.

Up to tf.keras 2.3 a loss was a part of the graph: that of a variational autoencoder used `z_mean`,
a gradient penalty the samples between two others. Here such a function is replayed as a graph,
with the values that those tensors have in the same step.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core.graph import Function
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor

_DEPTH = 4  # functions within functions that are looked into


class ModelGraph(Function):
    """A model's graph, with tensors of it that are losses, and others that losses need."""

    def __init__(self, graph: Function, model: Any, losses: Any = (), needed: Any = ()) -> None:
        super().__init__(graph._inputs_struct, graph._outputs_struct, graph.name)
        self._model = model
        self._losses = [*getattr(graph, "_losses", ()), *losses]
        self._needed = [*getattr(graph, "_needed", ()), *needed]
        self.values: dict[int, Any] = getattr(graph, "values", {})
        whole = (graph._outputs_struct, self._losses, self._needed)
        self._whole = Function(graph._inputs_struct, whole, graph.name)

    def run(self, values: list[Any], call: Any = None) -> Any:
        if call is not None:
            return super().run(values, call)
        outputs, losses, needed = self._whole.run(values)
        for loss in losses:
            Layer.add_loss(self._model, jnp.mean(loss))
        # Until the next run: a loss is computed in the step that ran the model.
        self.values.update({id(t): value for t, value in zip(self._needed, needed)})
        return outputs


def connected(model: Any, given: Any) -> Any:
    """Return losses, those that use tensors of the graph made to find their values.

    Args:
        model: a model with a graph.
        given: the losses that `compile` was given: one, a list or a dictionary.
    """
    outputs = getattr(model, "outputs", None) or ()
    if isinstance(given, dict):
        place = {name: i for i, name in enumerate(getattr(model, "output_names", ()))}
        return {k: _connected(model, v, outputs[place.get(k, 0)]) for k, v in given.items()}
    if isinstance(given, (list, tuple)) and len(given) == len(outputs) > 1:
        return [_connected(model, one, output) for one, output in zip(given, outputs)]
    return _connected(model, given, outputs[0]) if outputs else given


def check_metrics(given: Any) -> None:
    """Refuse metrics that use tensors of the graph: they are computed when those are gone.

    Raises:
        NotImplementedError: one does.
    """
    for one in jax.tree.leaves(given):
        if isinstance(one, (types.FunctionType, functools.partial)) and any(_symbolic(one, _DEPTH)):
            name = getattr(one, "__name__", repr(one))
            raise NotImplementedError(
                errors.report(
                    f"metric {name!r} uses tensors of the model's graph",
                    fix="make them outputs of the model, or leave the metric out",
                )
            )


def _connected(model: Any, given: Any, output: SymbolicTensor) -> Any:
    if isinstance(given, (list, tuple)):
        return [_connected(model, one, output) for one in given]
    if not isinstance(given, (types.FunctionType, functools.partial)):
        return given
    return _replayed(model, given, output) if any(_symbolic(given, _DEPTH)) else given


def _symbolic(value: Any, depth: int) -> Iterator[bool]:
    """Yield whether each thing that a function reaches by a name is a tensor of a graph."""
    if isinstance(value, SymbolicTensor):
        yield True
    elif isinstance(value, functools.partial) and depth:
        for one in (value.func, *value.args, *value.keywords.values()):
            yield from _symbolic(one, depth - 1)
    elif isinstance(value, (list, tuple)) and depth:
        for one in value:
            yield from _symbolic(one, depth - 1)
    elif isinstance(value, types.FunctionType) and depth:
        for one in _names_of(value):
            yield from _symbolic(one, depth - 1)


def _names_of(function: types.FunctionType) -> Iterator[Any]:
    if function.__module__.partition(".")[0] == "keraunos":
        return
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    for name in function.__code__.co_names:
        yield function.__globals__.get(name)
    yield from function.__defaults__ or ()


def _replayed(model: Any, function: Callable[..., Any], output: SymbolicTensor) -> Any:
    targets = SymbolicTensor(output.shape, output.dtype)
    found = function(targets, output)
    if not isinstance(found, SymbolicTensor):
        return function
    graph = ModelGraph(model._graph, model)
    inside = {id(t) for t in graph.inputs} | {id(t) for n in graph.nodes for t in n.outputs}
    needed = _frontier(found, inside, targets)
    model._graph = graph = ModelGraph(graph, model, needed=needed)
    replay = Function([targets, *needed], found, getattr(function, "__name__", "loss"))

    def loss(y_true: Any, y_pred: Any) -> Any:
        values = [y_pred if t is output else graph.values[id(t)] for t in needed]
        return replay.run([jnp.asarray(y_true, targets.dtype), *values])

    loss.__name__ = loss.__qualname__ = replay.name
    return loss


def _frontier(
    found: SymbolicTensor, inside: set[int], targets: SymbolicTensor
) -> list[SymbolicTensor]:
    """Return the tensors of the model's graph that a loss is computed from."""
    needed, seen, stack = [], set(), [found]
    while stack:
        tensor = stack.pop()
        if id(tensor) in seen or tensor is targets:
            continue
        seen.add(id(tensor))
        if id(tensor) in inside:
            needed.append(tensor)
        elif tensor.node is not None:
            stack.extend(tensor.node.inputs)
    return needed
