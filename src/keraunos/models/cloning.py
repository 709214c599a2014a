"""Copies of models: the same architecture with new weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from keraunos import errors
from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos.layers import InputLayer
from keraunos.models.functional import Functional
from keraunos.models.model import Model
from keraunos.models.sequential import Sequential


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Any], Any] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """Return a model of the same architecture with newly made weights.

    Args:
        model: what to copy.
        input_tensors: symbolic inputs of the copy; new ones by default.
        clone_function: `layer -> layer`, how to copy a layer; by its config by default.
        call_function: `(layer, *args, **kwargs) -> outputs`, how to call a copied layer, to put
            others before or behind it; for functional models.
        recursive: whether models inside are cloned in the same way, layer by layer.

    Raises:
        ValueError: `call_function` for a `Sequential`; any of the functions or `input_tensors`
            for a subclassed model, whose `call` is not known.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> clone_model(model).count_params()
        10
    """
    return _clone(model, input_tensors, _Ways(clone_function, call_function, recursive, {}))


class _Ways(NamedTuple):
    """How layers are copied and called, and the copies made so far."""

    clone_function: Callable[[Any], Any] | None
    call_function: Callable[..., Any] | None
    recursive: bool
    made: dict[int, Any]

    def copy(self, layer: Any) -> Any:
        """Return the copy of a layer: one, however often the layer stands in the model."""
        if id(layer) not in self.made:
            inner = isinstance(layer, (Sequential, Functional)) and self.recursive
            # A Sequential calls its layers itself: nothing can be put between them.
            ways = self._replace(call_function=None) if isinstance(layer, Sequential) else self
            copy = self.clone_function or _copy
            self.made[id(layer)] = _clone(layer, None, ways) if inner else copy(layer)
        return self.made[id(layer)]


def _clone(model: Any, input_tensors: Any, ways: _Ways) -> Any:
    given = {
        "input_tensors": input_tensors,
        "clone_function": ways.clone_function,
        "call_function": ways.call_function,
    }
    refused = () if isinstance(model, Functional) else tuple(given)
    if isinstance(model, Sequential):
        refused = ("call_function",)
    for name in refused:
        if given[name] is not None:
            where = f"clone_model: {type(model).__name__} {model.name!r}"
            fix = "write it as a functional model"
            raise ValueError(errors.report(where, got=f"{name}=...", fix=fix))
    if isinstance(model, Functional):
        return _clone_graph(model, input_tensors, ways)
    if not isinstance(model, Sequential):
        return _copy(model)
    layers = [
        _copy(layer) if layer not in model.layers else ways.copy(layer) for layer in model._stack
    ]
    clone = Sequential(layers, name=model.name)
    if input_tensors is None:
        return clone
    return Functional(input_tensors, clone(input_tensors), name=model.name)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the model that `to_json` wrote, with new weights."""
    return registry.deserialize(json.loads(json_string), custom_objects)


def _clone_graph(model: Functional, input_tensors: Any, ways: _Ways) -> Any:
    inputs = input_tensors
    if inputs is None:
        inputs = jax.tree.map(
            lambda t: (
                InputLayer(batch_shape=t.shape, dtype=t.dtype, name=t.node.operation.name).output
            ),
            model.input,
        )

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        if not isinstance(operation, Layer):
            return operation.function(*args, **kwargs)
        layer = ways.copy(operation)
        if ways.call_function is not None:
            return ways.call_function(layer, *args, **kwargs)
        return layer(*args, **kwargs)

    outputs = model._graph.run(jax.tree.leaves(inputs), call)
    # A subclass with a train_step of its own keeps it; one with its own arguments cannot.
    kind = type(model) if type(model).__init__ is Functional.__init__ else Functional
    return kind(inputs, outputs, name=model.name)


def _copy(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())
