"""Recurrences over time: one matmul a step, and a gradient that is written out.

A step of every network here is `advance(V @ [x_t; h] + b, states) -> states` with one matrix V
for the input and the state, and `advance` element-wise. Features stand in the rows and the
batch in the columns, so that gates are blocks of rows, and what leaves one loop enters the
next as it is. The gradient's loop makes its element-wise part anew instead of storing it, and
sums the gradient of V as it goes. On a CPU this is 1.5 to 3 times as fast as the derivative
that JAX finds by itself for a scan over projected inputs; the compiled kernels, where they know
the cell, are faster again.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import core, lax

from . import native_recurrent
from ._geometry import runs_on_cpu

Activation = Callable[[jax.Array], jax.Array]
States = tuple[jax.Array, ...]
Advance = Callable[[jax.Array, States], States]


def lstm(
    x: jax.Array,
    h0: jax.Array,
    c0: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    activation: Activation = jnp.tanh,
    recurrent_activation: Activation = jax.nn.sigmoid,
    recurrent_dropout_mask: jax.Array | None = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    """Long short-term memory over `x` (batch, time, features).

    Args:
        x: the input, with any dropout already applied.
        h0, c0: first states, (batch, units).
        kernel: (features, 4 * units), gates in the order input, forget, candidate, output.
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,) or None.
        mask: (batch, time) of bool; at False the states stay and the output is the last
            one, or zero with `zero_output_for_mask`.
        recurrent_dropout_mask: (batch, units), multiplies the state that enters each matmul.
        go_backwards: reads from the last step to the first; the outputs come in that order.

    Returns:
        outputs (batch, time, units) and the last states (h, c).

    Reference: Hochreiter and Schmidhuber, Long short-term memory, 1997.

    Example:
        >>> x, state = jnp.ones((2, 5, 3)), jnp.zeros((2, 4))
        >>> lstm(x, state, state, jnp.ones((3, 16)), jnp.ones((4, 16)))[0].shape
        (2, 5, 4)
    """

    def advance(z: jax.Array, states: States) -> States:
        i, f, g, o = jnp.split(z, 4)
        c = recurrent_activation(f) * states[1] + recurrent_activation(i) * activation(g)
        c = _materialise(c)
        return recurrent_activation(o) * activation(c), c

    cell = "lstm", activation, recurrent_activation
    options = (mask, recurrent_dropout_mask, go_backwards, zero_output_for_mask)
    return _run(advance, cell, x, (h0, c0), kernel, recurrent_kernel, bias, *options)


def gru(
    x: jax.Array,
    h0: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    reset_after: bool = True,
    mask: jax.Array | None = None,
    activation: Activation = jnp.tanh,
    recurrent_activation: Activation = jax.nn.sigmoid,
    recurrent_dropout_mask: jax.Array | None = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, tuple[jax.Array]]:
    """Gated recurrent unit over `x` (batch, time, features); other arguments as in `lstm`.

    Args:
        kernel: (features, 3 * units), gates in the order update, reset, candidate.
        bias: (2, 3 * units) if `reset_after` (input's, then state's), else (3 * units,).
        reset_after: applies the reset gate to the projected state instead of the state.

    Reference: Cho et al., Learning phrase representations using RNN encoder-decoder, 2014.
    """
    units = h0.shape[-1]
    options = (mask, recurrent_dropout_mask, go_backwards, zero_output_for_mask)

    def finish(z: jax.Array, candidate: jax.Array, h: jax.Array) -> tuple[jax.Array]:
        return (z * h + (1 - z) * candidate,)

    def advance_after(z: jax.Array, states: States) -> States:
        update, reset, inner, recurrent = jnp.split(z, 4)
        candidate = activation(inner + recurrent_activation(reset) * recurrent)
        return finish(recurrent_activation(update), candidate, states[0])

    def step_before(z: jax.Array, states: States) -> States:
        update, reset, inner = jnp.split(z, 3)
        h = states[0]
        entering = h if recurrent_dropout_mask is None else h * recurrent_dropout_mask.T
        entering = _materialise(recurrent_activation(reset) * entering)
        candidate = activation(inner + recurrent_kernel[:, 2 * units :].T @ entering)
        return finish(recurrent_activation(update), candidate, h)

    gates = 2 * units
    if reset_after:
        # Four blocks: the candidate's two shares are needed apart.
        of_input = jnp.pad(kernel, ((0, 0), (0, units)))
        gap = jnp.zeros((units, units), recurrent_kernel.dtype)
        of_state = [recurrent_kernel[:, :gates], gap, recurrent_kernel[:, gates:]]
        of_state = jnp.concatenate(of_state, 1)
        if bias is not None:
            bias = jnp.concatenate(
                [bias[0, :gates] + bias[1, :gates], bias[0, gates:], bias[1, gates:]]
            )
        cell = "gru", activation, recurrent_activation
        return _run(advance_after, cell, x, (h0,), of_input, of_state, bias, *options)
    of_state = jnp.pad(recurrent_kernel[:, :gates], ((0, 0), (0, units)))
    cell = "gru with reset before", activation, recurrent_activation
    return _run(step_before, cell, x, (h0,), kernel, of_state, bias, *options)


def simple_rnn(
    x: jax.Array,
    h0: jax.Array,
    kernel: jax.Array,
    recurrent_kernel: jax.Array,
    bias: jax.Array | None = None,
    *,
    mask: jax.Array | None = None,
    activation: Activation = jnp.tanh,
    recurrent_dropout_mask: jax.Array | None = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
) -> tuple[jax.Array, tuple[jax.Array]]:
    """Elman's recurrence, `activation(x @ kernel + bias + h @ recurrent_kernel)`; see `lstm`."""

    def advance(z: jax.Array, states: States) -> States:
        return (activation(z),)

    options = (mask, recurrent_dropout_mask, go_backwards, zero_output_for_mask)
    return _run(advance, ("simple", activation), x, (h0,), kernel, recurrent_kernel, bias, *options)


def _run(
    advance, cell, x, states, kernel, recurrent_kernel, bias, mask, dropout, reverse, zero_output
) -> Any:
    """The loop over time, by the compiled kernels or by XLA, and what surrounds it."""
    bias = jnp.zeros(kernel.shape[1], kernel.dtype) if bias is None else bias
    name, *activations = cell
    loop: Any = native_recurrent.recurrence
    by_xla = functools.partial(_by_xla, advance)
    arrays = x, states, kernel, recurrent_kernel, bias, dropout
    arguments = reverse, *arrays[:-1], mask, dropout
    known = native_recurrent.known(name, activations, *jax.tree.leaves(arrays))
    if known is not None:
        outputs, last = loop(known, by_xla, *arguments)
    else:
        outputs, last = by_xla(*arguments)
    if mask is not None and zero_output:
        outputs = jnp.where(mask[..., None], outputs, 0)
    return (jnp.flip(outputs, 1) if reverse else outputs), last


def _by_xla(advance, reverse, x, states, kernel, recurrent_kernel, bias, mask, dropout):
    """From (batch, time, features) to rows of features and back, round the loop over time."""
    weights = jnp.concatenate([kernel, recurrent_kernel]).T
    x = _materialise(jnp.transpose(x, (1, 2, 0)))  # (time, features, batch)
    keep = None if mask is None else jnp.swapaxes(mask, 0, 1)[:, None].astype(bool)
    states = tuple(state.T for state in states)
    dropout = None if dropout is None else dropout.T
    loop: Any = _loop_with_gradient if _is_closed(advance, weights, states) else _loop
    outputs, last = loop(advance, reverse, x, states, weights, bias[:, None], keep, dropout)
    return jnp.transpose(outputs, (2, 0, 1)), tuple(state.T for state in last)


def _loop(advance, reverse, x, states, weights, bias, keep, dropout, saving=False):
    """Scans over time: (time, units, batch) and the last states; with what the gradient needs."""

    def step(states, now):
        x, keep = now
        h = states[0] if dropout is None else states[0] * dropout
        entering = _materialise(jnp.concatenate([x, h]))
        z = _materialise(weights @ entering + bias)
        new = _materialise(_masked(advance, keep)(z, states))
        return new, (new[0], (entering, z, states) if saving else None)

    last, (outputs, saved) = lax.scan(step, states, (x, keep), reverse=reverse)
    return (outputs, last, saved) if saving else (outputs, last)


def _loop_with_gradient(advance, reverse, x, states, weights, bias, keep, dropout):
    """`_loop` with its derivative written out."""

    # All that may be traced is an argument: a closure would not outlive a `jit` around it.
    @jax.custom_vjp
    def run(x, states, weights, bias, keep, dropout):
        return _loop(advance, reverse, x, states, weights, bias, keep, dropout)

    def forward(x, states, weights, bias, keep, dropout):
        *results, saved = _loop(
            advance, reverse, x, states, weights, bias, keep, dropout, saving=True
        )
        return tuple(results), (saved, weights, keep, dropout)

    def backward(kept, gradients):
        (entering, z, states), weights, keep, dropout = kept
        of_outputs, of_last = gradients
        features = entering.shape[1] - of_last[0].shape[0]
        wide = jnp.promote_types(weights.dtype, jnp.float32)

        def step(carry, now):
            of_states, of_weights, of_bias = carry
            entering, z, states, of_output, keep = now
            of_states = _materialise((of_states[0] + of_output, *of_states[1:]))
            _, pull = jax.vjp(_masked(advance, keep), z, states)
            of_z, (of_h, *of_others) = _materialise(pull(of_states))
            of_entering = weights.T @ of_z
            through = of_entering[features:]
            of_h = of_h + (through if dropout is None else through * dropout)
            of_weights += jnp.matmul(of_z, entering.T, preferred_element_type=wide)
            carry = (of_h, *of_others), of_weights, of_bias + of_z.astype(wide)
            return carry, of_entering[:features]

        zeros = jnp.zeros(weights.shape, wide), jnp.zeros(z.shape[1:], wide)
        now = entering, z, states, of_outputs, keep
        carry, of_x = lax.scan(step, (of_last, *zeros), now, reverse=not reverse)
        of_states, of_weights, of_bias = carry
        of_bias = of_bias.sum(1, keepdims=True)
        found = of_weights.astype(weights.dtype), of_bias.astype(weights.dtype)
        return of_x, of_states, *found, None, None

    run.defvjp(forward, backward)
    return run(x, states, weights, bias, keep, dropout)


def _masked(advance: Advance, keep: jax.Array | None) -> Advance:
    """`advance`, but the states stay where `keep` is False."""
    if keep is None:
        return advance

    def advance_some(z: jax.Array, states: States) -> States:
        new = advance(z, states)
        return tuple(jnp.where(keep, n, s) for n, s in zip(new, states))

    return advance_some


def _is_closed(advance, weights, states) -> bool:
    """Whether `advance` holds no traced values, whose gradients a written one would lose."""
    z = jax.ShapeDtypeStruct((weights.shape[0], states[0].shape[1]), weights.dtype)
    constants = jax.make_jaxpr(advance)(z, states).consts
    return not any(isinstance(constant, core.Tracer) for constant in constants)


def _materialise(values: Any) -> Any:
    """On a CPU, keeps XLA from computing shared values again in each fusion that reads them."""
    return lax.optimization_barrier(values) if runs_on_cpu() else values
