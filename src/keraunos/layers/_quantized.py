"""Small integers for large weights: how they are made, kept, multiplied and written to files."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config as settings
from keraunos import errors, quantizers
from keraunos._core import state
from keraunos._core.variable import Variable
from keraunos.layers import _arguments as arguments
from keraunos.layers import _calibrated as calibrated
from keraunos.layers import _float8 as float8
from keraunos.layers._lora import CALIBRATED, LowRank
from keraunos.quantizers import _classes as configs
from keraunos.quantizers import _rules as rules


class Quantized(LowRank):
    """A layer whose large weight may be kept as integers of eight or four bits.

    A layer says which axes of the weight share a scale, and how the scale lies in a file.
    """

    g_idx: Variable
    # Whether this very class may be quantized: a subclass may use the weight otherwise.
    _quantizes = False
    _modes = ("int8", "int4")
    _readable: tuple[str, ...] = ()  # modes that a model makes, not a layer alone
    # int4 keeps the weight as a matrix; the axis of it along which a scale is shared.
    _matrix_axis = 0

    def _set_quantization(self, config: Any) -> None:
        where = f"quantization_config of {type(self).__name__} {self.name!r}"
        known = config is None or isinstance(config, quantizers.QuantizationConfig)
        if not known:
            expected = "a keras.quantizers.QuantizationConfig"
            raise ValueError(errors.report(where, expected=expected, got=repr(config)))
        self.quantization_config = config
        self.inputs_quantizer: Any = None

    def _shared_axes(self) -> tuple[int, ...]:
        """Return the axes of the weight that share a scale: those that are summed over."""
        return (0,)

    def _filed_scale(self, scale: Any) -> Any:
        """Return a scale, of the weight's rank, as it lies in a file."""
        return scale.reshape(-1)

    def _scale_of_weight(self, scale: Any) -> Any:
        """Return a scale of a file in the weight's rank."""
        return scale[None, :]

    def _matrix_shape(self) -> tuple[int, int]:
        rows, columns = self._weight_shape
        return rows, columns

    def _large_shape(self) -> tuple[int, ...]:
        return super()._large_shape() if self.quantization_mode is None else self._weight_shape

    # -- making -----------------------------------------------------------------------------------

    def _build_large(self, shape: Any, **options: Any) -> None:
        """Make the large weight: floats, or what the dtype policy says."""
        self._weight_shape = tuple(shape)
        mode, name = self.quantization_mode, self._large
        if mode is not None:
            self._build_integers(mode)
        if mode in (None, "float8"):
            setattr(self, f"_{name}", arguments.weight(self, name, shape, **options))

    def quantized_build(self, input_shape: Any, mode: str) -> None:
        """Make the variables of a mode for a weight of this shape, with nothing in them yet."""
        self._weight_shape = tuple(input_shape)
        self._build_integers(mode)

    def _build_integers(self, mode: str) -> None:
        self._check_mode(mode, (*self._modes, *self._readable))
        config, name = self.quantization_config, self._large
        if mode == "float8":
            float8.build(self)
            return
        default = quantizers.AbsMaxQuantizer() if mode == "int8" else None
        self.inputs_quantizer = configs.QuantizationConfig.activation_quantizer_or_default(
            config, default
        )
        for part, (shape, dtype, first) in self._layout(mode).items():
            variable = self.add_weight(shape, first, dtype, trainable=False, name=part)
            setattr(self, f"_{name}" if part == name else part, variable)

    def _layout(self, mode: str) -> dict[str, tuple[Any, Any, Any]]:
        """Return name -> shape, dtype, initial value of the variables of a mode, in file order."""
        name = self._large
        if mode in CALIBRATED:
            return calibrated.layout(self, mode)
        if mode == "int8":
            kept = [1 if i in self._shared_axes() else n for i, n in enumerate(self._weight_shape)]
            scale = self._filed_scale(np.ones(kept)).shape
            return {
                name: (self._weight_shape, "int8", "zeros"),
                f"{name}_scale": (scale, None, "ones"),
            }
        rows, columns = self._matrix_shape()
        length = (rows, columns)[self._matrix_axis]
        block = self._block_size()
        groups = math.ceil(length / block) if block else 1
        scale = (groups, columns) if self._matrix_axis == 0 else (rows, groups)
        number = lambda shape, dtype: np.arange(length) // (block or length)  # noqa: E731
        layout: dict[str, tuple[Any, Any, Any]] = {
            name: ((rows, (columns + 1) // 2), "int8", "zeros"),
            f"{name}_scale": (scale if block else (max(scale),), None, "ones"),
        }
        if block:
            layout |= {
                f"{name}_zero": (scale, "int8", "zeros"),
                "g_idx": ((length,), "float32", number),
            }
        return layout

    def _block_size(self) -> int | None:
        config = self.quantization_config
        if isinstance(config, quantizers.Int4QuantizationConfig):
            block = config.block_size
        else:
            block = getattr(self._policy, "block_size", None)
        return None if block == -1 else block

    # -- quantizing -------------------------------------------------------------------------------

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Replace the large weight by small integers and scales; it is not trained any more.

        Args:
            mode: `"int8"`, `"int4"` or, but for tables, `"float8"`: trained in eight-bit floats.
            type_check: whether subclasses, which may use the weight otherwise, are refused.
            config: a `keras.quantizers.Int8QuantizationConfig` or `Int4QuantizationConfig`.

        Raises:
            ValueError: the layer is not built or is quantized already, or an unknown mode.
            NotImplementedError: a subclass, or a mode that keraunos has not yet.
        """
        where = f"quantize of {type(self).__name__} {self.name!r}"
        config = configs.settled(where, mode, config)
        self._check_quantizable(where, config.mode, type_check)
        self.quantization_config = config
        if config.mode == "float8":
            self._build_integers("float8")
        else:
            self._replace_weight(config)
        block = self._block_size() if config.mode == "int4" else None
        mode = f"int4/{block or -1}" if config.mode == "int4" else config.mode
        self._replace_policy(f"{mode}_from_{self._policy.name}")
        state.new_version()

    def _calibrated_shape(self) -> tuple[int, int]:
        """Return inputs and outputs of the weight as a matrix."""
        self._weight_shape = self._large_shape()
        return calibrated.matrix_shape(self)

    def _take_calibrated(self, config: Any, found: Any) -> None:
        """Replace the weight by what GPTQ or AWQ made of it."""
        before = self._large_variable
        self._calibrated_shape()
        self.quantization_config = config
        self._book.variables = [v for v in self._book.variables if v is not before]
        self._replace_policy(f"{config.dtype_policy_string()}_from_{self._policy.name}")
        self._build_integers(config.mode)
        calibrated.take(self, found)
        state.new_version()

    def _replace_weight(self, config: Any) -> None:
        before = self._large_variable
        value = np.asarray(before._value)
        self._weight_shape = tuple(value.shape)
        parts = self._integers(value, config.mode, config.weight_quantizer)
        self._book.variables = [v for v in self._book.variables if v is not before]
        self._build_integers(config.mode)
        for name, part in parts.items():
            getattr(self, name).assign(part)

    def _check_quantizable(self, where: str, mode: str, type_check: bool) -> None:
        if type_check and not type(self).__dict__.get("_quantizes"):
            raise NotImplementedError(
                errors.report(where, expected="the layer itself", got=f"subclass {type(self)}")
            )
        refusals = (
            (not self.built, "a layer that is built", "call it on an input first"),
            (self.quantization_mode, "floats", f"it is {self._policy.name} already"),
            (
                mode == "int8" and self.compute_dtype == "float16",
                "a compute dtype but float16, in which int8 overflows",
                "make the layer with mixed_bfloat16",
            ),
            (mode == "float8" and self.lora_enabled, "a layer without LoRA", "int8 or int4 do"),
        )
        for refused, expected, fix in refusals:
            if refused:
                raise ValueError(errors.report(where, expected=expected, fix=fix))
        self._check_mode(mode, self._modes)

    def _check_mode(self, mode: str, known: tuple[str, ...]) -> None:
        if mode not in known:
            where = f"quantization {mode!r} of {type(self).__name__} {self.name!r}"
            fix = f"{', '.join(self._modes)} work"
            note = (
                "model.quantize calibrates all layers together" if mode in self._readable else None
            )
            raise NotImplementedError(errors.report(where, note=note, fix=fix))

    def _integers(self, value: Any, mode: str, quantizer: Any = None) -> dict[str, Any]:
        """Return attribute -> value of a weight as integers."""
        name = self._large
        if mode == "int8":
            made, scale = quantized(quantizer, value, self._shared_axes(), (-127, 127))
            return {f"_{name}": made, f"{name}_scale": self._filed_scale(scale)}
        matrix, axis = value.reshape(self._matrix_shape()), self._matrix_axis
        block = self._block_size()
        if not block:
            made, scale = quantized(quantizer, matrix, axis, (-8, 7))
            parts = {f"{name}_scale": jnp.squeeze(scale, axis)}
        else:
            turned = (lambda x: x) if axis == 0 else (lambda x: x.T)
            group = rules.abs_max_quantize_grouped_with_zero_point
            made, scale, zero = map(turned, group(turned(matrix), block, to_numpy=True))
            parts = {f"{name}_scale": scale, f"{name}_zero": zero}
        return {f"_{name}": rules.pack_int4(made, axis=-1)[0]} | parts

    # -- reading ----------------------------------------------------------------------------------

    def _float_weight(self) -> jax.Array:
        mode = self.quantization_mode
        if mode in (None, "float8"):
            return super()._float_weight()
        if mode in CALIBRATED:
            return calibrated.weight(self)
        made, scale, *zero = self._parts()
        if mode == "int8":
            return made.astype(self.compute_dtype) / self._scale_of_weight(scale)
        made = self._unpacked(made)
        return self._matrix(made, scale, *zero, axis=self._matrix_axis).reshape(self._weight_shape)

    def _parts(self) -> list[Any]:
        """Return integers and scale, and the zero point where there is one."""
        name = self._large
        names = (f"_{name}", f"{name}_scale", f"{name}_zero")
        return [getattr(self, n).value for n in names if hasattr(self, n)]

    def _unpacked(self, packed: Any) -> Any:
        return rules.unpack_int4(packed, self._matrix_shape()[1], axis=-1)

    def _matrix(self, made: Any, scale: Any, zero: Any = None, *, axis: int) -> Any:
        """Return integers as floats; `axis` is where the scale is shared, or lies in groups."""
        if zero is None:
            return made.astype(self.compute_dtype) / jnp.expand_dims(scale, axis)
        floats = rules.dequantize_grouped(made, scale, zero, self.g_idx.value, axis)
        return floats.astype(self.compute_dtype)

    def _shown(self) -> Any:
        """Return what is public where the variable alone would mislead."""
        if self.quantization_mode == "int4" and not self.lora_enabled:
            return self._unpacked(self._large_variable.value).reshape(self._weight_shape)
        return self._merged()

    def _merged_parts(self) -> dict[str, Any]:
        if self.quantization_mode in (None, "float8"):
            return super()._merged_parts()
        value = np.asarray(self._float_weight() + self._adaptation())
        return self._integers(value, self.quantization_mode)

    def _replace_policy(self, name: str) -> None:
        if self._policy is self.dtype_policy:
            self._dtype_policy = settings.get_policy(name)
        else:
            # The map may be shared with other layers: only this one's row changes.
            policies: Any = self.dtype_policy
            if self.path in policies:
                del policies[self.path]
            policies[self.path] = name


class QuantizedProduct(Quantized):
    """A layer that multiplies its input by the large weight, as integers where both are."""

    _modes = ("int8", "int4", "float8")
    _readable = CALIBRATED

    def _input_axes(self) -> Any:
        """Return the axes of the input that are summed over."""
        return -1

    def _input_scale(self, scale: Any) -> Any:
        """Return the scale of an input as it broadcasts to the output."""
        return scale

    def _biased(self, x: jax.Array) -> jax.Array:
        if self.bias is None:
            return x
        bias = self.bias.value
        # In eight-bit floats the bias goes with the product of bfloat16 that GPUs have.
        rounded = self.quantization_mode == "float8" and self.compute_dtype == "float32"
        return x + (bias.astype("bfloat16").astype(bias.dtype) if rounded else bias)

    def _large_product(self, x: jax.Array) -> jax.Array:
        if self.quantization_mode == "float8":
            return float8.product(self, x)
        if self.quantization_mode is None or self.inputs_quantizer is None:
            return self._product(x, self._float_weight())
        weight = self._parts()[:2] if self.quantization_mode == "int8" else self._float_weight()
        return straight_through(self._exact, self._rounded, x, weight)

    def _rounded(self, x: Any, weight: Any) -> Any:
        """Return the product with an input that is made integers first."""
        made, scale = self.inputs_quantizer(x, axis=self._input_axes())
        scale = self._input_scale(scale)
        if self.quantization_mode != "int8":
            return self._product(made.astype(weight.dtype), weight) / scale
        integers, filed = weight
        y = self._product(made, integers, preferred_element_type=jnp.int32)
        return y.astype(self.compute_dtype) / (scale * filed)

    def _exact(self, x: Any, weight: Any) -> Any:
        """Return the product with floats: its gradient is the one that counts."""
        if self.quantization_mode == "int8":
            integers, filed = weight
            weight = integers.astype(self.compute_dtype) / self._scale_of_weight(filed)
        return self._product(x, weight)


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def straight_through(
    exact: Callable[..., Any], rounded: Callable[..., Any], x: Any, weight: Any
) -> Any:
    """Return `rounded(x, weight)`; the gradient is that of `exact`, with respect to x alone."""
    return rounded(x, weight)


def _straight_forward(exact: Any, rounded: Any, x: Any, weight: Any) -> tuple[Any, Any]:
    return rounded(x, weight), (x, weight)


def _straight_backward(exact: Any, rounded: Any, kept: Any, slope: Any) -> tuple[Any, None]:
    x, weight = kept
    _, pull = jax.vjp(lambda x: exact(x, weight), x)
    return pull(slope)[0], None


straight_through.defvjp(_straight_forward, _straight_backward)


def quantized(quantizer: Any, value: Any, axis: Any, value_range: tuple[int, int]) -> Any:
    """Return integers and scale of a weight, on the host; a quantizer may have its own axis."""
    if quantizer is None:
        return rules.abs_max_quantize(value, axis, value_range, to_numpy=True)
    own = {} if getattr(quantizer, "axis", None) is not None else {"axis": axis}
    return quantizer(value, to_numpy=True, **own)
