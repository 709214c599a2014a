"""The part of a model that runs on the host: layers of strings and tables at its beginning.

Strings never reach a device. So a graph that begins with `TextVectorization` is cut in two: the
first part runs with NumPy, once, on whatever data come in; the values at the cut, a dictionary
name -> array, are what the compiled rest is fed with.
"""

from __future__ import annotations

from typing import Any

import jax
from jax.core import Tracer

from keraunos._core import calling, symbolic
from keraunos._core.graph import Function
from keraunos._core.symbolic import Node, SymbolicTensor
from keraunos._training import feed
from keraunos.layers.preprocessing._host import HostLayer, host_array


class Hosted:
    """A graph cut in two.

    Args:
        graph: the whole.
        early: its nodes that run on the host.
        inner: its nodes of models that have a cut of their own, whose first part runs there too.
    """

    def __init__(self, graph: Function, early: list[Node], inner: list[Node]) -> None:
        self._graph, self._early = graph, early
        self._inner = {node: f"{node.operation.name}/{i}" for i, node in enumerate(inner)}
        before = set(early)
        self._late = [node for node in graph.nodes if node not in before]
        made = {id(t) for t in graph.inputs} | {id(t) for node in early for t in node.outputs}
        ends = [t for node in self._late if node not in self._inner for t in node.inputs]
        wanted = {id(t): t for t in [*ends, *graph.outputs] if id(t) in made}
        self._cut = {t.name: t for t in wanted.values()}
        self.names = {*self._cut, *self._inner.values()}

    @property
    def whole(self) -> bool:
        """Whether nothing is left for the device."""
        return not self._late

    @property
    def cut(self) -> dict[str, Any]:
        """The symbolic values at the cut."""
        inner = {name: node.operation._hosted.cut for node, name in self._inner.items()}
        return self._cut | inner

    @property
    def outputs(self) -> Any:
        """New symbolic outputs of a graph that runs on the host as a whole."""
        return jax.tree.map(lambda t: SymbolicTensor(t.shape, t.dtype), self._graph._outputs_struct)

    def early(self, values: list[Any]) -> dict[str, Any]:
        """Return the values at the cut, for those of the inputs."""
        known = {id(t): ranked(t, v) for t, v in zip(self._graph.inputs, values, strict=True)}
        for node in self._early:
            args, kwargs = _fill(known, (node.args, node.kwargs))
            for tensor, value in zip(node.outputs, jax.tree.leaves(_run(node, args, kwargs))):
                known[id(tensor)] = value
        found = {name: known[id(tensor)] for name, tensor in self._cut.items()}
        for node, name in self._inner.items():
            model = node.operation
            found[name] = model._hosted.early(model._standardized(_fill(known, node.args[0])))
        return found

    def late(self, values: dict[str, Any]) -> Any:
        """Return the outputs, for the values at the cut."""
        known = {id(tensor): values[name] for name, tensor in self._cut.items()}
        for node in self._late:
            if node in self._inner:
                args, kwargs = (values[self._inner[node]],), _fill(known, node.kwargs)
            else:
                args, kwargs = _fill(known, (node.args, node.kwargs))
            found = node.operation(*args, **kwargs)
            for tensor, value in zip(node.outputs, jax.tree.leaves(found)):
                known[id(tensor)] = value
        return _fill(known, self._graph._outputs_struct)


def split(graph: Function) -> Hosted | None:
    """Return a graph cut in two, or None where nothing need run on the host."""
    there = {id(t) for t in graph.inputs}  # tensors whose values the host can know
    makers: dict[int, Node] = {}
    wanted, inner = [], []
    for node in graph.nodes:
        operation = node.operation
        own = getattr(operation, "_hosted", None)
        if not all(id(t) in there for t in node.inputs):
            continue
        if isinstance(operation, HostLayer) or (own is not None and own.whole):
            for tensor in node.outputs:
                there.add(id(tensor))
                makers[id(tensor)] = node
            if own is not None or operation.on_host:
                wanted.append(node)
        elif own is not None:
            inner.append(node)
            wanted += [makers[id(t)] for t in node.inputs if id(t) in makers]
    early: set[Node] = set()
    while wanted:
        node = wanted.pop()
        early.add(node)
        wanted += [makers[id(t)] for t in node.inputs if id(t) in makers]
    if not early and not inner:
        return None
    return Hosted(graph, [node for node in graph.nodes if node in early], inner)


def concerns(operation: Any) -> bool:
    """Return whether a layer or model may have something to do on the host."""
    return isinstance(operation, HostLayer) or getattr(operation, "_hosted", None) is not None


def encoded(model: Any, inputs: Any) -> Any:
    """Return what the compiled part of a model is fed with, for its inputs as the user has them.

    Args:
        model: with a cut (`_hosted`) or without one; then the inputs stay as they are.
        inputs: arrays, lists of strings, or structures of them. Symbolic tensors, traced arrays
            and values at the cut stay as they are, too.
    """
    hosted = model._hosted
    if hosted is None or is_encoded(hosted, inputs):
        return inputs
    if not is_concrete(inputs):
        return inputs
    return feed.arrays(hosted.early(model._standardized(_arrays(model, inputs))), "x")


def infer(model: Any, kwargs: dict[str, Any]) -> Any:
    """Return the symbolic outputs of a model with a cut: strings cannot be traced."""
    hosted = model._hosted
    return hosted.outputs if hosted.whole else calling.infer(model, (hosted.cut,), kwargs)


def is_concrete(inputs: Any) -> bool:
    """Return whether these are values: neither symbolic tensors nor traced arrays."""
    traced = any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(inputs))
    return not traced and not symbolic.any_symbolic(inputs)


def is_encoded(hosted: Hosted | None, inputs: Any) -> bool:
    """Return whether these are the values at the cut."""
    return hosted is not None and isinstance(inputs, dict) and inputs.keys() == hosted.names


def _arrays(model: Any, value: Any) -> Any:
    """Return a structure of arrays, strings among them, by the rule of `feed.arrays`."""
    if isinstance(value, dict):
        return {k: _arrays(model, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)) and any(
        hasattr(v, "shape") or isinstance(v, dict) for v in value
    ):
        return type(value)(_arrays(model, v) for v in value)
    return value if isinstance(value, jax.Array) else host_array(model, value)


def _run(node: Node, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    operation = node.operation
    if isinstance(operation, HostLayer):
        return operation.host_call(*args, **kwargs)
    hosted = operation._hosted
    found = hosted.early(operation._standardized(args[0]))
    return hosted.late(found)


def ranked(tensor: SymbolicTensor, value: Any) -> Any:
    """Return a value with the rank of its input: an axis of 1 comes or goes."""
    rank = len(tensor.shape)
    if value.ndim == rank - 1 and tensor.shape[-1] == 1:
        return value[..., None]
    return value[..., 0] if value.ndim == rank + 1 and value.shape[-1] == 1 else value


def _fill(known: dict[int, Any], structure: Any) -> Any:
    return jax.tree.map(
        lambda leaf: known[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf, structure
    )
