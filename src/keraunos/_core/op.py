"""`op`: makes a function of arrays accept variables and symbolic tensors; no class an operation."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core import dtypes, naming, symbolic
from keraunos._core.symbolic import Node, SymbolicTensor
from keraunos._core.variable import Variable

# Every operation by name: the reader of saved graphs looks here.
OPERATIONS: dict[str, Callable[..., Any]] = {}
Infer = Callable[..., Any]
# Parameters that hold an array: a list or tuple of numbers given for one becomes an array. (Under
# any other name a list is what it is: axes, a shape, several arrays.)
_ARRAYS = frozenset(
    "x x1 x2 y a b q array inputs indices updates values condition weights sorted_sequence data"
    " segment_ids target output target_length output_length targets predictions kernel bias mask"
    " depthwise_kernel pointwise_kernel mean variance offset scale gamma beta query value images"
    " image1 image2 coordinates transform start_points end_points x_min x_max operands abs_ angle"
    " sequence_lengths elems tensor fill_value bins variable".split()
)


class Operation:
    """One use of an op in a graph: it has a name, as layers have."""

    def __init__(self, function: Callable[..., Any], name: str | None = None) -> None:
        self.function = function
        self.name = name or naming.unique(function.__name__)
        self._inbound_nodes: list[Node] = []

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs)

    @property
    def output(self) -> Any:
        return self._inbound_nodes[0].structure

    def __repr__(self) -> str:
        return f"<Operation name={self.name}>"


@overload
def op(
    function: Callable[..., Any],
    signature: str | None = ...,
    doc: str | None = ...,
    *,
    name: str | None = ...,
    unify: bool = ...,
    infer: Infer | None = ...,
) -> Callable[..., Any]: ...
@overload
def op(
    function: None = ..., *, name: str | None = ..., unify: bool = ..., infer: Infer | None = ...
) -> Callable[..., Callable[..., Any]]: ...
def op(
    function: Callable[..., Any] | None = None,
    signature: str | None = None,
    doc: str | None = None,
    *,
    name: str | None = None,
    unify: bool = False,
    infer: Infer | None = None,
) -> Any:
    """Return the function, made to accept symbolic tensors: a row of a table, or a decorator.

    Args:
        function: computes on arrays.
        signature: Keras's parameters, `"x, axis=None"`. Those without a default are passed to the
            function by position, the others by their name. None: the function's own signature.
        doc: one line; None: the function's own docstring.
        name: Keras's name; that of the variable in `ops` where the function's differs.
        unify: elementwise over several operands (see `symbolic.infer`).
        infer: a hand-written rule `(*args, **kwargs) -> symbolic outputs`, the rare exception.

    Example:
        >>> import jax.numpy as jnp
        >>> largest = op(jnp.max, "x, axis=None, keepdims=False", "Largest.", name="doc_largest")
        >>> int(largest(jnp.arange(3)))
        2
        >>> largest(SymbolicTensor((None, 3)), axis=1).shape
        (None,)
    """
    if function is None:
        return functools.partial(op, name=name, unify=unify, infer=infer)
    row = inspect.signature(function) if signature is None else _parse(signature)
    call = function if signature is None else _rearranged(function, row)
    ready = _preparation(row, scalars=signature is None)
    unusual = (SymbolicTensor, Variable, list, tuple, dict, np.ndarray)
    # JAX's own functions take a plain number as it is; ours may ask for its dtype.
    unusual += () if signature is not None else (int, float, complex)

    def operation(*args: Any, **kwargs: Any) -> Any:
        for value in args:
            if isinstance(value, unusual):
                break
        else:
            for value in kwargs.values():
                if isinstance(value, unusual):
                    break
            else:
                return call(*args, **kwargs)
        if symbolic.any_symbolic((args, kwargs)):
            outputs = inferred(*args, **kwargs)
            Node(Operation(operation), args, kwargs, outputs)
            return outputs
        args, kwargs = ready(args, kwargs)
        return call(*args, **kwargs)

    def inferred(*args: Any, **kwargs: Any) -> Any:
        args, kwargs = ready(args, kwargs)
        return infer(*args, **kwargs) if infer else symbolic.infer(call, args, kwargs, unify)

    operation.__name__ = operation.__qualname__ = name or function.__name__
    operation.__doc__ = doc or function.__doc__
    operation.__module__ = _calling_module()
    operation.__signature__ = row  # pyright: ignore[reportFunctionMemberAccess]
    operation.__wrapped__ = call  # pyright: ignore[reportFunctionMemberAccess]
    OPERATIONS[operation.__name__] = operation
    return operation


def checked(operation: Callable[..., Any]) -> Callable[..., Any]:
    """Return an operation `(x, dtype)` that refuses Python integers which the dtype cannot hold."""

    @functools.wraps(operation)
    def call(x: Any, dtype: Any = None) -> Any:
        if isinstance(x, (int, list, tuple)):
            dtypes.check_fits(x, dtype)
        return operation(x, dtype)

    OPERATIONS[operation.__name__] = call
    return call


def public_names(namespace: dict[str, Any]) -> list[str]:
    """Return the names of the functions of `keraunos.ops` in a module, for its `__all__`."""
    return [
        name
        for name, value in namespace.items()
        if not name.startswith("_")
        and callable(value)
        and (value.__module__ or "").startswith("keraunos.ops")
    ]


def _preparation(row: inspect.Signature, scalars: bool) -> Callable[..., Any]:
    """Return a function that makes JAX arrays of variables, lists and NumPy arrays in a call."""
    names = [n for n, p in row.parameters.items() if p.kind is not p.VAR_KEYWORD]
    rest = next((n for n, p in row.parameters.items() if p.kind is p.VAR_POSITIONAL), None)

    def ready(
        args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        at = names + [rest] * (len(args) - len(names))
        args = (
            tuple(_array(n, v, scalars) for n, v in zip(at, args, strict=False)) + args[len(at) :]
        )
        return args, {n: _array(n, v, scalars) for n, v in kwargs.items()}

    return ready


def _array(name: str | None, value: Any, scalars: bool) -> Any:
    if isinstance(value, Variable):
        return value.value
    if isinstance(value, (list, tuple, dict)):
        leaves = jax.tree.leaves(value)
        several = any(isinstance(v, SymbolicTensor) or getattr(v, "ndim", 0) for v in leaves)
        if name in _ARRAYS and not several:
            dtypes.check_fits(value)
            # Numbers of JAX stay traced, and on the tape.
            traced = any(isinstance(v, jax.Array) for v in leaves)
            return jnp.asarray(value if traced else np.asarray(value))
        dtypes.check_fits(leaves)
        if name == "axis" and isinstance(value, list):
            return tuple(value)  # JAX wants what can be hashed
        return (
            jax.tree.map(_value, value) if any(isinstance(v, Variable) for v in leaves) else value
        )
    if name in _ARRAYS and isinstance(
        value, (np.ndarray, int, float, complex)[: 4 if scalars else 1]
    ):
        return dtypes.as_array(value)
    return value


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Variable) else leaf


def _parse(text: str) -> inspect.Signature:
    names: dict[str, Any] = {}
    exec(f"def row({text}): ...", names)  # the text is a row of our own table
    return inspect.signature(names["row"])


def _rearranged(function: Callable[..., Any], row: inspect.Signature) -> Callable[..., Any]:
    """Return the function with the row's parameters: required ones by position, others by name."""
    names = list(row.parameters)
    first = [n for n, p in row.parameters.items() if p.default is p.empty]
    count = len(first)
    defaults = _other_defaults(function, row)

    def call(*args: Any, **kwargs: Any) -> Any:
        for n in first[len(args) :]:
            if n in kwargs:
                args = (*args, kwargs.pop(n))
        if len(args) > count:
            kwargs |= zip(names[count:], args[count:], strict=False)
        return function(*args[:count], **(defaults | kwargs))

    return call


def _other_defaults(function: Callable[..., Any], row: inspect.Signature) -> dict[str, Any]:
    """Return the row's defaults that are not the function's own."""
    given = {n: p.default for n, p in row.parameters.items() if p.default is not p.empty}
    try:
        own = inspect.signature(function).parameters
    except (TypeError, ValueError):  # a compiled function without a signature
        return given
    return {n: v for n, v in given.items() if n not in own or own[n].default != v}


def _calling_module() -> str:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") in (__name__, "functools"):
        frame = frame.f_back
    return "" if frame is None else frame.f_globals.get("__name__", "")
