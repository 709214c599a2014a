"""The decorator under every loss function: found by name, and good for symbolic tensors too."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from keraunos._core.op import op
from keraunos._core.registry import register


def formula(
    *aliases: str, kind: str = "losses"
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function of (y_true, y_pred) in the registry, by its own name and these."""

    def enter(function: Callable[..., Any]) -> Callable[..., Any]:
        # Named apart from the ops of the same name (binary_crossentropy ...), whose order differs.
        row = inspect.signature(function)
        # As a row of text: op leaves the options as the plain numbers they are.
        empty = inspect.Parameter.empty
        names = [
            n if p.default is empty else f"{n}={p.default!r}" for n, p in row.parameters.items()
        ]
        made = op(function, ", ".join(names), name=f"{kind}.{function.__name__}")
        made.__signature__ = row
        made.__name__ = made.__qualname__ = function.__name__
        made.__module__ = function.__module__
        return register(*aliases, kind=kind)(made)

    return enter
