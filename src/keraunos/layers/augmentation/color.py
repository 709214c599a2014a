"""Random changes of colour: brightness, contrast, saturation, hue, gray, negative."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import base
from keraunos.layers.augmentation.pixels import (
    PixelLayer,
    bounds_without_sign,
    chosen,
    column,
)
from keraunos.ops import image as image_ops


@register()
class RandomBrightness(PixelLayer):
    """Adds a random number to each image.

    Args:
        factor: the number is drawn from (lower, upper) of the range's width, -1 to 1; a single f
            means (-f, f).
        value_range: (lowest, highest) value of the images; results are clipped to it.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond -1 to 1, a range that is not two numbers.

    Example:
        >>> layer = RandomBrightness((0.2, 0.2), value_range=(0, 1))
        >>> layer(jnp.full((1, 1, 3), 0.5)).ravel().round(2).tolist()
        [0.7, 0.7, 0.7]
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        self.factor = base.factor_range(self, "factor", factor)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        low, high = self.value_range
        shift = base.uniform(keys[0], (batch, 1, 1, 1), self.factor) * (high - low)
        return {"rgb_delta": shift}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        return self.clipped(images + column(transformation["rgb_delta"], images))


@register()
class RandomContrast(PixelLayer):
    """Moves the values of each channel away from their mean, or towards it.

    Args:
        factor: (lower, upper), both from 0 to 1: each image is stretched by a number between
            `1 - lower` and `1 + upper`. A single f means (f, f).
        value_range: (lowest, highest) value of the images; results are clipped to it.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1, a range that is not two numbers.

    Example:
        >>> layer = RandomContrast(0.5, value_range=(0, 1), seed=0)
        >>> layer(jnp.full((2, 2, 3), 0.25)).mean().item()
        0.25
    """

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        base.factor_range(self, "factor", factor, (0, 1))
        # Not the ends of a range: how far below 1, and how far above.
        self.factor = tuple(factor) if isinstance(factor, (tuple, list)) else (factor, factor)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        bounds = 1 - self.factor[0], 1 + self.factor[1]
        return {"contrast_factor": base.uniform(keys[0], (batch, 1, 1, 1), bounds)}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        mean = jnp.mean(images, axis=(self.height_axis, self.width_axis), keepdims=True)
        factor = column(transformation["contrast_factor"], images)
        return self.clipped((images - mean) * factor + mean)


@register()
class RandomSaturation(PixelLayer):
    """Makes the colours of each image paler or stronger.

    Args:
        factor: (lower, upper), both from 0 (gray) over 0.5 (no change) to 1 (full colours); a
            single f means (0, f).
        value_range: (lowest, highest) value of the images.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1; images without red, green and blue.

    Example:
        >>> RandomSaturation((0, 0))(jnp.array([[[10.0, 20.0, 30.0]]])).ravel().tolist()
        [30.0, 30.0, 30.0]
    """

    channels = (3,)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds_without_sign(self, "factor", factor)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        strength = base.uniform(keys[0], (batch,), self.factor)
        return {"factor": strength / (1 - strength + config.epsilon())}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        factor = column(transformation["factor"], images)
        unit = base.rescaled(images, self.value_range, (0, 1), images.dtype)
        hue, saturation, value = _hsv(unit, self.data_format)
        saturation = jnp.clip(saturation * factor, 0, 1)
        unit = _rgb(hue, saturation, value, self.data_format)
        return base.rescaled(unit, (0, 1), self.value_range, images.dtype)


@register()
class RandomHue(PixelLayer):
    """Turns the colours of each image around the wheel, from red to green to blue to red.

    Args:
        factor: (lower, upper), both from 0 (no change) to 1 (to the opposite colour), in either
            direction; a single f means (0, f).
        value_range: (lowest, highest) value of the images.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1; images without red, green and blue.

    Example:
        >>> RandomHue((1, 1))(jnp.array([[[200.0, 0.0, 0.0]]])).ravel().round().tolist()
        [0.0, 200.0, 200.0]
    """

    channels = (3,)
    draws = 2

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
        turn = base.uniform(keys[0], (batch,), self.factor) / 2
        return {"factor": turn * jax.random.rademacher(keys[1], (batch,), turn.dtype)}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        unit = base.rescaled(images, self.value_range, (0, 1), images.dtype)
        hue, saturation, value = _hsv(unit, self.data_format)
        turned = jnp.mod(hue + column(transformation["factor"], images), 1)
        unit = jnp.clip(_rgb(turned, saturation, value, self.data_format), 0, 1)
        return base.rescaled(unit, (0, 1), self.value_range, images.dtype)


@register()
class RandomColorDegeneration(PixelLayer):
    """Mixes each image with its gray version.

    Args:
        factor: (lower, upper) share of the gray, both from 0 to 1; a single f means (0, f).
        value_range: (lowest, highest) value of the images; results are clipped to it.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1; images of neither 3 channels nor 1.

    Example:
        >>> layer = RandomColorDegeneration((1, 1))
        >>> layer(jnp.array([[[0.0, 100.0, 0.0]]])).ravel().round(1).tolist()
        [58.7, 58.7, 58.7]
    """

    channels = (1, 3)

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = bounds_without_sign(self, "factor", factor)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        return {"factor": base.uniform(keys[0], (batch, 1, 1, 1), self.factor)}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        gray = image_ops.rgb_to_grayscale(images, data_format=self.data_format)
        factor = column(transformation["factor"], images)
        return self.clipped(images + factor * (gray - images))


@register()
class RandomColorJitter(PixelLayer):
    """Changes brightness, contrast, saturation and hue of each image, in this order.

    Args:
        value_range: (lowest, highest) value of the images.
        brightness_factor, contrast_factor, saturation_factor, hue_factor: as `factor` of
            `RandomBrightness` and so on; None leaves that one out.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor beyond its bounds.

    Example:
        >>> layer = RandomColorJitter(value_range=(0, 1), brightness_factor=0.2, hue_factor=0.1)
        >>> layer(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        brightness_factor: Any = None,
        contrast_factor: Any = None,
        saturation_factor: Any = None,
        hue_factor: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.brightness_factor, self.contrast_factor = brightness_factor, contrast_factor
        self.saturation_factor, self.hue_factor = saturation_factor, hue_factor
        # Between the steps nothing is rounded to 16 bits.
        inside = {
            "value_range": value_range,
            "seed": seed,
            "data_format": self.data_format,
            "dtype": "float32" if self.compute_dtype.endswith("16") else self.dtype_policy,
        }
        self._steps: list[str] = []
        for name, (kind, factor) in {
            "random_brightness": (RandomBrightness, brightness_factor),
            "random_contrast": (RandomContrast, contrast_factor),
            "random_saturation": (RandomSaturation, saturation_factor),
            "random_hue": (RandomHue, hue_factor),
        }.items():
            setattr(self, name, None if factor is None else kind(factor, **inside))
            self._steps += [] if factor is None else [name]
        self.draws = len(self._steps)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, Any]:
        return {
            name: getattr(self, name).get_random_transformation(data, seed=key)
            for name, key in zip(self._steps, keys)
        }

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        for name in self._steps:
            images = getattr(self, name).transform_images(images, transformation[name])
        return images


@register()
class RandomGrayscale(PixelLayer):
    """Takes the colours from some of the images; the channels stay three, all equal.

    Args:
        factor: the part of the images that become gray, 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1; images of neither 3 channels nor 1.

    Example:
        >>> RandomGrayscale(1.0)(jnp.array([[[0.0, 100.0, 0.0]]])).ravel().round(1).tolist()
        [58.7, 58.7, 58.7]
    """

    channels = (1, 3)

    def __init__(
        self,
        factor: float = 0.5,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = arguments.between(self, "factor", factor, 0, 1)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> jax.Array:
        return jax.random.uniform(keys[0], (batch, 1, 1, 1)) < self.factor

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        gray = image_ops.rgb_to_grayscale(images, data_format=self.data_format)
        return jnp.where(jnp.reshape(transformation, (-1, 1, 1, 1)), gray, images)


@register()
class RandomInvert(PixelLayer):
    """Turns some of the images into their negatives.

    Args:
        factor: (lower, upper) bounds of the probability, which is drawn for each image; a single
            f means (0, f).
        value_range: (lowest, highest) value of the images.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor beyond 0 to 1.

    Example:
        >>> RandomInvert((1, 1))(jnp.array([[[55.0]]])).item()
        200.0
    """

    def __init__(
        self,
        factor: Any = 1.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        return {"apply_inversion": chosen(keys[0], batch, self.factor)}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        apply = jnp.reshape(transformation["apply_inversion"], (-1, 1, 1, 1))
        return jnp.where(apply, sum(self.value_range) - images, images)


def _hsv(images: jax.Array, data_format: str) -> list[jax.Array]:
    """Return the planes of hue, saturation and value, with an axis of one channel."""
    hsv = image_ops.rgb_to_hsv(images, data_format=data_format)
    return jnp.split(hsv, 3, axis=-3 if data_format == "channels_first" else -1)


def _rgb(hue: jax.Array, saturation: jax.Array, value: jax.Array, data_format: str) -> jax.Array:
    axis = -3 if data_format == "channels_first" else -1
    hsv = jnp.concatenate([hue, saturation, value], axis)
    return image_ops.hsv_to_rgb(hsv, data_format=data_format)
