"""Configs from constructors: what `__init__` was given is what `get_config` returns."""

from __future__ import annotations

import functools
import inspect
from typing import Any, Self

from keraunos._core import registry

_PLAIN = (type(None), bool, int, float, str, tuple, list)


class Configurable:
    """Base of everything with a config: it records the arguments of its constructor.

    `get_config()` returns each argument of `__init__` under its own name. Where the object keeps
    an attribute of that name, the attribute counts (a checked or changed value), unless it
    is of another nature (a layer made from a number): then what was given counts.

    Example:
        >>> class Scale(Configurable):
        ...     def __init__(self, factor=2.0):
        ...         self.factor = factor
        >>> Scale(3.0).get_config()
        {'factor': 3.0}
        >>> Scale.from_config({"factor": 4.0}).factor
        4.0
    """

    _arguments: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # `help` shows what __init__ takes, not what __new__ does.
        cls.__signature__ = inspect.Signature(list(parameters(cls).values()))

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        self = super().__new__(cls)
        object.__setattr__(self, "_arguments", _bind(cls, args, kwargs))
        return self

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        return {name: registry.serialize(self._argument(name)) for name in self._arguments}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new object from what `get_config` returned."""
        return cls(**{name: registry.deserialize(value) for name, value in config.items()})

    def _argument(self, name: str) -> Any:
        given = self._arguments[name]
        kept = getattr(self, name, given)
        same_nature = isinstance(kept, _PLAIN) or callable(kept) == callable(given)
        resolved = isinstance(given, (str, dict)) and isinstance(kept, Configurable)
        return (
            kept
            if same_nature or resolved or (callable(kept) and isinstance(given, str))
            else given
        )


@functools.cache
def parameters(cls: type) -> dict[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, without self."""
    found = dict(inspect.signature(cls.__init__).parameters)
    found.pop("self", None)
    return found


def argument_names(cls: type) -> list[str]:
    """Return every argument name that a class or its bases take, for "did you mean"."""
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    bases = [base for base in cls.__mro__ if "__init__" in base.__dict__ and base is not object]
    return [n for base in bases for n, p in parameters(base).items() if p.kind in named]


def _bind(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    rows = parameters(cls)
    positional = [n for n, p in rows.items() if p.kind is p.POSITIONAL_OR_KEYWORD]
    given = dict(zip(positional, args, strict=False)) | kwargs
    listed = {
        n: given.pop(n, p.default)
        for n, p in rows.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }
    # A missing argument is the constructor's error to raise, in its own words.
    return {n: v for n, v in (listed | given).items() if v is not inspect.Parameter.empty}
