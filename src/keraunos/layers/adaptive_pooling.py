"""Adaptive pooling: the size of the output is given, the windows follow from it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from keraunos import ops
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments


class _AdaptivePooling(Layer):
    """Joins the elements of each of a given number of windows by a function."""

    rank: int
    _pool: Callable[..., Any]

    def __init__(self, output_size: Any, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.output_size = arguments.per_axis(self, "output_size", output_size, self.rank)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def call(self, inputs: jax.Array) -> jax.Array:
        return type(self)._pool(inputs, self.output_size, data_format=self.data_format)


class _AdaptiveMaxPooling(_AdaptivePooling):
    _pool = staticmethod(ops.adaptive_max_pool)


class _AdaptiveAveragePooling(_AdaptivePooling):
    _pool = staticmethod(ops.adaptive_average_pool)


@register()
class AdaptiveMaxPooling1D(_AdaptiveMaxPooling):
    """The largest of each of `output_size` windows of steps: `(batch, steps, features)`.

    Window `i` of `n` goes from step `floor(i * steps / n)` to `ceil((i + 1) * steps / n)`.

    Args:
        output_size: number of windows.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a size that is not a positive integer, another number of axes.

    Example:
        >>> AdaptiveMaxPooling1D(2)(jax.numpy.arange(5.0).reshape(1, 5, 1)).tolist()
        [[[2.0], [4.0]]]
    """

    rank = 1


@register()
class AdaptiveMaxPooling2D(_AdaptiveMaxPooling):
    """The largest of each window of an image; arguments as in `AdaptiveMaxPooling1D`.

    `output_size` is one number, or (height, width).

    Example:
        >>> AdaptiveMaxPooling2D((2, 3))(jax.numpy.ones((1, 5, 7, 3))).shape
        (1, 2, 3, 3)
    """

    rank = 2


@register()
class AdaptiveMaxPooling3D(_AdaptiveMaxPooling):
    """The largest of each window of a volume; arguments as in `AdaptiveMaxPooling1D`.

    Example:
        >>> AdaptiveMaxPooling3D(2)(jax.numpy.ones((1, 5, 4, 3, 1))).shape
        (1, 2, 2, 2, 1)
    """

    rank = 3


@register()
class AdaptiveAveragePooling1D(_AdaptiveAveragePooling):
    """The mean of each of `output_size` windows; arguments as in `AdaptiveMaxPooling1D`.

    Example:
        >>> AdaptiveAveragePooling1D(2)(jax.numpy.arange(5.0).reshape(1, 5, 1)).tolist()
        [[[1.0], [3.0]]]
    """

    rank = 1


@register()
class AdaptiveAveragePooling2D(_AdaptiveAveragePooling):
    """The mean of each window of an image; arguments as in `AdaptiveMaxPooling2D`.

    Example:
        >>> AdaptiveAveragePooling2D(1)(jax.numpy.ones((1, 5, 7, 3))).shape
        (1, 1, 1, 3)
    """

    rank = 2


@register()
class AdaptiveAveragePooling3D(_AdaptiveAveragePooling):
    """The mean of each window of a volume; arguments as in `AdaptiveMaxPooling1D`.

    Example:
        >>> AdaptiveAveragePooling3D((1, 2, 3))(jax.numpy.ones((1, 4, 4, 6, 2))).shape
        (1, 1, 2, 3, 2)
    """

    rank = 3
