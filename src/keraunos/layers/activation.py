"""Activations as layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import activations, errors
from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments


class _Elementwise(Layer):
    """A layer without weights that changes each element by itself."""

    supports_masking = True


@register()
class Activation(_Elementwise):
    """Applies a function to each element.

    Args:
        activation: a function, or its name such as `"relu"`.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.

    Example:
        >>> Activation("relu")(jnp.array([-1.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def call(self, inputs: jax.Array) -> jax.Array:
        return activations.get(self.activation)(inputs)


@register()
class ReLU(_Elementwise):
    """`max(x, 0)`, with a slope below the threshold and a largest value if asked for.

    Args:
        max_value: the largest output; None for no limit.
        negative_slope: slope below the threshold.
        threshold: below it the slope is `negative_slope`.

    Example:
        >>> ReLU(max_value=1.0)(jnp.array([-1.0, 0.5, 2.0])).tolist()
        [0.0, 0.5, 1.0]
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        inf = float("inf")
        self.max_value = (
            None if max_value is None else arguments.between(self, "max_value", max_value, 0, inf)
        )
        self.negative_slope = arguments.between(self, "negative_slope", negative_slope, 0, inf)
        self.threshold = arguments.between(self, "threshold", threshold, 0, inf)

    def call(self, inputs: jax.Array) -> jax.Array:
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)


@register()
class LeakyReLU(_Elementwise):
    """`x` where it is positive, `negative_slope * x` elsewhere.

    Args:
        negative_slope: slope for negative values, at least 0.

    Example:
        >>> LeakyReLU(0.5)(jnp.array([-1.0, 2.0])).tolist()
        [-0.5, 2.0]
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.negative_slope = arguments.between(
            self, "negative_slope", negative_slope, 0, float("inf")
        )

    def call(self, inputs: jax.Array) -> jax.Array:
        return jnp.where(inputs >= 0, inputs, self.negative_slope * inputs)


@register()
class ELU(_Elementwise):
    """`x` where it is positive, `alpha * (exp(x) - 1)` elsewhere (Clevert et al., 2015).

    Args:
        alpha: minus the limit at minus infinity.

    Example:
        >>> ELU()(jnp.array([0.0, 2.0])).tolist()
        [0.0, 2.0]
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.alpha = arguments.between(self, "alpha", alpha, -np.inf, np.inf)

    def call(self, inputs: jax.Array) -> jax.Array:
        return jax.nn.elu(inputs, self.alpha)


@register()
class PReLU(_Elementwise):
    """A leaky ReLU that learns its slopes (He et al., 2015).

    Args:
        alpha_initializer, alpha_regularizer, alpha_constraint: of the slopes.
        shared_axes: axes along which one slope is shared, counted from 1 after the batch;
            `[1, 2]` for one slope a channel of an image.

    Example:
        >>> PReLU()(jnp.array([[-1.0, 2.0]])).tolist()
        [[0.0, 2.0]]
    """

    def __init__(
        self,
        alpha_initializer: Any = "zeros",
        alpha_regularizer: Any = None,
        alpha_constraint: Any = None,
        shared_axes: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        arguments.keep(self, "alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        self.shared_axes = [shared_axes] if isinstance(shared_axes, int) else shared_axes
        if shared_axes is not None:
            arguments.axes(self, "shared_axes", self.shared_axes, least=1)

    def build(self, input_shape: Any) -> None:
        shared = self.shared_axes or ()
        if max(shared, default=0) >= len(input_shape):
            expected = f"axes from 1 to {len(input_shape) - 1}, for inputs of shape {input_shape}"
            raise arguments.complain(self, "shared_axes", expected, self.shared_axes)
        axes = range(1, len(input_shape))
        shape = [1 if a in shared else arguments.size_of(self, input_shape, a) for a in axes]
        self.alpha = arguments.weight(self, "alpha", shape)
        known = {a: input_shape[a] for a in axes if a not in shared}
        self.input_spec = InputSpec(ndim=len(input_shape), axes=known)

    def call(self, inputs: jax.Array) -> jax.Array:
        return jax.nn.relu(inputs) - self.alpha.value * jax.nn.relu(-inputs)


@register()
class Softmax(_Elementwise):
    """Exponentials that sum to 1 along an axis; computed in float32 or better.

    Args:
        axis: an axis, or several that are normalized together.

    Where a mask is False the output is 0.

    Example:
        >>> Softmax()(jnp.zeros((1, 4))).tolist()
        [[0.25, 0.25, 0.25, 0.25]]
    """

    def __init__(self, axis: Any = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.axis = arguments.axes(self, "axis", axis)

    def call(self, inputs: jax.Array, mask: Any = None) -> jax.Array:
        x = inputs.astype(dtypes.result_type(inputs.dtype, "float32"))
        axis = tuple(self.axis) if isinstance(self.axis, (tuple, list)) else self.axis
        if mask is None:
            return jax.nn.softmax(x, axis).astype(self.compute_dtype)
        mask = jnp.asarray(mask) > 0.5 if mask.dtype != bool else mask
        try:
            mask = jnp.broadcast_to(mask, x.shape)
        except ValueError:
            expected = f"a mask that broadcasts to {x.shape}"
            raise ValueError(
                errors.report(f"Softmax {self.name!r}", expected=expected, got=mask.shape)
            ) from None
        # Not -inf: a row that is masked altogether must stay free of NaN, in its gradient too.
        x = jnp.where(mask, x, jnp.finfo(x.dtype).min / 2)
        return jnp.where(mask, jax.nn.softmax(x, axis), 0).astype(self.compute_dtype)
