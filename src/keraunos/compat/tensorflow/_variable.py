"""`tf.Variable` and `tf.Module`: keraunos's variables under TensorFlow's constructor."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp

from keraunos._core import naming
from keraunos._core.variable import Variable as Box
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._shape import TensorShape
from keraunos.compat.tensorflow._sizes import sizes
from keraunos.compat.tensorflow._tensor import tensor


class Variable(Box):
    """A variable with TensorFlow's constructor and methods; layers and models track it.

    Example:
        >>> v = Variable([1.0, 2.0], name="v")
        >>> v.assign_add([1.0, 1.0]).numpy()
        array([2., 3.], dtype=float32)
    """

    def __init__(
        self,
        initial_value: Any = None,
        trainable: bool | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        import_scope: Any = None,
        constraint: Any = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
        experimental_enable_variable_lifting: bool = True,
    ) -> None:
        value = initial_value() if callable(initial_value) else initial_value
        value = tensor(value, dtype)
        name = (name or naming.unique("Variable")).removesuffix(":0").replace("/", "_")
        super().__init__(value, trainable=trainable is not False, name=name)
        self.constraint = constraint

    @property
    def shape(self) -> Any:
        return TensorShape(self._value.shape)

    @property
    def dtype(self) -> Any:
        return as_dtype(self._value.dtype.name)

    def assign(  # pyright: ignore[reportIncompatibleMethodOverride] - TensorFlow returns it
        self, value: Any, use_locking: Any = None, name: Any = None, read_value: Any = None
    ) -> Variable:
        """Replace the values; return the variable."""
        super().assign(value if isinstance(value, Box) else tensor(value, self.dtype))
        return self

    def assign_add(  # pyright: ignore[reportIncompatibleMethodOverride] - TensorFlow returns it
        self, value: Any, use_locking: Any = None, name: Any = None, read_value: Any = None
    ):
        """Add to the values; return the variable."""
        return self.assign(self.value + tensor(value, self.dtype))

    def assign_sub(  # pyright: ignore[reportIncompatibleMethodOverride] - TensorFlow returns it
        self, value: Any, use_locking: Any = None, name: Any = None, read_value: Any = None
    ):
        """Subtract from the values; return the variable."""
        return self.assign(self.value - tensor(value, self.dtype))

    def initialized_value(self) -> Any:
        return self.value

    def scatter_nd_update(self, indices: Any, updates: Any, name: Any = None) -> Variable:
        """Replace elements or rows."""
        place = tuple(jnp.moveaxis(tensor(indices), -1, 0))
        return self.assign(self.value.at[place].set(tensor(updates, self.dtype)))

    def scatter_nd_add(self, indices: Any, updates: Any, name: Any = None) -> Variable:
        """Add to elements or rows."""
        place = tuple(jnp.moveaxis(tensor(indices), -1, 0))
        return self.assign(self.value.at[place].add(tensor(updates, self.dtype)))

    def __repr__(self) -> str:
        shape, kind = tuple(self.shape), self.dtype.name
        return f"<tf.Variable {self.name!r} shape={shape} dtype={kind}, numpy={self.numpy()!r}>"


class Module:
    """A base for classes that own variables: it finds them in attributes, lists and dicts.

    Example:
        >>> class Line(Module):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.slope = Variable(2.0)
        >>> len(Line().trainable_variables)
        1
    """

    def __init__(self, name: str | None = None) -> None:
        self._name = name or type(self).__name__.lower()

    @property
    def name(self) -> str:
        return self._name

    @property
    def variables(self) -> tuple[Any, ...]:
        return tuple(found(self, Box))

    @property
    def trainable_variables(self) -> tuple[Any, ...]:
        return tuple(v for v in self.variables if v.trainable)

    @property
    def submodules(self) -> tuple[Any, ...]:
        return tuple(m for m in found(self, Module) if m is not self)

    @staticmethod
    def with_name_scope(method: Any) -> Any:
        return method


def found(owner: Any, kind: type) -> list[Any]:
    """Return the objects of a kind anywhere in an object's attributes, each once."""
    results: list[Any] = []
    seen: set[int] = set()

    def walk(value: Any) -> None:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, kind):
            results.append(value)
        if isinstance(value, (list, tuple, set)):
            for one in value:
                walk(one)
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                walk(value[key])
        elif isinstance(value, Module):
            walk({k: v for k, v in vars(value).items() if k != "_name"})
        elif kind is Box and hasattr(value, "trainable_variables"):
            walk(list(value.variables))

    walk(owner)
    return results


def zeros_initializer(*_: Any, **__: Any) -> Any:
    """Return an initializer of zeros: `f(shape, dtype)`."""
    return lambda shape, dtype="float32", **_: jnp.zeros(sizes(shape), as_dtype(dtype).name)


def ones_initializer(*_: Any, **__: Any) -> Any:
    """Return an initializer of ones: `f(shape, dtype)`."""
    return lambda shape, dtype="float32", **_: jnp.ones(sizes(shape), as_dtype(dtype).name)


def _initializer(name: str) -> Any:
    def make(*args: Any, **kwargs: Any) -> Any:
        """Return a random initializer: `f(shape, dtype)`."""
        from keraunos import initializers

        return getattr(initializers, name)(*args, **kwargs)

    return make


_INITIALIZERS = {
    "zeros_initializer": zeros_initializer,
    "ones_initializer": ones_initializer,
    "random_normal_initializer": _initializer("RandomNormal"),
    "random_uniform_initializer": _initializer("RandomUniform"),
    "constant_initializer": _initializer("Constant"),
}


class VariableAggregation:
    """How the copies of a variable on several devices are joined; kept for programs that say it."""

    NONE, SUM, MEAN, ONLY_FIRST_REPLICA = "none", "sum", "mean", "only_first_replica"


class VariableSynchronization:
    """When the copies of a variable are joined; kept for programs that say it."""

    AUTO, NONE, ON_WRITE, ON_READ = "auto", "none", "on_write", "on_read"


TABLES = {
    "tensorflow": {
        "Variable": Variable,
        "Module": Module,
        "VariableAggregation": VariableAggregation,
        "VariableSynchronization": VariableSynchronization,
        **_INITIALIZERS,
    },
}
