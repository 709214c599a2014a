"""Projections of weights, applied after each step of the optimizer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core import registry
from keraunos._core.registry import register
from keraunos._core.signature import Configurable

Axis = int | list[int] | tuple[int, ...]


class Constraint(Configurable):
    """Base class: a constraint is a function from weights to allowed weights, with a config.

    Example:
        >>> class Bounded(Constraint):
        ...     def __call__(self, w):
        ...         return jnp.clip(w, -1, 1)
        >>> Bounded()(jnp.array([3.0])).tolist()
        [1.0]
    """

    def __call__(self, w: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(w)")


@register("max_norm")
class MaxNorm(Constraint):
    """Weights of a unit with a norm of `max_value` at most.

    Args:
        max_value: the largest norm.
        axis: the axes of one unit's weights; 0 for a dense kernel (inputs, units), [0, 1, 2] for
            a 2D convolution's kernel.

    Example:
        >>> MaxNorm(1.0)(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6...], [0.8...]]
    """

    def __init__(self, max_value: float = 2, axis: Axis = 0) -> None:
        self.max_value, self.axis = max_value, axis

    def __call__(self, w: Any) -> Any:
        w, norm = _with_norm(w, self.axis)
        return w * (jnp.clip(norm, 0, self.max_value) / (config.epsilon() + norm))


@register("non_neg")
class NonNeg(Constraint):
    """Weights that are not negative.

    Example:
        >>> NonNeg()(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __call__(self, w: Any) -> Any:
        w = _array(w)
        return jnp.where(w >= 0, w, jnp.zeros_like(w))


@register("unit_norm")
class UnitNorm(Constraint):
    """Weights of a unit with norm 1.

    Args:
        axis: as in `MaxNorm`.

    Example:
        >>> UnitNorm()(jnp.array([[3.0], [4.0]])).round(3).tolist()
        [[0.6...], [0.8...]]
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = axis

    def __call__(self, w: Any) -> Any:
        w, norm = _with_norm(w, self.axis)
        return w / (config.epsilon() + norm)


@register("min_max_norm")
class MinMaxNorm(Constraint):
    """Weights of a unit with a norm between two values.

    Args:
        min_value, max_value: the smallest and the largest norm.
        rate: the part of the way to the allowed norm that one step goes, from 0 to 1.
        axis: as in `MaxNorm`.

    Example:
        >>> MinMaxNorm(1.0, 2.0)(jnp.array([[0.3], [0.4]])).round(3).tolist()
        [[0.6...], [0.8...]]
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, axis

    def __call__(self, w: Any) -> Any:
        w, norm = _with_norm(w, self.axis)
        wanted = self.rate * jnp.clip(norm, self.min_value, self.max_value) + (1 - self.rate) * norm
        return w * (wanted / (config.epsilon() + norm))


max_norm, non_neg, unit_norm, min_max_norm = MaxNorm, NonNeg, UnitNorm, MinMaxNorm


def get(identifier: Any) -> Any:
    """Return the constraint that a name, config, class or function means; None stays None.

    Example:
        >>> get("max_norm").max_value
        2
    """
    return registry.get("constraints", identifier)


def serialize(constraint: Any) -> Any:
    """Return the constraint as JSON can hold it."""
    return registry.serialize(constraint)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the constraint of a saved config or name."""
    with registry.custom_object_scope(custom_objects):
        return get(config)


def _array(w: Any) -> jax.Array:
    return w.value if hasattr(w, "assign") else jnp.asarray(w)


def _with_norm(w: Any, axis: Axis) -> tuple[jax.Array, jax.Array]:
    w = _array(w)
    axes = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    return w, jnp.sqrt(jnp.sum(jnp.square(w), axis=axes, keepdims=True))


__getattr__ = errors.missing(__name__, globals())
