"""Quantizers as objects, and the configs that say which quantizer a layer takes."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos._core import registry, signature
from keraunos._core.registry import register
from keraunos.dtype_policies import QUANTIZATION_MODES
from keraunos.quantizers import _rules as rules


def _refuse(where: str, expected: object, got: object, fix: object = None) -> ValueError:
    return ValueError(errors.report(where, expected=expected, got=got, fix=fix))


@register("quantizer")
class Quantizer(signature.Configurable):
    """Base of the quantizers: a call returns integers, and the scale they were multiplied by.

    Args:
        output_dtype: of the integers.
    """

    def __init__(self, output_dtype: str = "int8") -> None:
        self.output_dtype = output_dtype

    def __call__(self, x: Any) -> Any:
        return x


@register("abs_max_quantizer")
class AbsMaxQuantizer(Quantizer):
    """Scales so that the largest magnitude meets the end of the range.

    Args:
        axis: the axes that share a scale, where the call names none; the last by default.
        value_range: the least and the greatest integer.
        epsilon: keeps the scale finite where all inputs are zero.
        output_dtype: of the integers.

    Raises:
        ValueError: a range that int8 does not hold.

    Example:
        >>> integers, scale = AbsMaxQuantizer()([[1.0, -4.0]], axis=-1)
        >>> integers.tolist(), scale.tolist()
        ([[32, -127]], [[31.75]])
    """

    def __init__(
        self,
        axis: Any = None,
        value_range: tuple[int, int] = (-127, 127),
        epsilon: float = 1e-7,
        output_dtype: str = "int8",
    ) -> None:
        super().__init__(output_dtype)
        self.axis = (axis,) if isinstance(axis, int) else None if axis is None else tuple(axis)
        self.value_range, self.epsilon = tuple(value_range), epsilon
        if output_dtype == "int8" and (value_range[0] < -128 or value_range[1] > 127):
            raise _refuse("AbsMaxQuantizer to int8", "a value_range in -128 .. 127", value_range)

    def __call__(self, x: Any, axis: Any = None, to_numpy: bool = False) -> tuple[Any, Any]:
        axis = (-1 if self.axis is None else self.axis) if axis is None else axis
        return rules.abs_max_quantize(
            x, axis, self.value_range, self.output_dtype, self.epsilon, to_numpy
        )

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        return config if self.axis is not None else {k: v for k, v in config.items() if k != "axis"}


@register("quantization_config")
class QuantizationConfig(signature.Configurable):
    """Base of the configs that `layer.quantize` and `model.quantize` take.

    Args:
        weight_quantizer: of the weights; None: the layer's own choice.
        activation_quantizer: of the inputs; None: they stay floats.
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = None) -> None:
        self.weight_quantizer = registry.get("quantizers", weight_quantizer)
        self.activation_quantizer = registry.get("quantizers", activation_quantizer)

    @property
    def mode(self) -> str:
        """The mode that the config belongs to: `"int8"` ..."""
        where = f"{type(self).__name__}.mode"
        raise NotImplementedError(errors.report(where, fix="use one of its subclasses"))

    @staticmethod
    def weight_quantizer_or_default(config: QuantizationConfig | None, default: Any) -> Any:
        """Return the config's quantizer of the weights, if there is one."""
        given = None if config is None else config.weight_quantizer
        return default if given is None else given

    @staticmethod
    def activation_quantizer_or_default(config: QuantizationConfig | None, default: Any) -> Any:
        """Return the config's quantizer of the inputs (it may be none), if there is a config."""
        return default if config is None else config.activation_quantizer

    def _check_weights(self, dtype: str, value_range: tuple[int, int] | None = None) -> None:
        found, where = self.weight_quantizer, f"weight_quantizer of {type(self).__name__}"
        if found is not None and found.output_dtype != dtype:
            raise _refuse(where, f"output_dtype={dtype!r}", repr(found.output_dtype))
        if found is not None and value_range not in (None, tuple(found.value_range)):
            raise _refuse(where, f"value_range={value_range}", found.value_range)


@register("int8_quantization_config")
class Int8QuantizationConfig(QuantizationConfig):
    """Eight-bit integers for the weights, and for the inputs at the time of the call.

    Args:
        weight_quantizer: by default the largest magnitude of an output's weights counts.
        activation_quantizer: by default the largest magnitude of a sample; None: weights alone.

    Example:
        >>> Int8QuantizationConfig(activation_quantizer=None).mode
        'int8'
    """

    def __init__(self, weight_quantizer: Any = None, activation_quantizer: Any = "default") -> None:
        default = activation_quantizer == "default"
        super().__init__(weight_quantizer, AbsMaxQuantizer() if default else activation_quantizer)
        self._check_weights("int8")

    @property
    def mode(self) -> str:
        return "int8"


@register("int4_quantization_config")
class Int4QuantizationConfig(QuantizationConfig):
    """Four-bit integers for the weights, two in a byte.

    Args:
        weight_quantizer: only without blocks; range -8 .. 7.
        activation_quantizer: only without blocks; none by default: the inputs stay floats.
        block_size: so many inputs share a scale and a zero point; None or -1: all of them.

    Raises:
        ValueError: a block size that is not positive, or blocks with quantizers of one's own.

    Example:
        >>> Int4QuantizationConfig(block_size=64).get_config()["block_size"]
        64
    """

    def __init__(
        self,
        weight_quantizer: Any = None,
        activation_quantizer: Any = "default",
        block_size: int | None = 128,
    ) -> None:
        default = activation_quantizer == "default"
        super().__init__(weight_quantizer, None if default else activation_quantizer)
        if block_size is not None and block_size != -1 and block_size <= 0:
            raise _refuse("block_size", "None, -1 or a positive integer", block_size)
        self.block_size = block_size
        own = self.weight_quantizer is not None or self.activation_quantizer is not None
        if own and block_size not in (None, -1):
            where = "Int4QuantizationConfig in blocks"
            raise _refuse(where, "no quantizers", f"{block_size=}", "block_size=None")
        self._check_weights("int8", (-8, 7))

    @property
    def mode(self) -> str:
        return "int4"

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        # Files that are older than blocks name none.
        return super().from_config({"block_size": None} | config)


@register("float8_quantization_config")
class Float8QuantizationConfig(QuantizationConfig):
    """Training with products of eight-bit floats; there is nothing to choose.

    Example:
        >>> Float8QuantizationConfig().mode
        'float8'
    """

    def __init__(self) -> None:
        super().__init__()

    @property
    def mode(self) -> str:
        return "float8"


class _Calibrated(QuantizationConfig):
    """Base of the configs of methods that look at data, which are not saved."""

    _mode: str
    _bits: tuple[int, ...]

    def _keep(self) -> None:
        """Keep every argument under its own name, once it has been looked at."""
        rules: dict[str, tuple[str, Any]] = {
            "weight_bits": (f"one of {self._bits}", lambda n: n in self._bits),
            "group_size": ("-1 (all in one) or a positive integer", lambda n: n == -1 or n > 0),
            "hessian_damping": ("0 to 1", lambda x: 0 <= x <= 1),
        }
        count = ("a positive integer", lambda n: n > 0)
        rules |= dict.fromkeys(("num_samples", "sequence_length", "num_grid_points"), count)
        for name, value in self._arguments.items():
            expected, fits = rules.get(name, ("", lambda _: True))
            if not fits(value):
                raise _refuse(f"{name} of {type(self).__name__}", expected, value)
            setattr(self, name, value)

    @property
    def mode(self) -> str:
        return self._mode

    def dtype_policy_string(self) -> str:
        """Return the mode with its numbers, as the dtype policy spells it."""
        return f"{self.mode}/{self._arguments['weight_bits']}/{self._arguments['group_size']}"

    def get_config(self) -> dict[str, Any]:
        data = dict.fromkeys(("dataset", "tokenizer"))
        rest = {n: registry.serialize(v) for n, v in self._arguments.items() if n not in data}
        return data | rest


@register("gptq_config")
class GPTQConfig(_Calibrated):
    """How GPTQ (arXiv 2210.17323) rounds the weights of a model's blocks, one after the other.

    Args:
        dataset, tokenizer: what to calibrate on; not saved.
        weight_bits: 2, 3, 4 or 8.
        num_samples, sequence_length: how much of the data counts.
        per_channel: whether every output has scales of its own.
        hessian_damping: 0 to 1, the part of the mean that is added to the diagonal.
        group_size: so many inputs share a scale; -1: all.
        symmetric: whether the range lies about zero.
        activation_order: whether the weights of large activations come first.
        quantization_layer_structure: which blocks follow each other.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> GPTQConfig(None, None, group_size=64).dtype_policy_string()
        'gptq/4/64'
    """

    _mode, _bits = "gptq", (2, 3, 4, 8)

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        per_channel: bool = True,
        sequence_length: int = 512,
        hessian_damping: float = 0.01,
        group_size: int = 128,
        symmetric: bool = False,
        activation_order: bool = False,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._keep()


@register("awq_config")
class AWQConfig(_Calibrated):
    """How AWQ (arXiv 2306.00978) rounds the weights of a model's blocks, one after the other.

    Args:
        dataset, tokenizer: what to calibrate on; not saved.
        weight_bits: 4.
        num_samples, sequence_length: how much of the data counts.
        group_size: so many inputs share a scale; -1: all.
        num_grid_points: how many scales are tried.
        quantization_layer_structure: which blocks follow each other.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> AWQConfig(None, None).dtype_policy_string()
        'awq/4/128'
    """

    _mode, _bits = "awq", (4,)

    def __init__(
        self,
        dataset: Any,
        tokenizer: Any,
        *,
        weight_bits: int = 4,
        num_samples: int = 128,
        sequence_length: int = 512,
        group_size: int = 128,
        num_grid_points: int = 20,
        quantization_layer_structure: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self._keep()


_DEFAULTS = {
    "int8": Int8QuantizationConfig,
    "int4": Int4QuantizationConfig,
    "float8": Float8QuantizationConfig,
}


def settled(where: str, mode: str | None, config: Any) -> QuantizationConfig:
    """Return the config that `quantize(mode, config)` means.

    Raises:
        ValueError: neither, an unknown mode, a config of another mode, or none where one is needed.
    """
    mode, config = (config, None) if isinstance(config, str) else (mode, config)
    if mode is not None and mode not in QUANTIZATION_MODES:
        fix = errors.suggest(mode, QUANTIZATION_MODES)
        raise _refuse(where, f"one of {QUANTIZATION_MODES}", f"mode={mode!r}", fix)
    if config is None and mode is None:
        raise _refuse(where, "a mode or a config", "neither", "quantize('int8')")
    if config is None and mode not in _DEFAULTS:
        name = f"{str(mode).upper()}Config"
        raise _refuse(where, f"a keras.quantizers.{name} as config", "None")
    if config is not None and not isinstance(config, QuantizationConfig):
        raise _refuse(where, "a keras.quantizers.QuantizationConfig", repr(config))
    found = config or _DEFAULTS[str(mode)]()
    if mode not in (None, found.mode):
        raise _refuse(where, f"a config of mode {mode!r}", f"one of mode {found.mode!r}")
    return found
