"""Layers that bring activations to mean 0 and variance 1; all compute in float32 or better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import config, errors, initializers
from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._kernels.normalization import batch_norm
from keraunos.layers import _arguments as arguments

Axes = int | Sequence[int]


def _wide(x: jax.Array) -> jax.Array:
    """Return x in float32 at least: sums over a batch overflow half precision."""
    return x.astype(dtypes.result_type(x.dtype, "float32"))


def _moments(
    x: jax.Array, axes: Sequence[int], weight: Any = None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return mean, variance and x - mean, the axes kept; where `weight` is 0 x does not count."""
    # In two passes: E[x^2] - E[x]^2 loses its digits where the mean is large.
    if weight is None:
        mean = jnp.mean(x, axes, keepdims=True)
        centered = x - mean
        return mean, jnp.mean(jnp.square(centered), axes, keepdims=True), centered
    total = jnp.sum(jnp.broadcast_to(weight, x.shape), axes, keepdims=True) + config.epsilon()
    mean = jnp.sum(x * weight, axes, keepdims=True) / total
    centered = x - mean
    return mean, jnp.sum(jnp.square(centered) * weight, axes, keepdims=True) / total, centered


class _Normalization(Layer):
    """What they share: epsilon, and an affine map by `gamma` and `beta` afterwards."""

    supports_masking = True

    def _set_affine(
        self,
        epsilon: float,
        center: bool,
        scale: bool,
        beta: tuple[Any, Any, Any],
        gamma: tuple[Any, Any, Any],
    ) -> None:
        self.epsilon = arguments.between(self, "epsilon", epsilon, 0, float("inf"))
        self.center, self.scale = center, scale
        arguments.keep(self, "beta", *beta)
        arguments.keep(self, "gamma", *gamma)

    def _add_affine(self, shape: Sequence[int]) -> None:
        # Kept in float32 under mixed precision, as the statistics are.
        self.gamma = arguments.weight(self, "gamma", shape, autocast=False) if self.scale else None
        self.beta = arguments.weight(self, "beta", shape, autocast=False) if self.center else None

    def _affine(self, centered: jax.Array, variance: jax.Array, shape: Sequence[int]) -> jax.Array:
        factor = lax.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            factor = factor * self.gamma.value.reshape(shape)
        x = centered * factor
        if self.beta is not None:
            x = x + self.beta.value.reshape(shape)
        return x.astype(self.compute_dtype)


@register()
class BatchNormalization(_Normalization):
    """Normalizes each channel over the batch (Ioffe & Szegedy, 2015).

    In training it uses the batch's mean and variance, and moves its own towards them; in inference,
    and where `trainable` is False, it uses its own. Masked steps do not count.

    Args:
        axis: the axis of the channels; 1 with `"channels_first"`.
        momentum: part of the moving statistics that stays at each step.
        epsilon: added to the variance.
        center, scale: whether to learn an offset `beta` and a factor `gamma`.
        beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
            beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: as in `Dense`.
        renorm, renorm_clipping, renorm_momentum: batch renormalization (Ioffe, 2017); the
            clipping is a dictionary with `rmin`, `rmax`, `dmax`.
        synchronized: over several devices; a sharded batch is normalized as a whole anyway.

    Raises:
        ValueError: momentum or epsilon outside its range, or an axis that the input has not.

    Example:
        >>> x = jnp.array([[1.0], [3.0]])
        >>> BatchNormalization(epsilon=1e-9)(x, training=True).round(3).tolist()
        [[-1.0], [1.0]]
    """

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: dict[str, float] | None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(axis, (list, tuple)) and len(axis) == 1:
            axis = axis[0]
        self.axis = arguments.integer(self, "axis", axis, least=-99)
        self.momentum = arguments.between(self, "momentum", momentum, 0, 1)
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        self._set_affine(
            epsilon, center, scale, beta, (gamma_initializer, gamma_regularizer, gamma_constraint)
        )
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.renorm, self.renorm_clipping = renorm, renorm_clipping or ({} if renorm else None)
        if not isinstance(self.renorm_clipping, (dict, type(None))):
            raise arguments.complain(self, "renorm_clipping", "a dictionary", renorm_clipping)
        for key, limit in (self.renorm_clipping or {}).items():
            if key not in ("rmin", "rmax", "dmax"):
                raise arguments.complain(self, "renorm_clipping", "rmin, rmax, dmax", key)
            arguments.between(self, f"renorm_clipping[{key!r}]", limit, 0, np.inf)
        self.renorm_momentum = arguments.between(self, "renorm_momentum", renorm_momentum, 0, 1)
        self.synchronized = synchronized

    def build(self, input_shape: Any) -> None:
        size = arguments.size_of(self, input_shape, self.axis)
        self._add_affine((size,))
        kept = {"shape": (size,), "trainable": False, "autocast": False}
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = self.add_weight(initializer=mean, name="moving_mean", **kept)
        self.moving_variance = self.add_weight(initializer=variance, name="moving_variance", **kept)
        if self.renorm:

            def deviation(shape: Any, dtype: Any = None) -> Any:
                return variance(shape, dtype=dtype) ** 0.5

            self.moving_stddev = self.add_weight(
                initializer=deviation, name="moving_stddev", **kept
            )
            self.renorm_mean = self.add_weight(initializer=mean, name="renorm_mean", **kept)
            self.renorm_stddev = self.add_weight(
                initializer=deviation, name="renorm_stddev", **kept
            )
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: size})

    def call(self, inputs: jax.Array, training: bool | None = None, mask: Any = None) -> jax.Array:
        x = _wide(inputs)
        shape = [1] * x.ndim
        shape[self.axis] = x.shape[self.axis]
        if not (training and self.trainable):
            centered = x - self.moving_mean.value.reshape(shape)
            return self._affine(centered, self.moving_variance.value.reshape(shape), shape)
        if mask is None and not self.renorm:
            return self._normalized(x)
        axes = [a for a in range(x.ndim) if a != self.axis % x.ndim]
        mean, variance, centered = _moments(x, axes, self._weight(mask, x))
        if self.renorm:
            centered = self._renormalized(mean, variance, centered)
        else:
            self._move(self.moving_mean, mean.reshape(-1), self.momentum)
            self._move(self.moving_variance, variance.reshape(-1), self.momentum)
        return self._affine(centered, variance, shape)

    def _normalized(self, x: jax.Array) -> jax.Array:
        """Normalize by the batch's own statistics, in the quick way; move the layer's."""
        size = x.shape[self.axis]
        gamma = jnp.ones(size, x.dtype) if self.gamma is None else self.gamma.value
        beta = jnp.zeros(size, x.dtype) if self.beta is None else self.beta.value
        y, mean, variance = batch_norm(x, gamma, beta, self.epsilon, self.axis)
        self._move(self.moving_mean, mean, self.momentum)
        self._move(self.moving_variance, variance, self.momentum)
        return y.astype(self.compute_dtype)

    def _weight(self, mask: Any, x: jax.Array) -> Any:
        if mask is None:
            return None
        if mask.ndim != x.ndim - 1:
            where = f"BatchNormalization {self.name!r}"
            got = f"mask {mask.shape}, input {x.shape}"
            raise ValueError(
                errors.report(where, expected="a mask with one axis less than the input", got=got)
            )
        return mask[..., None].astype(x.dtype)

    def _move(self, statistic: Any, value: jax.Array, momentum: float) -> None:
        statistic.assign(
            statistic.value * momentum + value.astype(statistic.dtype) * (1 - momentum)
        )

    def _renormalized(self, mean: jax.Array, variance: jax.Array, centered: jax.Array) -> jax.Array:
        """Return `centered` so that the moving statistics normalize it; move them."""
        stddev = jnp.sqrt(variance + self.epsilon)
        long_mean = self.renorm_mean.value.reshape(mean.shape)
        long_stddev = jnp.maximum(self.renorm_stddev.value.reshape(mean.shape), self.epsilon**0.5)
        limits = self.renorm_clipping or {}
        r = jnp.clip(stddev / long_stddev, limits.get("rmin"), limits.get("rmax"))
        d, most = (mean - long_mean) / long_stddev, limits.get("dmax")
        d = d if most is None else jnp.clip(d, -most, most)
        flat_mean, flat_stddev = mean.reshape(-1), stddev.reshape(-1)
        self._move(self.renorm_mean, flat_mean, self.renorm_momentum)
        self._move(self.renorm_stddev, flat_stddev, self.renorm_momentum)
        self._move(self.moving_mean, flat_mean, self.momentum)
        self._move(self.moving_stddev, flat_stddev, self.momentum)
        square = jnp.square(self.moving_stddev.value)
        self.moving_variance.assign(jnp.maximum(square - self.epsilon, 0))
        # (x / stddev) * r + d, in the units of `centered`.
        return centered * lax.stop_gradient(r) + lax.stop_gradient(d) * stddev


@register()
class LayerNormalization(_Normalization):
    """Normalizes each sample over its features (Ba et al., 2016).

    Args:
        axis: the axis, or axes, that are normalized together.
        epsilon: added to the variance.
        center, scale: whether to learn an offset `beta` and a factor `gamma`.
        rms_scaling: divide by the standard deviation only, without subtracting the mean.
        beta_initializer, gamma_initializer, beta_regularizer, gamma_regularizer, beta_constraint,
            gamma_constraint: as in `Dense`.

    Example:
        >>> LayerNormalization(epsilon=1e-9)(jnp.array([[1.0, 3.0]])).round(3).tolist()
        [[-1.0, 1.0]]
    """

    def __init__(
        self,
        axis: Axes = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        rms_scaling: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        arguments.axes(self, "axis", axis)
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.rms_scaling = rms_scaling
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        self._set_affine(
            epsilon, center, scale, beta, (gamma_initializer, gamma_regularizer, gamma_constraint)
        )

    def build(self, input_shape: Any) -> None:
        sizes = [arguments.size_of(self, input_shape, a) for a in self._axes(len(input_shape))]
        self._add_affine(sizes)
        if self.rms_scaling:
            self.beta = None

    def _add_affine(self, shape: Sequence[int]) -> None:
        center, scale = self.center, self.scale
        if self.rms_scaling:
            self.center, self.scale = False, True
        super()._add_affine(shape)
        self.center, self.scale = center, scale

    def call(self, inputs: jax.Array) -> jax.Array:
        x = _wide(inputs)
        axes = self._axes(x.ndim)
        shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
        _, variance, centered = _moments(x, axes)
        return self._affine(x if self.rms_scaling else centered, variance, shape)

    def _axes(self, ndim: int) -> list[int]:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        return sorted(a % ndim if -ndim <= a < ndim else a for a in axes)


@register()
class GroupNormalization(_Normalization):
    """Normalizes groups of channels of each sample (Wu & He, 2018).

    Args:
        groups: how many; -1 for one a channel (instance normalization). It divides the channels.
        axis: the axis of the channels.
        epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint: as in `LayerNormalization`.

    Raises:
        ValueError: the groups do not divide the channels.

    Example:
        >>> GroupNormalization(2)(jnp.ones((1, 3, 4))).shape
        (1, 3, 4)
    """

    def __init__(
        self,
        groups: int = 32,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(autocast=False, **kwargs)
        self.groups = groups if groups == -1 else arguments.integer(self, "groups", groups)
        self.axis = arguments.integer(self, "axis", axis, least=-99)
        beta = (beta_initializer, beta_regularizer, beta_constraint)
        self._set_affine(
            epsilon, center, scale, beta, (gamma_initializer, gamma_regularizer, gamma_constraint)
        )

    def build(self, input_shape: Any) -> None:
        channels = arguments.size_of(self, input_shape, self.axis)
        self.groups = channels if self.groups == -1 else self.groups
        if channels % self.groups:
            expected = f"channels that are a multiple of groups={self.groups}"
            where = f"GroupNormalization {self.name!r}"
            raise ValueError(errors.report(where, expected=expected, got=f"{channels} channels"))
        self._add_affine((channels,))
        self.input_spec = InputSpec(ndim=len(input_shape), axes={self.axis: channels})

    def call(self, inputs: jax.Array) -> jax.Array:
        axis = self.axis % inputs.ndim
        split = (self.groups, inputs.shape[axis] // self.groups)
        x = _wide(inputs).reshape(*inputs.shape[:axis], *split, *inputs.shape[axis + 1 :])
        _, variance, centered = _moments(x, [a for a in range(1, x.ndim) if a != axis])
        shape = [split[a - axis] if a in (axis, axis + 1) else 1 for a in range(x.ndim)]
        return self._affine(centered, variance, shape).reshape(inputs.shape)


@register()
class UnitNormalization(Layer):
    """Scales each sample to Euclidean norm 1.

    Args:
        axis: the axis, or axes, over which the norm is taken.

    Example:
        >>> UnitNormalization()(jnp.array([[3.0, 4.0]])).round(3).tolist()
        [[0.6, 0.8]]
    """

    supports_masking = True

    def __init__(self, axis: Axes = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        arguments.axes(self, "axis", axis)
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else axis

    def call(self, inputs: jax.Array) -> jax.Array:
        axes = tuple(self.axis) if isinstance(self.axis, list) else self.axis
        x = _wide(inputs)
        square = jnp.sum(jnp.square(x), axes, keepdims=True)
        return (x * lax.rsqrt(jnp.maximum(square, 1e-12))).astype(inputs.dtype)


@register()
class RMSNormalization(Layer):
    """Divides by the root of the mean square, times a learned factor (Zhang & Sennrich, 2019).

    Args:
        axis: the axis that is normalized.
        epsilon: added to the mean square.

    Example:
        >>> RMSNormalization()(jnp.array([[3.0, 3.0]])).round(3).tolist()
        [[1.0, 1.0]]
    """

    def __init__(self, axis: Axes = -1, epsilon: float = 1e-6, **kwargs: Any) -> None:
        super().__init__(autocast=False, **kwargs)
        arguments.axes(self, "axis", axis)
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else axis
        self.epsilon = arguments.between(self, "epsilon", epsilon, 0, float("inf"))

    def build(self, input_shape: Any) -> None:
        axes = self.axis if isinstance(self.axis, list) else [self.axis]
        shape = [arguments.size_of(self, input_shape, a) for a in axes]
        self.scale = self.add_weight(shape=shape, initializer="ones", autocast=False, name="scale")

    def call(self, inputs: jax.Array) -> jax.Array:
        x = _wide(inputs)
        axes = [a % x.ndim for a in (self.axis if isinstance(self.axis, list) else [self.axis])]
        shape = [n if a in axes else 1 for a, n in enumerate(x.shape)]
        factor = lax.rsqrt(jnp.mean(jnp.square(x), axes, keepdims=True) + self.epsilon)
        return (x * factor * self.scale.value.reshape(shape)).astype(self.compute_dtype)
