"""`keras.backend`: recurrences and functions over the elements of a tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos.compat.keras_backend.arrays import op


def rnn(
    step_function: Callable[..., Any],
    inputs: Any,
    initial_states: Any,
    go_backwards: bool = False,
    mask: Any = None,
    constants: Any = None,
    unroll: bool = False,
    input_length: Any = None,
    time_major: bool = False,
    zero_output_for_mask: bool = False,
    return_all_outputs: bool = True,
) -> tuple[Any, Any, Any]:
    """Run a step over the axis of time.

    Args:
        step_function: (inputs (batch, ...), states) -> (output, new states).
        inputs: (batch, time, ...), or a structure of such; time first where `time_major`.
        initial_states: a list of tensors.
        go_backwards: whether the last step comes first.
        mask: (batch, time); where it is false, states stay and the output is the one before.
        constants: passed to each step behind the states.
        unroll, input_length: kept for programs that pass them.
        time_major: see `inputs`.
        zero_output_for_mask: the output is 0 where the mask is false.
        return_all_outputs: whether there is an output of each step, or of the last alone.

    Returns:
        (last output, outputs (batch, time, ...), last states).

    Example:
        >>> step = lambda x, states: (x + states[0], [x + states[0]])
        >>> last, outputs, states = rnn(step, jnp.ones((1, 3, 2)), [jnp.zeros((1, 2))])
        >>> outputs[0, :, 0].tolist()
        [1.0, 2.0, 3.0]
    """
    return _rnn(
        inputs,
        list(initial_states),
        mask,
        list(constants or ()),
        step_function,
        go_backwards,
        time_major,
        zero_output_for_mask,
        return_all_outputs,
    )


@op
def _rnn(
    inputs: Any,
    states: Any,
    mask: Any,
    constants: Any,
    step: Callable[..., Any],
    go_backwards: bool,
    time_major: bool,
    zero_masked: bool,
    all_outputs: bool,
) -> tuple[Any, Any, Any]:
    swap = (lambda x: x) if time_major else (lambda x: jnp.swapaxes(x, 0, 1))
    inputs = jax.tree.map(lambda x: swap(jnp.asarray(x)), inputs)
    states = [jnp.asarray(s) for s in states]
    steps = [inputs] if mask is None else [inputs, swap(jnp.asarray(mask).astype(bool))]
    if go_backwards:
        steps = jax.tree.map(lambda x: x[::-1], steps)
    first = jax.tree.map(lambda x: x[0], inputs)
    shapes = jax.eval_shape(lambda x: step(x, [*states, *constants])[0], first)
    before = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)

    def advance(carry: Any, now: Any) -> Any:
        states, before = carry
        output, new = step(now[0], [*states, *constants])
        new = [jnp.asarray(n, s.dtype) for n, s in zip(jax.tree.leaves(new), states)]
        if len(now) > 1:
            new = [_chosen(now[1], n, s) for n, s in zip(new, states)]
            rest = jax.tree.map(jnp.zeros_like, output) if zero_masked else before
            output = jax.tree.map(lambda o, r: _chosen(now[1], o, r), output, rest)
        return (new, output), output

    (states, last), outputs = jax.lax.scan(advance, (states, before), steps)
    outputs = outputs if all_outputs else jax.tree.map(lambda x: x[None], last)
    return last, jax.tree.map(swap, outputs), states


def _chosen(mask: Any, one: Any, other: Any) -> Any:
    """Return one where the mask (batch,) is true, else the other."""
    mask = mask[..., 0] if mask.ndim > 1 else mask
    return jnp.where(mask.reshape(mask.shape + (1,) * (one.ndim - 1)), one, other)


def map_fn(fn: Callable[..., Any], elems: Any, name: Any = None, dtype: Any = None) -> Any:
    """Return the function of each element along the first axis."""
    return _map(elems, fn)


@op
def _map(elems: Any, fn: Callable[..., Any]) -> Any:
    return jax.lax.map(fn, elems)


def foldl(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """Return `fn(fn(initializer, elems[0]), elems[1])` and so on; it begins with an element."""
    return _fold(elems, initializer, fn, False)


def foldr(fn: Callable[..., Any], elems: Any, initializer: Any = None, name: Any = None) -> Any:
    """Return what `foldl` does, from the last element to the first."""
    return _fold(elems, initializer, fn, True)


@op
def _fold(elems: Any, initializer: Any, fn: Callable[..., Any], reverse: bool) -> Any:
    elems = jnp.asarray(elems)[::-1] if reverse else jnp.asarray(elems)
    if initializer is None:
        initializer, elems = elems[0], elems[1:]
    else:
        initializer = jnp.asarray(initializer)
    return jax.lax.scan(lambda a, x: (jnp.asarray(fn(a, x), a.dtype), None), initializer, elems)[0]
