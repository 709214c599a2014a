"""Rescaling: the first layer of a model that reads raw images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments


@register()
class Rescaling(Layer):
    """`x * scale + offset`; integers become floats.

    Args:
        scale: a number, or one a channel; `1 / 255` brings pixels to 0 ... 1.
        offset: a number, or one a channel.

    Example:
        >>> Rescaling(1 / 127.5, offset=-1)(jnp.array([0, 255])).tolist()
        [-1.0, 1.0]
    """

    supports_masking = True

    def __init__(self, scale: Any, offset: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scale = arguments.number(self, "scale", scale)
        self.offset = arguments.number(self, "offset", offset)

    def call(self, inputs: jax.Array) -> jax.Array:
        x = inputs.astype(self.compute_dtype)
        return x * self._along_channels(self.scale) + self._along_channels(self.offset)

    def _along_channels(self, value: Any) -> jax.Array:
        value = jnp.asarray(value, self.compute_dtype)
        first = config.image_data_format() == "channels_first" and value.ndim == 1
        return value.reshape(-1, 1, 1) if first else value
