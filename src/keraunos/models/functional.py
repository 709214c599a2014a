"""Functional: a model that is a graph of layers, and its config in Keras's layout."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import errors
from keraunos._core import calling, context, naming, op, registry
from keraunos._core.graph import Function
from keraunos._core.layer import Layer
from keraunos._core.spec import InputSpec
from keraunos._core.symbolic import Node, SymbolicTensor, tensors
from keraunos.layers import InputLayer
from keraunos.models import hosting, operations
from keraunos.models.model import Model, as_declared, is_graph


@registry.register(kind="models")
class Functional(Model):
    """A graph of layers between given inputs and outputs; made by `Model(inputs, outputs)`.

    Args:
        inputs: symbolic tensors, or lists or dictionaries of them; outputs of layers too.
        outputs: symbolic tensors that follow from the inputs.
        name: of the model.

    Raises:
        ValueError: an output does not follow from the inputs, or two layers share a name.
    """

    @errors.brief
    def __init__(self, inputs: Any, outputs: Any, name: str | None = None, **kwargs: Any) -> None:
        trainable = kwargs.pop("trainable", None)
        if type(self).__name__ == "Functional":
            name = name or naming.unique("functional")
        Model.__init__(self, name=name, **kwargs)
        self._book.hidden |= {"_graph", "_inputs_struct", "_outputs_struct", "_hosted"}
        inputs, outputs = _fresh_inputs(inputs, outputs)
        self._graph = Function(inputs, outputs, name=self.name)
        self._inputs_struct = self._graph._inputs_struct
        self._outputs_struct = self._graph._outputs_struct
        self._operations = self._graph.operations
        self._hosted = hosting.split(self._graph)
        self._check_names()
        self.built = True
        self._book.shapes = {"input_shape": jax.tree.map(lambda t: t.shape, inputs)}
        if trainable is not None:
            self._trainable = trainable

    def _check_names(self) -> None:
        seen: set[str] = set()
        for operation in self._operations:
            if operation.name in seen:
                raise ValueError(
                    errors.report(
                        f"two layers of model {self.name!r} are called {operation.name!r}",
                        fix="give one another name=",
                    )
                )
            seen.add(operation.name)

    @errors.brief
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and self._hosted is not None:
            args = (hosting.encoded(self, args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if self._hosted is not None and hosting.is_encoded(self._hosted, inputs):
            return self._hosted.late(inputs)
        values = self._standardized(inputs)
        for value, one in zip(
            values, jax.tree.leaves(mask, is_leaf=lambda m: m is None), strict=False
        ):
            if one is not None:
                context.set_mask(value, one)
        return self._graph.run(values)

    def build(self, input_shape: Any = None) -> None:
        self.built = True

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, without adding to the graph."""
        if self._hosted is not None and not hosting.is_encoded(self._hosted, args[0]):
            return hosting.infer(self, kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def _encode(self, x: Any) -> Any:
        return hosting.encoded(self, x)

    def _standardized(self, inputs: Any) -> list[Any]:
        """Return the values in the order of the inputs; a dictionary is read by names."""
        wanted = self._graph.inputs
        if isinstance(inputs, dict) and not isinstance(self._inputs_struct, dict):
            missing = [n for n in self.input_names if n not in inputs]
            if missing:
                raise ValueError(
                    errors.report(
                        f"{type(self).__name__} {self.name!r}",
                        expected=f"inputs {self.input_names}",
                        got=f"{sorted(inputs)}",
                    )
                )
            values = [inputs[n] for n in self.input_names]
        elif isinstance(inputs, dict):
            keys = [k for k in self._inputs_struct if k not in inputs]
            if keys:
                raise ValueError(
                    errors.report(
                        f"{type(self).__name__} {self.name!r}",
                        expected=f"inputs {sorted(self._inputs_struct)}",
                        got=f"{sorted(inputs)}",
                    )
                )
            values = jax.tree.leaves(
                {k: inputs[k] for k in self._inputs_struct}, is_leaf=lambda x: x is None
            )
        else:
            values = jax.tree.leaves(inputs, is_leaf=lambda x: x is None)
        if len(values) != len(wanted):
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}",
                    expected=f"{len(wanted)} inputs ({', '.join(self.input_names)})",
                    got=f"{len(values)}",
                )
            )
        return [self._fitted(tensor, value) for tensor, value in zip(wanted, values, strict=True)]

    def _fitted(self, tensor: SymbolicTensor, value: Any) -> Any:
        """Return a value with the rank and dtype of its input: an axis of 1 comes or goes."""
        if value is None:
            return None
        mask = context.get_mask(value)
        value = hosting.ranked(tensor, value)
        complaint = InputSpec(shape=(None, *tensor.shape[1:])).complaint(tuple(value.shape))
        if complaint is not None:
            name = tensor.node.operation.name if tensor.node else tensor.name
            raise ValueError(
                errors.report(
                    f"model {self.name!r}, input {name!r}",
                    expected=complaint,
                    got=f"shape {tuple(value.shape)}",
                )
            )
        value = as_declared(value, tensor)
        if mask is not None:
            context.set_mask(value, mask)
        return value

    # -- structure ------------------------------------------------------------------------------

    @property
    def inputs(self) -> list[SymbolicTensor]:
        return self._graph.inputs

    @property
    def outputs(self) -> list[SymbolicTensor]:
        return self._graph.outputs

    @property
    def input(self) -> Any:
        return self._inputs_struct

    @property
    def output(self) -> Any:
        return self._outputs_struct

    @property
    def input_names(self) -> list[str]:
        return [t.node.operation.name if t.node else t.name for t in self.inputs]

    @property
    def output_names(self) -> list[str]:
        """Names of the outputs: the key of a dictionary, else the layer that makes it."""
        if isinstance(self._outputs_struct, dict):
            return sorted(self._outputs_struct)
        return [t.node.operation.name if t.node else t.name for t in self.outputs]

    @property
    def operations(self) -> list[Any]:
        """Layers and operations of the graph."""
        return list(self._operations)

    @property
    def layers(self) -> list[Layer]:
        return [o for o in self._operations if isinstance(o, Layer)]

    @property
    def input_spec(self) -> Any:
        return None  # `_standardized` checks with the names of the inputs

    @input_spec.setter
    def input_spec(self, value: Any) -> None: ...

    # -- config ---------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the graph in Keras's layout: layers in order, each with its inbound nodes."""
        if type(self).__init__ is not Functional.__init__ and type(self).__name__ != "Functional":
            return Layer.get_config(self)
        inside = {id(node) for node in self._graph.nodes} | {id(t.node) for t in self.inputs}
        nodes = {o: [n for n in o._inbound_nodes if id(n) in inside] for o in self._operations}

        def history(tensor: SymbolicTensor) -> list[Any]:
            assert tensor.node is not None
            operation = tensor.node.operation
            return [operation.name, nodes[operation].index(tensor.node), tensor.index]

        def edge(tensor: SymbolicTensor) -> list[Any]:
            # Keras counts a nested graph's own node too, but only here.
            name, node, index = history(tensor)
            nested = isinstance(getattr(tensor.node, "operation", None), Functional)
            return [name, node + nested, index]

        layers = []
        for operation in self._operations:
            mine = nodes[operation]
            plain = isinstance(operation, op.Operation)
            saved = operations.save(operation, mine[0]) if plain else registry.serialize(operation)
            saved["name"] = operation.name
            saved["inbound_nodes"] = [_saved_node(n, history) for n in mine if n.inputs]
            layers.append(saved)
        return {
            "name": self.name,
            "trainable": self.trainable,
            "layers": layers,
            "input_layers": jax.tree.map(edge, self._inputs_struct),
            "output_layers": jax.tree.map(edge, self._outputs_struct),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the model of a graph config."""
        if not is_graph(config):
            return super().from_config(config)
        made = {saved["name"]: _Made(_restored_operation(saved)) for saved in config["layers"]}
        for one in made.values():
            # Nodes of a nested model that shares this layer are not those of this graph.
            inputs = isinstance(one.operation, InputLayer)
            one.others = 0 if inputs else len(one.operation._inbound_nodes)
        pending = [
            (s["name"], i, n) for s in config["layers"] for i, n in enumerate(s["inbound_nodes"])
        ]
        _replay(made, pending, config["name"])
        find = lambda entry: _find(made, entry, edge=True)  # noqa: E731
        inputs = jax.tree.map(find, config["input_layers"], is_leaf=_is_history)
        outputs = jax.tree.map(find, config["output_layers"], is_leaf=_is_history)
        model = cls(inputs, outputs, name=config["name"])
        if not config.get("trainable", True):
            model._trainable = False
        return model


def _fresh_inputs(inputs: Any, outputs: Any) -> tuple[Any, Any]:
    """Return a graph that starts at Input layers: one that starts in the middle is replayed."""
    found = tensors(inputs)
    if not found or len(found) != len(jax.tree.leaves(inputs)):
        got = [type(leaf).__name__ for leaf in jax.tree.leaves(inputs)]
        raise ValueError(
            errors.report(
                "Model(inputs, outputs)",
                expected="inputs from keras.Input or from a layer",
                got=f"{got}",
            )
        )
    if not tensors(outputs):
        raise ValueError(
            errors.report(
                "Model(inputs, outputs)", expected="symbolic outputs", got=type(outputs).__name__
            )
        )
    if all(t.node is not None and isinstance(t.node.operation, InputLayer) for t in found):
        return inputs, outputs
    fresh = jax.tree.map(lambda t: InputLayer(batch_shape=t.shape, dtype=t.dtype).output, inputs)
    graph = Function(inputs, outputs)
    return fresh, graph.run(tensors(fresh))


def _restored_operation(saved: dict[str, Any]) -> Any:
    if saved.get("module", "").startswith(("keras.src.ops", "keras.ops")):
        return operations.restore(saved)
    return registry.deserialize(
        {k: v for k, v in saved.items() if k not in ("name", "inbound_nodes")}
    )


def _saved_node(node: Node, history: Any) -> dict[str, Any]:
    def save(value: Any) -> Any:
        if isinstance(value, SymbolicTensor):
            config = {
                "shape": list(value.shape),
                "dtype": value.dtype,
                "keras_history": history(value),
            }
            return {"class_name": "__keras_tensor__", "config": config}
        if isinstance(value, (list, tuple)):
            return [save(v) for v in value]
        if isinstance(value, dict):
            return {k: save(v) for k, v in value.items()}
        return registry.serialize(value)

    args, kwargs = list(node.args), node.kwargs
    if isinstance(node.operation, op.Operation):
        args, kwargs = operations.split(node.operation, node)[0], {}
    return {"args": save(args), "kwargs": save(kwargs)}


def _replay(
    made: dict[str, _Made], pending: list[tuple[str, int, dict[str, Any]]], name: str
) -> None:
    """Call the layers again, each as soon as its inputs are there."""
    while pending:
        left = []
        for layer, index, node in pending:
            try:
                if any(n == layer and i < index for n, i, _ in left):
                    raise _NotYet
                args, kwargs = _filled(made, node)
            except _NotYet:
                left.append((layer, index, node))
                continue
            operation = made[layer].operation
            if isinstance(operation, op.Operation):
                operations.call(operation, args, kwargs)
            else:
                operation(*args, **kwargs)
        if len(left) == len(pending):
            raise ValueError(
                errors.report(
                    f"saved graph of {name!r} is damaged", got=f"no inputs for {left[0][0]!r}"
                )
            )
        pending = left


class _Made:
    """A restored layer or operation, and how many of its nodes belong to other graphs."""

    def __init__(self, operation: Any) -> None:
        self.operation, self.others = operation, 0


class _NotYet(Exception):
    """An input of a saved node has not been made."""


def _filled(made: dict[str, _Made], node: Any) -> tuple[list[Any], dict[str, Any]]:
    def fill(value: Any) -> Any:
        if isinstance(value, dict) and value.get("class_name") == "__keras_tensor__":
            return _find(made, value["config"]["keras_history"])
        if isinstance(value, dict) and value.get("class_name") == "__tuple__":
            return tuple(fill(v) for v in value["config"]["value"])
        if isinstance(value, dict) and "class_name" in value and "config" in value:
            return registry.deserialize(value)
        if isinstance(value, dict):
            return {k: fill(v) for k, v in value.items()}
        return [fill(v) for v in value] if isinstance(value, list) else value

    return [fill(v) for v in node["args"]], {k: fill(v) for k, v in node["kwargs"].items()}


def _find(made: dict[str, _Made], entry: Any, edge: bool = False) -> SymbolicTensor:
    name, node, index = entry[:3]
    if name not in made:
        raise _NotYet
    nodes = made[name].operation._inbound_nodes[made[name].others :]
    node -= edge and isinstance(made[name].operation, Functional)
    if node >= len(nodes):
        raise _NotYet
    return nodes[node].outputs[index]


def _is_history(value: Any) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) >= 3
        and isinstance(value[0], str)
        and isinstance(value[1], int)
    )


__all__ = ["Functional", "calling"]
