"""`keraunos.dtype_policies`: which dtype a layer computes in, under Keras's names."""

from __future__ import annotations

import re
from collections.abc import Iterator, MutableMapping
from typing import Any

from keraunos import config, errors
from keraunos._core import registry
from keraunos._core.registry import register
from keraunos.config import DTypePolicy

FloatDTypePolicy = DTypePolicy
QUANTIZATION_MODES = ("int8", "float8", "int4", "gptq", "awq")


@register()
class QuantizedDTypePolicy(DTypePolicy):
    """Small integers for the weights, floats for the rest: `"int8_from_float32"`.

    Args:
        mode: `"int8"`, `"int4"`, `"float8"`, `"gptq"` or `"awq"`.
        source_name: the policy that the layer had before; by default the global one.

    Raises:
        ValueError: an unknown mode, or int8 that computes in float16, which overflows.

    Example:
        >>> policy = QuantizedDTypePolicy("int8", "mixed_bfloat16")
        >>> policy.name, policy.compute_dtype, policy.quantization_mode
        ('int8_from_mixed_bfloat16', 'bfloat16', 'int8')
    """

    # mode, then the names and the least values of the numbers that follow it: "gptq/4/128"
    _parts: tuple[str, ...] = ()
    _only: str | None = None

    def __init__(self, mode: str, source_name: str | None = None) -> None:
        source = source_name or config.dtype_policy().name
        super().__init__(source)
        base, *numbers = str(mode).split("/")
        self._quantization_mode, self._source_name, self._mode = base, source, mode
        _check_mode(type(self), mode, base, numbers)
        if base == "int8" and self.compute_dtype == "float16":
            where, expected = f"dtype policy {mode}_from_{source}", "a compute dtype but float16"
            raise ValueError(
                errors.report(where, expected=expected, got=source, fix="mixed_bfloat16 will do")
            )
        for part, number in zip(self._parts, numbers):
            setattr(self, part, int(number))
        self._name = f"{mode}_from_{source}"

    @property
    def quantization_mode(self) -> str | None:
        return self._quantization_mode

    @property
    def mode(self) -> str:
        """The mode without its numbers."""
        return self._quantization_mode

    def get_config(self) -> dict[str, Any]:
        return {"mode": self._mode, "source_name": self._source_name}


@register()
class Int4DTypePolicy(QuantizedDTypePolicy):
    """Four bits a weight: mode `"int4/128"` has a scale for 128 inputs, `"int4/-1"` for all.

    Example:
        >>> Int4DTypePolicy("int4/64", "float32").block_size
        64
    """

    block_size: int
    _parts, _only = ("block_size",), "int4"


@register()
class GPTQDTypePolicy(QuantizedDTypePolicy):
    """Weights as GPTQ leaves them: mode `"gptq/<bits>/<group size>"`.

    Example:
        >>> GPTQDTypePolicy("gptq/4/128", "float32").weight_bits
        4
    """

    weight_bits: int
    group_size: int
    _parts, _only = ("weight_bits", "group_size"), "gptq"


@register()
class AWQDTypePolicy(QuantizedDTypePolicy):
    """Weights as AWQ leaves them: mode `"awq/4/<group size>"`.

    Example:
        >>> AWQDTypePolicy("awq/4/128", "float32").group_size
        128
    """

    weight_bits: int
    group_size: int
    _parts, _only = ("weight_bits", "group_size"), "awq"


@register()
class QuantizedFloat8DTypePolicy(QuantizedDTypePolicy):
    """Products of eight-bit floats: `"float8_from_mixed_bfloat16"`.

    Args:
        mode: `"float8"`.
        source_name: the policy that the layer had before.
        amax_history_length: how many steps the largest value is remembered.

    Example:
        >>> QuantizedFloat8DTypePolicy("float8", "float32").amax_history_length
        1024
    """

    default_amax_history_length = 1024

    def __init__(
        self, mode: str, source_name: str | None = None, amax_history_length: int = 1024
    ) -> None:
        super().__init__(mode, source_name)
        if not isinstance(amax_history_length, int):
            where, got = "amax_history_length", repr(amax_history_length)
            raise TypeError(errors.report(where, expected="an integer", got=got))
        self.amax_history_length = amax_history_length

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"amax_history_length": self.amax_history_length}


# Plain dtypes whose names begin as a mode does.
_DTYPES = ("int8", "int4", "float8_e4m3fn", "float8_e5m2")
_BITS = {"gptq": (2, 3, 4, 8), "awq": (4,)}
# The class of a name without a "/" is the plain one, but for float8.
_CLASSES = {
    "int4/": Int4DTypePolicy,
    "gptq": GPTQDTypePolicy,
    "awq": AWQDTypePolicy,
    "float8": QuantizedFloat8DTypePolicy,
}


def _check_mode(cls: type[QuantizedDTypePolicy], mode: str, base: str, numbers: list[str]) -> None:
    parts = cls._parts
    form = "/".join([cls._only or "", *(f"<{part}>" for part in parts)])
    expected: Any = f"{form!r}" if parts else f"one of {QUANTIZATION_MODES}"
    fits = base in QUANTIZATION_MODES and cls._only in (None, base) and len(numbers) == len(parts)
    if fits and not all(re.fullmatch(r"-?\d+", number) for number in numbers):
        fits = False
    if fits and numbers:
        values = dict(zip(parts, map(int, numbers)))
        bits, size = values.get("weight_bits"), int(numbers[-1])
        if bits is not None and bits not in _BITS[base]:
            fits, expected = False, f"weight_bits one of {_BITS[base]}"
        elif size < -1 or size == 0:
            fits, expected = False, f"{parts[-1]} -1 (all in one) or a positive integer"
    if not fits:
        where = f"mode of {cls.__name__}"
        raise ValueError(errors.report(where, expected=expected, got=repr(mode)))


@register()
class DTypePolicyMap(DTypePolicy, MutableMapping):
    """Policies by the path of a layer, or by a regular expression that its whole path matches.

    Args:
        default_policy: for paths that nothing matches; by default the global one.
        policy_map: path or pattern -> policy.

    Raises:
        ValueError: a path that two patterns match.

    Example:
        >>> policies = DTypePolicyMap("float32", {"encoder/.*": "bfloat16"})
        >>> policies["encoder/dense"].name, policies["head"].name
        ('bfloat16', 'float32')
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        if isinstance(default_policy, DTypePolicyMap) or not isinstance(
            policy_map or {}, (dict, MutableMapping)
        ):
            where, expected = "DTypePolicyMap", "a policy and a dictionary of policies"
            got = f"{type(default_policy).__name__} and {type(policy_map).__name__}"
            raise (ValueError if isinstance(default_policy, DTypePolicyMap) else TypeError)(
                errors.report(where, expected=expected, got=got)
            )
        self._given = default_policy
        self._policies = {path: get(policy) for path, policy in (policy_map or {}).items()}

    @property
    def default_policy(self) -> DTypePolicy:
        return get(self._given)

    @property
    def name(self) -> str:
        return f"map_{self.default_policy.name}"

    @property
    def compute_dtype(self) -> str:
        return self.default_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        return self.default_policy.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        return self.default_policy.quantization_mode

    def __getitem__(self, path: str) -> DTypePolicy:
        if path in self._policies:
            return self._policies[path]
        found = [pattern for pattern in self._policies if re.fullmatch(pattern, path)]
        if len(found) > 1:
            where = f"DTypePolicyMap, path {path!r}"
            raise ValueError(
                errors.report(where, expected="at most one pattern that matches", got=found)
            )
        return self._policies[found[0]] if found else self.default_policy

    def __setitem__(self, path: str, policy: Any) -> None:
        if path in self._policies:
            where = f"DTypePolicyMap has {path!r} already"
            raise ValueError(errors.report(where, got=self._policies[path], fix="del it first"))
        self._policies[path] = get(policy)

    def __delitem__(self, path: str) -> None:
        del self._policies[path]

    def __contains__(self, path: object) -> bool:
        return path in self._policies

    def __iter__(self) -> Iterator[str]:
        return iter(self._policies)

    def __len__(self) -> int:
        return len(self._policies)

    def __repr__(self) -> str:
        rows = {path: policy.name for path, policy in self._policies.items()}
        return f'<DTypePolicyMap "{self.default_policy.name}", {rows}>'

    def get_config(self) -> dict[str, Any]:
        rows = {path: serialize(policy) for path, policy in self._policies.items()}
        given = self._given
        return {
            "default_policy": serialize(given) if isinstance(given, DTypePolicy) else given,
            "policy_map": rows,
        }


def get(identifier: Any) -> DTypePolicy:
    """Return the policy that a name, a dtype, a config or a policy means; None is the global one.

    Raises:
        ValueError: a name that is neither a dtype nor a policy.

    Example:
        >>> get("mixed_float16").compute_dtype, get("int4/128_from_float32").quantization_mode
        ('float16', 'int4')
    """
    if isinstance(identifier, dict):
        found = deserialize(identifier)
        if not hasattr(found, "compute_dtype"):
            expected = "the config of a dtype policy"
            raise ValueError(errors.report("dtype", expected=expected, got=repr(identifier)))
        return found
    if not isinstance(identifier, str):
        return config.get_policy(identifier)
    if identifier in _DTYPES or not identifier.startswith(QUANTIZATION_MODES):
        return DTypePolicy(identifier)
    mode, _, source = identifier.partition("_from_")
    if not source:
        where, expected = f"dtype policy {identifier!r}", "'<mode>_from_<policy>'"
        raise ValueError(errors.report(where, expected=expected, fix=f"'{mode}_from_float32'"))
    found = [cls for start, cls in _CLASSES.items() if mode.startswith(start)]
    return (found or [QuantizedDTypePolicy])[0](mode, source)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return the policy as JSON can hold it."""
    return registry.serialize(dtype_policy)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """Return the policy of a saved config."""
    return registry.deserialize(config, custom_objects)
