"""Layers that move elements and compute nothing."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import dtypes, symbolic
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments


@register()
class Flatten(Layer):
    """Joins all axes but the batch: `(batch, ...)` to `(batch, features)`.

    Args:
        data_format: with `"channels_first"` the channels are moved last before, so that the
            order of features does not depend on the layout.

    Example:
        >>> Flatten()(jnp.ones((2, 3, 4))).shape
        (2, 12)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(min_ndim=1)

    def call(self, inputs: jax.Array) -> jax.Array:
        if self.data_format == "channels_first" and inputs.ndim > 2:
            inputs = jnp.moveaxis(inputs, 1, -1)
        return inputs.reshape(inputs.shape[0], math.prod(inputs.shape[1:]))


@register()
class Reshape(Layer):
    """Gives the axes after the batch another shape.

    Args:
        target_shape: sizes without the batch; one may be -1 (or None), what is left.

    Raises:
        ValueError: the number of elements differs.

    Example:
        >>> Reshape((2, -1))(jnp.ones((5, 6))).shape
        (5, 2, 3)
    """

    def __init__(self, target_shape: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        sizes = arguments.sizes(self, "target_shape", target_shape, -1)
        self.target_shape = tuple(-1 if n is None else int(n) for n in sizes)
        if self.target_shape.count(-1) > 1:
            raise arguments.complain(
                self, "target_shape", "sizes, at most one of them -1", target_shape
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        total, known = (
            math.prod(inputs.shape[1:]),
            math.prod(n for n in self.target_shape if n != -1),
        )
        fits = total == known if -1 not in self.target_shape else known and total % known == 0
        if not fits:
            got = f"an input of shape {symbolic.unknown_of(inputs.shape)}, {total} elements"
            where = f"Reshape {self.name!r} to {self.target_shape}"
            raise ValueError(
                errors.report(where, expected="as many elements before as after", got=got)
            )
        rest = total // known if known else 0
        return inputs.reshape(inputs.shape[0], *(rest if n == -1 else n for n in self.target_shape))

    def compute_output_spec(self, inputs: Any) -> Any:
        """Return the target shape where unknown sizes could fit it."""
        try:
            return super().compute_output_spec(inputs)
        except ValueError:
            if None not in inputs.shape[1:]:
                raise
        sizes = (None if n == -1 else n for n in self.target_shape)
        dtype = self.compute_dtype if dtypes.is_float(inputs.dtype) else inputs.dtype
        return symbolic.SymbolicTensor((inputs.shape[0], *sizes), dtype)


@register()
class Permute(Layer):
    """Changes the order of the axes after the batch.

    Args:
        dims: the axes in their new order, counted from 1.

    Example:
        >>> Permute((2, 1))(jnp.ones((5, 2, 3))).shape
        (5, 3, 2)
    """

    def __init__(self, dims: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.dims = tuple(dims) if isinstance(dims, (tuple, list)) else (dims,)
        arguments.axes(self, "dims", self.dims or (0,), least=1)
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise arguments.complain(
                self, "dims", "the numbers from 1 to the number of axes, each once", dims
            )
        self.input_spec = InputSpec(ndim=len(self.dims) + 1)

    def call(self, inputs: jax.Array) -> jax.Array:
        return jnp.transpose(inputs, (0, *self.dims))


@register()
class RepeatVector(Layer):
    """Repeats `(batch, features)` to `(batch, n, features)`.

    Args:
        n: how many times.

    Example:
        >>> RepeatVector(3)(jnp.ones((2, 4))).shape
        (2, 3, 4)
    """

    def __init__(self, n: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.n = arguments.integer(self, "n", n)
        self.input_spec = InputSpec(ndim=2)

    def call(self, inputs: jax.Array) -> jax.Array:
        batch, features = inputs.shape
        return jnp.broadcast_to(inputs[:, None], (batch, self.n, features))


class _Spatial(Layer):
    """A layer that changes the axes between batch and channels."""

    rank: int

    def __init__(self, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    @property
    def _first(self) -> int:
        """The first spatial axis."""
        return 2 if self.data_format == "channels_first" else 1

    def _everywhere(self, spatial: Any, other: Any) -> list[Any]:
        """Return one entry an axis: those given for the spatial axes, `other` for the rest."""
        after = [] if self.data_format == "channels_first" else [other]
        return [other] * self._first + list(spatial) + after


class _Cropping(_Spatial):
    """Cuts elements off both ends of each spatial axis."""

    def __init__(self, cropping: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.cropping: Any = arguments.pairs(self, "cropping", cropping, self.rank)

    def call(self, inputs: jax.Array) -> jax.Array:
        sizes = inputs.shape[self._first :]
        cuts = self.cropping if self.rank > 1 else (self.cropping,)
        if any(a + b >= n for (a, b), n in zip(cuts, sizes)):
            expected = f"an input that is larger than the cropping {self.cropping}"
            got = f"shape {symbolic.unknown_of(inputs.shape)}"
            raise ValueError(
                errors.report(f"{type(self).__name__} {self.name!r}", expected=expected, got=got)
            )
        spans = [slice(a, n - b) for (a, b), n in zip(cuts, sizes)]
        return inputs[tuple(self._everywhere(spans, slice(None)))]


@register()
class Cropping1D(_Cropping):
    """Cuts steps off the ends of `(batch, steps, features)`.

    Args:
        cropping: how many at both ends, or (at the start, at the end).

    Example:
        >>> Cropping1D((1, 2))(jnp.ones((1, 8, 2))).shape
        (1, 5, 2)
    """

    rank = 1

    def __init__(self, cropping: Any = (1, 1), **kwargs: Any) -> None:
        super().__init__(
            ((cropping, cropping) if isinstance(cropping, int) else cropping,),
            "channels_last",
            **kwargs,
        )
        self.cropping = self.cropping[0]


@register()
class Cropping2D(_Cropping):
    """Cuts rows and columns off images.

    Args:
        cropping: one number, (rows, columns), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> Cropping2D(((1, 1), (2, 0)))(jnp.ones((1, 8, 8, 3))).shape
        (1, 6, 6, 3)
    """

    rank = 2

    def __init__(
        self, cropping: Any = ((0, 0), (0, 0)), data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(cropping, data_format, **kwargs)


@register()
class Cropping3D(_Cropping):
    """Cuts the ends off the three axes of volumes; arguments as in `Cropping2D`.

    Example:
        >>> Cropping3D(1)(jnp.ones((1, 4, 5, 6, 2))).shape
        (1, 2, 3, 4, 2)
    """

    rank = 3


class _ZeroPadding(_Spatial):
    """Adds zeros at both ends of each spatial axis."""

    def __init__(self, padding: Any = 1, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        # One axis: (1, 2) is the pair (before, after); more: it is one number an axis.
        given = (
            ((padding,) if isinstance(padding, (tuple, list)) else padding)
            if self.rank == 1
            else padding
        )
        self.padding: Any = arguments.pairs(self, "padding", given, self.rank)
        if self.rank == 1:
            self.padding = self.padding[0]

    def call(self, inputs: jax.Array) -> jax.Array:
        pads = self.padding if self.rank > 1 else (self.padding,)
        return jnp.pad(inputs, self._everywhere(pads, (0, 0)))


@register()
class ZeroPadding1D(_ZeroPadding):
    """Adds zeros before and after the steps of `(batch, steps, features)`.

    Args:
        padding: how many at both ends, or (at the start, at the end).
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> ZeroPadding1D(2)(jnp.ones((1, 3, 2))).shape
        (1, 7, 2)
    """

    rank = 1


@register()
class ZeroPadding2D(_ZeroPadding):
    """Adds rows and columns of zeros around images.

    Args:
        padding: one number, (rows, columns), or ((top, bottom), (left, right)).
        data_format: `"channels_last"` or `"channels_first"`.

    Example:
        >>> ZeroPadding2D(1)(jnp.ones((1, 4, 4, 3))).shape
        (1, 6, 6, 3)
    """

    rank = 2


@register()
class ZeroPadding3D(_ZeroPadding):
    """Adds zeros around volumes; arguments as in `ZeroPadding2D`.

    Example:
        >>> ZeroPadding3D(1)(jnp.ones((1, 2, 2, 2, 3))).shape
        (1, 4, 4, 4, 3)
    """

    rank = 3


_RESIZE = {
    "nearest": "nearest",
    "bilinear": "linear",
    "bicubic": "cubic",
    "lanczos3": "lanczos3",
    "lanczos5": "lanczos5",
}


class _UpSampling(_Spatial):
    """Repeats each element along each spatial axis."""

    def __init__(self, size: Any = 2, data_format: str | None = None, **kwargs: Any) -> None:
        super().__init__(data_format, **kwargs)
        self.size: Any = arguments.per_axis(self, "size", size, self.rank)

    def call(self, inputs: jax.Array) -> jax.Array:
        sizes = self.size if self.rank > 1 else (self.size,)
        for axis, times in enumerate(sizes, self._first):
            inputs = jnp.repeat(inputs, times, axis)
        return inputs


@register()
class UpSampling1D(_UpSampling):
    """Repeats each step of `(batch, steps, features)`.

    Args:
        size: how many times.

    Example:
        >>> UpSampling1D(3)(jnp.ones((1, 2, 4))).shape
        (1, 6, 4)
    """

    rank = 1

    def __init__(self, size: int = 2, **kwargs: Any) -> None:
        super().__init__(size, "channels_last", **kwargs)
        self.size = self.size[0]


@register()
class UpSampling2D(_UpSampling):
    """Enlarges images by whole factors.

    Args:
        size: one factor, or (rows, columns).
        data_format: `"channels_last"` or `"channels_first"`.
        interpolation: `"nearest"` (repeats), `"bilinear"`, `"bicubic"`, `"lanczos3"`, `"lanczos5"`.

    Example:
        >>> UpSampling2D((1, 2))(jnp.ones((1, 2, 2, 3))).shape
        (1, 2, 4, 3)
    """

    rank = 2

    def __init__(
        self,
        size: Any = (2, 2),
        data_format: str | None = None,
        interpolation: str = "nearest",
        **kwargs: Any,
    ) -> None:
        super().__init__(size, data_format, **kwargs)
        self.interpolation = arguments.one_of(self, "interpolation", interpolation, tuple(_RESIZE))

    def call(self, inputs: jax.Array) -> jax.Array:
        if self.interpolation == "nearest":
            return super().call(inputs)
        factors = self._everywhere(self.size, 1)
        shape = [n * factor for n, factor in zip(inputs.shape, factors)]
        return jax.image.resize(inputs, shape, _RESIZE[self.interpolation], antialias=False)


@register()
class UpSampling3D(_UpSampling):
    """Repeats the elements of volumes along three axes; arguments as in `UpSampling2D`.

    Example:
        >>> UpSampling3D(2)(jnp.ones((1, 1, 2, 3, 4))).shape
        (1, 2, 4, 6, 4)
    """

    rank = 3
