"""Names of dtypes and how they promote."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np

from keraunos import config, errors

FLOATS = ("bfloat16", "float16", "float32", "float64", "float8_e4m3fn", "float8_e5m2")
_INTS = ("uint8", "uint16", "uint32", "uint64", "int4", "int8", "int16", "int32", "int64")
NAMES = (*FLOATS, *_INTS, "bool", "string", "complex64", "complex128")
_PYTHON = {bool: "bool", int: "int32", float: None, str: "string", complex: "complex64"}


def standardize_dtype(dtype: Any) -> str:
    """Return the name of a dtype given as a name, a NumPy or JAX dtype, or a Python type.

    Raises:
        ValueError: it is not a dtype.

    Example:
        >>> standardize_dtype(float), standardize_dtype(np.int32)
        ('float32', 'int32')
    """
    if dtype is None or dtype is float:
        return config.floatx()
    if isinstance(dtype, str) and dtype in NAMES:
        return dtype
    if isinstance(dtype, type) and dtype in _PYTHON:
        return _PYTHON[dtype] or config.floatx()
    name = getattr(dtype, "compute_dtype", None)  # a policy
    if name is None:
        try:
            name = np.dtype(dtype).name
        except TypeError:
            name = getattr(dtype, "__name__", None)
    if name not in NAMES:
        raise ValueError(
            errors.report("unknown dtype", got=repr(dtype), fix=errors.suggest(str(dtype), NAMES))
        )
    return name


def is_float(dtype: Any) -> bool:
    """Return whether a dtype is a floating type, the half and quarter ones included."""
    return jnp.issubdtype(numpy_dtype(dtype), jnp.floating)


def is_int(dtype: Any) -> bool:
    """Return whether a dtype is a signed or unsigned integer (bool is not)."""
    return jnp.issubdtype(numpy_dtype(dtype), jnp.integer)


def numpy_dtype(dtype: Any) -> np.dtype:
    """Return the NumPy dtype of a name, bfloat16 and its kind included."""
    name = standardize_dtype(dtype)
    return np.dtype(getattr(ml_dtypes, name, name))


def result_type(*dtypes: Any) -> str:
    """Return the dtype that an operation on these dtypes has, as Keras promotes them.

    Example:
        >>> result_type("int32", float)
        'float32'
    """
    if not dtypes:
        return config.floatx()
    weak = {int: 0, float: 0.0, bool: False, complex: 0j}
    parts = [weak[d] if d in weak else numpy_dtype(d) for d in map(_hashable, dtypes)]
    return jax.dtypes.canonicalize_dtype(jnp.result_type(*parts)).name


def _hashable(dtype: Any) -> Any:
    return dtype if isinstance(dtype, type) else standardize_dtype(dtype)
