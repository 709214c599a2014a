"""Recurrences over time by the compiled kernels, with their gradient written out.

What enters the loop is projected before it, and the weights' gradients are summed after it:
large matmuls, which XLA does well. In between each thread takes its rows of the batch through
all the steps alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import native

States = tuple[jax.Array, ...]

# The kernels' cells, all with tanh for the candidate and, for gates, the logistic function.
CELLS = {"lstm": 0, "gru": 1, "simple": 2}


def known(cell: str, activations: Sequence[Callable], *arrays: jax.Array) -> bool:
    """Whether the kernels have `cell` with these activations, for arrays like these."""
    usual = ("tanh", "logistic")[: len(activations)]
    return cell in CELLS and native.usable(*arrays) and _primitives(activations) == usual


def _primitives(activations: Sequence[Callable]) -> tuple[str, ...]:
    """The single operation that each function is: whoever wrote it, and under whatever name."""
    x = jax.ShapeDtypeStruct((1,), jnp.float32)
    programs = [jax.make_jaxpr(activation)(x).jaxpr for activation in activations]
    return tuple(_inlined(program) for program in programs)


def _inlined(program: Any) -> str:
    if len(program.eqns) != 1 or program.outvars != program.eqns[0].outvars:
        return ""
    equation = program.eqns[0]
    inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
    return _inlined(getattr(inner, "jaxpr", inner)) if inner else equation.primitive.name


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def recurrence(
    cell, by_xla, reverse, x, states, kernel, recurrent_kernel, bias, keep=None, dropout=None
):
    """The outputs (batch, time, units) and the last states of `cell`.

    Args:
        cell: one of `CELLS`; "gru" with four blocks of columns (update, reset, the candidate's
            share of the input, and that of the state).
        by_xla: the same function of the arguments from `reverse` on, made of JAX's operations;
            second derivatives are taken of it.
        reverse: goes through time from the last step; outputs stay at their steps.
        x: (batch, time, features).
        states: the first states, (batch, units) each.
        kernel, recurrent_kernel, bias: (features, G), (units, G), (G,).
        keep: (batch, time) of bool, or None.
        dropout: (batch, units), or None.
    """
    inputs = x, states, kernel, recurrent_kernel, bias, keep, dropout
    return _forward(cell, by_xla, reverse, *inputs)[0]


def _forward(cell, by_xla, reverse, *inputs):
    run: Any = _run
    outputs, last, *saved = run(cell, by_xla, reverse, inputs)
    return (outputs, last), (inputs, (outputs, *saved))


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _run(cell, by_xla, reverse, inputs):
    """Outputs, last states, and what the gradient needs: the gates and the second states."""
    x, states, kernel, recurrent_kernel, bias, keep, dropout = inputs
    projected = x @ kernel + bias
    outputs = jax.ShapeDtypeStruct((*x.shape[:2], states[0].shape[-1]), x.dtype)
    first, second = _pair(states)
    gates, outputs, cells, *last = native.call(
        "keraunos_recurrence",
        (projected, outputs, outputs if len(states) > 1 else second, first, second),
        projected,
        *_common(states, recurrent_kernel, keep, dropout),
        cell=np.int64(CELLS[cell]),
        reverse=reverse,
        aliases={0: 0},
    )
    return outputs, tuple(last[: len(states)]), gates, cells


def _pair(states: States) -> States:
    """Two states: a second one that is absent has no elements."""
    return states if len(states) > 1 else (*states, jnp.zeros((0,), jnp.float32))


def _common(states: States, recurrent_kernel, keep, dropout) -> Any:
    """The arguments that both kernels take; what is absent has no elements."""
    keep = jnp.zeros((0,), bool) if keep is None else keep.astype(bool)
    dropout = jnp.zeros((0,), jnp.float32) if dropout is None else dropout
    return *_pair(states), recurrent_kernel, keep, dropout


def _backward(cell, by_xla, reverse, saved, gradients):
    gradient: Any = _gradient
    return (*gradient(cell, by_xla, reverse, *saved, gradients), None, None)


recurrence.defvjp(_forward, _backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def _gradient(cell, by_xla, reverse, inputs, results, gradients):
    """The gradients of x, the states, the two kernels and the bias."""
    x, states, kernel, recurrent_kernel, _, keep, dropout = inputs
    outputs, gates, cells = results
    of_outputs, of_last = gradients
    of_z, *of_states = native.call(
        "keraunos_recurrence_gradient",
        (gates, *_pair(states)),
        gates,
        *_common(states, recurrent_kernel, keep, dropout),
        outputs,
        cells,
        of_outputs,
        *_pair(of_last),
        cell=np.int64(CELLS[cell]),
        reverse=reverse,
        aliases={0: 0},
    )
    first = states[0][:, None]
    entering = [outputs[:, 1:], first] if reverse else [first, outputs[:, :-1]]
    entering = jnp.concatenate(entering, axis=1)
    entering = entering if dropout is None else entering * dropout[:, None]
    return (
        of_z @ kernel.T,
        tuple(of_states[: len(states)]),
        jnp.einsum("btf,btg->fg", x, of_z),
        jnp.einsum("btu,btg->ug", entering, of_z),
        of_z.sum((0, 1)),
    )


# Second derivatives take the way of JAX's operations, from the inputs on: what was saved is a
# function of them, and passes nothing on.


def _run_forward(cell, by_xla, reverse, inputs):
    return _run(cell, by_xla, reverse, inputs), inputs


def _run_backward(cell, by_xla, reverse, inputs, cotangents):
    of_outputs, of_last, *_ = cotangents
    return ((*_pull(by_xla, reverse, inputs, (of_outputs, of_last)), None, None),)


def _gradient_forward(cell, by_xla, reverse, *arguments):
    return _gradient(cell, by_xla, reverse, *arguments), arguments


def _gradient_backward(cell, by_xla, reverse, arguments, cotangents):
    inputs, results, gradients = arguments
    _, pull = jax.vjp(functools.partial(_pull, by_xla, reverse), inputs, gradients)
    of_inputs, of_gradients = pull(cotangents)
    return of_inputs, jax.tree.map(jnp.zeros_like, results), of_gradients


def _pull(by_xla, reverse, inputs, gradients):
    """`_gradient` by JAX's operations."""
    *differentiable, keep, dropout = inputs
    run = functools.partial(by_xla, reverse)
    return jax.vjp(lambda *d: run(*d, keep, dropout), *differentiable)[1](gradients)


_run.defvjp(_run_forward, _run_backward)
_gradient.defvjp(_gradient_forward, _gradient_backward)
