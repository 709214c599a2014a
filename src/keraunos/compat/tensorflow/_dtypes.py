"""`tf.float32` and its kind: names of dtypes that know a little more than their name."""

from __future__ import annotations

from typing import Any

import numpy as np

from keraunos import errors
from keraunos._core import dtypes

_ALIASES = {"double": "float64", "half": "float16", "str": "string", "object": "string"}


class DType(str):
    """The name of a dtype, a string: whatever takes a name takes it; it equals NumPy's dtype.

    Example:
        >>> float32 = DType("float32")
        >>> float32.is_floating, np.dtype("float32") == float32, float32.as_numpy_dtype.__name__
        (True, True, 'float32')
    """

    __slots__ = ()

    @property
    def name(self) -> str:
        return str.__str__(self)

    @property
    def as_numpy_dtype(self) -> Any:
        return np.object_ if self == "string" else dtypes.numpy_dtype(self.name).type

    @property
    def kind(self) -> str:
        return "O" if self == "string" else dtypes.numpy_dtype(self.name).kind

    @property
    def base_dtype(self) -> DType:
        return self

    real_dtype = base_dtype

    @property
    def is_floating(self) -> bool:
        return self in dtypes.FLOATS

    @property
    def is_integer(self) -> bool:
        return self.kind in "iu"

    @property
    def is_unsigned(self) -> bool:
        return self.kind == "u"

    @property
    def is_bool(self) -> bool:
        return self == "bool"

    @property
    def is_complex(self) -> bool:
        return self.kind == "c"

    @property
    def is_numpy_compatible(self) -> bool:
        return True

    @property
    def size(self) -> int:
        return 1 if self == "string" else dtypes.numpy_dtype(self.name).itemsize

    itemsize = size

    @property
    def limits(self) -> tuple[Any, Any]:
        return self.min, self.max

    @property
    def min(self) -> Any:
        return _info(self).min

    @property
    def max(self) -> Any:
        return _info(self).max

    def __repr__(self) -> str:
        return f"tf.{self.name}"


def as_dtype(type_value: Any) -> DType:
    """Return the `tf` dtype of a name, a NumPy dtype or a Python type.

    Example:
        >>> as_dtype(int), as_dtype(np.float16)
        (tf.int32, tf.float16)
    """
    if isinstance(type_value, DType):
        return type_value
    if isinstance(type_value, np.dtype) and type_value.kind in "OSU":
        return DType("string")
    name = _ALIASES.get(type_value, type_value) if isinstance(type_value, str) else type_value
    return DType(dtypes.standardize_dtype(name))


def _info(dtype: DType) -> Any:
    if dtype.is_floating:
        return np.finfo(dtype.as_numpy_dtype)
    if dtype.is_integer:
        return np.iinfo(dtype.as_numpy_dtype)
    raise TypeError(errors.report(f"limits of tf.{dtype.name}", expected="a dtype of numbers"))


DTYPES = {name: DType(name) for name in dtypes.NAMES}
TABLES = {
    "tensorflow": {
        **DTYPES,
        **{old: DTYPES[new] for old, new in _ALIASES.items() if old in ("double", "half")},
        "DType": DType,
        "as_dtype": as_dtype,
    },
    "tensorflow.dtypes": {**DTYPES, "DType": DType, "as_dtype": as_dtype},
}
