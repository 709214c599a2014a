"""Layers that join several inputs into one, and their functional forms."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import calling
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments


class _Merge(Layer):
    """Joins a list of inputs, element by element; the masks are joined by "or"."""

    supports_masking = True
    _exactly: int | None = None

    def build(self, input_shape: Any) -> None:
        if not isinstance(input_shape, (list, tuple)) or calling.is_shape(input_shape):
            self._refuse("a list of inputs", f"one of shape {input_shape}")
        if self._exactly not in (None, len(input_shape)):
            self._refuse(f"{self._exactly} inputs", f"{len(input_shape)}")
        batches = {shape[0] for shape in input_shape if shape} - {None}
        if len(batches) > 1 or not self._fit([tuple(shape) for shape in input_shape]):
            self._refuse(f"shapes that fit ({self._rule})", ", ".join(map(str, input_shape)))

    _rule = "equal, 1 or unknown"

    def _fit(self, shapes: list[tuple[int | None, ...]]) -> bool:
        rank = max(map(len, shapes))
        # An input with fewer axes gets new ones after the batch.
        full = [shape[:1] + (1,) * (rank - len(shape)) + shape[1:] for shape in shapes]
        return all(len(set(sizes) - {None, 1}) <= 1 for sizes in zip(*full))

    def _refuse(self, expected: str, got: str) -> None:
        raise ValueError(
            errors.report(f"{type(self).__name__} {self.name!r}", expected=expected, got=got)
        )

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        rank = max(x.ndim for x in inputs)
        full = [jnp.expand_dims(x, range(1, 1 + rank - x.ndim)) for x in inputs]
        return self._join(full, mask if isinstance(mask, (list, tuple)) else [None] * len(full))

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        raise NotImplementedError

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return the symbolic output; an unknown size takes another input's size there."""
        return calling.infer(self, args, kwargs, unify=True)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if not isinstance(previous_mask, (list, tuple)) or any(m is None for m in previous_mask):
            return None
        return functools.reduce(jnp.logical_or, previous_mask)


@register()
class Add(_Merge):
    """The sum of its inputs.

    Example:
        >>> Add()([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [3.0]
    """

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        return functools.reduce(jnp.add, inputs)


@register()
class Subtract(_Merge):
    """The first of two inputs minus the second.

    Example:
        >>> Subtract()([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [-1.0]
    """

    _exactly = 2

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        return inputs[0] - inputs[1]


@register()
class Multiply(_Merge):
    """The product of its inputs; a masked element counts as 1.

    Example:
        >>> Multiply()([jnp.array([3.0]), jnp.array([2.0])]).tolist()
        [6.0]
    """

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        shown = [x if m is None else jnp.where(_over(m, x), x, 1) for x, m in zip(inputs, masks)]
        product = functools.reduce(jnp.multiply, shown)
        if any(m is None for m in masks):
            return product
        some = functools.reduce(jnp.logical_or, [_over(m, x) for x, m in zip(inputs, masks)])
        return jnp.where(some, product, 0)


@register()
class Average(_Merge):
    """The mean of its inputs.

    Example:
        >>> Average()([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [1.5]
    """

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        return functools.reduce(jnp.add, inputs) / len(inputs)


class _Extreme(_Merge):
    """The larger or smaller of its inputs; masked elements are left out."""

    _choose: Callable[..., jax.Array]

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        best, seen = inputs[0], None if masks[0] is None else _over(masks[0], inputs[0])
        for x, mask in zip(inputs[1:], masks[1:]):
            shown = None if mask is None else _over(mask, x)
            x = x if shown is None else jnp.where(shown, x, best)
            best = best if seen is None else jnp.where(seen, best, x)
            seen = None if seen is None or shown is None else seen | shown
            best = type(self)._choose(best, x)
        return best


@register()
class Maximum(_Extreme):
    """The largest of its inputs, element by element.

    Example:
        >>> Maximum()([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [2.0]
    """

    _choose = staticmethod(jnp.maximum)


@register()
class Minimum(_Extreme):
    """The smallest of its inputs, element by element.

    Example:
        >>> Minimum()([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [1.0]
    """

    _choose = staticmethod(jnp.minimum)


@register()
class Concatenate(_Merge):
    """Its inputs one behind the other.

    Args:
        axis: the axis along which they are joined; the other axes are equal.

    Raises:
        ValueError: shapes that differ on another axis.

    Example:
        >>> Concatenate()([jnp.ones((1, 2)), jnp.ones((1, 3))]).shape
        (1, 5)
    """

    _rule = "equal but for the axis of concatenation"

    def __init__(self, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = arguments.integer(self, "axis", axis, least=-99)

    def _fit(self, shapes: list[tuple[int | None, ...]]) -> bool:
        ranks = {len(shape) for shape in shapes}
        rank = max(ranks)
        if len(ranks) > 1 or not -rank <= self.axis < rank:
            return False
        return all(
            i == self.axis % rank or len(set(sizes) - {None}) <= 1
            for i, sizes in enumerate(zip(*shapes))
        )

    def _join(self, inputs: list[jax.Array], masks: Any) -> jax.Array:
        return jnp.concatenate(inputs, self.axis)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if not isinstance(previous_mask, (list, tuple)) or all(m is None for m in previous_mask):
            return None
        masks = [
            jnp.ones(x.shape, bool)
            if m is None
            else jnp.broadcast_to(_over(m, x), x.shape)
            if m.ndim < x.ndim
            else m
            for x, m in zip(inputs, previous_mask)
        ]
        return jnp.any(jnp.concatenate(masks, self.axis), axis=-1)


@register()
class Dot(_Merge):
    """The scalar products of the samples of two inputs, along one axis of each.

    Args:
        axes: the axis that is summed over: one for both, or (of the first, of the second).
        normalize: whether both are scaled to norm 1 first: then the result is the cosine.

    Raises:
        ValueError: the axes have different sizes.

    Example:
        >>> Dot(axes=1)([jnp.array([[1.0, 2.0]]), jnp.array([[3.0, 4.0]])]).tolist()
        [[11.0]]
    """

    _exactly = 2
    _rule = "at least 2 axes, the same size on the axes of the product"

    def __init__(self, axes: Any, normalize: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        values = [axes, axes] if isinstance(axes, int) else axes
        good = (
            isinstance(values, (list, tuple))
            and len(values) == 2
            and all(isinstance(a, int) and a and not isinstance(a, bool) for a in values)
        )
        if not good:
            raise arguments.complain(
                self, "axes", "an axis or two, counted from the batch, which is 0", axes
            )
        self.axes, self.normalize = axes, normalize

    def _fit(self, shapes: list[tuple[int | None, ...]]) -> bool:
        if min(map(len, shapes)) < 2:
            return False
        axes = self._axes(*map(len, shapes))
        if any(not 0 < a < len(shape) for a, shape in zip(axes, shapes)):
            return False
        return len({shape[a] for a, shape in zip(axes, shapes)} - {None}) <= 1

    def call(self, inputs: Any, mask: Any = None) -> jax.Array:
        x, y = inputs
        a, b = self._axes(x.ndim, y.ndim)
        if self.normalize:
            x, y = _unit(x, a), _unit(y, b)
        product = jax.lax.dot_general(x, y, (((a,), (b,)), ((0,), (0,))))
        return product[:, None] if product.ndim == 1 else product

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None

    def _axes(self, first: int, second: int) -> tuple[int, int]:
        a, b = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        return a % first if a < 0 else a, b % second if b < 0 else b


def _over(mask: jax.Array, x: jax.Array) -> jax.Array:
    """Return a mask of steps with axes of size 1 for the features of x."""
    mask = mask.astype(bool)
    return mask if mask.ndim == x.ndim else mask[..., None]


def _unit(x: jax.Array, axis: int) -> jax.Array:
    return x * jax.lax.rsqrt(jnp.maximum(jnp.sum(jnp.square(x), axis, keepdims=True), 1e-12))


def add(inputs: Any, **kwargs: Any) -> Any:
    """Return the sum of a list of tensors, by an `Add` layer.

    Example:
        >>> add([jnp.array([1.0]), jnp.array([2.0])]).tolist()
        [3.0]
    """
    return Add(**kwargs)(inputs)


def subtract(inputs: Any, **kwargs: Any) -> Any:
    """Return the first of two tensors minus the second, by a `Subtract` layer."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs: Any, **kwargs: Any) -> Any:
    """Return the product of a list of tensors, by a `Multiply` layer."""
    return Multiply(**kwargs)(inputs)


def average(inputs: Any, **kwargs: Any) -> Any:
    """Return the mean of a list of tensors, by an `Average` layer."""
    return Average(**kwargs)(inputs)


def maximum(inputs: Any, **kwargs: Any) -> Any:
    """Return the largest of a list of tensors, by a `Maximum` layer."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs: Any, **kwargs: Any) -> Any:
    """Return the smallest of a list of tensors, by a `Minimum` layer."""
    return Minimum(**kwargs)(inputs)


def concatenate(inputs: Any, axis: int = -1, **kwargs: Any) -> Any:
    """Return tensors one behind the other, by a `Concatenate` layer."""
    return Concatenate(axis=axis, **kwargs)(inputs)


def dot(inputs: Any, axes: Any = -1, **kwargs: Any) -> Any:
    """Return the scalar products of two tensors along an axis, by a `Dot` layer."""
    return Dot(axes=axes, **kwargs)(inputs)
