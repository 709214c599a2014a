"""Bidirectional: two recurrent layers that read one sequence from its two ends."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments

_MERGES: dict[str | None, Any] = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "concat": lambda a, b: jnp.concatenate([a, b], -1),
    None: lambda a, b: (a, b),
}


_SHARED = ("stateful", "return_sequences", "return_state", "go_backwards")


@register()
class Bidirectional(Layer):
    """Reads a sequence in both directions (Schuster and Paliwal, 1997).

    Args:
        layer: a recurrent layer; copies of it are `forward_layer` and `backward_layer`.
        merge_mode: how the two outputs become one: "concat", "sum", "mul", "ave", or None for both.
        weights: first weights, those of the forward layer first.
        backward_layer: another layer for the other direction, with `go_backwards=True`.

    `call` takes a mask and an `initial_state`, the forward layer's states first.

    Raises:
        ValueError: both layers go in the same direction, or return different things.

    Example:
        >>> from keraunos.layers import LSTM
        >>> Bidirectional(LSTM(4))(jnp.ones((2, 5, 3))).shape
        (2, 8)
    """

    def __init__(
        self,
        layer: Any,
        merge_mode: str | None = "concat",
        weights: Any = None,
        backward_layer: Any = None,
        **kwargs: Any,
    ) -> None:
        for one in [layer] if backward_layer is None else [layer, backward_layer]:
            if not isinstance(one, Layer) or not all(hasattr(one, name) for name in _SHARED):
                raise ValueError(
                    errors.report("Bidirectional", expected="a recurrent layer", got=repr(one))
                )
        super().__init__(**kwargs)
        if merge_mode not in _MERGES:
            raise arguments.complain(
                self, "merge_mode", f"one of {', '.join(map(repr, _MERGES))}", merge_mode
            )
        self.merge_mode = merge_mode
        self.forward_layer = _copied(layer, "forward_")
        self.backward_layer = backward_layer or _copied(layer, "backward_", turned=True)
        for name in _SHARED:
            ways = [getattr(one, name) for one in (self.forward_layer, self.backward_layer)]
            if (ways[0] == ways[1]) == (name == "go_backwards"):
                expected = (
                    f"{'opposite' if name == 'go_backwards' else 'equal'} {name} in both layers"
                )
                raise ValueError(
                    errors.report(f"Bidirectional {self.name!r}", expected=expected, got=ways)
                )
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        self.stateful = self.forward_layer.stateful
        self.return_sequences = self.forward_layer.return_sequences
        self.return_state = self.forward_layer.return_state
        self.supports_masking = True
        self.input_spec = layer.input_spec
        if not isinstance(weights, (list, tuple, type(None))):
            raise arguments.complain(self, "weights", "a list of arrays", weights)
        self._first_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            layer.build(sequences_shape)
        if self._first_weights:
            self.set_weights(list(self._first_weights))

    def call(
        self,
        sequences: jax.Array,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        half = len(initial_state or ()) // 2
        starts = (initial_state[:half], initial_state[half:]) if initial_state else (None, None)
        (there, *states), (back, *more) = (
            jax.tree.leaves(layer(sequences, initial_state=start, mask=mask, training=training))
            for layer, start in zip((self.forward_layer, self.backward_layer), starts)
        )
        back = jnp.flip(back, 1) if self.return_sequences else back
        merged = _MERGES[self.merge_mode](there, back)
        if not self.return_state:
            return merged
        return (*(merged if self.merge_mode is None else (merged,)), *states, *more)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of each output with a time axis."""
        mask = next(iter(jax.tree.leaves(previous_mask)), None) if self.return_sequences else None
        if self.merge_mode is None:
            return [mask, mask]
        return [mask] if self.return_state else mask

    @property
    def states(self) -> tuple[Any, ...] | None:
        found = self.forward_layer.states, self.backward_layer.states
        return (*found[0], *found[1]) if all(found) else None

    def reset_state(self) -> None:
        """Set the states of both layers back to zero."""
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    reset_states = reset_state


def _copied(layer: Layer, prefix: str, turned: bool = False) -> Any:
    """Return a fresh layer of the same config; `turned` reads in the other direction."""
    saved = registry.serialize(layer)
    saved.pop("build_config", None)
    saved["config"]["name"] = prefix + layer.name.removeprefix(prefix)
    if turned:
        saved["config"]["go_backwards"] = not saved["config"]["go_backwards"]
    return registry.deserialize(saved)
