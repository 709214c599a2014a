"""Small layers around a model's own code: Lambda, Masking, Identity."""

from __future__ import annotations

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments


@register()
class Identity(Layer):
    """Returns its input.

    Example:
        >>> Identity()(jnp.ones(2)).tolist()
        [1.0, 1.0]
    """

    supports_masking = True

    def call(self, inputs: Any) -> Any:
        return inputs


@register()
class Masking(Layer):
    """Marks steps of `(batch, steps, features)` as missing where all features have one value.

    Args:
        mask_value: that value. The features of masked steps become 0.

    Example:
        >>> Masking(mask_value=9.0)(jnp.array([[[9.0, 9.0], [1.0, 9.0]]])).tolist()
        [[[0.0, 0.0], [1.0, 9.0]]]
    """

    supports_masking = True

    def __init__(self, mask_value: Any = 0.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_value = arguments.number(self, "mask_value", mask_value)
        if np.ndim(mask_value):
            raise arguments.complain(self, "mask_value", "a single number", mask_value)
        self.input_spec = InputSpec(min_ndim=2)

    def call(self, inputs: jax.Array) -> jax.Array:
        return jnp.where(self.compute_mask(inputs)[..., None], inputs, 0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return jnp.any(jnp.not_equal(inputs, self.mask_value), axis=-1)


@register()
class Lambda(Layer):
    """A function as a layer, without weights; in a model to be saved and shared, write a `Layer`.

    Args:
        function: of the input; it may name `mask` and `training`, and gets them then.
        output_shape: accepted as in Keras; the shape is found by evaluating the function.
        mask: a mask, or a function `(inputs, mask) -> mask`, for the layers that follow.
        arguments: keyword arguments for the function.

    Raises:
        TypeError: `function` cannot be called.

    Example:
        >>> Lambda(lambda x, by: x * by, arguments={"by": 2})(jnp.ones(2)).tolist()
        [2.0, 2.0]
    """

    def __init__(
        self,
        function: Any,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not callable(function):
            raise TypeError(str(_arguments_error(self, function)))
        self.function = function
        self.arguments = dict(arguments or {})
        self.output_shape, self.mask = output_shape, mask
        self.supports_masking = mask is not None
        named = inspect.signature(function).parameters
        self._passed_on = [name for name in ("mask", "training") if name in named]

    def call(self, inputs: Any, mask: Any = None, training: bool | None = None) -> Any:
        given = {"mask": mask, "training": training}
        return self.function(
            inputs, **self.arguments, **{name: given[name] for name in self._passed_on}
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return self.mask(inputs, previous_mask) if callable(self.mask) else self.mask


def _arguments_error(layer: Layer, function: Any) -> ValueError:
    return arguments.complain(layer, "function", "a function", function)


def serialize(layer: Layer) -> dict[str, Any]:
    """Return a layer's class and config as JSON values.

    Example:
        >>> serialize(Identity(name="same"))["class_name"]
        'Identity'
    """
    return registry.serialize(layer)


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the layer that `serialize` wrote.

    Example:
        >>> deserialize(serialize(Identity(name="same"))).name
        'same'
    """
    return registry.deserialize(config, custom_objects)
