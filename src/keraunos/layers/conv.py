"""Convolutions: one implementation over the rank; the public classes state rank and kind."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import activations, errors
from keraunos._core import symbolic
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._kernels import conv as kernels
from keraunos.layers import _arguments as arguments
from keraunos.layers._lora import LowRank, large_weight


class _Windowed(Layer):
    """What all convolutions share: window, strides, padding, layout, bias and activation."""

    rank: int
    _paddings: tuple[str, ...] = ("valid", "same")

    def _set_window(
        self,
        kernel_size: Any,
        strides: Any,
        padding: str,
        dilation_rate: Any,
        data_format: str | None,
    ) -> None:
        self.kernel_size = arguments.per_axis(self, "kernel_size", kernel_size, self.rank)
        self.strides = arguments.per_axis(self, "strides", strides, self.rank)
        self.dilation_rate = arguments.per_axis(self, "dilation_rate", dilation_rate, self.rank)
        self.padding = arguments.one_of(self, "padding", padding, self._paddings)
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=self.rank + 2)

    def _set_output(
        self, activation: Any, use_bias: bool, initializer: Any, regularizer: Any, constraint: Any
    ) -> None:
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        arguments.keep(self, "bias", initializer, regularizer, constraint)

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    @property
    def _window(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation": self.dilation_rate,
            "data_format": self.data_format,
        }

    def _channels(self, input_shape: Any) -> int:
        """Return the number of input channels, and ask for it from now on."""
        channels = arguments.size_of(self, input_shape, self._channel_axis)
        self.input_spec = InputSpec(ndim=self.rank + 2, axes={self._channel_axis: channels})
        return channels

    def _add_bias(self, filters: int) -> None:
        self.bias = arguments.weight(self, "bias", (filters,)) if self.use_bias else None

    def _finish(self, x: jax.Array, inputs: jax.Array) -> jax.Array:
        """Add the bias and apply the activation."""
        if 0 in x.shape and 0 not in inputs.shape:
            expected = f"an input that is at least as large as the window {self.kernel_size}"
            got, fix = (
                f"shape {symbolic.unknown_of(inputs.shape)}",
                "use padding='same' or a smaller kernel_size",
            )
            where = f"{type(self).__name__} {self.name!r}"
            raise ValueError(errors.report(where, expected=expected, got=got, fix=fix))
        if self.bias is not None:
            bias = self.bias.value
            x = x + (bias if self._channel_axis == -1 else bias.reshape(-1, *(1,) * self.rank))
        return activations.get(self.activation)(x)


class _Convolution(_Windowed, LowRank):
    """A convolution with a kernel `(*window, channels // groups, filters)`."""

    kernel = large_weight("kernel")

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, dilation_rate, data_format)
        self.filters = arguments.integer(self, "filters", filters)
        self.groups = arguments.integer(self, "groups", groups)
        if self.filters % self.groups:
            raise arguments.complain(self, "filters", f"a multiple of groups={groups}", filters)
        arguments.keep(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        if channels % self.groups:
            where = f"{type(self).__name__} {self.name!r}"
            expected = f"channels that are a multiple of groups={self.groups}"
            raise ValueError(errors.report(where, expected=expected, got=f"{channels} channels"))
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        self._kernel = arguments.weight(self, "kernel", shape)
        self._add_bias(self.filters)
        self._finish_build()

    def call(self, inputs: jax.Array) -> jax.Array:
        kernel = self._merged()
        return self._finish(self.convolution_op(inputs.astype(kernel.dtype), kernel), inputs)

    def convolution_op(self, inputs: jax.Array, kernel: jax.Array) -> jax.Array:
        """Return the convolution alone; a subclass may change the kernel first."""
        return kernels.convolution(inputs, kernel, groups=self.groups, **self._window)


@register("Convolution1D")
class Conv1D(_Convolution):
    """Convolution over time: `(batch, steps, channels)` to `(batch, new_steps, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: length of the window, in steps.
        strides: how far the window moves.
        padding: `"valid"`, `"same"`, or `"causal"`: an output depends on no later step.
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance between the steps that the window looks at.
        groups: channels and filters in so many independent groups.
        activation: a function or its name.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha: as in
            `Dense`.

    Raises:
        ValueError: an argument outside its range, named in the message.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv1D(8, 3, padding="causal", dilation_rate=2)(jnp.ones((2, 10, 4))).shape
        (2, 10, 8)
    """

    rank = 1
    _paddings = ("valid", "same", "causal")


@register("Convolution2D")
class Conv2D(_Convolution):
    """Convolution over images: `(batch, height, width, channels)` to `(batch, h, w, filters)`.

    Args:
        filters: number of output channels.
        kernel_size: one number, or (height, width) of the window.
        strides: how far the window moves, one number or two.
        padding: `"valid"` (whole windows only) or `"same"` (zeros around; size / strides).
        data_format: `"channels_last"` or `"channels_first"`.
        dilation_rate: distance between the pixels that the window looks at.
        groups: channels and filters in so many independent groups.
        activation: a function or its name.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint, lora_rank, lora_alpha: as in
            `Dense`.

    Raises:
        ValueError: an argument outside its range, named in the message.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv2D(32, 3, activation="relu")(jnp.ones((1, 28, 28, 1))).shape
        (1, 26, 26, 32)
    """

    rank = 2


@register("Convolution3D")
class Conv3D(_Convolution):
    """Convolution over volumes `(batch, depth, height, width, channels)`; arguments as in `Conv2D`.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv3D(2, 3, padding="same")(jnp.ones((1, 4, 4, 4, 1))).shape
        (1, 4, 4, 4, 2)
    """

    rank = 3


class _Depthwise(_Windowed):
    """Each channel by itself: the kernel is `(*window, channels, depth_multiplier)`."""

    def __init__(
        self,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        depth_multiplier: int = 1,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, dilation_rate, data_format)
        self.depth_multiplier = arguments.integer(self, "depth_multiplier", depth_multiplier)
        arguments.keep(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        self.kernel = arguments.weight(self, "kernel", shape, said="depthwise")
        self._add_bias(channels * self.depth_multiplier)

    def call(self, inputs: jax.Array) -> jax.Array:
        kernel = self.kernel.value
        x = kernels.depthwise_convolution(inputs.astype(kernel.dtype), kernel, **self._window)
        return self._finish(x, inputs)


@register()
class DepthwiseConv1D(_Depthwise):
    """Convolution over time of each channel by itself; arguments as in `DepthwiseConv2D`.

    Example:
        >>> import jax.numpy as jnp
        >>> DepthwiseConv1D(3)(jnp.ones((2, 10, 4))).shape
        (2, 8, 4)
    """

    rank = 1


@register()
class DepthwiseConv2D(_Depthwise):
    """Convolution over images of each channel by itself.

    Args:
        kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias: as in
            `Conv2D`.
        depth_multiplier: how many output channels each input channel has.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of the kernel.
        bias_initializer, bias_regularizer, bias_constraint, activity_regularizer: as in `Conv2D`.

    Raises:
        ValueError: an argument outside its range, named in the message.

    Example:
        >>> import jax.numpy as jnp
        >>> DepthwiseConv2D(3, depth_multiplier=2)(jnp.ones((1, 8, 8, 3))).shape
        (1, 6, 6, 6)
    """

    rank = 2


class _Separable(_Windowed):
    """A depthwise convolution, then a pointwise one that mixes the channels."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        depth_multiplier: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        depthwise_initializer: Any = "glorot_uniform",
        pointwise_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        depthwise_regularizer: Any = None,
        pointwise_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        depthwise_constraint: Any = None,
        pointwise_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, dilation_rate, data_format)
        self.filters = arguments.integer(self, "filters", filters)
        self.depth_multiplier = arguments.integer(self, "depth_multiplier", depth_multiplier)
        arguments.keep(
            self, "depthwise", depthwise_initializer, depthwise_regularizer, depthwise_constraint
        )
        arguments.keep(
            self, "pointwise", pointwise_initializer, pointwise_regularizer, pointwise_constraint
        )
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        depthwise = (*self.kernel_size, channels, self.depth_multiplier)
        pointwise = (*(1,) * self.rank, channels * self.depth_multiplier, self.filters)
        self.depthwise_kernel = arguments.weight(
            self, "depthwise_kernel", depthwise, said="depthwise"
        )
        self.pointwise_kernel = arguments.weight(
            self, "pointwise_kernel", pointwise, said="pointwise"
        )
        self._add_bias(self.filters)

    def call(self, inputs: jax.Array) -> jax.Array:
        depthwise, pointwise = self.depthwise_kernel.value, self.pointwise_kernel.value
        inputs = inputs.astype(depthwise.dtype)
        x = kernels.separable_convolution(inputs, depthwise, pointwise, **self._window)
        return self._finish(x, inputs)


@register("SeparableConvolution1D")
class SeparableConv1D(_Separable):
    """Depthwise, then pointwise convolution over time; arguments as in `SeparableConv2D`.

    Example:
        >>> import jax.numpy as jnp
        >>> SeparableConv1D(5, 3)(jnp.ones((2, 10, 4))).shape
        (2, 8, 5)
    """

    rank = 1


@register("SeparableConvolution2D")
class SeparableConv2D(_Separable):
    """Depthwise, then pointwise convolution over images, with few weights (Chollet, 2016).

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation,
            use_bias: as in `Conv2D`.
        depth_multiplier: channels that the depthwise step makes of each input channel.
        depthwise_initializer, depthwise_regularizer, depthwise_constraint: of its kernel.
        pointwise_initializer, pointwise_regularizer, pointwise_constraint: of the other.
        bias_initializer, bias_regularizer, bias_constraint, activity_regularizer: as in `Conv2D`.

    Raises:
        ValueError: an argument outside its range, named in the message.

    Example:
        >>> import jax.numpy as jnp
        >>> SeparableConv2D(5, 3, padding="same")(jnp.ones((1, 8, 8, 3))).shape
        (1, 8, 8, 5)
    """

    rank = 2


Convolution1D, Convolution2D, Convolution3D = Conv1D, Conv2D, Conv3D
SeparableConvolution1D, SeparableConvolution2D = SeparableConv1D, SeparableConv2D
