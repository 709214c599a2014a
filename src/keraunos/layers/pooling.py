"""Pooling: over windows, and over all of the spatial axes; one implementation over the rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import symbolic
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._kernels import pooling as kernels
from keraunos.layers import _arguments as arguments


class _Pooling(Layer):
    """Joins the elements of each window by a function."""

    rank: int
    _pool: Callable[..., jax.Array]

    def __init__(
        self,
        pool_size: Any = 2,
        strides: Any = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.pool_size = arguments.per_axis(self, "pool_size", pool_size, self.rank)
        strides = self.pool_size if strides is None else strides
        self.strides = arguments.per_axis(self, "strides", strides, self.rank)
        self.padding = arguments.one_of(self, "padding", padding, ("valid", "same"))
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: jax.Array) -> jax.Array:
        first = 2 if self.data_format == "channels_first" else 1
        sizes = inputs.shape[first : first + self.rank]
        if self.padding == "valid" and any(n < window for n, window in zip(sizes, self.pool_size)):
            expected = f"an input that is at least as large as the window {self.pool_size}"
            got, fix = (
                f"shape {symbolic.unknown_of(inputs.shape)}",
                "use padding='same' or pool less before",
            )
            where = f"{type(self).__name__} {self.name!r}"
            raise ValueError(errors.report(where, expected=expected, got=got, fix=fix))
        options = {
            "strides": self.strides,
            "padding": self.padding,
            "data_format": self.data_format,
        }
        return type(self)._pool(inputs, self.pool_size, **options)


class _MaxPooling(_Pooling):
    _pool = staticmethod(kernels.max_pool)


class _AveragePooling(_Pooling):
    _pool = staticmethod(kernels.average_pool)


@register("MaxPool1D")
class MaxPooling1D(_MaxPooling):
    """The largest of each window of steps: `(batch, steps, features)`.

    Args:
        pool_size: length of the window.
        strides: how far the window moves; by default its length.
        padding: `"valid"` (whole windows only) or `"same"` (steps / strides, rounded up).
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> MaxPooling1D(2)(jnp.array([[[1.0], [3.0], [2.0], [0.0]]])).tolist()
        [[[3.0], [2.0]]]
    """

    rank = 1


@register("MaxPool2D")
class MaxPooling2D(_MaxPooling):
    """The largest of each window of an image: `(batch, height, width, channels)`.

    Args:
        pool_size: one number, or (height, width).
        strides: how far the window moves; by default its size.
        padding: `"valid"` (whole windows only) or `"same"` (size / strides, rounded up).
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> MaxPooling2D()(jnp.ones((1, 5, 4, 3))).shape
        (1, 2, 2, 3)
    """

    rank = 2


@register("MaxPool3D")
class MaxPooling3D(_MaxPooling):
    """The largest of each window of a volume; arguments as in `MaxPooling2D`.

    Example:
        >>> MaxPooling3D()(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


@register("AvgPool1D")
class AveragePooling1D(_AveragePooling):
    """The mean of each window of steps, padding left out; arguments as in `MaxPooling1D`.

    Example:
        >>> AveragePooling1D(2)(jnp.array([[[1.0], [3.0]]])).tolist()
        [[[2.0]]]
    """

    rank = 1


@register("AvgPool2D")
class AveragePooling2D(_AveragePooling):
    """The mean of each window of an image, padding left out; arguments as in `MaxPooling2D`.

    Example:
        >>> AveragePooling2D(3, strides=2, padding="same")(jnp.ones((1, 5, 4, 3))).shape
        (1, 3, 2, 3)
    """

    rank = 2


@register("AvgPool3D")
class AveragePooling3D(_AveragePooling):
    """The mean of each window of a volume, padding left out; arguments as in `MaxPooling2D`.

    Example:
        >>> AveragePooling3D(2)(jnp.ones((1, 4, 4, 4, 3))).shape
        (1, 2, 2, 2, 3)
    """

    rank = 3


class _GlobalPooling(Layer):
    """Joins all elements of each channel by a function."""

    rank: int
    _join: Callable[..., jax.Array]

    def __init__(
        self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.keepdims = arguments.flag(self, "keepdims", keepdims)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: jax.Array) -> jax.Array:
        return type(self)._join(inputs, axis=self._axes, keepdims=self.keepdims)

    @property
    def _axes(self) -> tuple[int, ...]:
        first = 2 if self.data_format == "channels_first" else 1
        return tuple(range(first, first + self.rank))


class _GlobalMaxPooling(_GlobalPooling):
    _join = staticmethod(jnp.max)


class _GlobalAveragePooling(_GlobalPooling):
    _join = staticmethod(jnp.mean)


@register("GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalMaxPooling):
    """The largest over all steps: `(batch, steps, features)` to `(batch, features)`.

    Args:
        data_format: `"channels_last"` or `"channels_first"`.
        keepdims: whether the steps stay as an axis of size 1.

    Example:
        >>> GlobalMaxPooling1D()(jnp.array([[[1.0], [3.0]]])).tolist()
        [[3.0]]
    """

    rank = 1


@register("GlobalMaxPool2D")
class GlobalMaxPooling2D(_GlobalMaxPooling):
    """The largest over each channel of an image; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalMaxPooling2D()(jnp.ones((2, 4, 4, 3))).shape
        (2, 3)
    """

    rank = 2


@register("GlobalMaxPool3D")
class GlobalMaxPooling3D(_GlobalMaxPooling):
    """The largest over each channel of a volume; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalMaxPooling3D(keepdims=True)(jnp.ones((2, 4, 4, 4, 3))).shape
        (2, 1, 1, 1, 3)
    """

    rank = 3


@register("GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalAveragePooling):
    """The mean over all steps that are not masked; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalAveragePooling1D()(jnp.array([[[1.0], [3.0]]])).tolist()
        [[2.0]]
    """

    rank = 1
    supports_masking = True

    def call(self, inputs: jax.Array, mask: Any = None) -> jax.Array:  # pyright: ignore[reportIncompatibleMethodOverride]
        if mask is None:
            return super().call(inputs)
        (axis,) = self._axes
        shown = jnp.expand_dims(mask, 3 - axis).astype(bool)
        total = jnp.where(shown, inputs, 0).sum(axis, keepdims=self.keepdims)
        return total / shown.astype(inputs.dtype).sum(axis, keepdims=self.keepdims)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        return None


@register("GlobalAvgPool2D")
class GlobalAveragePooling2D(_GlobalAveragePooling):
    """The mean over each channel of an image; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalAveragePooling2D()(jnp.ones((2, 4, 4, 3))).shape
        (2, 3)
    """

    rank = 2


@register("GlobalAvgPool3D")
class GlobalAveragePooling3D(_GlobalAveragePooling):
    """The mean over each channel of a volume; arguments as in `GlobalMaxPooling1D`.

    Example:
        >>> GlobalAveragePooling3D()(jnp.ones((2, 4, 4, 4, 3))).shape
        (2, 3)
    """

    rank = 3


MaxPool1D, MaxPool2D, MaxPool3D = MaxPooling1D, MaxPooling2D, MaxPooling3D
AvgPool1D, AvgPool2D, AvgPool3D = AveragePooling1D, AveragePooling2D, AveragePooling3D
GlobalMaxPool1D, GlobalMaxPool2D, GlobalMaxPool3D = (
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GlobalMaxPooling3D,
)
GlobalAvgPool1D, GlobalAvgPool2D = GlobalAveragePooling1D, GlobalAveragePooling2D
GlobalAvgPool3D = GlobalAveragePooling3D
