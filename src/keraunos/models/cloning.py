"""Copies of models: the same architecture with new weights."""

from __future__ import annotations

import json
from typing import Any

from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos.models.functional import Functional
from keraunos.models.model import Model
from keraunos.models.sequential import Sequential


def clone_model(model: Model, input_tensors: Any = None, clone_function: Any = None) -> Any:
    """Return a model of the same architecture with newly made weights.

    Args:
        model: what to copy.
        input_tensors: symbolic inputs of the copy; new ones by default.
        clone_function: `layer -> layer`, how to copy a layer; by its config by default.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> clone_model(model).count_params()
        10
    """
    copy = clone_function or _copy
    if isinstance(model, Sequential):
        layers = [
            _copy(layer) if layer not in model.layers else copy(layer) for layer in model._stack
        ]
        clone = Sequential(layers, name=model.name)
        return (
            clone
            if input_tensors is None
            else Functional(input_tensors, clone(input_tensors), name=model.name)
        )
    if isinstance(model, Functional):
        return _clone_graph(model, input_tensors, copy)
    return _copy(model)


def model_from_json(json_string: str, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the model that `to_json` wrote, with new weights."""
    return registry.deserialize(json.loads(json_string), custom_objects)


def _clone_graph(model: Functional, input_tensors: Any, copy: Any) -> Any:
    import jax

    from keraunos.layers import InputLayer

    made: dict[int, Any] = {}
    inputs = input_tensors
    if inputs is None:
        inputs = jax.tree.map(
            lambda t: (
                InputLayer(batch_shape=t.shape, dtype=t.dtype, name=t.node.operation.name).output
            ),
            model.input,
        )

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        if id(operation) not in made:
            made[id(operation)] = (
                copy(operation) if isinstance(operation, Layer) else operation.function
            )
        return made[id(operation)](*args, **kwargs)

    outputs = model._graph.run(jax.tree.leaves(inputs), call)
    return Functional(inputs, outputs, name=model.name)


def _copy(layer: Any) -> Any:
    return type(layer).from_config(layer.get_config())
