"""Quantizers: how floats become small integers, and the configs of `layer.quantize`."""

from __future__ import annotations

import inspect
from typing import Any

from keraunos._core import registry
from keraunos.quantizers._classes import (
    AbsMaxQuantizer,
    AWQConfig,
    Float8QuantizationConfig,
    GPTQConfig,
    Int4QuantizationConfig,
    Int8QuantizationConfig,
    QuantizationConfig,
    Quantizer,
)
from keraunos.quantizers._floats import (
    compute_float8_amax_history,
    compute_float8_scale,
    fake_quant_with_min_max_vars,
    quantize_and_dequantize,
)
from keraunos.quantizers._rules import (
    abs_max_quantize,
    abs_max_quantize_grouped_with_zero_point,
    pack_int4,
    unpack_int4,
)


def get(identifier: Any, **kwargs: Any) -> Any:
    """Return the quantizer (or config) that a name, a class, a saved config or an object means.

    Args:
        identifier: see above; None gives None.
        kwargs: arguments of the constructor, where a name or a class is given.

    Raises:
        ValueError: an unknown name, or something that cannot be called.

    Example:
        >>> get("abs_max_quantizer", value_range=(-8, 7)).value_range
        (-8, 7)
    """
    if isinstance(identifier, str):
        identifier = registry.find("quantizers", identifier, "quantizer")
    if inspect.isclass(identifier):
        return identifier(**kwargs)
    try:
        return registry.get("quantizers", identifier)
    except TypeError as error:
        raise ValueError(str(error)) from None


def serialize(initializer: Any) -> Any:
    """Return the config of a quantizer (Keras calls the argument so)."""
    return registry.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the quantizer of a config."""
    return registry.deserialize(config, custom_objects)


__all__ = [
    "AWQConfig",
    "AbsMaxQuantizer",
    "Float8QuantizationConfig",
    "GPTQConfig",
    "Int4QuantizationConfig",
    "Int8QuantizationConfig",
    "QuantizationConfig",
    "Quantizer",
    "abs_max_quantize",
    "abs_max_quantize_grouped_with_zero_point",
    "compute_float8_amax_history",
    "compute_float8_scale",
    "deserialize",
    "fake_quant_with_min_max_vars",
    "get",
    "pack_int4",
    "quantize_and_dequantize",
    "serialize",
    "unpack_int4",
]
