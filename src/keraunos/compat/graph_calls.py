"""Calls of layers that older Keras allowed.

A layer's `call` is computed for batches of any size, to know the shape of what it returns. Two
kinds of old layers cannot be: one that asks for gradients along the graph is called on its
tensors instead, one that has the size of the batch written into it is given that size.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

import jax

from keraunos._core.symbolic import Node, SymbolicTensor, any_symbolic
from keraunos.compat.keras_backend import graph

# Two shapes that do not fit each other, as JAX says it.
_SHAPES = re.compile(r"incompatible shapes for broadcasting: \((\d+)\b[^)]*\), \((\d+)\b")


def on_the_graph(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a layer's `__call__` that knows both."""

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except graph.NeedsTheGraph:
            if not any_symbolic((args, kwargs)):
                raise  # a layer around this one has the tensors of the graph
            if self.weights:
                raise graph.without_graph(f"K.gradients in {self!r}, which has weights") from None
            found = self.call(*args, **kwargs)
            return found[0] if isinstance(found, list) and len(found) == 1 else found
        except TypeError as error:
            sizes = _SHAPES.search(str(error))
            if sizes is None or era == "keras3" or not any_symbolic((args, kwargs)):
                raise
            for size in map(int, sizes.groups()):
                outputs = _of_size(self, args, kwargs, size)
                if outputs is not None:
                    return outputs
            raise

    return __call__


def states_behind(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a recurrent layer's `__call__` that takes `[x, *initial_state]` too."""

    @functools.wraps(original)
    def __call__(self: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(inputs, (list, tuple)) and len(inputs) > 1 and not args:
            inputs, *states = inputs
            kwargs = {"initial_state": states, **kwargs}
        return original(self, inputs, *args, **kwargs)

    return __call__


def attending(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return an attention's `__call__`: one that was made with `causal=True` looks back only."""

    @functools.wraps(original)
    def __call__(self: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(self, "_causal", False):
            kwargs = {"use_causal_mask": True, **kwargs}
        return original(self, *args, **kwargs)

    return __call__


def reset(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `reset_states`, which may be given the states to begin with."""

    @functools.wraps(original)
    def reset_states(self: Any, states: Any = None) -> None:
        if states is None:
            original(self)
            return
        given = list(states) if isinstance(states, (list, tuple)) else [states]
        for box, value in zip(jax.tree.leaves(self.states), given, strict=True):
            box.assign(value)

    return reset_states


def _of_size(layer: Any, args: Any, kwargs: Any, size: int) -> Any:
    """Return a layer's outputs for batches of one size; None where it does not fit either."""

    def sized(leaf: Any) -> Any:
        if isinstance(leaf, SymbolicTensor) and leaf.shape[:1] == (None,):
            return SymbolicTensor((size, *leaf.shape[1:]), leaf.dtype)
        return leaf

    new_args, new_kwargs = jax.tree.map(sized, (args, kwargs))
    try:
        outputs = layer.compute_output_spec(*new_args, **new_kwargs)
    except TypeError:
        return None
    Node(layer, args, kwargs, outputs)
    return outputs
