"""`tf.GradientTape`, `tf.gradients`, custom gradients and control flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from keraunos import errors, ops
from keraunos._core.tape import GradientTape
from keraunos.compat.tensorflow._tensor import tensor


class UnconnectedGradients:
    """What a gradient is that does not exist: None, or zeros."""

    NONE, ZERO = "none", "zero"


def custom_gradient(f: Callable[..., Any]) -> Callable[..., Any]:
    """Give a function its own derivative: it returns `(result, gradient)`."""
    inner = ops.custom_gradient(f)
    return lambda *args, **kwargs: inner(*map(tensor, args), **kwargs)


def gradients(ys: Any, xs: Any, **_: Any) -> Any:
    """Say what to use: without a tape nothing was recorded."""
    fix = "with tf.GradientTape() as tape: ...; tape.gradient(ys, xs)"
    raise RuntimeError(errors.report("tf.gradients needs TensorFlow 1's graph", fix=fix))


def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: Any = None) -> Any:
    """Return `true_fn()` or `false_fn()`; in a compiled function only one runs, both are traced."""
    pred = tensor(pred)
    if isinstance(pred, Tracer):
        return jax.lax.cond(pred, lambda: _arrays(true_fn()), lambda: _arrays(false_fn()))
    return true_fn() if pred else false_fn()


def case(
    pred_fn_pairs: Any,
    default: Any = None,
    exclusive: bool = False,
    strict: Any = None,
    name: Any = None,
) -> Any:
    """Return the function of the first predicate that holds, called."""
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if not pairs:
        return default()
    (pred, function), rest = pairs[0], pairs[1:]
    if not rest and default is None:
        return function()
    return cond(pred, function, lambda: case(rest, default))


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: Any = None) -> Any:
    """Return `branch_fns[branch_index]()`."""
    pairs = branch_fns.items() if isinstance(branch_fns, dict) else enumerate(branch_fns)
    index = tensor(branch_index)
    return case([(index == key, f) for key, f in pairs], default)


def while_loop(
    cond: Any,
    body: Any,
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    maximum_iterations: Any = None,
    name: Any = None,
) -> Any:
    """Return the loop variables after `body` has run as long as `cond` holds."""
    kind = type(loop_vars) if isinstance(loop_vars, (list, tuple)) else None
    values = tuple(map(_arrays, loop_vars)) if kind else (_arrays(loop_vars),)
    most = None if maximum_iterations is None else int(maximum_iterations)
    if any(isinstance(v, Tracer) for v in jax.tree.leaves(values)):
        done = ops.while_loop(cond, lambda *v: _tuple(_arrays(body(*v))), values, most)
    else:
        turn, done = 0, values
        while (most is None or turn < most) and bool(cond(*done)):
            done, turn = _tuple(body(*done)), turn + 1
    return kind(done) if kind in (list, tuple) else done if kind else done[0]


def _tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _arrays(value: Any) -> Any:
    return jax.tree.map(tensor, value)


def map_fn(
    fn: Any, elems: Any, dtype: Any = None, parallel_iterations: Any = None, *_: Any, **__: Any
) -> Any:
    """Return the function of each slice along the first axis, stacked."""
    elems = _arrays(elems)
    if any(isinstance(v, Tracer) for v in jax.tree.leaves(elems)):
        return jax.lax.map(lambda e: _arrays(fn(e)), elems)
    count = jax.tree.leaves(elems)[0].shape[0]
    rows = [fn(jax.tree.map(lambda e, i=i: e[i], elems)) for i in range(count)]
    return jax.tree.map(lambda *parts: _stacked(parts), *rows)


def _stacked(parts: Any) -> Any:
    from keraunos.compat.tensorflow._array import TOP

    return TOP["stack"]([tensor(p) for p in parts])


def vectorized_map(
    fn: Any, elems: Any, fallback_to_while_loop: bool = True, warn: Any = None
) -> Any:
    """Return the function of all slices along the first axis, computed at once."""
    return jax.vmap(lambda e: _arrays(fn(e)))(_arrays(elems))


def scan(
    fn: Any, elems: Any, initializer: Any = None, reverse: bool = False, name: Any = None, **_: Any
) -> Any:
    """Return all partial results of `state = fn(state, element)` along the first axis."""
    elems = _arrays(elems)
    state = _arrays(initializer)
    if initializer is None:
        place = -1 if reverse else 0
        state = jax.tree.map(lambda e: e[place], elems)
        rest = jax.tree.map(lambda e: e[:-1] if reverse else e[1:], elems)
    else:
        rest = elems

    def step(carry: Any, element: Any) -> Any:
        new = jax.tree.map(lambda old, now: jnp.asarray(now, old.dtype), carry, fn(carry, element))
        return new, new

    _, results = jax.lax.scan(step, state, rest, reverse=reverse)
    if initializer is not None:
        return results
    order = (lambda s, r: [r, s[None]]) if reverse else (lambda s, r: [s[None], r])
    return jax.tree.map(lambda s, r: jnp.concatenate(order(s, r)), state, results)


def foldl(fn: Any, elems: Any, initializer: Any = None, *_: Any, **__: Any) -> Any:
    """Return the last result of `state = fn(state, element)` along the first axis."""
    return jax.tree.map(lambda r: r[-1], scan(fn, elems, initializer))


TABLES = {
    "tensorflow": {
        "GradientTape": GradientTape,
        "UnconnectedGradients": UnconnectedGradients,
        "custom_gradient": custom_gradient,
        "recompute_grad": lambda f: jax.checkpoint(f),
        "gradients": gradients,
        "cond": cond,
        "case": case,
        "switch_case": switch_case,
        "while_loop": while_loop,
        "map_fn": map_fn,
        "vectorized_map": vectorized_map,
        "scan": scan,
        "foldl": foldl,
    },
    "tensorflow.autodiff": {"GradientTape": GradientTape},
}
