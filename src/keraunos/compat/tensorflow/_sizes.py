"""Sizes in arguments: numbers, tensors, and `tf.shape(x)[0]` of a symbolic x."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos import errors, ops
from keraunos._core.op import op
from keraunos._core.symbolic import SymbolicTensor
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor


class Size:
    """An unknown size of a symbolic tensor, times and plus numbers, for use in another shape.

    Example:
        >>> from keraunos._core.symbolic import SymbolicTensor
        >>> batch = shape(SymbolicTensor((None, 3)))[0]
        >>> reshape_to = sized(reshape, 1)
        >>> reshape_to(SymbolicTensor((None, 2, 3)), [batch, 6]).shape
        (None, 6)
    """

    def __init__(self, of: SymbolicTensor, axis: int, steps: tuple[Any, ...] = ()) -> None:
        self.of, self.axis, self.steps = of, axis, steps

    def known(self, shape: Any) -> int:
        """Return the size, of an array that has come in the tensor's place."""
        value = shape[self.axis]
        for name, other in self.steps:
            value = getattr(operator, name)(value, other)
        return value

    def __repr__(self) -> str:
        return f"<size of axis {self.axis} of {self.of.name}>"


def _step(name: str) -> Callable[..., Any]:
    return lambda self, other: Size(self.of, self.axis, (*self.steps, (name, int(other))))


for _name in ("add", "sub", "mul", "floordiv", "truediv"):
    setattr(Size, f"__{_name}__", _step(_name.replace("truediv", "floordiv")))
Size.__radd__ = Size.__add__  # pyright: ignore[reportAttributeAccessIssue]
Size.__rmul__ = Size.__mul__  # pyright: ignore[reportAttributeAccessIssue]


def shape(x: Any, out_type: Any = "int32") -> Any:
    """Return the shape: known sizes, as a host tensor, so that other shapes can be made of it."""
    x = tensor(x)
    if isinstance(x, SymbolicTensor) and None in x.shape:
        return [Size(x, axis) if n is None else n for axis, n in enumerate(x.shape)]
    return host(np.asarray(tuple(x.shape), as_dtype(out_type).as_numpy_dtype))


def sizes(value: Any) -> list[Any]:
    """Return a shape, given as numbers, tensors or sizes, as a list of numbers and sizes."""
    if isinstance(value, (int, np.integer)):
        return [int(value)]
    if not isinstance(value, (list, tuple)):
        value = np.atleast_1d(_known(value)).tolist()
    return [v if isinstance(v, Size) else -1 if v is None else int(_known(v)) for v in value]


def number(value: Any) -> Any:
    """Return a number of a tensor."""
    if isinstance(value, (int, float)):
        return value
    return np.asarray(_known(value))[()]


def _known(value: Any) -> Any:
    if isinstance(value, SymbolicTensor):
        fix = "take the size from tf.shape(x), or do it in a layer's call"
        raise TypeError(errors.report("a size that is a symbolic tensor's value", fix=fix))
    return value


def reshape(x: Any, shape: Any) -> Any:
    """Return x in another shape; on the host, if it is there."""
    if isinstance(x, HostTensor):
        return host(np.reshape(x.view(np.ndarray), shape))
    return ops.reshape(tensor(x), tuple(shape))


def sized(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return the function, whose argument at `place` is a shape, with all kinds of sizes in it."""

    def late(of: list[Any], args: list[Any], shape: list[Any]) -> Any:
        arrays = {id(size): array for size, array in zip([s for s in shape if _open(s)], of)}
        known = [s.known(arrays[id(s)].shape) if _open(s) else s for s in shape]
        return function(*args[:place], known, *args[place:])

    node = op(late, name=f"tf.sized.{getattr(function, '__name__', 'function')}")

    def call(*args: Any) -> Any:
        shape = sizes(args[place])
        rest = [*args[:place], *args[place + 1 :]]
        unknown = [s for s in shape if _open(s)]
        if unknown:
            return node([s.of for s in unknown], rest, shape)
        return function(*args[:place], shape, *args[place + 1 :])

    call.__name__ = getattr(function, "__name__", "function")
    call.__doc__ = function.__doc__
    return call


def _open(size: Any) -> bool:
    return isinstance(size, Size)
