"""`keras.legacy.interfaces`: decorators that translated arguments, which the hook does now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos import errors


def _unchanged(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function itself: its class is translated by `compat.arguments`."""
    return function


def generate_legacy_interface(*args: Any, **kwargs: Any) -> Callable[..., Any]:
    """Return a decorator that changes nothing.

    Example:
        >>> @generate_legacy_interface(conversions=[("p", "rate")])
        ... def drop(rate):
        ...     return rate
        >>> drop(rate=0.5)
        0.5
    """
    return _unchanged


def __getattr__(name: str) -> Any:
    if name.startswith("legacy_") and name.endswith("_support"):
        return _unchanged
    raise AttributeError(errors.report(f"keras.legacy.interfaces has no {name!r}"))
