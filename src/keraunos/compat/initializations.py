"""Keras 1's `keras.initializations`: functions from a shape to a variable."""

from __future__ import annotations

import inspect
from typing import Any

from keraunos import initializers
from keraunos._core.variable import Variable

_NAMES = (
    "glorot_normal glorot_uniform he_normal he_uniform identity lecun_uniform normal one"
    " orthogonal uniform zero"
).split()


def get(identifier: Any, **options: Any) -> Any:
    """Return the function of a name; a function is returned as it is.

    Example:
        >>> get("uniform")((2, 3), name="W").shape
        (2, 3)
    """
    return globals()[identifier] if isinstance(identifier, str) else identifier


def today(function: Any) -> Any:
    """Return a function of a shape and a name as an initializer of today, which has a dtype."""
    known = inspect.signature(function).parameters
    if "dtype" in known or any(p.kind is p.VAR_KEYWORD for p in known.values()):
        return function

    def initializer(shape: Any, dtype: Any = None) -> Any:
        found = function(shape, name=None) if "name" in known else function(shape)
        return found.numpy() if isinstance(found, Variable) else found

    return initializer


def _function(kind: str) -> Any:
    def draw(shape: Any, scale: float | None = None, name: str | None = None, **_: Any) -> Variable:
        made = initializers.get(kind)
        if scale is not None and kind == "uniform":
            made = initializers.RandomUniform(-scale, scale)
        elif scale is not None and kind == "normal":
            made = initializers.RandomNormal(0.0, scale)
        return Variable(made, tuple(shape), name=name)

    draw.__name__ = draw.__qualname__ = kind
    draw.__doc__ = f"Return a new variable, as the initializer {kind!r} draws it."
    return draw


globals().update({name: _function(name) for name in _NAMES})
