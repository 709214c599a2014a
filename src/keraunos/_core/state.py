"""How mutation becomes purity: boxes -> values -> boxes. The only door between the two."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import jax

if TYPE_CHECKING:
    from keraunos._core.variable import Variable

_local = threading.local()


_version = 0


def version() -> int:
    """Return a number that changes when a layer is frozen or thawed."""
    return _version


_touched = 0


def touched() -> int:
    """Return a number that changes when an attribute of a built layer does."""
    return _touched


def touch() -> None:
    """Say that a layer has another attribute: what was traced with the old one may not hold."""
    global _touched
    _touched += 1


def new_version() -> None:
    """Say that what a training step depends on, beside values, has changed."""
    global _version
    _version += 1


class Scope:
    """What one traced call sees and changes: values of variables, losses added, the random key."""

    def __init__(
        self,
        variables: Iterable[Variable],
        values: Iterable[Any],
        key: jax.Array | None,
        parent: Scope | None,
    ) -> None:
        self._boxes = list(variables)
        self._values = {id(box): value for box, value in zip(self._boxes, values, strict=True)}
        self._parent = parent
        self._open = False
        self._key = key
        self._calls = 0
        self.losses: list[Any] = []
        self.owners: list[Any] = []  # the layer that added each of them

    def read(self, box: Variable) -> Any:
        value = self._values.get(id(box))
        if value is not None:
            return value
        return box._value if self._parent is None else self._parent.read(box)

    def write(self, box: Variable, value: Any) -> bool:
        """Keep a new value; return False for a box that is not bound here."""
        if id(box) in self._values or self._open:
            if id(box) not in self._values:
                self._boxes.append(box)
            self._values[id(box)] = value
            return True
        return self._parent is not None and self._parent.write(box, value)

    def is_open(self) -> bool:
        """Return whether variables may be made here: in a sandbox, and in what it encloses."""
        return self._open or (self._parent is not None and self._parent.is_open())

    def next_key(self) -> jax.Array | None:
        """Return the key of the next random call, or None where no scope has a key."""
        if self._key is None:
            return None if self._parent is None else self._parent.next_key()
        self._calls += 1
        return jax.random.fold_in(self._key, self._calls)

    def written(self) -> list[Variable]:
        """Return the variables that are bound here, or were assigned in a sandbox."""
        return list(self._boxes)

    def updates(self, variables: Iterable[Variable]) -> list[Any]:
        """Return the values as they are now, in the order of the variables."""
        return [self.read(box) for box in variables]


@contextmanager
def bind(
    variables: Sequence[Variable], values: Sequence[Any], key: jax.Array | None = None
) -> Iterator[Scope]:
    """Let each box hold the given (traced) value inside the block, in this thread only.

    Args:
        variables: the boxes.
        values: one for each, arrays or tracers.
        key: the random key of this call; the enclosing scope's where None.
    """
    scope = Scope(variables, values, key, current())
    with _entered(scope):
        yield scope


@contextmanager
def sandbox(key: jax.Array | None = None) -> Iterator[Scope]:
    """Let every variable be assigned inside the block, and forget it afterwards."""
    scope = Scope((), (), key, current())
    scope._open = True
    with _entered(scope):
        yield scope


@contextmanager
def _entered(scope: Scope) -> Iterator[None]:
    before = current()
    _local.scope = scope
    try:
        yield
    finally:
        _local.scope = before


def current() -> Scope | None:
    """Return the innermost scope of this thread, or None outside of any traced call."""
    return getattr(_local, "scope", None)
