"""Fully connected layers: a matrix product, a bias, an activation."""

from __future__ import annotations

import math
import string
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import activations, errors, initializers
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments
from keraunos.layers._lora import large_weight
from keraunos.layers._quantized import QuantizedProduct


@register()
class Dense(QuantizedProduct):
    """Every output depends on every input: `activation(x @ kernel + bias)`.

    Args:
        units: size of the output's last axis.
        activation: a function or its name; linear by default.
        use_bias: whether a bias is added.
        kernel_initializer, bias_initializer: initial values of the weights.
        kernel_regularizer, bias_regularizer, activity_regularizer: penalties in the loss.
        kernel_constraint, bias_constraint: applied after each update.
        lora_rank, lora_alpha: with a rank, the kernel is frozen and `enable_lora` called at build.
        quantization_config: how a layer whose dtype is `"int8_from_float32"`, say, is quantized.

    Input `(batch, ..., features)`, output `(batch, ..., units)`.

    Raises:
        ValueError: `units` is not a positive integer, or the last axis has no known size.

    Example:
        >>> Dense(4)(jnp.ones((2, 3))).shape
        (2, 4)
    """

    kernel = large_weight("kernel")
    _quantizes = True

    def __init__(
        self,
        units: int,
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
        quantization_config: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = arguments.integer(self, "units", units)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        arguments.keep(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        arguments.keep(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self.supports_masking = True
        self.input_spec = InputSpec(min_ndim=2)

    def build(self, input_shape: Any) -> None:
        features = arguments.size_of(self, input_shape, -1)
        self._build_large((features, self.units))
        self.bias = arguments.weight(self, "bias", (self.units,)) if self.use_bias else None
        self.input_spec = InputSpec(min_ndim=2, axes={-1: features})
        self._finish_build()

    def call(self, inputs: jax.Array) -> jax.Array:
        return activations.get(self.activation)(self._biased(self._adapted_product(inputs)))

    def _product(self, x: jax.Array, weight: jax.Array, **options: Any) -> jax.Array:
        return jnp.matmul(x, weight, **options)


@register()
class EinsumDense(QuantizedProduct):
    """A dense layer over any axes, written as an einsum of the input and the kernel.

    Args:
        equation: `"ab,bc->ac"`, with `...` at the front or the back of input and output if need be.
        output_shape: sizes of the output without the batch, None where the input's size stays.
        activation: a function or its name.
        bias_axes: the output axes, as letters, that have a bias; None for no bias.
        kernel_initializer, kernel_regularizer, kernel_constraint: of the kernel.
        bias_initializer, bias_regularizer, bias_constraint: of the bias.
        lora_rank, lora_alpha, quantization_config: as in `Dense`.
        gptq_unpacked_column_size: kept for files.

    Raises:
        ValueError: the equation does not fit the input or the output shape.

    Example:
        >>> layer = EinsumDense("abc,cd->abd", output_shape=(None, 5), bias_axes="d")
        >>> layer(jnp.ones((2, 3, 4))).shape
        (2, 3, 5)
    """

    kernel = large_weight("kernel")
    _quantizes = True

    def __init__(
        self,
        equation: str,
        output_shape: Any,
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        gptq_unpacked_column_size: int | None = None,
        quantization_config: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.equation = arguments.equation(self, equation, bias_axes)
        self.bias_axes = bias_axes
        self.output_shape = arguments.sizes(self, "output_shape", output_shape, 1)
        self.activation = activations.get(activation)
        arguments.keep(self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        arguments.keep(self, "bias", bias_initializer, bias_regularizer, bias_constraint)
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self.gptq_unpacked_column_size = gptq_unpacked_column_size

    def build(self, input_shape: Any) -> None:
        sizes, operand, kernel, output = self._letters(input_shape)
        found = self.kernel_initializer  # pyright: ignore[reportAttributeAccessIssue]
        if isinstance(found, initializers.VarianceScaling) and found.input_axes is None:
            # The kernel may have any number of axes: tell those summed over from those made.
            options = dict(found.get_config())
            options["input_axes"] = [
                i for i, c in enumerate(kernel) if c in operand and c not in output
            ]
            options["output_axes"] = [
                i for i, c in enumerate(kernel) if c in output and c not in operand
            ]
            self.kernel_initializer = type(found).from_config(options)
        shape = [self._known(sizes, c) for c in kernel]
        self._subscripts = self._spelled_out(len(input_shape))
        self._build_large(shape)
        self.kernel_initializer = found
        self.bias = None
        if self.bias_axes is not None:
            first = min(map(output.index, self.bias_axes))
            shape = [self._known(sizes, c) if c in self.bias_axes else 1 for c in output[first:]]
            # Axes that stand behind "..." at the end broadcast.
            behind = len(input_shape) - len(operand) if self.equation.endswith("...") else 0
            self.bias = arguments.weight(self, "bias", [*shape, *[1] * behind])
        self.input_spec = InputSpec(ndim=len(input_shape))
        self._finish_build()

    def call(self, inputs: jax.Array) -> jax.Array:
        return activations.get(self.activation)(self._biased(self._adapted_product(inputs)))

    def _product(self, x: jax.Array, weight: jax.Array, **options: Any) -> jax.Array:
        return jnp.einsum(self.equation, x, weight, **options)

    def _thin_product(self, x: jax.Array) -> jax.Array:
        _, kernel, output = self._subscripts
        if kernel[-1] == output[-1]:
            return super()._thin_product(x)
        # What comes out of the small weights is not the last axis here.
        return self._product(x, self._adaptation())

    # -- scales -----------------------------------------------------------------------------------

    def _shared_axes(self) -> tuple[int, ...]:
        _, kernel, output = self._subscripts
        return tuple(i for i, letter in enumerate(kernel) if letter not in output)

    def _input_axes(self) -> tuple[int, ...]:
        operand, _, output = self._subscripts
        return tuple(i for i, letter in enumerate(operand) if letter not in output)

    def _filed_scale(self, scale: Any) -> Any:
        return _aligned(scale, self._subscripts[1], self._subscripts[2])

    def _scale_of_weight(self, scale: Any) -> Any:
        return _aligned(scale, self._subscripts[2], self._subscripts[1])

    def _input_scale(self, scale: Any) -> Any:
        return _aligned(scale, self._subscripts[0], self._subscripts[2])

    def _matrix_shape(self) -> tuple[int, int]:
        shared = math.prod(self._weight_shape[i] for i in self._shared_axes())
        return shared, math.prod(self._weight_shape) // shared

    def _spelled_out(self, rank: int) -> tuple[str, str, str]:
        """Return input, kernel and output of the equation, with letters for the dots."""
        left, _, output = self.equation.partition("->")
        operand, _, kernel = left.partition(",")
        free = (c for c in string.ascii_letters if c not in self.equation)
        dots = "".join(next(free) for _ in range(rank - len(operand.replace("...", ""))))
        return operand.replace("...", dots), kernel, output.replace("...", dots)

    def _letters(self, input_shape: Any) -> tuple[dict[str, int | None], str, str, str]:
        """Return letter -> size, and the three parts of the equation without the dots."""
        left, _, output = self.equation.partition("->")
        operand, _, kernel = left.partition(",")
        batched = operand.replace("...", "") if "..." in operand else operand
        extra = len(input_shape) - len(batched)
        front = operand.startswith("...")
        inner = input_shape[extra:] if front else input_shape[: len(batched)]
        sizes: dict[str, int | None] = dict(zip(batched, inner))
        out = output.replace("...", "")
        # The first axis is the batch: it has no place in output_shape.
        given = self.output_shape[-len(out) :] if front else (None, *self.output_shape)
        bad = extra < 0 or (extra and "..." not in operand) or not kernel or len(given) < len(out)
        for letter, size in zip(out, given):
            known = sizes.get(letter)
            bad = bad or (size is not None and known is not None and size != known)
            sizes[letter] = known if size is None else size
        if bad:
            shapes = f"output_shape {self.output_shape}, input {tuple(input_shape)}"
            got = f"equation {self.equation!r}, {shapes}"
            where = f"EinsumDense {self.name!r}"
            raise ValueError(
                errors.report(where, expected="an equation and sizes that fit", got=got)
            )
        return sizes, batched, kernel, out

    def _known(self, sizes: dict[str, int | None], letter: str) -> int:
        if sizes.get(letter) is None:
            where = f"EinsumDense {self.name!r}"
            raise ValueError(
                errors.report(
                    where, expected=f"a known size for axis {letter!r}", got=f"sizes {sizes}"
                )
            )
        return sizes[letter] or 0


def _aligned(scale: Any, given: str, wanted: str) -> Any:
    """Return a scale with the axes of other letters: what is not in both has size 1."""
    common = [letter for letter in given if letter in wanted]
    sizes = {letter: scale.shape[given.index(letter)] for letter in common}
    squeezed = scale.reshape([sizes[letter] for letter in common])
    ordered = [letter for letter in wanted if letter in common]
    turned = squeezed.transpose([common.index(letter) for letter in ordered])
    return turned.reshape([sizes.get(letter, 1) for letter in wanted])
