"""Changes made to classes while compat is installed, and undone when it is uninstalled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_NOTHING = object()


class Patches:
    """Attributes set on classes and modules, each with what was there before.

    Example:
        >>> class Target:
        ...     kind = "new"
        >>> patches = Patches()
        >>> patches.put(Target, "kind", "old")
        >>> Target.kind
        'old'
        >>> patches.undo()
        >>> Target.kind
        'new'
    """

    def __init__(self) -> None:
        self._undone: list[Callable[[], None]] = []

    def put(self, owner: Any, name: str, value: Any) -> None:
        """Set an attribute."""
        before = vars(owner).get(name, _NOTHING)
        setattr(owner, name, value)
        self._undone.append(lambda: _set_attribute(owner, name, before))

    def put_item(self, table: dict[str, Any], key: str, value: Any) -> None:
        """Set an entry of a dictionary."""
        before = table.get(key, _NOTHING)
        table[key] = value
        self._undone.append(lambda: _set_item(table, key, before))

    def mix_in(self, owner: type, methods: type) -> None:
        """Give a class the attributes of another that it does not have itself."""
        for name, value in vars(methods).items():
            if not name.startswith("__") and not hasattr(owner, name):
                self.put(owner, name, value)

    def undo(self) -> None:
        """Set everything back, the last change first."""
        while self._undone:
            self._undone.pop()()


def _set_attribute(owner: Any, name: str, value: Any) -> None:
    if value is _NOTHING:
        delattr(owner, name)
    else:
        setattr(owner, name, value)


def _set_item(table: dict[str, Any], key: str, value: Any) -> None:
    if value is _NOTHING:
        del table[key]
    else:
        table[key] = value
