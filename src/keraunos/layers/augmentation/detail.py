"""Random changes of what is near: sharper, softer, or erased."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import base
from keraunos.layers.augmentation.pixels import PixelLayer, chosen, column, numbers


@register()
class RandomSharpness(PixelLayer):
    """Makes each image softer or sharper.

    Args:
        factor: (lower, upper), both from 0 (soft) over 0.5 (no change) to 1 (sharper); a single f
            means (0, f).
        value_range: (lowest, highest) value of the images; results are clipped to it.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1.

    Example:
        >>> RandomSharpness((0, 0))(jnp.full((3, 3, 1), 13.0))[1, 1].item()
        13.0
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        return {"factor": base.uniform(keys[0], (batch,), self.factor)}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        ones = jnp.ones((1, 3), images.dtype)
        around = smoothed(images, ones, ones, self.height_axis, self.width_axis)
        # Neighbours count 1, the middle 5, of 13.
        soft = (around + 4 * images) / 13
        factor = 2 * column(transformation["factor"], images)
        return self.clipped(images + (1 - factor) * (soft - images))


@register()
class RandomGaussianBlur(PixelLayer):
    """Blurs some of the images.

    Args:
        factor: (lower, upper) bounds of the probability, which is drawn for each image; a single
            f means (0, f).
        kernel_size: odd size of the window, or (across, down).
        sigma: (lower, upper) of the width of the bell, 0 to 1 pixels, drawn for each image and
            each direction; a single s means (0, s).
        value_range: (lowest, highest) value of the images; results are clipped to it.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor or a sigma beyond 0 to 1, an even size.

    Example:
        >>> RandomGaussianBlur(kernel_size=5)(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    draws = 2

    def __init__(
        self,
        factor: Any = 1.0,
        kernel_size: Any = 3,
        sigma: Any = 1.0,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))
        self.kernel_size = arguments.per_axis(self, "kernel_size", kernel_size, 2)
        if any(n % 2 == 0 for n in self.kernel_size):
            raise arguments.complain(self, "kernel_size", "one or two odd integers", kernel_size)
        self.sigma = base.factor_range(self, "sigma", sigma, (0, 1))

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        return {
            "should_apply_blur": chosen(keys[0], batch, self.factor),
            "blur_factor": base.uniform(keys[1], (batch, 2), self.sigma) + 1e-6,
        }

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        sigma = jnp.reshape(transformation["blur_factor"], (-1, 2)).astype(images.dtype)
        across, down = (_bell(n, sigma[:, i]) for i, n in enumerate(self.kernel_size))
        blurred = smoothed(images, down, across, self.height_axis, self.width_axis)
        apply = jnp.reshape(transformation["should_apply_blur"], (-1, 1, 1, 1))
        return self.clipped(jnp.where(apply, blurred, images))


@register()
class RandomErasing(PixelLayer):
    """Erases a rectangle of some of the images (Zhong et al., arXiv 1708.04896).

    Args:
        factor: (lower, upper) bounds of the probability, which is drawn for each image; a single
            f means (0, f).
        scale: (lower, upper) of the squares of the rectangle's height and width, as parts of the
            image's; a single s means (0, s).
        fill_value: a number, or one a channel; noise by default.
        value_range: (lowest, highest) value of the images.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor or a scale beyond 0 to 1, a fill value that is no number.

    Example:
        >>> layer = RandomErasing((1, 1), scale=(1, 1), fill_value=7)
        >>> layer(jnp.ones((4, 4, 1))).mean().item()
        7.0
    """

    draws = 3

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = (0.02, 0.33),
        fill_value: Any = None,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))
        self.scale = base.factor_range(self, "scale", scale, (0, 1))
        self.fill_value = None if fill_value is None else numbers(self, "fill_value", fill_value)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, Any]:
        images = data["images"] if isinstance(data, dict) else data
        shape = (batch, *np.shape(images)[-3:])
        sizes, places = jax.random.split(keys[0])
        sides = jnp.sqrt(base.uniform(sizes, (2, batch), self.scale))
        return {
            "apply_erasing": chosen(keys[1], batch, self.factor),
            "batch_masks": rectangles(places, sides, self, shape)[0],
            "fill_value": self._fill(keys[2], shape),
        }

    def _fill(self, key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        if self.fill_value is None:
            fill = jax.random.normal(key, shape) * self.value_range[1]
        else:
            fill = jnp.asarray(self.fill_value, "float32")
            if fill.shape not in ((), (1,), (shape[self.channels_axis],)):
                expected = f"a number, or one for each of {shape[self.channels_axis]} channels"
                raise arguments.complain(self, "fill_value", expected, self.fill_value)
            if fill.ndim and self.data_format == "channels_first":
                fill = fill[:, None, None]
        return self.clipped(fill)

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        apply = jnp.reshape(transformation["apply_erasing"], (-1, 1, 1, 1))
        fill = jnp.asarray(transformation["fill_value"], images.dtype)
        return jnp.where(apply & transformation["batch_masks"], fill, images)


def rectangles(
    key: jax.Array, sides: jax.Array, layer: base.ImageLayer, shape: tuple[int, ...]
) -> tuple[jax.Array, jax.Array]:
    """Return masks of rectangles at random places, and the part of each image they cover.

    Args:
        key: for the places.
        sides: (2, batch) height and width, as parts of the image's.
        layer: whose data format counts.
        shape: of the batch of images.

    Returns:
        booleans (batch, height, width, 1), or (batch, 1, height, width); and floats (batch,).
    """
    batch = shape[0]
    start = jax.random.uniform(key, (2, batch))
    inside = []
    for i, axis in enumerate((layer.height_axis, layer.width_axis)):
        length = sides[i] * shape[axis]
        low = start[i] * (shape[axis] - length)
        line = jnp.arange(shape[axis], dtype=low.dtype)
        inside.append((line >= low[:, None]) & (line < (low + length)[:, None]))
    masks = inside[0][:, :, None] & inside[1][:, None, :]
    part = jnp.mean(masks, axis=(1, 2), dtype="float32")
    return jnp.expand_dims(masks, 1 if layer.data_format == "channels_first" else -1), part


def smoothed(
    images: jax.Array, down: jax.Array, across: jax.Array, height_axis: int, width_axis: int
) -> jax.Array:
    """Return images with each pixel the weighted sum of those around it; zeros lie beyond.

    Args:
        images: a batch.
        down, across: (batch or 1, size) weights along the columns and along the rows.
        height_axis, width_axis: of the images.
    """
    # A few shifted sums become one pass over the image, and need no convolution.
    for weights, axis in ((down, height_axis), (across, width_axis)):
        size, length = weights.shape[1], images.shape[axis]
        pads = [(0, 0)] * images.ndim
        pads[axis] = (size // 2, size // 2)
        padded = jnp.pad(images, pads)
        shifted = [jax.lax.slice_in_dim(padded, i, i + length, axis=axis) for i in range(size)]
        terms = [one * weights[:, i, None, None, None] for i, one in enumerate(shifted)]
        images = functools.reduce(jnp.add, terms)
    return images


def _bell(size: int, sigma: jax.Array) -> jax.Array:
    """Return (batch, size) weights that sum to 1."""
    place = jnp.arange(size, dtype=sigma.dtype) - size // 2
    weights = jnp.exp(-0.5 * jnp.square(place / sigma[:, None]))
    return weights / jnp.sum(weights, axis=1, keepdims=True)
