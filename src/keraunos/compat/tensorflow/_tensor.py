"""What a `tf.Tensor` is here: JAX's own arrays with TensorFlow's methods, and arrays of the host.

`attach` sets a few attributes on JAX's classes of arrays, so that the result of any layer or op
has `.numpy()` and `.shape.as_list()`; `detach` takes them away. Strings, and the elements that a
`tf.data` function sees, are `HostTensor`: NumPy arrays with the same methods.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import errors
from keraunos._core import dtypes
from keraunos._core.symbolic import SymbolicTensor, any_symbolic
from keraunos._core.variable import Variable
from keraunos.compat.tensorflow._dtypes import DType, as_dtype
from keraunos.compat.tensorflow._shape import TensorShape, of_sizes


class HostTensor(np.ndarray):
    """A NumPy array with a tensor's methods: strings (as bytes), shapes, elements of a Dataset.

    Example:
        >>> host(["a", "b"]).numpy()
        array([b'a', b'b'], dtype=object)
    """

    @property
    def dtype(self) -> Any:
        own = np.ndarray.dtype.__get__(self)
        return DType("string") if own.kind == "O" else own

    @property
    def shape(self) -> Any:
        return of_sizes(np.ndarray.shape.__get__(self))

    @shape.setter
    def shape(self, value: Any) -> None:
        np.ndarray.shape.__set__(self, tuple(value))

    def numpy(self) -> Any:
        return self.view(np.ndarray)[()]

    def __getitem__(self, index: Any) -> Any:
        index = tuple(map(_plain, index)) if isinstance(index, tuple) else _plain(index)
        return host(super().__getitem__(index))

    def __array_wrap__(
        self, array: Any, context: Any = None, return_scalar: bool = False
    ) -> HostTensor:
        # 32 bits are the default here: a byte divided by a Python float is no double.
        if array.dtype == np.float64:
            args = context[1] if context else (self,)
            if not any(getattr(a, "dtype", None) == np.float64 for a in args):
                array = array.astype(np.float32)
        return host(array)

    def _compare(self, other: Any, function: Callable[..., Any]) -> Any:
        if self.view(np.ndarray).dtype.kind == "O":
            other = host(other).view(np.ndarray)
        return host(function(self.view(np.ndarray), other))

    def __eq__(self, other: Any) -> Any:
        return False if other is None else self._compare(other, np.equal)

    def __ne__(self, other: Any) -> Any:
        return True if other is None else self._compare(other, np.not_equal)

    __hash__ = None

    def __add__(self, other: Any) -> Any:
        if self.view(np.ndarray).dtype.kind == "O":
            return host(self.view(np.ndarray) + host(other).view(np.ndarray))
        return super().__add__(other)

    def __radd__(self, other: Any) -> Any:
        return host(other) + self if isinstance(other, (str, bytes)) else super().__radd__(other)

    def __repr__(self) -> str:
        value = repr(self.view(np.ndarray)[()])
        return f"<tf.Tensor: shape={tuple(self.shape)}, dtype={self.dtype.name}, numpy={value}>"

    def __str__(self) -> str:
        return str(self.view(np.ndarray)[()])

    def __format__(self, spec: str) -> str:
        return format(self.view(np.ndarray)[()], spec)


def host(value: Any) -> HostTensor:
    """Return a value as an array of the host; strings become bytes, as TensorFlow has them."""
    if type(value) is HostTensor:
        return value
    array = (
        np.asarray(value, dtype=object) if isinstance(value, (str, bytes)) else np.asarray(value)
    )
    if array.dtype.kind == "S":
        # NumPy drops trailing zero bytes; nobody's texts have them.
        array = array.astype(object)
    elif array.dtype.kind in "UO":
        array = encoded(array)
    return array.view(HostTensor)


def encoded(array: np.ndarray) -> np.ndarray:
    """Return an array of strings as one of bytes."""
    flat = [v.encode() if isinstance(v, str) else v for v in array.ravel().tolist()]
    result = np.empty(len(flat), object)
    result[:] = flat
    return result.reshape(array.shape)


def is_strings(value: Any) -> bool:
    """Return whether a value is a string, or an array or list of them."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    if isinstance(value, np.ndarray):
        array = value.view(np.ndarray)
        if array.dtype.kind == "O":
            return bool(array.size) and isinstance(array.flat[0], (str, bytes))
        return array.dtype.kind in "SU"
    return isinstance(value, (str, bytes))


_NEUTRAL = {int, float, bool, str, bytes, type(None), np.ndarray, DType, complex}


def on_host(args: Any) -> bool:
    """Return whether among arguments there are host tensors, and nothing of the device."""
    found = False
    for arg in args:
        kind = type(arg)
        if kind is HostTensor:
            found = True
        elif kind is list or kind is tuple:
            inner = [type(a) for a in arg]
            if HostTensor in inner:
                found = True
            if any(isinstance(a, _ON_DEVICE) for a in arg if type(a) not in _NEUTRAL):
                return False
        elif kind not in _NEUTRAL and isinstance(arg, _ON_DEVICE):
            return False
    return found


_ON_DEVICE = (jax.Array, Variable, SymbolicTensor)


def tensor(value: Any, dtype: Any = None) -> Any:
    """Return a value as a tensor: a JAX array, a host tensor of strings, a symbolic tensor."""
    name = None if dtype is None else as_dtype(dtype).name
    if isinstance(value, SymbolicTensor):
        return value
    if name == "string" or (name is None and is_strings(value)):
        return host(value)
    if isinstance(value, Variable):
        value = value.value
    if isinstance(value, HostTensor):
        value = value.view(np.ndarray)
    if isinstance(value, (list, tuple)) and any_symbolic(value):
        from keraunos import ops

        return ops.stack([tensor(v, dtype) for v in value])
    if isinstance(value, (list, tuple)):
        return _of_list(value, name)
    if isinstance(value, (bool, int, float, complex)):
        # A number of its own dtype, not one that takes its neighbour's.
        dtypes.check_fits(value, name)
        value = np.asarray(value)
    return dtypes.as_array(value, name)


def _of_list(value: Any, name: str | None) -> Any:
    leaves = jax.tree.leaves(value)
    if any(isinstance(leaf, (jax.Array, Variable)) for leaf in leaves):
        array = jnp.stack([tensor(v) for v in value])
        return array if name is None else array.astype(dtypes.numpy_dtype(name))
    dtypes.check_fits(value, name)
    try:
        return dtypes.as_array(np.asarray(value), name)
    except ValueError as error:
        where = "a tensor from a list of rows of different lengths"
        fix = "tf.keras.utils.pad_sequences, or tf.ragged.constant(rows).to_tensor()"
        raise ValueError(errors.report(where, fix=fix)) from error


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, HostTensor) else value


# -- what JAX's arrays, tracers and symbolic tensors get while the facade is installed


class Reference:
    """A tensor as a key of a dict: `x.ref()`, and `.deref()` back."""

    def __init__(self, value: Any) -> None:
        self._value = value

    def deref(self) -> Any:
        return self._value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Reference) and self._value is other._value

    def __hash__(self) -> int:
        return id(self._value)


def _numpy(self: Any) -> Any:
    """Return the values on the host; a tensor without axes gives a number."""
    return np.array(self)[()]


def _no_numpy(self: Any) -> Any:
    fix = "leave tf.function away, or use tf.print, or return the tensor"
    where = ".numpy() inside a compiled function, where tensors have no value yet"
    raise NotImplementedError(errors.report(where, fix=fix))


def _set_shape(self: Any, shape: Any) -> None:
    wanted = TensorShape(shape)
    if not wanted.is_compatible_with(self.shape):
        got = tuple(self.shape)
        raise ValueError(errors.report("set_shape", expected=f"{tuple(wanted)}", got=f"{got}"))


def _shape_property(original: Any) -> Any:
    get = original.__get__
    return property(lambda self: of_sizes(get(self)))


def _stored_shape() -> Any:
    def get(self: Any) -> TensorShape:
        return of_sizes(self.__dict__["shape"])

    def put(self: Any, value: Any) -> None:
        self.__dict__["shape"] = tuple(value)

    return property(get, put)


_COMMON = {
    "set_shape": _set_shape,
    "get_shape": lambda self: self.shape,
    "ref": lambda self: Reference(self),  # a class would not be bound
}
HostTensor.set_shape = _set_shape  # pyright: ignore[reportAttributeAccessIssue]
HostTensor.get_shape = lambda self: self.shape  # pyright: ignore[reportAttributeAccessIssue]
HostTensor.ref = _COMMON["ref"]  # pyright: ignore[reportAttributeAccessIssue]
_before: list[tuple[Any, str, Any]] = []
_others: list[tuple[Any, str, Any]] = []
_ABSENT = object()


def also(patches: list[tuple[Any, str, Any]]) -> None:
    """Let `attach` set these attributes too: (owner, name, value)."""
    _others.extend(patches)


def attach() -> None:
    """Give JAX's arrays TensorFlow's methods; nothing that JAX has changes its meaning."""
    if _before:
        return
    arrays = type(jnp.zeros(()))
    boxed = {"get_shape": lambda self: self.shape, "read_value": lambda self: self.value}
    boxed |= {"ref": _COMMON["ref"], "shape": property(lambda self: of_sizes(self._value.shape))}
    tables = (
        (arrays, _COMMON | {"numpy": _numpy, "shape": _shape_property(arrays.shape)}),
        (Tracer, _COMMON | {"numpy": _no_numpy, "shape": _shape_property(Tracer.shape)}),
        (SymbolicTensor, _COMMON | {"numpy": _no_numpy, "shape": _stored_shape()}),
        (Variable, boxed),
    )
    for owner, name, value in _others + [(c, n, v) for c, t in tables for n, v in t.items()]:
        _before.append((owner, name, vars(owner).get(name, _ABSENT)))
        setattr(owner, name, value)


def detach() -> None:
    """Undo `attach`."""
    while _before:
        cls, name, value = _before.pop()
        if value is _ABSENT:
            delattr(cls, name)
        else:
            setattr(cls, name, value)


class _TensorMeta(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, (jax.Array, HostTensor, SymbolicTensor))


class Tensor(metaclass=_TensorMeta):
    """For `isinstance(x, tf.Tensor)`: JAX's arrays, host tensors and symbolic tensors are."""

    def __new__(cls, *_: Any, **__: Any) -> Any:
        raise TypeError(errors.report("tf.Tensor(...)", fix="tf.constant or tf.convert_to_tensor"))


def convert_to_tensor(
    value: Any, dtype: Any = None, dtype_hint: Any = None, name: str | None = None
) -> Any:
    """Return a tensor of a number, a string, an array or nested lists of them."""
    if isinstance(value, TensorShape):
        return host(np.asarray(value.as_list(), as_dtype(dtype or "int32").name))
    found = tensor(value, dtype)
    if dtype is not None and isinstance(found, SymbolicTensor):
        from keraunos import ops

        return ops.cast(found, as_dtype(dtype))
    return found


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = "Const") -> Any:
    """Return a tensor of a value; `shape` reshapes it, or repeats a single number."""
    found = convert_to_tensor(value, dtype)
    if shape is None:
        return found
    sizes = tuple(int(n) for n in shape)
    return jnp.broadcast_to(found, sizes) if found.size == 1 else found.reshape(sizes)


def is_tensor(x: Any) -> bool:
    """Return whether x is a tensor or a variable."""
    return isinstance(x, (Tensor, Variable))


TABLES = {
    "tensorflow": {
        "Tensor": Tensor,
        "EagerTensor": Tensor,
        "TensorShape": TensorShape,
        "constant": constant,
        "convert_to_tensor": convert_to_tensor,
        "is_tensor": is_tensor,
    },
}
