"""`tf.print`, `tf.debugging`, `tf.errors`, `tf.test`: to look at values and to insist on them."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import errors
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._strings import text_of
from keraunos.compat.tensorflow._tensor import is_tensor, tensor

# -- tf.print


def print_tensors(
    *inputs: Any,
    output_stream: Any = None,
    summarize: int = 3,
    sep: str = " ",
    end: str = "\n",
    name: str | None = None,
) -> None:
    """Write values, also those of a compiled function, each time that it runs.

    Args:
        inputs: strings, tensors, and lists and dicts of them.
        output_stream: a stream, or `"file:///path"`; by default the one for errors.
        summarize: elements shown at both ends of each axis; -1 for all.
        sep, end: as Python's `print` has them.
    """
    leaves, form = jax.tree.flatten(inputs, is_leaf=lambda x: x is None)
    traced = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tracer)]

    def show(*values: Any) -> None:
        whole = list(leaves)
        for i, value in zip(traced, values):
            whole[i] = value
        texts = [_text(v, summarize) for v in jax.tree.unflatten(form, whole)]
        _write(sep.join(texts) + end, output_stream)

    if traced:
        jax.debug.callback(show, *(leaves[i] for i in traced), ordered=_may_order())
    else:
        show()


def _may_order() -> bool:
    return len(jax.devices()) == 1


def _write(text: str, stream: Any) -> None:
    if isinstance(stream, str):
        with open(stream.removeprefix("file://"), "a") as file:  # noqa: PTH123
            file.write(text)
        return
    stream = sys.stderr if stream is None else stream
    stream.write(text)
    stream.flush()


def _text(value: Any, summarize: int) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {_text(v, summarize)}" for k, v in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        inner = ", ".join(_text(v, summarize) for v in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner})"
    return text_of(value, summarize) if is_tensor(value) or np.ndim(value) else text_of(value)


# -- assertions


def _insist(holds: Any, text: Callable[[], str], message: Any, name: str) -> None:
    """Raise where a condition is false: now, or when the compiled function runs."""

    def check(value: Any) -> None:
        if not np.all(value):
            where = f"tf.debugging.{name}" + (f": {message}" if message else "")
            raise ValueError(errors.report(where, got=text()))

    if isinstance(holds, Tracer):
        jax.debug.callback(check, holds)
    else:
        check(holds)


def _compare(name: str, function: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def call(x: Any, y: Any, message: Any, summarize: Any) -> None:
        a, b = tensor(x), tensor(y)
        _insist(function(a, b), lambda: f"x={_short(a)}, y={_short(b)}", message, name)

    return row(call, "x, y, message=None, summarize=None")


def _check(name: str, function: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(x: Any, message: Any) -> None:
        value = tensor(x)
        _insist(function(value), lambda: f"x={_short(value)}", message, name)

    return row(call, "x, message=None | summarize=None")


def _short(value: Any) -> str:
    if isinstance(value, Tracer):
        return f"a tensor of shape {tuple(value.shape)}"
    return " ".join(text_of(value).split())[:200]


def _near(x: Any, y: Any, rtol: Any, atol: Any, message: Any) -> None:
    a, b = tensor(x), tensor(y)
    tiny = 10 * float(jnp.finfo(a.dtype).eps)
    rtol, atol = (tiny if v is None else v for v in (rtol, atol))
    holds = jnp.abs(a - b) <= atol + rtol * jnp.abs(b)
    _insist(holds, lambda: f"x={_short(a)}, y={_short(b)}", message, "assert_near")


def _finite(x: Any, message: Any) -> Any:
    value = tensor(x)
    _insist(jnp.isfinite(value).all(), lambda: f"x={_short(value)}", message, "check_numerics")
    return value


def _rank(least: bool) -> Callable[..., Any]:
    def call(x: Any, rank: Any, message: Any) -> None:
        found, wanted = tensor(x).ndim, int(rank)
        if found < wanted or (found > wanted and not least):
            where = "tf.debugging.assert_rank" + (f": {message}" if message else "")
            at_least = "at least " * least
            raise ValueError(errors.report(where, expected=f"{at_least}rank {wanted}", got=found))

    return row(call, "x, rank, message=None")


def _shapes(shapes: Any, message: Any) -> None:
    known: dict[Any, int] = {}
    for x, wanted in shapes.items() if isinstance(shapes, dict) else shapes:
        found = tuple(tensor(x.deref() if hasattr(x, "deref") else x).shape)
        same = len(found) == len(wanted)
        for size, symbol in zip(found, wanted):
            fits = symbol in (None, ".") or known.setdefault(symbol, size) == size
            same = same and (symbol == size if isinstance(symbol, int) else fits)
        if not same:
            where = "tf.debugging.assert_shapes" + (f": {message}" if message else "")
            raise ValueError(errors.report(where, expected=wanted, got=f"shape {found}"))


def _type(x: Any, dtype: Any, message: Any) -> None:
    found = as_dtype(tensor(x).dtype)
    if found != as_dtype(dtype):
        where = "tf.debugging.assert_type" + (f": {message}" if message else "")
        raise TypeError(errors.report(where, expected=repr(as_dtype(dtype)), got=repr(found)))


def assert_true(condition: Any, data: Any = None, summarize: Any = None, name: Any = None) -> None:
    """Raise where the condition is false."""
    parts = [] if data is None else data
    _insist(tensor(condition), lambda: ", ".join(_short(tensor(d)) for d in parts), None, "Assert")


DEBUGGING: dict[str, Any] = {
    "assert_equal": _compare("assert_equal", lambda a, b: a == b),
    "assert_none_equal": _compare("assert_none_equal", lambda a, b: a != b),
    "assert_less": _compare("assert_less", lambda a, b: a < b),
    "assert_less_equal": _compare("assert_less_equal", lambda a, b: a <= b),
    "assert_greater": _compare("assert_greater", lambda a, b: a > b),
    "assert_greater_equal": _compare("assert_greater_equal", lambda a, b: a >= b),
    "assert_positive": _check("assert_positive", lambda x: x > 0),
    "assert_negative": _check("assert_negative", lambda x: x < 0),
    "assert_non_negative": _check("assert_non_negative", lambda x: x >= 0),
    "assert_non_positive": _check("assert_non_positive", lambda x: x <= 0),
    "assert_near": row(_near, "x, y, rtol=None, atol=None, message=None | summarize=None"),
    "assert_all_finite": row(_finite, "x, message"),
    "check_numerics": row(_finite, "tensor, message"),
    "assert_rank": _rank(least=False),
    "assert_rank_at_least": _rank(least=True),
    "assert_shapes": row(_shapes, "shapes, message=None | data=None, summarize=None"),
    "assert_type": row(_type, "tensor, tf_type, message=None"),
    "assert_scalar": row(lambda x, m: _rank(least=False)(x, 0, m), "tensor, message=None"),
    "is_numeric_tensor": lambda tensor: is_tensor(tensor) and as_dtype(tensor.dtype) != "string",
    "Assert": assert_true,
    "enable_check_numerics": lambda *_, **__: jax.config.update("jax_debug_nans", True),
    "disable_check_numerics": lambda: jax.config.update("jax_debug_nans", False),
    "set_log_device_placement": lambda enabled: None,
}
# Python's own exceptions: keraunos raises these.
ERRORS = {
    "OpError": Exception,
    "InvalidArgumentError": ValueError,
    "NotFoundError": FileNotFoundError,
    "AlreadyExistsError": FileExistsError,
    "PermissionDeniedError": PermissionError,
    "OutOfRangeError": StopIteration,
    "UnimplementedError": NotImplementedError,
    **dict.fromkeys(
        "ResourceExhaustedError InternalError UnknownError AbortedError CancelledError"
        " FailedPreconditionError UnavailableError DeadlineExceededError DataLossError".split(),
        RuntimeError,
    ),
}


def _has_gpu(*_: Any, **__: Any) -> bool:
    return any(d.platform == "gpu" for d in jax.devices())


class TestCase:
    """Says what to use: unittest and numpy.testing."""

    def __init__(self, *_: Any, **__: Any) -> None:
        fix = "unittest.TestCase and numpy.testing.assert_allclose"
        raise NotImplementedError(errors.report("tf.test.TestCase is not there", fix=fix))


def _logger() -> logging.Logger:
    return logging.getLogger("tensorflow")


LOGGING: dict[str, Any] = {
    **{n: getattr(logging, n) for n in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
    **{n: getattr(_logger(), n) for n in ("debug", "info", "warning", "error")},
    "warn": _logger().warning,
    "set_verbosity": lambda level: _logger().setLevel(level),
    "get_verbosity": lambda: _logger().level,
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow": {
        "print": print_tensors,
        "Assert": assert_true,
        "assert_equal": DEBUGGING["assert_equal"],
        "get_logger": _logger,
    },
    "tensorflow.debugging": DEBUGGING,
    "tensorflow.debugging.experimental": {"enable_dump_debug_info": lambda *_, **__: None},
    "tensorflow.errors": ERRORS,
    "tensorflow.test": {
        "is_gpu_available": _has_gpu,
        "is_built_with_cuda": _has_gpu,
        "is_built_with_gpu_support": _has_gpu,
        "gpu_device_name": lambda: "/device:GPU:0" if _has_gpu() else "",
        "TestCase": TestCase,
    },
    "tensorflow.compat.v1.logging": LOGGING,
    "tensorflow.logging": LOGGING,
}
