"""`keraunos.mixed_precision`: the dtype policy of new layers, under Keras's names."""

from __future__ import annotations

import importlib
from typing import Any

from keraunos.config import DTypePolicy, dtype_policy, set_dtype_policy

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy

__all__ = [
    "DTypePolicy",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]


def __getattr__(name: str) -> Any:
    # Loaded when asked for: this room needs no optimizer.
    if name == "LossScaleOptimizer":
        return importlib.import_module("keraunos.optimizers").LossScaleOptimizer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
