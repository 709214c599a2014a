"""`keraunos.backend`: the settings and dtype helpers that Keras 3 keeps under this name."""

from __future__ import annotations

import gc
from typing import Any

from keraunos import errors
from keraunos._core import dtypes, naming
from keraunos._core.dtypes import result_type, standardize_dtype
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable
from keraunos.config import (
    backend,
    epsilon,
    floatx,
    image_data_format,
    set_epsilon,
    set_floatx,
    set_image_data_format,
)

__all__ = [
    "Variable",
    "backend",
    "clear_session",
    "epsilon",
    "floatx",
    "get_uid",
    "image_data_format",
    "is_float_dtype",
    "is_int_dtype",
    "is_keras_tensor",
    "result_type",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "standardize_dtype",
]


def is_float_dtype(dtype: Any) -> bool:
    """Return whether a dtype is a floating type, the half and quarter ones included.

    Example:
        >>> is_float_dtype("bfloat16"), is_float_dtype("int32")
        (True, False)
    """
    return dtypes.is_float(dtype)


def is_int_dtype(dtype: Any) -> bool:
    """Return whether a dtype is a signed or unsigned integer; bool is none.

    Example:
        >>> is_int_dtype("uint8"), is_int_dtype("bool")
        (True, False)
    """
    return dtypes.is_int(dtype)


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


__getattr__ = errors.missing(__name__, globals())
