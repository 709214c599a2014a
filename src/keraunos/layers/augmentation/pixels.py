"""PixelLayer: what the layers share that change the values of pixels and move none."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import base


class PixelLayer(base.RandomImageLayer):
    """Base of the layers that change values; a subclass writes `drawn` and `changed`.

    Pixels are worked out in float32 at least, and come out in the compute dtype, in training and
    outside of it: 16 bits are too few for values up to 255.

    Args:
        value_range: (lowest, highest) value of the images.
        bounding_box_format, data_format, seed: as for all layers on images.
    """

    draws = 1  # how many keys `drawn` takes
    in_training_only = True
    channels: tuple[int, ...] = ()  # what a subclass can work on; any number where empty

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_range = base.value_range(self, value_range)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> Any:
        """Return the transformation of a batch."""
        return None

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        """Return a batch of float images, transformed."""
        raise NotImplementedError

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        batch, *_ = self.sizes(data)
        if not training or not self.draws:
            return None
        return self.drawn(self.keys(self.draws, seed), batch, data)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> jax.Array:
        images = jnp.asarray(images)
        if training or not self.in_training_only:
            self._check_channels(images)
            wide = jnp.promote_types(self.compute_dtype, "float32")
            images = self.changed(images.astype(wide), transformation)
        return images.astype(self.compute_dtype)

    def clipped(self, images: jax.Array) -> jax.Array:
        """Return images with values beyond the range at the end of it."""
        return jnp.clip(images, *self.value_range)

    def _check_channels(self, images: jax.Array) -> None:
        found = images.shape[self.channels_axis]
        if self.channels and found not in self.channels:
            wanted = " or ".join(map(str, self.channels))
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}",
                    expected=f"images of {wanted} channels, {self.data_format}",
                    got=f"shape {images.shape}",
                )
            )


def column(values: Any, like: jax.Array) -> jax.Array:
    """Return one number for each image in a shape that goes with a batch of images."""
    return jnp.reshape(values, (-1, 1, 1, 1)).astype(like.dtype)


def chosen(key: jax.Array, batch: int, bounds: tuple[float, float]) -> jax.Array:
    """Return booleans, each true with a probability of its own that is drawn between bounds."""
    chances, luck = jax.random.split(key)
    return jax.random.uniform(luck, (batch,)) < base.uniform(chances, (batch,), bounds)


def bounds_without_sign(layer: base.ImageLayer, argument: str, value: Any) -> tuple[float, float]:
    """Return (lower, upper) of a factor from 0 to 1.

    For a single f, (0, f) as Keras documents it. Keras itself keeps (-f, f), which its configs
    hold: so that pair means (0, f) as well.
    """
    if isinstance(value, (tuple, list)) and len(value) == 2 and value[0] == -value[1]:
        value = value[1]
    return base.factor_range(layer, argument, value, (0, 1))


def numbers(layer: base.ImageLayer, argument: str, value: Any) -> Any:
    """Return a number, or a tuple of numbers."""
    values = value if isinstance(value, (tuple, list)) else [value]
    if not values or not all(isinstance(v, (int, float)) for v in values):
        raise arguments.complain(layer, argument, "a number, or one a channel", value)
    return tuple(value) if isinstance(value, (tuple, list)) else value
