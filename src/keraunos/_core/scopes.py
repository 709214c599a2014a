"""Scopes for those who write functional code by hand: `StatelessScope` and `SymbolicScope`."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from typing import Any, Self

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import state
from keraunos._core.variable import Variable


class StatelessScope:
    """Inside the block variables hold other values, and what is assigned stays in the scope.

    Args:
        state_mapping: pairs of a variable and the value that it is to hold.
        collect_losses: kept for programs that pass it; `losses` always has those that layers add.
        initialize_variables: kept for programs that pass it; a variable always has its value.

    Raises:
        ValueError: something that is no variable, or a value of another shape.

    Example:
        >>> v = Variable(2.0)
        >>> with StatelessScope([(v, 5.0)]) as scope:
        ...     _ = v.assign(v + 1)
        >>> float(scope.get_current_value(v)), float(v.value)
        (6.0, 2.0)
    """

    def __init__(
        self,
        state_mapping: Iterable[tuple[Variable, Any]] | None = None,
        collect_losses: bool = False,
        initialize_variables: bool = True,
    ) -> None:
        self.collect_losses, self.initialize_variables = collect_losses, initialize_variables
        self._given = [(box, _fitting(box, value)) for box, value in state_mapping or ()]
        self._values: dict[int, Any] = {id(box): value for box, value in self._given}
        self.losses: list[Any] = []
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._scope = self._stack.enter_context(state.sandbox())
        for box, value in self._given:
            self._scope.write(box, value)
        return self

    def __exit__(self, *error: Any) -> None:
        boxes = self._scope.written()
        self._values |= zip(map(id, boxes), self._scope.updates(boxes))
        self.losses += self._scope.losses
        self._stack.close()

    def add_loss(self, loss: Any) -> None:
        """Add a scalar to `losses`."""
        self.losses.append(loss)

    def add_update(self, update: tuple[Variable, Any]) -> None:
        """Let a variable, the first of the pair, hold a value, the second, inside the block."""
        box, value = update
        self._values[id(box)] = value
        if state.current() is getattr(self, "_scope", None):
            self._scope.write(box, value)

    def get_current_value(self, variable: Variable) -> Any:
        """Return a variable's value in this scope; None if it is neither given nor assigned."""
        scope = getattr(self, "_scope", None)
        if scope is not None and any(box is variable for box in scope.written()):
            return scope.read(variable)
        return self._values.get(id(variable))


class SymbolicScope:
    """Inside the block nothing is computed for its value: shapes and dtypes are all that counts.

    Keras needs to be told so; here a symbolic tensor says it by itself, and the block is empty.

    Example:
        >>> with SymbolicScope():
        ...     pass
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None: ...


def _fitting(box: Any, value: Any) -> jax.Array:
    if not isinstance(box, Variable):
        raise ValueError(
            errors.report(
                "StatelessScope", expected="pairs of a variable and a value", got=repr(box)
            )
        )
    array = jnp.asarray(value.value if isinstance(value, Variable) else value, box.dtype)
    if array.shape != tuple(box.shape):
        raise ValueError(
            errors.report(
                f"StatelessScope: variable {box.path!r}",
                expected=f"a value of shape {tuple(box.shape)}",
                got=f"shape {array.shape}",
            )
        )
    return array
