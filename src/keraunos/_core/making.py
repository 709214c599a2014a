"""Classes made from functions: a row of a table gives a real class, signature and all."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from keraunos import errors
from keraunos._core import signature

REQUIRED = inspect.Parameter.empty


def options(function: Callable[..., Any], skip: int = 0) -> dict[str, Any]:
    """Return the parameters of a function after the first ones, with their defaults."""
    rows = list(inspect.signature(function).parameters.values())[skip:]
    return {row.name: row.default for row in rows}


def make_class(
    name: str,
    bases: tuple[type, ...],
    arguments: dict[str, Any],
    init: Callable[[Any, dict[str, Any]], None],
    *,
    module: str,
    doc: str,
    order: str = "",
    **body: Any,
) -> Any:
    """Return a class whose constructor hands these arguments to `init(self, values)`.

    Args:
        name, bases, module, doc: of the class.
        arguments: name -> default, or `REQUIRED`.
        init: called with the value of each argument.
        order: the names, where another order than that of `arguments` is wanted.
        body: further attributes of the class.

    Example:
        >>> keep = lambda self, values: vars(self).update(values)
        >>> Point = make_class("Point", (), {"x": 0, "y": 1}, keep, module="m", doc="")
        >>> Point(y=3).y
        3
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    rows = [inspect.Parameter(n, kind, default=arguments[n]) for n in order.split() or arguments]
    row = inspect.Signature([inspect.Parameter("self", kind), *rows])

    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        unknown = [k for k in kwargs if k not in arguments]
        if unknown:
            fix = errors.suggest(unknown[0], signature.argument_names(type(self)))
            raise TypeError(
                errors.report(f"{type(self).__name__} has no argument {unknown[0]!r}", fix=fix)
            )
        given = row.bind(self, *args, **kwargs)
        given.apply_defaults()
        init(self, {n: v for n, v in given.arguments.items() if n != "self"})

    __init__.__signature__ = row  # pyright: ignore[reportFunctionMemberAccess]
    return type(name, bases, {"__init__": __init__, "__module__": module, "__doc__": doc} | body)
