"""Unique names of layers and variables: part of the file formats, so made in one place."""

from __future__ import annotations

import contextlib
import re
import threading
from collections import Counter
from collections.abc import Iterator

_state = threading.local()
_counts: Counter[str] = Counter()


def snake_case(name: str) -> str:
    """Return a class's name as layers are named after it.

    Example:
        >>> snake_case("MaxPooling2D"), snake_case("LSTM"), snake_case("Conv2DTranspose")
        ('max_pooling2d', 'lstm', 'conv2d_transpose')
    """
    name = re.sub(r"\W+", "", name)
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def camel_case(name: str) -> str:
    """Return the class-like spelling of a name: `binary_crossentropy` -> `BinaryCrossentropy`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def unique(prefix: str) -> str:
    """Return the prefix, or prefix_1, prefix_2 ... the next time.

    Example:
        >>> unique("no_such_layer"), unique("no_such_layer")
        ('no_such_layer', 'no_such_layer_1')
    """
    count = _counts[prefix]
    _counts[prefix] += 1
    return f"{prefix}_{count}" if count else prefix


def reset() -> None:
    """Forget which names were given (`clear_session`)."""
    _counts.clear()


@contextlib.contextmanager
def name_scope(name: str, once: bool = False) -> Iterator[None]:
    """Put `name/` before the path of variables made inside; `once`: unless it is there."""
    scopes = _scopes()
    scopes.append("" if once and scopes and scopes[-1].split("/")[-1] == name else name)
    try:
        yield
    finally:
        scopes.pop()


@contextlib.contextmanager
def absolute(scope: str) -> Iterator[None]:
    """Let paths begin at `scope`, whatever scopes are open."""
    before = _scopes()
    _state.scopes = [scope]
    try:
        yield
    finally:
        _state.scopes = before


def path(name: str) -> str:
    """Return the name with the scopes it stands in, joined by `/`."""
    return "/".join(filter(None, [*_scopes(), name]))


def _scopes() -> list[str]:
    if not hasattr(_state, "scopes"):
        _state.scopes = []
    return _state.scopes
