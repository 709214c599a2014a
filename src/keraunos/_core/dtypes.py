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
    if isinstance(dtype, str) and dtype == "int":
        return "int32"  # NumPy's has 64 bits
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


def as_array(value: Any, dtype: Any = None) -> jax.Array:
    """Return a `jax.Array` of a value of the host, as `jnp.asarray` does, but never wraps round.

    Raises:
        ValueError: an integer that the array's dtype cannot hold.

    Example:
        >>> as_array(np.array([1, 2])).dtype.name
        'int32'
    """
    if isinstance(value, jax.Array):
        return value if dtype is None else value.astype(numpy_dtype(dtype))
    check_fits(value, dtype)
    if dtype is None:
        return jnp.asarray(value)
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "iu":
        # On the host: a float holds integers that the device's 32 bits do not.
        return jnp.asarray(value.astype(numpy_dtype(dtype)))
    return jnp.asarray(value).astype(numpy_dtype(dtype))


def check_fits(value: Any, dtype: Any = None) -> None:
    """Raise where integers of the host do not fit the integer dtype that they are about to get.

    Args:
        value: numbers, NumPy arrays, lists of them; everything else is let through.
        dtype: the dtype to come; by default the one that JAX gives.
    """
    if isinstance(value, (list, tuple)):
        leaves = jax.tree.leaves(value)
        numbers = [leaf for leaf in leaves if type(leaf) is int]
        if numbers:
            _check_range(min(numbers), max(numbers), _coming(np.dtype("int64"), dtype))
        for leaf in leaves:
            if isinstance(leaf, np.ndarray):
                check_fits(leaf, dtype)
    elif isinstance(value, int) and not isinstance(value, bool):
        _check_range(value, value, _coming(np.dtype("int64"), dtype))
    elif isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "iu" and value.size:
        coming = _coming(value.dtype, dtype)
        if coming is not None and not np.can_cast(value.dtype, coming):
            _check_range(int(value.min()), int(value.max()), coming)


def _coming(own: np.dtype, dtype: Any) -> np.dtype | None:
    """Return the integer dtype that an array will have on the device, None for another kind."""
    coming = jax.dtypes.canonicalize_dtype(own if dtype is None else numpy_dtype(dtype))
    return coming if jnp.issubdtype(coming, jnp.integer) else None


def _check_range(low: int, high: int, dtype: np.dtype | None) -> None:
    if dtype is None:
        return
    info = jnp.iinfo(dtype)
    if info.min <= low and high <= info.max:
        return
    wide = "keras.config.set_floatx('float64') turns on 64 bits" if info.bits == 32 else None
    raise ValueError(
        errors.report(
            f"an integer does not fit {dtype.name}",
            expected=f"{info.min} to {info.max}",
            got=low if low < info.min else high,
            fix=wide or "take a wider dtype, or keras.ops.saturate_cast",
        )
    )
