"""Function: a graph from given inputs to given outputs, sorted once and replayed on values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from keraunos import errors
from keraunos._core.symbolic import Node, SymbolicTensor, copied, tensors


class Function:
    """The part of the graph between inputs and outputs, as a callable.

    Args:
        inputs: a structure of symbolic tensors; any tensors of the graph, not only `Input`s.
        outputs: a structure of symbolic tensors that follow from them.
        name: for errors.

    Raises:
        ValueError: an output needs a tensor that is not among the inputs.

    Example:
        >>> from keraunos import ops
        >>> x = SymbolicTensor((None, 2))
        >>> double = Function(x, ops.add(x, x))
        >>> double(jax.numpy.ones((1, 2))).tolist()
        [[2.0, 2.0]]
    """

    def __init__(self, inputs: Any, outputs: Any, name: str | None = None) -> None:
        self.name = name or "function"
        self._inputs_struct, self._outputs_struct = copied(inputs), copied(outputs)
        self.inputs, self.outputs = tensors(inputs), tensors(outputs)
        self.nodes, self._met = _sorted(self.inputs, self.outputs, self.name)
        self._inside = set(self.nodes)

    @property
    def operations(self) -> list[Any]:
        """Each layer or operation once, inputs included, in the order of Keras's files.

        Farthest from the outputs first; at one distance, in the order in which a walk from the
        outputs meets them. `summary()`, the order of weights and saved configs all follow it.
        """
        sources = [t.node for t in self.inputs if t.node is not None]
        nodes = list(dict.fromkeys([*sources, *self.nodes]))
        depth: dict[Any, int] = {node.operation: 0 for node in nodes}
        own: dict[Node, int] = {}
        inner = {id(t) for t in self.inputs}
        for node in reversed(nodes):
            level = max(own.get(node, 0), depth[node.operation])
            own[node] = depth[node.operation] = level
            for tensor in node.inputs if node in self._inside else ():
                if tensor.node is not None and (tensor.node in self._inside or id(tensor) in inner):
                    own[tensor.node] = max(level + 1, own.get(tensor.node, 0))
        met = {operation: i for i, operation in enumerate(self._met)}
        return sorted(depth, key=lambda o: (-depth[o], met.get(o, -1)))

    def __call__(self, inputs: Any) -> Any:
        """Return the outputs for a structure of arrays like the inputs'."""
        return self.run(jax.tree.leaves(inputs, is_leaf=lambda x: x is None))

    def run(self, values: list[Any], call: Callable[..., Any] | None = None) -> Any:
        """Replay the graph.

        Args:
            values: one for each of `inputs`.
            call: `(operation, args, kwargs) -> outputs`, to clone or to watch; calls by default.
        """
        known = {id(tensor): value for tensor, value in zip(self.inputs, values, strict=True)}

        def fill(structure: Any) -> Any:
            return jax.tree.map(
                lambda leaf: known[id(leaf)] if isinstance(leaf, SymbolicTensor) else leaf,
                structure,
            )

        for node in self.nodes:
            args, kwargs = fill((node.args, node.kwargs))
            run = (
                node.operation(*args, **kwargs)
                if call is None
                else call(node.operation, args, kwargs)
            )
            for tensor, value in zip(node.outputs, jax.tree.leaves(run), strict=True):
                known[id(tensor)] = value
        return fill(self._outputs_struct)


def _sorted(
    inputs: list[SymbolicTensor], outputs: list[SymbolicTensor], name: str
) -> tuple[list[Node], list[Any]]:
    """Return the nodes, each after those it needs, and the operations in the order they are met.

    Depth first and without recursion: a graph may be thousands of nodes deep.
    """
    given = {id(tensor) for tensor in inputs}
    done: dict[Node, None] = {}
    stack: list[tuple[SymbolicTensor, bool]] = [(t, False) for t in reversed(outputs)]
    open_nodes: set[int] = set()
    met: dict[Any, None] = {}
    while stack:
        tensor, after = stack.pop()
        node = tensor.node
        if node is not None:
            met.setdefault(node.operation)
        if id(tensor) in given or (node is not None and node in done):
            continue
        if node is None or not node.inputs:
            raise ValueError(
                errors.report(
                    f"graph of {name!r} is not connected",
                    expected="every output to follow from the inputs",
                    got=f"tensor {tensor.name!r} of shape {tensor.shape}, which does not",
                    fix="add it to the inputs, or check for a missing call",
                )
            )
        if after:
            done[node] = None
        elif id(node) not in open_nodes:
            open_nodes.add(id(node))
            stack.append((tensor, True))
            stack.extend((t, False) for t in reversed(node.inputs))
    return list(done), list(met)
