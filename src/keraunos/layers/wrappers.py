"""Layers around another layer."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import errors
from keraunos._core import calling
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments


@register()
class Wrapper(Layer):
    """Base of layers that hold one other layer.

    Args:
        layer: the layer inside.

    Raises:
        ValueError: it is not a layer.

    Example:
        >>> from keraunos.layers import Dense
        >>> Wrapper(Dense(2, name="inner")).layer.name
        'inner'
    """

    def __init__(self, layer: Layer, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise arguments.complain(self, "layer", "a layer", layer)
        self.layer = layer

    def build(self, input_shape: Any = None) -> None:
        if not self.layer.built:
            self.layer.build(input_shape)
            self.layer.built = True


@register()
class TimeDistributed(Wrapper):
    """Applies one layer to every step of `(batch, steps, ...)`.

    All steps go through it at once, as one large batch: a `BatchNormalization` inside normalizes
    over batch and steps together.

    Args:
        layer: the layer, or model, for one step.

    Raises:
        ValueError: an input with fewer than 3 axes.

    Example:
        >>> from keraunos.layers import Dense
        >>> TimeDistributed(Dense(4))(jax.numpy.ones((2, 5, 3))).shape
        (2, 5, 4)
    """

    supports_masking = True

    def build(self, input_shape: Any = None) -> None:
        if len(input_shape) < 3:
            where = f"TimeDistributed {self.name!r}"
            raise ValueError(
                errors.report(where, expected="at least 3 axes", got=f"shape {tuple(input_shape)}")
            )
        super().build((input_shape[0], *input_shape[2:]))

    def call(self, inputs: jax.Array, training: bool | None = None, mask: Any = None) -> Any:
        batch, steps = inputs.shape[:2]
        options: dict[str, Any] = {"training": training}
        if mask is not None and "mask" in calling.call_parameters(type(self.layer)):
            if mask.shape[:2] != (batch, steps):
                where = f"TimeDistributed {self.name!r}"
                expected = f"a mask whose shape begins with {(batch, steps)}"
                raise ValueError(errors.report(where, expected=expected, got=f"shape {mask.shape}"))
            options["mask"] = mask.reshape(batch * steps, *mask.shape[2:])
        outputs = self.layer(inputs.reshape(batch * steps, *inputs.shape[2:]), **options)
        return jax.tree.map(lambda x: x.reshape(batch, steps, *x.shape[1:]), outputs)
