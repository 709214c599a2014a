"""Recurrent layers: a cell repeated over time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import errors
from keraunos._core import naming, signature
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._core.variable import Variable
from keraunos.layers import _arguments as arguments
from keraunos.layers import _recurrent_cells as cells
from keraunos.layers._recurrent_cells import GRUCell, LSTMCell, SimpleRNNCell, StackedRNNCells


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
        name = f"{type(self.cell).__name__} {getattr(self.cell, 'name', '')!r}"
        with _told_of(name, f"{type(self).__name__} {self.name!r}"):
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
        with jax.ensure_compile_time_eval():
            first = self.get_initial_state(sequences_shape[0])
        self.states = jax.tree.map(self._state_variable, first)

    def _state_variable(self, value: jax.Array) -> Variable:
        # A copy: a cell may start from one array for several states.
        variable = Variable(
            np.array(value), dtype=self.variable_dtype, trainable=False, name="rnn_state"
        )
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
        mask = self._of_steps(next(iter(jax.tree.leaves(mask)), None), sequences.shape[:2])
        output, outputs, states = self.inner_loop(sequences, states, mask, training)
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

    def _of_steps(self, mask: Any, shape: tuple[int, ...]) -> Any:
        """Return a checked mask (batch, time), or None."""
        if mask is None or mask.shape in (shape, (*shape, 1)):
            return None if mask is None else mask.reshape(shape)
        where = f"{type(self).__name__} {self.name!r}, mask"
        expected = f"shape {shape}: (batch, time)"
        raise ValueError(errors.report(where, expected=expected, got=f"shape {mask.shape}"))

    def _first_states(self, sequences: jax.Array, given: Any) -> list[Any]:
        batch = sequences.shape[0]
        if given is None:
            given = self.states if self.stateful else self.get_initial_state(batch)
        given = list(given) if isinstance(given, (list, tuple)) else [given]
        found = jax.tree.map(lambda state: jnp.asarray(state, self.compute_dtype), given)
        shapes = [tuple(state.shape) for state in jax.tree.leaves(found)]
        wanted = [(batch, *shape[1:]) for shape in shapes]
        if isinstance(self.cell, cells.DroppingCell):
            wanted = [tuple(state.shape) for state in self.get_initial_state(batch)]
        if shapes != wanted or len(found) != len(self.state_size):
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}, initial states",
                    expected=f"{len(self.state_size)} of shape {', '.join(map(str, wanted))}",
                    got=f"{len(found)} of shape {', '.join(map(str, shapes))}",
                    fix="a stateful layer needs batches of one size" if self.stateful else None,
                )
            )
        return found

    def inner_loop(
        self, sequences: Any, initial_state: list[Any], mask: Any, training: bool = False
    ) -> tuple[Any, Any, list[Any]]:
        """Return the last output, all of them (batch, time, ...) and the last states."""
        if isinstance(self.cell, cells.GatedCell):
            options = {"mask": mask, "go_backwards": self.go_backwards}
            options["zero_output_for_mask"] = self.zero_output_for_mask
            outputs, last = self.cell.run(sequences, initial_state, training, **options)
            # Without masked zeros the last output is the first state, and XLA drops the others.
            plain = mask is None or not self.zero_output_for_mask
            return last[0] if plain else outputs[:, -1], outputs, last

        def step(states: Any, x: Any) -> tuple[Any, Any]:
            output, new = cells.call_cell(self.cell, x, states, training)
            leaves, form = jax.tree.flatten(states)
            new = [n.astype(s.dtype) for n, s in zip(jax.tree.leaves(new), leaves, strict=True)]
            return jax.tree.unflatten(form, new), output

        return self._scan(step, sequences, initial_state, mask)

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
        return last, jnp.swapaxes(outputs, 0, 1), states


class _BuiltIn(RNN):
    """A recurrent layer with a cell of its own; it shows the cell's arguments as its own."""

    cell_class: type
    rank = 0  # spatial axes of a step

    def _start(self, given: dict[str, Any]) -> None:
        """Divide the arguments of a constructor between the cell and the layer."""
        kwargs, use_cudnn = given.pop("kwargs"), given.pop("use_cudnn", "auto")
        given = {k: v for k, v in given.items() if k not in ("self", "__class__")}
        of_cell = {k: v for k, v in given.items() if k in signature.parameters(self.cell_class)}
        of_layer = {k: v for k, v in given.items() if k not in of_cell}
        common = {k: kwargs[k] for k in ("dtype", "trainable") if k in kwargs}
        name = naming.snake_case(self.cell_class.__name__)
        called = f"{type(self).__name__} {kwargs['name']!r}" if "name" in kwargs else ""
        with _told_of(f"{self.cell_class.__name__} {name!r}", called or type(self).__name__):
            cell = self.cell_class(**of_cell, **common, name=name)
        RNN.__init__(self, cell, **of_layer, **kwargs)
        self.input_spec = InputSpec(ndim=self.rank + 3)
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


@contextlib.contextmanager
def _told_of(cell: str, layer: str) -> Iterator[None]:
    """Name the layer in an error about its cell, of which the user may not know."""
    try:
        yield
    except ValueError as error:
        raise ValueError(str(error).replace(cell, layer)) from error.__cause__


def _where(keep: jax.Array, yes: jax.Array, no: jax.Array) -> jax.Array:
    """`jnp.where` with (batch,) against (batch, ...)."""
    return jnp.where(keep.reshape(keep.shape + (1,) * (yes.ndim - 1)), yes, no)
