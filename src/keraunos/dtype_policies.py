"""`keraunos.dtype_policies`: which dtype a layer computes in, under Keras's names."""

from __future__ import annotations

from collections.abc import MutableMapping
from typing import Any

from keraunos._core import registry
from keraunos.config import DTypePolicy, get_policy

FloatDTypePolicy = DTypePolicy


class DTypePolicyMap(dict, MutableMapping):
    """Policies by the path of a layer; a path that is not there has the default policy.

    Example:
        >>> DTypePolicyMap("float32")["dense/kernel"].name
        'float32'
    """

    def __init__(
        self, default_policy: Any = None, policy_map: dict[str, Any] | None = None
    ) -> None:
        super().__init__({path: get_policy(policy) for path, policy in (policy_map or {}).items()})
        self.default_policy = get_policy(default_policy)

    def __missing__(self, path: str) -> DTypePolicy:
        return self.default_policy

    def get_config(self) -> dict[str, Any]:
        return {
            "default_policy": serialize(self.default_policy),
            "policy_map": {path: serialize(policy) for path, policy in self.items()},
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> DTypePolicyMap:
        return cls(**config)


def get(identifier: Any) -> DTypePolicy | DTypePolicyMap:
    """Return the policy that a name, a dtype, a config or a policy means; None is the global one.

    Example:
        >>> get("mixed_float16").compute_dtype
        'float16'
    """
    return identifier if isinstance(identifier, DTypePolicyMap) else get_policy(identifier)


def serialize(dtype_policy: DTypePolicy) -> dict[str, Any]:
    """Return the policy as JSON can hold it."""
    return registry.serialize(dtype_policy)


def deserialize(
    config: dict[str, Any], custom_objects: dict[str, Any] | None = None
) -> DTypePolicy:
    """Return the policy of a saved config."""
    return registry.deserialize(config, custom_objects)
