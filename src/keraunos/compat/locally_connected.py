"""Convolutions of Keras 1 and 2 whose kernel is another one at each place."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments
from keraunos.layers._windows import windows
from keraunos.layers.conv import _Windowed


class _LocallyConnected(_Windowed):
    """A convolution with a kernel of its own at each place: (places, window * channels, filters).

    The three implementations of Keras 2 compute the same and keep the kernel differently: a
    file holds what Keras 2 would have written, one matmul for each place computes.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        implementation: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self._set_window(kernel_size, strides, padding, 1, data_format)
        self.filters = arguments.integer(self, "filters", filters)
        if implementation not in (1, 2, 3):
            raise arguments.complain(self, "implementation", "1, 2 or 3", implementation)
        if self.padding == "same" and implementation == 1:
            expected = "'valid' with implementation=1, or implementation=2 or 3"
            raise arguments.complain(self, "padding", expected, padding)
        self.implementation = implementation
        arguments.keep(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)

    def build(self, input_shape: Any) -> None:
        channels = self._channels(input_shape)
        first = 2 if self._channel_axis == 1 else 1
        axes = range(first, first + self.rank)
        self._sizes = tuple(arguments.size_of(self, input_shape, axis) for axis in axes)
        self._counts, self._pads = self._places()
        if min(self._counts) < 1:
            where = f"{type(self).__name__} {self.name!r}"
            expected = f"an input that is at least as large as the window {self.kernel_size}"
            raise ValueError(errors.report(where, expected=expected, got=f"shape {input_shape}"))
        places, fan_in = math.prod(self._counts), math.prod(self.kernel_size) * channels
        self.kernel = arguments.weight(self, "kernel", (places, fan_in, self.filters))
        bias = (*self._counts, self.filters)
        self.bias = arguments.weight(self, "bias", bias) if self.use_bias else None
        # The weights belong to places, so the sizes are settled.
        self.input_spec = InputSpec(shape=(None, *input_shape[1:]))

    def _places(self) -> tuple[tuple[int, ...], list[tuple[int, int]]]:
        """Return the number of windows along each axis, and the zeros before and after it."""
        counts, pads = [], []
        for size, window, stride in zip(self._sizes, self.kernel_size, self.strides):
            # The middle of a "same" window is always at a stride's step, unlike a convolution's.
            before = window // 2 if self.padding == "same" else 0
            count = -(-(size - (0 if self.padding == "same" else window - 1)) // stride)
            counts.append(count)
            pads.append((before, max((count - 1) * stride + window - before - size, 0)))
        return tuple(counts), pads

    def call(self, inputs: jax.Array) -> jax.Array:
        first = self._channel_axis == 1
        x = jnp.moveaxis(inputs, 1, -1) if first else inputs
        x = windows(jnp.pad(x, [(0, 0), *self._pads, (0, 0)]), self.kernel_size, self.strides)
        x = x.reshape(len(x), math.prod(self._counts), -1)
        if first:
            # Keras lays a window out as its data is: channels first.
            x = x.reshape(*x.shape[:2], math.prod(self.kernel_size), -1).swapaxes(2, 3)
            x = x.reshape(*x.shape[:2], -1)
        x = jnp.einsum("bpi,pio->bpo", x, self.kernel.value)
        x = x.reshape(len(x), *self._counts, self.filters)
        x = self.activation(x if self.bias is None else x + self.bias.value)
        return jnp.moveaxis(x, -1, 1) if first else x

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Put the weights into the store, the kernel as its implementation keeps it."""
        super().save_own_variables(store)
        kernel = store["0"]
        if self.implementation == 2:
            inputs, outputs, inside, sizes = self._links()
            dense = np.zeros((math.prod(sizes[0]), math.prod(sizes[1])), kernel.dtype)
            dense[inputs[inside], outputs[inside]] = kernel[inside]
            store["0"] = dense.reshape(*sizes[0], *sizes[1])
        elif self.implementation == 3:
            inputs, outputs, inside, _ = self._links()
            store["0"] = kernel[inside][np.lexsort((inputs[inside], outputs[inside]))]

    def load_own_variables(self, store: Any) -> None:
        """Take the weights from the store, the kernel as its implementation keeps it."""
        given, kernel = np.asarray(store["0"]), self.kernel.numpy()
        if self.implementation == 1:
            kernel = given
        elif self.implementation == 2:
            inputs, outputs, inside, sizes = self._links()
            dense = given.reshape(math.prod(sizes[0]), math.prod(sizes[1]))
            kernel[inside] = dense[inputs[inside], outputs[inside]]
        else:
            inputs, outputs, inside, _ = self._links()
            order = np.lexsort((inputs[inside], outputs[inside]))
            kernel[inside] = given[np.argsort(order)]
        self.kernel.assign(kernel)
        if self.bias is not None:
            self.bias.assign(store["1"])

    def _links(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, Any]:
        """Return for each element of the kernel which input it links to which output.

        Both as places in the flattened data of one sample; whether the input is inside, not
        padding; and the shapes of a sample's input and output.
        """
        rank, first = self.rank, self._channel_axis == 1
        channels = self.kernel.shape[1] // math.prod(self.kernel_size)
        window = (channels, *self.kernel_size) if first else (*self.kernel_size, channels)
        index = np.indices((*self._counts, *window, self.filters))
        place, f = index[:rank], index[-1]
        c, at = (index[rank], index[rank + 1 : -1]) if first else (index[-2], index[rank:-2])
        spots = [
            o * stride + w - before
            for o, w, stride, (before, _) in zip(place, at, self.strides, self._pads)
        ]
        inside = np.all([(s >= 0) & (s < n) for s, n in zip(spots, self._sizes)], 0)
        ends = (channels, *self._sizes), (self.filters, *self._counts)
        links = (c, *spots), (f, *place)
        if not first:
            ends, links = (tuple((*one[1:], one[0]) for one in pair) for pair in (ends, links))
        inputs, outputs = (
            np.asarray(np.ravel_multi_index(at, shape, mode="clip"))
            for at, shape in zip(links, ends)
        )
        whole = self.kernel.shape
        return inputs.reshape(whole), outputs.reshape(whole), inside.reshape(whole), ends


@register(kind="layers")
class LocallyConnected1D(_LocallyConnected):
    """A `Conv1D` whose kernel is another one at each step (Keras 1 and 2).

    Args:
        filters, kernel_size, strides, padding, data_format, activation, use_bias: as in `Conv1D`;
            "same" padding needs implementation 2 or 3.
        kernel_initializer, kernel_regularizer, kernel_constraint: of the kernels.
        bias_initializer, bias_regularizer, bias_constraint: of the bias, one for each place.
        activity_regularizer: penalty of the output.
        implementation: 1, 2 or 3; they compute the same and differ in the file alone.

    Example:
        >>> LocallyConnected1D(4, 3)(np.ones((2, 8, 5))).shape
        (2, 6, 4)
    """

    rank = 1


@register(kind="layers")
class LocallyConnected2D(_LocallyConnected):
    """A `Conv2D` whose kernel is another one at each pixel; arguments as `LocallyConnected1D`.

    Example:
        >>> LocallyConnected2D(4, 3)(np.ones((2, 8, 7, 5))).shape
        (2, 6, 5, 4)
    """

    rank = 2
