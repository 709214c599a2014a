"""Layers that act in training only, against overfitting."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import regularizers
from keraunos._core import random
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments


class _Noise(Layer):
    """A random change of the input in training, none otherwise."""

    supports_masking = True

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rate = arguments.between(self, "rate", rate, 0, 1)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, least=0)

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        if not training or not self._strength:
            return inputs
        return self._disturbed(inputs, random.next_key(self.seed))

    @property
    def _strength(self) -> float:
        return self.rate

    def _disturbed(self, x: jax.Array, key: jax.Array) -> jax.Array:
        raise NotImplementedError


@register()
class Dropout(_Noise):
    """Sets random elements to 0 in training and scales up the others (Srivastava et al., 2014).

    Args:
        rate: the part that is dropped, from 0 to 1.
        noise_shape: shape of the random mask, which is broadcast; None entries follow the
            input. `(None, 1, features)` drops the same features at every step.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a rate outside 0 to 1.

    Example:
        >>> float(Dropout(0.5)(jnp.ones((2, 2))).mean())
        1.0
    """

    def __init__(
        self, rate: float, noise_shape: Any = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, seed, **kwargs)
        if isinstance(noise_shape, int):
            raise arguments.complain(self, "noise_shape", "a tuple of sizes, or None", noise_shape)
        self.noise_shape = None
        if noise_shape is not None:
            self.noise_shape = arguments.sizes(self, "noise_shape", noise_shape, 1)
            self.input_spec = InputSpec(ndim=len(self.noise_shape))

    def _disturbed(self, x: jax.Array, key: jax.Array) -> jax.Array:
        shape = self._noise_shape(x.shape)
        kept = jnp.broadcast_to(random.kept(key, self.rate, shape), x.shape)
        return jnp.where(kept, x / max(1 - self.rate, 1e-7), 0)

    def _noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        given = self.noise_shape or (None,) * len(shape)
        return tuple(n if wanted is None else wanted for n, wanted in zip(shape, given))


class _SpatialDropout(Dropout):
    """Drops whole channels."""

    rank: int

    def __init__(
        self, rate: float, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(rate, None, seed, **kwargs)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _noise_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        ones = (1,) * self.rank
        first = self.data_format == "channels_first"
        return (*shape[:2], *ones) if first else (shape[0], *ones, shape[-1])

    def get_config(self) -> dict[str, Any]:
        """Return what Keras's constructor takes: it knows no `trainable` here."""
        return {k: v for k, v in super().get_config().items() if k != "trainable"}


@register()
class SpatialDropout1D(_SpatialDropout):
    """Drops whole features of `(batch, steps, features)` (Tompson et al., 2014).

    Args:
        rate: the part that is dropped, from 0 to 1.
        seed: a fixed seed of its own.

    Example:
        >>> SpatialDropout1D(0.5)(jnp.ones((1, 3, 2))).shape
        (1, 3, 2)
    """

    rank = 1

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(rate, "channels_last", seed, **kwargs)


@register()
class SpatialDropout2D(_SpatialDropout):
    """Drops whole channels of images (Tompson et al., 2014).

    Args:
        rate: the part that is dropped, from 0 to 1.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Example:
        >>> SpatialDropout2D(0.5)(jnp.ones((1, 3, 3, 2))).shape
        (1, 3, 3, 2)
    """

    rank = 2


@register()
class SpatialDropout3D(_SpatialDropout):
    """Drops whole channels of volumes; arguments as in `SpatialDropout2D`.

    Example:
        >>> SpatialDropout3D(0.5)(jnp.ones((1, 3, 3, 3, 2))).shape
        (1, 3, 3, 3, 2)
    """

    rank = 3


@register()
class GaussianNoise(_Noise):
    """Adds normal noise in training.

    Args:
        stddev: its standard deviation, at least 0.
        seed: a fixed seed of its own.

    Example:
        >>> GaussianNoise(0.1)(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(0, seed, **kwargs)
        self.stddev = arguments.between(self, "stddev", stddev, 0, float("inf"))

    @property
    def _strength(self) -> float:
        return self.stddev

    def _disturbed(self, x: jax.Array, key: jax.Array) -> jax.Array:
        return x + self.stddev * jax.random.normal(key, x.shape, x.dtype)


@register()
class GaussianDropout(_Noise):
    """Multiplies by normal noise around 1 in training (Srivastava et al., 2014).

    Args:
        rate: the standard deviation is that of dropout, `sqrt(rate / (1 - rate))`.
        seed: a fixed seed of its own.

    Example:
        >>> GaussianDropout(0.1)(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """

    def _disturbed(self, x: jax.Array, key: jax.Array) -> jax.Array:
        stddev = math.sqrt(self.rate / max(1 - self.rate, 1e-7))
        return x * (1 + stddev * jax.random.normal(key, x.shape, x.dtype))


@register()
class AlphaDropout(Dropout):
    """Dropout for `selu`: it keeps mean and variance (Klambauer et al., 2017); else as `Dropout`.

    Example:
        >>> AlphaDropout(0.1)(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """

    def _disturbed(self, x: jax.Array, key: jax.Array) -> jax.Array:
        floor = -1.0507009873554805 * 1.6732632423543772  # the lowest value of selu
        kept = random.kept(key, self.rate, self._noise_shape(x.shape))
        scale = ((1 - self.rate) * (1 + self.rate * floor**2)) ** -0.5 if self.rate < 1 else 0.0
        return scale * jnp.where(kept, x, floor) - scale * floor * self.rate


@register()
class ActivityRegularization(Layer):
    """Passes its input on and adds a penalty on it to the loss.

    Args:
        l1: factor of the sum of absolute values.
        l2: factor of the sum of squares.

    Example:
        >>> layer = ActivityRegularization(l1=0.5)
        >>> layer(jnp.ones((1, 4))).shape, float(layer.losses[0])
        ((1, 4), 2.0)
    """

    supports_masking = True

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any) -> None:
        kwargs.pop("activity_regularizer", None)  # in saved configs: it says the same again
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = l1, l2

    def call(self, inputs: jax.Array) -> jax.Array:
        return inputs
