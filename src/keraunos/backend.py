"""`keraunos.backend`: the settings and dtype helpers that Keras 3 keeps under this name."""

from __future__ import annotations

import gc
from typing import Any

from keraunos._core import naming
from keraunos._core.symbolic import SymbolicTensor

__all__ = [
    *("Variable", "backend", "clear_session", "epsilon", "floatx", "get_uid", "image_data_format"),
    *(
        "is_float_dtype",
        "is_int_dtype",
        "is_keras_tensor",
        "result_type",
        "set_epsilon",
        "set_floatx",
    ),
    *("set_image_data_format", "standardize_dtype"),
]


def is_keras_tensor(x: Any) -> bool:
    """Return whether x is a symbolic tensor.

    Example:
        >>> is_keras_tensor(SymbolicTensor((None, 3)))
        True
    """
    return isinstance(x, SymbolicTensor)


def get_uid(prefix: str = "") -> int:
    """Return 1 for a new prefix, then 2, 3 ...; names of layers count with it.

    Example:
        >>> get_uid("doc_prefix"), get_uid("doc_prefix")
        (1, 2)
    """
    name = naming.unique(prefix)
    return 1 if name == prefix else int(name.rpartition("_")[2]) + 1


def clear_session(free_memory: bool = True) -> None:
    """Start the names of layers anew.

    Args:
        free_memory: whether to collect garbage too: models that nobody holds, with their programs.

    Example:
        >>> clear_session(free_memory=False)
    """
    naming.reset()
    if free_memory:
        gc.collect()
