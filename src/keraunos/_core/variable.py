"""Variable: a named box with one `jax.Array`; the only thing in keraunos that changes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import config, errors
from keraunos._core import dtypes, naming, state

_local = threading.local()


class Variable:
    """A box that holds one array; layers, metrics and optimizers keep their state in such boxes.

    Args:
        initializer: an array, or a function `(shape, dtype) -> array`.
        shape: the shape, where the initializer is a function.
        dtype: of the array; the default float type where none is given.
        trainable: whether an optimizer changes it.
        autocast: whether a layer of mixed precision reads it in its compute dtype.
        aggregation, synchronization: how replicas of it are joined; kept for the config.
        name: the last part of its path.
        layout: how it lies on several devices; kept for programs that pass it.

    Raises:
        ValueError: `assign` of another shape.

    Example:
        >>> v = Variable(np.zeros((2,)), name="v")
        >>> v.assign([1.0, 2.0])
        >>> v.numpy()
        array([1., 2.], dtype=float32)
    """

    def __init__(
        self,
        initializer: Any,
        shape: tuple[int, ...] | None = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        aggregation: str = "none",
        synchronization: str = "auto",
        name: str | None = None,
        layout: Any = None,
    ) -> None:
        self.name = name or naming.unique("variable")
        self.path = naming.path(self.name)
        self._trainable = self.made_trainable = trainable
        self.autocast = autocast
        self.aggregation, self.synchronization, self.layout = aggregation, synchronization, layout
        self.regularizer: Any = None
        self.constraint: Any = None
        self.overwrite_with_gradient = False
        self._lent = False
        self._value = _initial(initializer, shape, dtype)

    @property
    def value(self) -> jax.Array:
        """The array; inside a traced step, the traced one."""
        scope = state.current()
        value: Any = self._value if scope is None else scope.read(self)
        if scope is None:
            # The training loop hands its arrays over to the next step (donation): one that
            # somebody has seen is copied first.
            self._lent = True
        for note in getattr(_local, "readers", ()):
            note(self, value)
        cast = getattr(_local, "compute_dtype", None)
        if cast is not None and self.autocast and dtypes.is_float(value.dtype):
            return value.astype(cast)
        return value

    def assign(self, value: Any) -> None:
        """Replace the array by one of the same shape."""
        value = value.value if isinstance(value, Variable) else value
        array = value if isinstance(value, jax.Array) else np.asarray(value)
        if tuple(array.shape) != self.shape:
            raise ValueError(
                errors.report(
                    f"assign to variable {self.path!r}",
                    expected=f"shape {self.shape}",
                    got=f"shape {tuple(array.shape)}",
                )
            )
        scope = state.current()
        if scope is not None and scope.write(self, jnp.asarray(array, self._value.dtype)):
            return
        if isinstance(array, Tracer):
            raise RuntimeError(
                errors.report(
                    f"variable {self.path!r} was assigned in a function that does not own it",
                    fix="create the variable in build() or __init__ of a layer of the model",
                )
            )
        # A copy where it may alias: the box must not change with somebody's NumPy array.
        dtypes.check_fits(array, self._value.dtype)
        same = isinstance(array, jax.Array) and array.dtype == self._value.dtype
        self._value = array if same else jax.device_put(np.array(array, self._value.dtype))
        self._lent = same

    def assign_add(self, value: Any) -> None:
        """Add to the array."""
        self.assign(self.value + _plain(value))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the array."""
        self.assign(self.value - _plain(value))

    def numpy(self) -> np.ndarray:
        """Return a copy of the array on the host."""
        return np.array(self._value)

    @property
    def trainable(self) -> bool:
        """Whether the optimizer changes it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        state.new_version()

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self._value.shape)

    @property
    def dtype(self) -> str:
        return self._value.dtype.name

    @property
    def ndim(self) -> int:
        return self._value.ndim

    @property
    def size(self) -> int:
        return int(self._value.size)

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return np.array(self.value, dtype=dtype)

    def __repr__(self) -> str:
        return f"<Variable path={self.path}, shape={self.shape}, dtype={self.dtype}>"

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> jax.Array:
        return self.value[index]

    def __bool__(self) -> bool:
        return bool(self.value)

    def __float__(self) -> float:
        return float(self.value)

    def __int__(self) -> int:
        return int(self.value)

    def __hash__(self) -> int:
        return id(self)

    # `==` compares values, as it does for arrays; `is` and hashing go by identity.
    def __eq__(self, other: object) -> Any:
        return self.value == _plain(other)

    def __ne__(self, other: object) -> Any:
        return self.value != _plain(other)


def readers() -> list[Callable[[Variable, Any], None]]:
    """Return the functions (variable, array) that are told what this thread reads: the tapes'."""
    if not hasattr(_local, "readers"):
        _local.readers = []
    return _local.readers


def held(box: Variable) -> Any:
    """Return what a variable holds, as it is kept, whatever dtype a layer computes in."""
    scope = state.current()
    return box._value if scope is None else scope.read(box)


def _plain(value: Any) -> Any:
    return value.value if isinstance(value, Variable) else value


def _operator(name: str) -> Callable[..., Any]:
    def apply(self: Variable, *others: Any) -> Any:
        return getattr(self.value, name)(*map(_plain, others))

    apply.__name__ = name
    return apply


_BINARY = "add sub mul truediv floordiv mod pow matmul and or xor".split()
for _name in (
    *_BINARY,
    *("r" + n for n in _BINARY),
    "lt",
    "le",
    "gt",
    "ge",
    "neg",
    "pos",
    "abs",
    "invert",
):
    setattr(Variable, f"__{_name}__", _operator(f"__{_name}__"))


def _initial(initializer: Any, shape: tuple[int, ...] | None, dtype: Any) -> jax.Array:
    if callable(initializer):
        if shape is None:
            where = "Variable from an initializer function"
            raise ValueError(errors.report(where, expected="a shape", got="shape=None"))
        dtype = dtypes.standardize_dtype(dtype)
        # A layer may be built while its caller is traced; its weights are drawn all the same.
        with jax.ensure_compile_time_eval():
            value = initializer(tuple(shape), dtype=dtype)
    else:
        value = _plain(initializer)
        dtype = dtype or _natural_dtype(value)
    if isinstance(value, Tracer):
        raise RuntimeError(
            errors.report(
                "a variable was made inside a compiled function",
                fix="make it in __init__ or build() of the layer, not in call()",
            )
        )
    with jax.ensure_compile_time_eval():
        if isinstance(value, jax.Array) and value.dtype == dtypes.numpy_dtype(dtype):
            return value
        dtypes.check_fits(value, dtype)
        # Through the host: a cast on the device would be a program for each shape.
        return jax.device_put(np.array(value, dtypes.numpy_dtype(dtype)))


def _natural_dtype(value: Any) -> Any:
    """Return an array's own dtype; numbers of Python and of 64 bits get the default ones."""
    given = getattr(value, "dtype", None)
    if isinstance(value, jax.Array) or (given is not None and given != np.float64):
        return given
    return config.floatx() if np.asarray(value).dtype.kind in "fc" else "int32"


class autocast:
    """Within this block variables are read in a layer's compute dtype (None: as they are)."""

    def __init__(self, dtype: str | None) -> None:
        self._dtype = dtype

    def __enter__(self) -> None:
        self._before = getattr(_local, "compute_dtype", None)
        _local.compute_dtype = self._dtype

    def __exit__(self, *_: object) -> None:
        _local.compute_dtype = self._before
