"""Penalties on weights and activations, added to the loss."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import registry
from keraunos._core.naming import snake_case
from keraunos._core.registry import register
from keraunos._core.signature import Configurable


class Regularizer(Configurable):
    """Base class: a regularizer is a function from an array to a scalar penalty, with a config.

    Example:
        >>> class Spread(Regularizer):
        ...     def __call__(self, x):
        ...         return jnp.var(x)
        >>> float(Spread()(jnp.ones((2, 2))))
        0.0
    """

    def __call__(self, x: Any) -> Any:
        # Keras's base class charges nothing.
        return 0.0


@register("l1_l2")
class L1L2(Regularizer):
    """`l1 * sum(|x|) + l2 * sum(x ** 2)`.

    Raises:
        ValueError: a factor that is negative or not finite.

    Example:
        >>> float(L1L2(l1=1.0, l2=1.0)(jnp.array([2.0, -1.0])))
        8.0
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        # Old files write null for a factor that is not used.
        self.l1, self.l2 = (
            _factor("l1", 0.0 if l1 is None else l1),
            _factor("l2", 0.0 if l2 is None else l2),
        )

    def __call__(self, x: Any) -> Any:
        x = _array(x)
        first = self.l1 * jnp.sum(jnp.abs(x)) if self.l1 else 0.0
        second = self.l2 * jnp.sum(jnp.square(x)) if self.l2 else 0.0
        return first + second + jnp.zeros((), x.dtype)


@register("l1")
class L1(Regularizer):
    """`l1 * sum(|x|)`.

    Example:
        >>> float(L1(0.5)(jnp.array([2.0, -2.0])))
        2.0
    """

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        return self.l1 * jnp.sum(jnp.abs(_array(x)))


@register("l2")
class L2(Regularizer):
    """`l2 * sum(x ** 2)`.

    Example:
        >>> float(L2(0.5)(jnp.array([2.0, -2.0])))
        4.0
    """

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        return self.l2 * jnp.sum(jnp.square(_array(x)))


@register(snake_case("OrthogonalRegularizer"))
class OrthogonalRegularizer(Regularizer):
    """`factor` times the mean |cosine| between two different rows (or columns) of a matrix.

    Args:
        factor: strength of the penalty.
        mode: `"rows"` or `"columns"`: what shall become orthogonal.

    Raises:
        ValueError: another mode, or an input that is no matrix.

    Example:
        >>> float(OrthogonalRegularizer(1.0)(jnp.eye(2)))
        0.0
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(
                errors.report(
                    "OrthogonalRegularizer", expected="mode 'rows' or 'columns'", got=repr(mode)
                )
            )
        self.factor, self.mode = _factor("factor", factor), mode

    def __call__(self, x: Any) -> Any:
        x = _array(x)
        if x.ndim != 2:
            raise ValueError(
                errors.report("OrthogonalRegularizer", expected="a matrix", got=f"shape {x.shape}")
            )
        rows = x if self.mode == "rows" else x.T
        rows = rows / jnp.maximum(jnp.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        n = rows.shape[0]
        cosines = jnp.abs(rows @ rows.T) * (1 - jnp.eye(n, dtype=x.dtype))
        return self.factor * 0.5 * jnp.sum(cosines) / (n * (n - 1) / 2)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def get(identifier: Any) -> Any:
    """Return the regularizer that a name, config, class or function means; None stays None.

    Example:
        >>> get("l2").l2
        0.01
    """
    return registry.get("regularizers", identifier)


def serialize(regularizer: Any) -> Any:
    """Return the regularizer as JSON can hold it."""
    return registry.serialize(regularizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the regularizer of a saved config or name."""
    with registry.custom_object_scope(custom_objects):
        return get(config)


def _array(x: Any) -> jax.Array:
    return x.value if hasattr(x, "assign") else jnp.asarray(x)


def _factor(name: str, value: Any) -> float:
    if not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise ValueError(
            errors.report("regularizer", expected=f"{name} a number >= 0", got=f"{name}={value!r}")
        )
    return float(value)


__getattr__ = errors.missing(__name__, globals())
