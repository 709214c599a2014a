"""Recurrences over time by the compiled kernels, with their gradient written out.

What enters the loop is projected before it, and the weights' gradients are summed after it:
large matmuls, which XLA does well. In between each thread takes its rows of the batch through
all the steps alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jax.extend import core

from . import native
from .loop import primitives

States = tuple[jax.Array, ...]

# The kernels' cells, all with tanh for the candidate.
CELLS = {"lstm": 0, "gru": 1, "simple": 2}
# What a function may be made of that is a line cut off at 0 and 1.
_PIECEWISE_LINEAR: set[str] = set(
    "add sub mul div max min clamp convert_element_type jit pjit custom_jvp_call".split()
)
_POINTS = np.linspace(-16, 16, 4097, dtype=np.float32)


class Cell(NamedTuple):
    """A cell that the kernels have.

    Args:
        name: one of `CELLS`.
        slope: of the gates' function, cut off at 0 and 1; 0 for the logistic function.
    """

    name: str
    slope: float


def known(name: str, activations: Sequence[Callable], *arrays: jax.Array) -> Cell | None:
    """Return the kernels' cell with these activations for arrays like these, if there is one."""
    if name not in CELLS or not native.usable(*arrays):
        return None
    x = jax.ShapeDtypeStruct(_POINTS.shape, jnp.float32)
    squashing, *gates = (jax.make_jaxpr(function)(x) for function in activations)
    if _operation(squashing.jaxpr) != "tanh":
        return None
    if not gates or _operation(gates[0].jaxpr) == "logistic":
        return Cell(name, 0.0)
    slope = _slope(gates[0])
    return None if slope is None else Cell(name, slope)


def _operation(program: Any) -> str:
    """Return the single operation that a function is: whoever wrote it, and under what name."""
    if len(program.eqns) != 1 or program.outvars != program.eqns[0].outvars:
        return ""
    equation = program.eqns[0]
    inner = equation.params.get("jaxpr") or equation.params.get("call_jaxpr")
    return _operation(getattr(inner, "jaxpr", inner)) if inner else equation.primitive.name


def _slope(program: core.ClosedJaxpr) -> float | None:
    """Return a where a function is `min(max(a x + 1/2, 0), 1)`, else None."""
    traced = any(isinstance(const, Tracer) for const in program.consts)
    if traced or not set(primitives(program)) <= _PIECEWISE_LINEAR:
        return None
    with jax.ensure_compile_time_eval():
        y = np.asarray(core.jaxpr_as_fun(program)(jnp.asarray(_POINTS))[0])
    x = _POINTS[(y > 0) & (y < 1)]
    slope = float(x @ (y[(y > 0) & (y < 1)] - 0.5)) / max(float(x @ x), 1e-9)
    known = slope > 0 and np.allclose(y, np.clip(slope * _POINTS + 0.5, 0, 1), rtol=0, atol=1e-6)
    return slope if known else None


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1, 2))
def recurrence(
    cell, by_xla, reverse, x, states, kernel, recurrent_kernel, bias, keep=None, dropout=None
):
    """The outputs (batch, time, units) and the last states of `cell`.

    Args:
        cell: as `known` gives it; "gru" with four blocks of columns (update, reset, the candidate's
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
        cell=np.int64(CELLS[cell.name]),
        slope=np.float32(cell.slope),
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
        cell=np.int64(CELLS[cell.name]),
        slope=np.float32(cell.slope),
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
