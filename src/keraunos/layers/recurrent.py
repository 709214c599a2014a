"""Recurrent layers: a cell repeated over time, in one direction or in both."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from keraunos import errors
from keraunos._core import calling, naming, registry, signature
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._core.variable import Variable
from keraunos.layers import _arguments as arguments
from keraunos.layers import _recurrent_cells as cells
from keraunos.layers._recurrent_cells import (
    GRUCell as GRUCell,
)
from keraunos.layers._recurrent_cells import (
    LSTMCell as LSTMCell,
)
from keraunos.layers._recurrent_cells import (
    SimpleRNNCell as SimpleRNNCell,
)
from keraunos.layers._recurrent_cells import (
    StackedRNNCells as StackedRNNCells,
)


@register()
class RNN(Layer):
    """Repeats a cell over time.

    Args:
        cell: an object with `call(inputs, states) -> (output, states)` and `state_size`, or a
            list of them, which is stacked. `output_size`, `get_initial_state(batch_size)` and
            `build` are used where it has them.
        return_sequences: whether to return the outputs of all steps instead of the last one.
        return_state: whether to return the last states after the output.
        go_backwards: whether to read from the last step to the first; outputs come in that order.
        stateful: whether each batch starts from the last states of the one before; the batch
            size must then be known.
        unroll: whether to write the steps out one by one instead of in a loop.
        zero_output_for_mask: whether masked steps give zeros instead of the output before.

    Input `(batch, time, ...)`; a mask `(batch, time)` leaves the states alone where it is False.
    `call` also takes `initial_state`, a list of arrays, one for each state.

    Example:
        >>> RNN([LSTMCell(4), GRUCell(3)], return_sequences=True)(jnp.ones((2, 5, 6))).shape
        (2, 5, 3)
    """

    def __init__(
        self,
        cell: Any,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = StackedRNNCells(cell) if isinstance(cell, (list, tuple)) else cell
        cells.check_cell(self, self.cell)
        self.return_sequences, self.return_state = return_sequences, return_state
        self.go_backwards, self.stateful, self.unroll = go_backwards, stateful, unroll
        self.zero_output_for_mask = zero_output_for_mask
        self.supports_masking = True
        self.states: list[Any] | None = None

    @property
    def state_size(self) -> list[Any]:
        sizes = self.cell.state_size
        return list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        cells.build_cell(self.cell, (sequences_shape[0], *sequences_shape[2:]))
        if not self.stateful:
            return
        if sequences_shape[0] is None:
            where = f"{type(self).__name__} {self.name!r} with stateful=True"
            fix = "give it: keras.Input(batch_shape=(batch, time, features))"
            raise ValueError(
                errors.report(
                    where, expected="a known batch size", got=f"shape {sequences_shape}", fix=fix
                )
            )
        self.states = jax.tree.map(self._state_variable, self.get_initial_state(sequences_shape[0]))

    def _state_variable(self, value: jax.Array) -> Variable:
        variable = Variable(value, dtype=self.variable_dtype, trainable=False, name="rnn_state")
        variable.transient = True  # pyright: ignore[reportAttributeAccessIssue]
        return variable

    def get_initial_state(self, batch_size: int) -> list[Any]:
        """Return the states that the first step starts from."""
        first = cells.initial_state(self.cell, batch_size, self.compute_dtype)
        return list(first) if isinstance(first, (list, tuple)) else [first]

    def reset_state(self) -> None:
        """Set the states of a stateful layer back to zero."""
        for state in jax.tree.leaves(self.states):
            state.assign(jnp.zeros(state.shape, state.dtype))

    reset_states = reset_state

    # States are of the moment: like Keras, a file holds none.
    def save_own_variables(self, store: dict[str, Any]) -> None: ...
    def load_own_variables(self, store: Any) -> None: ...

    def call(
        self,
        sequences: jax.Array,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        states = self._first_states(sequences, initial_state)
        mask = next(iter(jax.tree.leaves(mask)), None)
        outputs, output, states = self._loop(sequences, states, mask, training)
        if self.stateful:
            jax.tree.map(lambda variable, state: variable.assign(state), self.states, states)
        output = outputs if self.return_sequences else output
        return (output, *states) if self.return_state else output

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask where the output has a time axis, and none for the states."""
        mask = next(iter(jax.tree.leaves(previous_mask)), None) if self.return_sequences else None
        return (
            [mask] + [None] * len(jax.tree.leaves(self.state_size)) if self.return_state else mask
        )

    def _first_states(self, sequences: jax.Array, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if given is None:
            given = self.states if self.stateful else self.get_initial_state(batch)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        found = jax.tree.map(lambda state: jnp.asarray(state, self.compute_dtype), given)
        sizes = {state.shape[0] for state in jax.tree.leaves(found)}
        if len(found) != len(self.state_size) or sizes - {batch}:
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}, initial states",
                    expected=f"{len(self.state_size)} with batch size {batch}, as the input has",
                    got=f"{len(found)} of batch size {', '.join(map(str, sorted(sizes)))}",
                    fix="a stateful layer needs batches of one size" if self.stateful else None,
                )
            )
        return found

    def _loop(
        self, sequences: Any, states: list[Any], mask: Any, training: bool
    ) -> tuple[Any, Any, list[Any]]:
        """Return all outputs (batch, time, ...), the last one and the last states."""
        if isinstance(self.cell, cells.GatedCell):
            options = {"mask": mask, "go_backwards": self.go_backwards}
            options["zero_output_for_mask"] = self.zero_output_for_mask
            outputs, last = self.cell.run(sequences, states, training, **options)
            # Without masked zeros the last output is the first state, and XLA drops the others.
            plain = mask is None or not self.zero_output_for_mask
            return outputs, last[0] if plain else outputs[:, -1], last

        def step(states: Any, x: Any) -> tuple[Any, Any]:
            output, new = cells.call_cell(self.cell, x, states, training)
            leaves, form = jax.tree.flatten(states)
            new = [n.astype(s.dtype) for n, s in zip(jax.tree.leaves(new), leaves, strict=True)]
            return jax.tree.unflatten(form, new), output

        return self._scan(step, sequences, states, mask)

    def _scan(
        self, step: Any, sequences: Any, states: list[Any], mask: Any
    ) -> tuple[Any, Any, list[Any]]:
        xs = jnp.swapaxes(sequences, 0, 1)
        keep = None if mask is None else jnp.swapaxes(mask, 0, 1).astype(bool)
        kind = jax.eval_shape(step, states, xs[0])[1]
        before = next((s for s in jax.tree.leaves(states) if s.shape == kind.shape), None)
        before = jnp.zeros(kind.shape, kind.dtype) if before is None else before.astype(kind.dtype)

        def masked(carry: Any, now: Any) -> tuple[Any, Any]:
            states, before = carry
            x, keep = now
            new, output = step(states, x)
            if keep is None:
                return (new, output), output
            new = jax.tree.map(lambda n, s: _where(keep, n, s), new, states)
            kept = _where(
                keep, output, jnp.zeros_like(output) if self.zero_output_for_mask else before
            )
            return (new, kept), kept

        unroll = max(len(xs), 1) if self.unroll else 1
        (states, last), outputs = lax.scan(
            masked, (states, before), (xs, keep), reverse=self.go_backwards, unroll=unroll
        )
        outputs = jnp.flip(outputs, 0) if self.go_backwards else outputs
        return jnp.swapaxes(outputs, 0, 1), last, states


class _BuiltIn(RNN):
    """A recurrent layer with a cell of its own; it shows the cell's arguments as its own."""

    cell_class: type

    def _start(self, given: dict[str, Any]) -> None:
        """Divide the arguments of a constructor between the cell and the layer."""
        kwargs, use_cudnn = given.pop("kwargs"), given.pop("use_cudnn", "auto")
        given = {k: v for k, v in given.items() if k not in ("self", "__class__")}
        of_cell = {k: v for k, v in given.items() if k in signature.parameters(self.cell_class)}
        of_layer = {k: v for k, v in given.items() if k not in of_cell}
        common = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        name = naming.snake_case(self.cell_class.__name__)
        RNN.__init__(self, self.cell_class(**of_cell, **common, name=name), **of_layer, **kwargs)
        self.input_spec = InputSpec(ndim=3)
        if use_cudnn not in ("auto", True, False):
            raise arguments.complain(self, "use_cudnn", "'auto', True or False", use_cudnn)
        self.use_cudnn = use_cudnn

    def __getattr__(self, name: str) -> Any:
        if name in signature.parameters(type(self).cell_class) and "cell" in self.__dict__:
            return getattr(self.cell, name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@register()
class SimpleRNN(_BuiltIn):
    """A fully connected recurrence, `activation(x @ kernel + h @ recurrent_kernel + bias)`.

    Args:
        units: number of outputs, at least 1.
        activation: a function or its name.
        use_bias: whether there is a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: first values of the weights.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: penalties added to the loss.
        activity_regularizer: penalty of the output.
        kernel_constraint, recurrent_constraint, bias_constraint: applied after each update.
        dropout: part of the input's features that is dropped in training, the same at each step.
        recurrent_dropout: the same for the state that enters a step.
        seed: a fixed seed of the dropout.
        unroll: accepted; the loop is as fast and compiles sooner.

    The other arguments, the mask and `initial_state` are those of `RNN`.
    Input `(batch, time, features)`, output `(batch, units)` or `(batch, time, units)`.

    Example:
        >>> SimpleRNN(4, return_sequences=True)(jnp.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    cell_class = SimpleRNNCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        seed: int | None = None,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(dict(locals()))


@register()
class LSTM(_BuiltIn):
    """Long short-term memory (Hochreiter and Schmidhuber, 1997).

    Args:
        recurrent_activation: of the input, forget and output gates.
        unit_forget_bias: whether the bias of the forget gate starts at one.
        use_cudnn: accepted as a hint.

    The other arguments are those of `SimpleRNN` and `RNN`; there are two states, output and carry.

    Example:
        >>> output, h, c = LSTM(4, return_state=True)(jnp.ones((2, 5, 3)))
        >>> output.shape, c.shape
        ((2, 4), (2, 4))
    """

    cell_class = LSTMCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        use_cudnn: bool | str = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(dict(locals()))


@register()
class GRU(_BuiltIn):
    """Gated recurrent unit (Cho et al., 2014).

    Args:
        recurrent_activation: of the update and reset gates.
        reset_after: whether the reset gate acts after the state's matmul; the bias is then
            (2, 3 * units), else (3 * units,).
        use_cudnn: accepted as a hint.

    The other arguments are those of `SimpleRNN` and `RNN`.

    Example:
        >>> GRU(4)(jnp.ones((2, 5, 3))).shape
        (2, 4)
    """

    cell_class = GRUCell

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        reset_after: bool = True,
        use_cudnn: bool | str = "auto",
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(dict(locals()))


_MERGES: dict[str | None, Any] = {
    "sum": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "ave": lambda a, b: (a + b) / 2,
    "concat": lambda a, b: jnp.concatenate([a, b], -1),
    None: lambda a, b: (a, b),
}


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
        if not isinstance(layer, Layer):
            raise ValueError(
                errors.report("Bidirectional", expected="a recurrent layer", got=repr(layer))
            )
        super().__init__(**kwargs)
        if merge_mode not in _MERGES:
            raise arguments.complain(
                self, "merge_mode", f"one of {', '.join(map(repr, _MERGES))}", merge_mode
            )
        self.merge_mode = merge_mode
        self.forward_layer = _copied(layer, "forward_")
        self.backward_layer = backward_layer or _copied(layer, "backward_", turned=True)
        for name in ("stateful", "return_sequences", "return_state", "go_backwards"):
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
        self._first_weights = weights

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        for layer in (self.forward_layer, self.backward_layer):
            calling.build(layer, {"sequences_shape": sequences_shape})
        if self._first_weights:
            self.set_weights(self._first_weights)

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


def _where(keep: jax.Array, yes: jax.Array, no: jax.Array) -> jax.Array:
    """`jnp.where` with (batch,) against (batch, ...)."""
    return jnp.where(keep.reshape(keep.shape + (1,) * (yes.ndim - 1)), yes, no)
