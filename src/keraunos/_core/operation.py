"""Operation: a step of a graph that has a name and a config, but neither weights nor state."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos._core import naming, signature, symbolic
from keraunos._core.symbolic import Node


class Operation(signature.Configurable):
    """Base of what can be called on symbolic tensors: layers, and operations of one's own.

    An operation is written as `call`; its output's shape comes from abstract evaluation.

    Args:
        name: a name, unique within a model; made from the class's name by default.

    Raises:
        ValueError: a name with a slash in it.

    Example:
        >>> from keraunos import Input
        >>> class Halve(Operation):
        ...     def call(self, x):
        ...         return x / 2
        >>> Halve()(Input((3,))).shape
        (None, 3)
        >>> Halve()(3.0)
        1.5
    """

    name: str
    _inbound_nodes: list[Node]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        # Made here, so that a subclass may set attributes before it calls super().__init__().
        object.__setattr__(self, "_inbound_nodes", [])
        return self

    def __init__(self, name: str | None = None) -> None:
        self._set_name(name)

    def _set_name(self, name: str | None) -> None:
        kind = type(self).__name__
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                errors.report(f"name of {kind}", expected="a string without '/'", got=repr(name))
            )
        self.name = name or naming.unique(naming.snake_case(kind))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if symbolic.any_symbolic((args, kwargs)):
            return self.symbolic_call(*args, **kwargs)
        return self.call(*args, **kwargs)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from arrays."""
        raise NotImplementedError(
            errors.report(f"{self!r} has no call()", fix="write a method call(self, inputs)")
        )

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Call it on symbolic tensors and add the call to the graph."""
        outputs = self.compute_output_spec(*args, **kwargs)
        Node(self, args, kwargs, outputs)
        return outputs

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, without adding to the graph."""
        return symbolic.infer(self.call, args, kwargs)

    @property
    def input(self) -> Any:
        """The symbolic input of the first call in a graph."""
        node = self._node()
        return node.args[0] if len(node.args) == 1 else list(node.args)

    @property
    def output(self) -> Any:
        """The symbolic output of the first call in a graph."""
        return self._node().structure

    def _node(self) -> Node:
        if not self._inbound_nodes:
            raise AttributeError(
                errors.report(
                    f"{self!r} has no input or output yet", fix="call it on a keras.Input first"
                )
            )
        return self._inbound_nodes[0]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
