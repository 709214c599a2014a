"""ConvLSTM: an LSTM whose two matmuls are convolutions, for sequences of images."""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._kernels import conv
from keraunos.layers import _arguments as arguments
from keraunos.layers import _recurrent_cells as cells
from keraunos.layers._windows import convolution_in_loop
from keraunos.layers.recurrent import _BuiltIn

_GATES = 4


class ConvLSTMCell(cells.DroppingCell):
    """One step of a ConvLSTM of any rank; `ConvLSTM2D` describes the arguments."""

    def __init__(
        self,
        rank: int,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self.rank = rank
        self.filters = arguments.integer(self, "filters", filters)
        self.kernel_size = arguments.per_axis(self, "kernel_size", kernel_size, rank)
        self.strides = arguments.per_axis(self, "strides", strides, rank)
        self.padding = arguments.one_of(self, "padding", padding, ("valid", "same"))
        self.data_format = arguments.data_format(self, data_format)
        self.dilation_rate = arguments.per_axis(self, "dilation_rate", dilation_rate, rank)
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            expected = f"1 where strides={self.strides}"
            raise arguments.complain(self, "dilation_rate", expected, dilation_rate)
        cells.keep(self, given)
        self.unit_forget_bias = unit_forget_bias

    @property
    def _channel_axis(self) -> int:
        return 1 if self.data_format == "channels_first" else -1

    @property
    def state_size(self) -> list[int]:
        return [self.filters, self.filters]

    def build(self, inputs_shape: Any, states_shape: Any = None) -> None:
        channels = arguments.size_of(self, inputs_shape, self._channel_axis)
        for axis in range(1, self.rank + 2):
            arguments.size_of(self, inputs_shape, axis)
        width = _GATES * self.filters
        kernel, recurrent = (*self.kernel_size, channels), (*self.kernel_size, self.filters)
        self.kernel = arguments.weight(self, "kernel", (*kernel, width))
        self.recurrent_kernel = arguments.weight(
            self, "recurrent_kernel", (*recurrent, width), said="recurrent"
        )
        self.bias: Any = None
        if self.use_bias and self.unit_forget_bias:
            self.bias = cells.bias_of_lstm(self, self.filters)
        elif self.use_bias:
            self.bias = arguments.weight(self, "bias", (width,))
        self._step_shape = tuple(inputs_shape[1:])
        self._state_shape = self._shape_of_state()

    def _shape_of_state(self) -> tuple[int, ...]:
        step = jax.ShapeDtypeStruct((1, *self._step_shape), self.compute_dtype)
        kernel = jax.ShapeDtypeStruct(self.kernel.shape, self.compute_dtype)
        convolve = functools.partial(conv.convolution, **self._window)
        shape = list(jax.eval_shape(convolve, step, kernel).shape)
        if 0 in shape:
            where = f"{type(self).__name__} {self.name!r}"
            expected = f"images at least as large as the window {self.kernel_size}"
            got = f"steps of shape {self._step_shape}"
            fix = "use padding='same' or a smaller kernel_size"
            raise ValueError(errors.report(where, expected=expected, got=got, fix=fix))
        shape[self._channel_axis] = self.filters
        return tuple(shape[1:])

    def get_initial_state(self, batch_size: int | None = None) -> list[jax.Array]:
        """Return zeros of the shape of the output, for output and carry."""
        shape = (batch_size, *self._state_shape)
        return [jnp.zeros(shape, self.compute_dtype) for _ in self.state_size]

    def call(
        self, inputs: jax.Array, states: Any, training: bool = False
    ) -> tuple[jax.Array, list[jax.Array]]:
        """Return the output and the new states of one step; inputs are (batch, *image)."""
        h, c = states
        steady = {"strides": 1, "padding": "same", "dilation": 1}
        kept = self.get_dropout_mask(inputs) if training else None
        kept_of_state = self.get_recurrent_dropout_mask(h) if training else None
        z = self._convolved(inputs, self.kernel.value, kept, self._window)
        window = self._window | steady
        z = z + self._convolved(h, self.recurrent_kernel.value, kept_of_state, window)
        if self.bias is not None:
            ones = (1,) * (self.rank if self._channel_axis == 1 else 0)
            z = z + self.bias.value.reshape(-1, *ones)
        i, f, g, o = jnp.split(z, _GATES, self._channel_axis)
        c = self.recurrent_activation(f) * c + self.recurrent_activation(i) * self.activation(g)
        h = self.recurrent_activation(o) * self.activation(c)
        return h, [h, c]

    @property
    def _window(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation": self.dilation_rate,
            "data_format": self.data_format,
        }

    def _drawn(self, rate: float, like: jax.Array) -> Any:
        # Unlike the other cells' dropout, each gate has a mask of its own.
        return self._mask(rate, (_GATES, *jnp.shape(like))) if rate else None

    def _convolved(self, x: Any, kernel: Any, masks: Any, window: dict[str, Any]) -> jax.Array:
        if masks is None:
            return convolution_in_loop(x, kernel, **window)
        kernels = jnp.split(kernel, _GATES, -1)
        gates = [convolution_in_loop(x * m, k, **window) for m, k in zip(masks, kernels)]
        return jnp.concatenate(gates, self._channel_axis)


class _ConvLSTM(_BuiltIn):
    cell_class = ConvLSTMCell

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        unroll: bool = False,
        zero_output_for_mask: bool = False,
        **kwargs: Any,
    ) -> None:
        self._start(dict(locals()) | {"rank": self.rank})

    def build(self, sequences_shape: Any, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        # The states have the size of the images.
        self.input_spec = InputSpec(shape=(None, None, *sequences_shape[2:]))


@register()
class ConvLSTM1D(_ConvLSTM):
    """ConvLSTM over sequences of rows, `(batch, time, width, channels)`; else as `ConvLSTM2D`.

    Example:
        >>> ConvLSTM1D(4, 3, return_sequences=True)(jnp.ones((2, 5, 8, 1))).shape
        (2, 5, 6, 4)
    """

    rank = 1


@register()
class ConvLSTM2D(_ConvLSTM):
    """LSTM with convolutions for its matmuls, over sequences of images (Shi et al., 2015).

    Args:
        filters: number of output channels, at least 1.
        kernel_size: the window, one number or one an axis; of both convolutions.
        strides, dilation_rate: of the input's convolution; not both above 1.
        padding: `"valid"` or `"same"`, of the input's convolution; the state's is `"same"`.
        data_format: `"channels_last"`, `(batch, time, height, width, channels)`, or
            `"channels_first"`, `(batch, time, channels, height, width)`.
        dropout, recurrent_dropout: parts of the input and of the state that are dropped in
            training, the same elements at each step, others for each gate.

    The other arguments are those of `LSTM` and `RNN`. The sizes of the images must be known.
    Output `(batch, height, width, filters)`, with a time axis for `return_sequences`.

    Raises:
        ValueError: an argument outside its range, or images smaller than the window.

    Example:
        >>> ConvLSTM2D(4, 3, padding="same")(jnp.ones((2, 5, 8, 8, 1))).shape
        (2, 8, 8, 4)
    """

    rank = 2


@register()
class ConvLSTM3D(_ConvLSTM):
    """ConvLSTM over sequences of volumes, `(batch, time, depth, height, width, channels)`.

    The arguments are those of `ConvLSTM2D`.

    Example:
        >>> ConvLSTM3D(2, 2)(jnp.ones((1, 3, 4, 4, 4, 1))).shape
        (1, 3, 3, 3, 2)
    """

    rank = 3
