"""Transposed convolutions: the gradient of a convolution as a layer, to enlarge."""

from __future__ import annotations

from typing import Any

import jax

from keraunos._core.registry import register
from keraunos._kernels import conv as kernels
from keraunos.layers import _arguments as arguments
from keraunos.layers.conv import _Windowed


class _ConvTranspose(_Windowed):
    """A transposed convolution with a kernel `(*window, filters, channels)`."""

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        output_padding: Any = None,
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, dilation_rate, data_format)
        self.filters = arguments.integer(self, "filters", filters)
        self.output_padding = None
        if output_padding is not None:
            self.output_padding = arguments.per_axis(
                self, "output_padding", output_padding, self.rank, least=0
            )
            if any(extra >= step for extra, step in zip(self.output_padding, self.strides)):
                raise arguments.complain(
                    self, "output_padding", f"less than strides={self.strides}", output_padding
                )
        arguments.keep(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        self.kernel = arguments.weight(self, "kernel", (*self.kernel_size, self.filters, channels))
        self._add_bias(self.filters)

    def call(self, inputs: jax.Array) -> jax.Array:
        kernel = self.kernel.value
        x = kernels.transposed_convolution(
            inputs.astype(kernel.dtype),
            kernel,
            output_padding=self.output_padding,
            **self._window,
        )
        return self._finish(x, inputs)


@register("Convolution1DTranspose")
class Conv1DTranspose(_ConvTranspose):
    """Transposed convolution over time; arguments as in `Conv2DTranspose`.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv1DTranspose(4, 3, strides=2, padding="same")(jnp.ones((1, 5, 2))).shape
        (1, 10, 4)
    """

    rank = 1


@register("Convolution2DTranspose")
class Conv2DTranspose(_ConvTranspose):
    """Transposed convolution over images, which enlarges them by `strides`.

    Args:
        filters, kernel_size, strides, padding, data_format, dilation_rate, activation, use_bias,
            kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
            activity_regularizer, kernel_constraint, bias_constraint: as in `Conv2D`.
        output_padding: rows and columns more at the end; less than the strides.

    Raises:
        ValueError: an argument outside its range, named in the message.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv2DTranspose(4, 3, strides=2, padding="same")(jnp.ones((1, 5, 5, 2))).shape
        (1, 10, 10, 4)
    """

    rank = 2


@register("Convolution3DTranspose")
class Conv3DTranspose(_ConvTranspose):
    """Transposed convolution over volumes; arguments as in `Conv2DTranspose`.

    Example:
        >>> import jax.numpy as jnp
        >>> Conv3DTranspose(1, 2, strides=2)(jnp.ones((1, 2, 2, 2, 3))).shape
        (1, 4, 4, 4, 1)
    """

    rank = 3


Convolution1DTranspose, Convolution2DTranspose = Conv1DTranspose, Conv2DTranspose
Convolution3DTranspose = Conv3DTranspose
