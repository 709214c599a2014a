"""A rule says how one variable moves; made an optax transformation here, over all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from keraunos._core import dtypes

Scalars = dict[str, Any]


class Slot(NamedTuple):
    """A kind of array that an optimizer keeps beside a variable.

    Args:
        name: as in Keras's files.
        initial: its first value: a number, or a function of the variable's array.
        shape: from the variable's shape; the same where None.
        tag: whether the name is joined to the variable's.
    """

    name: str
    initial: Any = 0.0
    shape: Callable[[tuple[int, ...]], tuple[int, ...]] | None = None
    tag: bool = True


class Leaf(NamedTuple):
    """How one variable moves.

    Args:
        update: `(gradient, value, slots, scalars) -> (what is added to the value, new slots)`.
        groups: the slots. A file has group after group, inside one variable after variable.
    """

    update: Callable[
        [jax.Array, jax.Array, dict[str, Any], Scalars], tuple[jax.Array, dict[str, Any]]
    ]
    groups: tuple[tuple[Slot, ...], ...] = ()

    def slots(self) -> list[Slot]:
        return [slot for group in self.groups for slot in group]


class State(NamedTuple):
    """Of a rule: steps made, the slots of each variable, and what the variables share."""

    count: Any
    slots: list[dict[str, Any]]
    shared: dict[str, Any]


class Rule(optax.GradientTransformationExtraArgs):
    """An optax transformation that takes the rate at each step and knows its slots by name."""

    leaf: Leaf | Sequence[Leaf]
    scalars: Any
    shared: dict[str, float]

    def leaves(self, count: int) -> Sequence[Leaf]:
        """Return the rule of each of so many variables."""
        return [self.leaf] * count if isinstance(self.leaf, Leaf) else self.leaf

    def only(self, places: Sequence[int]) -> Rule:
        """Return the rule of some of the variables."""
        return (
            self
            if isinstance(self.leaf, Leaf)
            else rule([self.leaf[i] for i in places], self.scalars, self.shared)
        )


def rule(
    leaf: Leaf | Sequence[Leaf],
    scalars: Callable[[Any, Any, dict[str, Any]], tuple[Scalars, dict[str, Any]]] | None = None,
    shared: dict[str, float] | None = None,
) -> Rule:
    """Return the optax transformation of a rule.

    Args:
        leaf: the rule of a variable, or one for each.
        scalars: `(rate, step from 1, shared) -> (scalars, new shared)`, computed once a step.
        shared: first values of numbers that the variables share.

    Example:
        >>> descent = rule(Leaf(lambda g, p, slots, s: (-s["lr"] * g, slots)))
        >>> values = [jnp.ones(2)]
        >>> updates, _ = descent.update(values, descent.init(values), values, learning_rate=0.5)
        >>> updates[0].tolist()
        [-0.5, -0.5]
    """

    def init(params: Any) -> State:
        values = jax.tree.leaves(params)
        slots = [
            {slot.name: jnp.asarray(first(slot, value)) for slot in own.slots()}
            for own, value in zip(made.leaves(len(values)), values)
        ]
        return State(jnp.zeros((), jnp.int32), slots, dict(made.shared))

    def update(
        updates: Any, state: State, params: Any = None, *, learning_rate: Any, **_: Any
    ) -> tuple[Any, State]:
        gradients, tree = jax.tree.flatten(updates)
        step = state.count.astype(jnp.float32) + 1
        numbers, new_shared = ({"lr": learning_rate, "step": step}, state.shared)
        if scalars is not None:
            numbers, new_shared = scalars(learning_rate, step, state.shared)
        found = [
            _moved(own.update, parts, numbers)
            for own, *parts in zip(
                made.leaves(len(gradients)), gradients, jax.tree.leaves(params), state.slots
            )
        ]
        moves = jax.tree.unflatten(tree, [move for move, _ in found])
        return moves, State(state.count + 1, [slots for _, slots in found], new_shared)

    # optax's own types know neither extra arguments by name nor this state.
    made = Rule(init, update)  # pyright: ignore[reportArgumentType]
    made.leaf, made.scalars, made.shared = leaf, scalars, shared or {}
    return made


def first(slot: Slot, value: Any) -> Any:
    """Return the first value of a slot of a variable, made on the host."""
    if callable(slot.initial):
        return slot.initial(np.asarray(value))
    shape = value.shape if slot.shape is None else slot.shape(value.shape)
    return np.full(shape, slot.initial, dtypes.numpy_dtype(value.dtype))


def _moved(update: Callable[..., Any], parts: Sequence[Any], numbers: Scalars) -> Any:
    """Apply a rule to one variable; the halves are computed in float32 and kept as they are."""
    gradient, value, slots = parts
    exact = jnp.promote_types(value.dtype, jnp.float32)
    wide = {n: s.astype(exact) for n, s in slots.items()}
    move, new = update(
        gradient.astype(exact),
        value.astype(exact),
        wide,
        {n: jnp.asarray(x, exact) for n, x in numbers.items()},
    )
    return move, {n: new[n].astype(slots[n].dtype) for n in slots}
