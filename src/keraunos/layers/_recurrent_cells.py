"""One step of a recurrent network: what SimpleRNN, LSTM, GRU and RNN repeat over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import activations, initializers
from keraunos._core import calling, random
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos._kernels import recurrent as kernels
from keraunos.layers import _arguments as arguments


class DroppingCell(Layer):
    """Dropout of a cell: a mask is drawn once and used at every step (Gal and Ghahramani, 2016)."""

    activation: Any
    recurrent_activation: Any
    use_bias: bool
    dropout: float
    recurrent_dropout: float
    seed: int | None

    def get_dropout_mask(self, step_input: jax.Array) -> Any:
        """Return what multiplies the input of each step in training, or None without dropout.

        It follows from the key of the running call, and the cell keeps none: where a loop of
        your own goes over the steps, draw one mask before it.
        """
        return self._drawn(self.dropout, step_input)

    def get_recurrent_dropout_mask(self, step_input: jax.Array) -> Any:
        """Return what multiplies the state that enters each step in training, or None."""
        return self._drawn(self.recurrent_dropout, step_input)

    def reset_dropout_mask(self) -> None:
        """Do nothing: no mask outlives a call."""

    def reset_recurrent_dropout_mask(self) -> None:
        """Do nothing: no mask outlives a call."""

    def _drawn(self, rate: float, like: jax.Array) -> Any:
        return self._mask(rate, jnp.shape(like)) if rate else None

    def _mask(self, rate: float, shape: tuple[int, ...]) -> jax.Array:
        kept = jax.random.bernoulli(random.next_key(self.seed), 1 - rate, shape)
        return kept.astype(self.compute_dtype) / max(1 - rate, 1e-7)


class GatedCell(DroppingCell):
    """What the three built-in cells share: weights for `gates` blocks of `units`, and dropout.

    `run` goes over a whole sequence in one kernel; `call` is a sequence of one step.
    """

    gates = 1

    def _keep(self, given: dict[str, Any]) -> None:
        self.units = arguments.integer(self, "units", given["units"])
        keep(self, given)

    @property
    def state_size(self) -> Any:
        return self.units

    @property
    def output_size(self) -> int:
        return self.units

    def get_initial_state(self, batch_size: int | None = None) -> list[jax.Array]:
        """Return zeros, (batch, units) for each state."""
        sizes = self.state_size if isinstance(self.state_size, list) else [self.state_size]
        return [jnp.zeros((batch_size, size), self.compute_dtype) for size in sizes]

    def build(self, input_shape: Any) -> None:
        features = arguments.size_of(self, input_shape, -1)
        width = self.gates * self.units
        self.kernel = arguments.weight(self, "kernel", (features, width))
        self.recurrent_kernel = arguments.weight(
            self, "recurrent_kernel", (self.units, width), said="recurrent"
        )
        self.bias = self._bias() if self.use_bias else None

    def _bias(self) -> Any:
        return arguments.weight(self, "bias", (self.gates * self.units,))

    def call(
        self, inputs: jax.Array, states: Any, training: bool = False
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the output and the new states of one step; inputs are (batch, features)."""
        outputs, last = self.run(inputs[:, None], _listed(states), training)
        return outputs[:, 0], last

    def run(
        self, sequences: jax.Array, states: Sequence[jax.Array], training: bool, **options: Any
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return all outputs and the last states for (batch, time, features)."""
        if training and self.dropout:
            sequences = sequences * self.get_dropout_mask(sequences[:, 0])[:, None]
        if training and self.recurrent_dropout:
            options["recurrent_dropout_mask"] = self.get_recurrent_dropout_mask(states[0])
        bias = None if self.bias is None else self.bias.value
        weights = self.kernel.value, self.recurrent_kernel.value, bias
        outputs, last = self._kernel(sequences, *states, *weights, **options)
        return outputs, list(last)

    def _kernel(self, *args: Any, **options: Any) -> tuple[jax.Array, Any]:
        raise NotImplementedError


@register()
class SimpleRNNCell(GatedCell):
    """One step of `SimpleRNN`, which describes the arguments.

    Example:
        >>> cell = SimpleRNNCell(4)
        >>> output, states = cell(jnp.ones((2, 3)), [jnp.zeros((2, 4))])
        >>> output.shape
        (2, 4)
    """

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self._keep(given)

    def _kernel(self, *args: Any, **options: Any) -> tuple[jax.Array, Any]:
        return kernels.simple_rnn(*args, activation=self.activation, **options)


@register()
class LSTMCell(GatedCell):
    """One step of `LSTM`, which describes the arguments; the states are (output, carry).

    Example:
        >>> cell = LSTMCell(4)
        >>> output, states = cell(jnp.ones((2, 3)), cell.get_initial_state(2))
        >>> output.shape, len(states)
        ((2, 4), 2)
    """

    gates = 4

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self._keep(given)
        self.unit_forget_bias = unit_forget_bias

    @property
    def state_size(self) -> list[int]:
        return [self.units, self.units]

    def _bias(self) -> Any:
        return bias_of_lstm(self, self.units) if self.unit_forget_bias else super()._bias()

    def _kernel(self, *args: Any, **options: Any) -> tuple[jax.Array, Any]:
        functions = {
            "activation": self.activation,
            "recurrent_activation": self.recurrent_activation,
        }
        return kernels.lstm(*args, **functions, **options)


@register()
class GRUCell(GatedCell):
    """One step of `GRU`, which describes the arguments.

    Example:
        >>> cell = GRUCell(4)
        >>> output, states = cell(jnp.ones((2, 3)), cell.get_initial_state(2))
        >>> output.shape
        (2, 4)
    """

    gates = 3

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
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        reset_after: bool = True,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self._keep(given)
        self.reset_after = reset_after

    def _bias(self) -> Any:
        if not self.reset_after:
            return super()._bias()
        return arguments.weight(self, "bias", (2, 3 * self.units))

    def _kernel(self, *args: Any, **options: Any) -> tuple[jax.Array, Any]:
        functions = {
            "activation": self.activation,
            "recurrent_activation": self.recurrent_activation,
        }
        return kernels.gru(*args, reset_after=self.reset_after, **functions, **options)


@register()
class StackedRNNCells(Layer):
    """Several cells as one: each step goes through all of them.

    Args:
        cells: cells, the first one nearest to the input. The states are a list, one entry a cell.

    Example:
        >>> cell = StackedRNNCells([LSTMCell(4), GRUCell(3)])
        >>> cell.state_size, cell.output_size
        ([[4, 4], 3], 3)
    """

    def __init__(self, cells: Sequence[Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not cells:
            raise arguments.complain(self, "cells", "at least one cell", cells)
        for cell in cells:
            check_cell(self, cell)
        self.cells = list(cells)

    @property
    def state_size(self) -> list[Any]:
        return [cell.state_size for cell in self.cells]

    @property
    def output_size(self) -> int:
        return output_size(self.cells[-1])

    def get_initial_state(self, batch_size: int | None = None) -> list[Any]:
        """Return the first states of each cell."""
        return [initial_state(cell, batch_size, self.compute_dtype) for cell in self.cells]

    def build(self, input_shape: Any) -> None:
        for cell in self.cells:
            build_cell(cell, input_shape)
            input_shape = (input_shape[0], output_size(cell))

    def call(
        self, inputs: jax.Array, states: Any, training: bool = False
    ) -> tuple[jax.Array, list[Any]]:
        """Return the last cell's output and the new states of all cells."""
        new = []
        for cell, state in zip(self.cells, states):
            inputs, state_now = call_cell(cell, inputs, _listed(state), training)
            single = not isinstance(state, (list, tuple))
            new.append(state_now[0] if single and len(state_now) == 1 else state_now)
        return inputs, new


def keep(cell: Layer, given: dict[str, Any]) -> None:
    """Check and keep the arguments that all built-in cells have."""
    for name in ("activation", "recurrent_activation"):
        if name in given:
            setattr(cell, name, activations.get(given[name]))
    for name in ("kernel", "recurrent", "bias"):
        rules = (given[f"{name}_{rule}"] for rule in ("initializer", "regularizer", "constraint"))
        arguments.keep(cell, name, *rules)
    for name in ("dropout", "recurrent_dropout"):
        setattr(cell, name, arguments.between(cell, name, given[name], 0, 1))
    for name in ("use_bias", "seed"):
        setattr(cell, name, given[name])


def bias_of_lstm(cell: Any, units: int) -> Variable:
    """Make a bias whose forget gate starts at one: at first the carry stays (Jozefowicz, 2015)."""

    def initializer(shape: Any, dtype: Any = None) -> Any:
        draw = cell.bias_initializer or initializers.get("zeros")
        parts = draw((units,), dtype), jnp.ones(units, dtype), draw((2 * units,), dtype)
        return jnp.concatenate([jnp.asarray(part) for part in parts])

    return cell.add_weight(
        shape=(4 * units,),
        initializer=initializer,
        regularizer=cell.bias_regularizer,
        constraint=cell.bias_constraint,
        name="bias",
    )


def check_cell(layer: Layer, cell: Any) -> None:
    """Raise ValueError for something that cannot be a cell."""
    if not hasattr(cell, "call") or not hasattr(cell, "state_size"):
        raise arguments.complain(layer, "cell", "an object with `call` and `state_size`", cell)


def build_cell(cell: Any, step_shape: Any) -> None:
    """Build a cell that is a layer for steps of this shape."""
    if isinstance(cell, Layer) and not cell.built:
        cell.build(tuple(step_shape))
        cell.built = True


def call_cell(cell: Any, inputs: Any, states: Any, training: bool) -> tuple[Any, list[Any]]:
    """Run one step of any cell; the states come back as a list."""
    takes_training = isinstance(cell, Layer) and "training" in calling.call_parameters(type(cell))
    options = {"training": training} if takes_training else {}
    function: Any = cell if callable(cell) else cell.call
    output, new = function(inputs, states, **options)
    return output, _listed(new)


def initial_state(cell: Any, batch_size: int | None, dtype: Any) -> Any:
    """Return what a cell starts from: its own choice, or zeros."""
    if hasattr(cell, "get_initial_state"):
        return cell.get_initial_state(batch_size=batch_size)
    sizes: Any = cell.state_size
    if isinstance(sizes, int):
        return jnp.zeros((batch_size, sizes), dtype)
    return [jnp.zeros((batch_size, size), dtype) for size in sizes]


def output_size(cell: Any) -> int:
    """Return the number of features of a cell's output: by default that of its first state."""
    size = getattr(cell, "output_size", None)
    if size is not None:
        return size
    return cell.state_size[0] if isinstance(cell.state_size, (list, tuple)) else cell.state_size


def _listed(states: Any) -> list[Any]:
    return list(states) if isinstance(states, (list, tuple)) else [states]
