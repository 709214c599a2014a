"""A row of the facade: TensorFlow's parameters in front of a function of keraunos."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos._core.op import op
from keraunos.compat.tensorflow._tensor import HostTensor, on_host, tensor
from keraunos.compat.tensorflow._tensor import host as on_the_host


def row(function: Callable[..., Any], parameters: str, host: Any = None) -> Callable[..., Any]:
    """Return the function with TensorFlow's parameters, passed on in order.

    Elements of a Dataset are host tensors; a function of them alone is computed by NumPy, without
    a compilation for each shape.

    Args:
        function: of `keraunos.ops`, or any that takes these parameters by position.
        parameters: TensorFlow's, `"input_tensor, axis=None"`; `name` is added to them, and after
            a `|` come parameters that programs pass and that have no meaning here.
        host: the same in NumPy; found by its name where the function is one of `ops.numpy`.

    Example:
        >>> from keraunos import ops
        >>> mean = row(ops.mean, "input_tensor, axis=None, keepdims=False")
        >>> mean([1.0, 3.0], axis=0).item()
        2.0
    """
    used, _, ignored = parameters.partition(" |")
    names = _names(used)
    passed = "".join(f"{name}, " for name in names if name != "name")
    extra = [ignored] if ignored.strip() else []
    extra += [] if "name" in _names(ignored) or "name" in names else ["name=None"]
    twin = host or _twin(function)
    scope: dict[str, Any] = {"_run": _run, "_f": function, "_twin": twin}
    body = f"_run(_f, _twin, ({passed}))" if twin else f"_f({passed})"
    exec(f"def call({', '.join([used, *extra])}): return {body}", scope)  # a row of our own table
    call = scope["call"]
    call.__name__ = call.__qualname__ = getattr(function, "__name__", "row")
    call.__doc__ = (getattr(function, "__doc__", None) or "").partition("\n")[0]
    call.__module__ = __name__
    return call


def graph(name: str, function: Callable[..., Any], parameters: str, host: Any = None) -> Any:
    """Return a row of a function of arrays that `keraunos.ops` does not have.

    It takes symbolic tensors too; in a saved graph its name is `tf.` and the given one.
    """
    return row(op(function, name=f"tf.{name}"), parameters, host)


def arrays(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function with its positional arguments made tensors first."""

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(tensor, args), **kwargs)

    return call


def _names(parameters: str) -> list[str]:
    definition: Any = ast.parse(f"def f({parameters}): ...").body[0]
    return [argument.arg for argument in definition.args.args]


def _run(function: Callable[..., Any], twin: Callable[..., Any], args: tuple[Any, ...]) -> Any:
    if not on_host(args):
        return function(*args)
    result = twin(*map(_plain, args))
    double = any(getattr(a, "dtype", None) == np.float64 for a in args)
    if isinstance(result, (list, tuple)):
        return type(result)(_single(v, double) for v in result)
    return _single(result, double)


def _single(result: Any, double: bool) -> Any:
    array = np.asarray(result)
    return on_the_host(
        array.astype(np.float32) if array.dtype == np.float64 and not double else array
    )


def _plain(value: Any) -> Any:
    if isinstance(value, HostTensor):
        return value.view(np.ndarray)
    return [_plain(v) for v in value] if isinstance(value, list) else value


def _twin(function: Any) -> Callable[..., Any] | None:
    """Return NumPy's function of the same name, called as Keras's is."""
    twin = getattr(np, function.__name__, None)
    if twin is None or getattr(function, "__module__", "") != "keraunos.ops.numpy":
        return None
    row = inspect.signature(function).parameters.values()
    optional = [p.name for p in row if p.default is not p.empty]
    count = len(row) - len(optional)

    def call(*args: Any) -> Any:
        return twin(*args[:count], **dict(zip(optional, args[count:])))

    return call
