"""Rescaling: the first layer of a model that reads raw images."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing._host import DataLayer


@register()
class Rescaling(DataLayer):
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
        return x * self._along_channels("scale", x) + self._along_channels("offset", x)

    def _along_channels(self, name: str, x: jax.Array) -> jax.Array:
        value = jnp.asarray(getattr(self, name), self.compute_dtype)
        first = config.image_data_format() == "channels_first" and value.ndim == 1
        value = value.reshape(-1, 1, 1) if first else value
        try:
            np.broadcast_shapes(x.shape, value.shape)
        except ValueError:
            expected = f"a number, or one a channel of inputs {tuple(x.shape)}"
            raise arguments.complain(self, name, expected, getattr(self, name)) from None
        return value
