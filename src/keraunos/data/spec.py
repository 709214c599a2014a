"""What an element looks like: shape and dtype of each of its arrays."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import structure


@dataclasses.dataclass(frozen=True)
class TensorSpec:
    """The shape and the dtype of an array.

    Args:
        shape: sizes, None for those that vary; None if even their number does.
        dtype: a name such as "float32", "string" for text and bytes.
        name: kept for programs that pass it.

    Example:
        >>> TensorSpec((None, 3), np.float32)
        TensorSpec(shape=(None, 3), dtype='float32')
    """

    shape: Any = None
    dtype: Any = "float32"
    name: str | None = dataclasses.field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        shape = self.shape
        if shape is not None:
            shape = getattr(shape, "as_list", lambda: shape)()
            shape = (shape,) if isinstance(shape, int) else tuple(shape)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "dtype", dtype_name(self.dtype))


def dtype_name(dtype: Any) -> str:
    """Return a dtype's name; text and bytes are "string".

    Example:
        >>> dtype_name(np.int64), dtype_name("U5")
        ('int64', 'string')
    """
    if not isinstance(dtype, (str, type, np.dtype)):
        dtype = getattr(dtype, "name", dtype)  # another library's, tf.float32
    if dtype in ("string", "bfloat16", "variant"):
        return str(dtype)
    found = np.dtype(dtype)
    return "string" if found.kind in "OSU" else found.name


def spec_of(element: Any) -> Any:
    """Return the specs of an element.

    Example:
        >>> spec_of((np.zeros((2, 3)), np.int32(1)))
        (TensorSpec(shape=(2, 3), dtype='float64'), TensorSpec(shape=(), dtype='int32'))
    """
    return structure.mapped(_of, element)


def _of(one: Any) -> Any:
    if isinstance(one, (str, bytes)):
        return TensorSpec((), "string")
    if hasattr(one, "shape") and hasattr(one, "dtype"):
        return TensorSpec(one.shape, one.dtype)
    return DatasetSpec(one.element_spec) if hasattr(one, "element_spec") else TensorSpec(None, "O")


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """The elements of a dataset that is itself an element, as `window` makes them."""

    element_spec: Any


def with_axis(spec: Any, size: int | None) -> Any:
    """Return the spec of a batch of `size` elements; None if their number varies."""
    return structure.mapped(lambda one: _reshaped(one, lambda shape: (size, *shape)), spec)


def without_axis(spec: Any) -> Any:
    """Return the spec of one element of a batch."""
    return structure.mapped(lambda one: _reshaped(one, lambda shape: shape[1:]), spec)


def _reshaped(spec: Any, change: Callable[[Any], Any]) -> Any:
    shape = getattr(spec, "shape", None)  # a dataset has none
    return spec if shape is None else dataclasses.replace(spec, shape=change(shape))


def loosened(found: Any, given: Any, example: Any) -> Any:
    """Return specs found from an example, open in the first axis where that followed the batch.

    Args:
        found: of what a function made of the example.
        given: of what the function takes.
        example: what it took.
    """
    sizes = {
        np.shape(one)[0]
        for spec, one in zip(structure.leaves(given), structure.leaves(example), strict=True)
        if getattr(spec, "shape", None) and spec.shape[0] is None
    }

    def loosen(one: Any) -> Any:
        shape = getattr(one, "shape", None)
        return (
            dataclasses.replace(one, shape=(None, *shape[1:]))
            if shape and shape[0] in sizes
            else one
        )

    return structure.mapped(loosen, found) if sizes else found


def merged(specs: list[Any]) -> Any:
    """Return what several specs have in common: sizes that differ are None.

    Raises:
        TypeError: other structures or dtypes.
    """

    def merge(*some: Any) -> Any:
        if isinstance(some[0], DatasetSpec):
            return DatasetSpec(merged([one.element_spec for one in some]))
        if len({one.dtype for one in some}) > 1:
            raise ValueError
        shapes = [one.shape for one in some]
        if len({None if s is None else len(s) for s in shapes}) > 1 or shapes[0] is None:
            return TensorSpec(None, some[0].dtype)
        sizes = (n[0] if len(set(n)) == 1 else None for n in zip(*shapes))
        return TensorSpec(tuple(sizes), some[0].dtype)

    try:
        return structure.mapped(merge, *specs)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        got = " and ".join(map(repr, specs))
        raise TypeError(errors.report("Dataset", expected="elements alike", got=got)) from error


def fitted(value: Any, spec: TensorSpec, where: str) -> Any:
    """Return a value as an array of the dtype of its spec.

    Raises:
        TypeError: it cannot be one.
        ValueError: it has another shape.
    """
    if spec.dtype == "string":
        found = value if isinstance(value, (str, bytes)) else np.asarray(value)
    else:
        try:
            found = np.asarray(value).astype(spec.dtype)
        except (TypeError, ValueError) as error:
            text = errors.report(where, expected=spec, got=repr(value))
            raise TypeError(text) from error
    shape = np.shape(found)
    wanted = shape if spec.shape is None else spec.shape
    if len(wanted) != len(shape) or any(w not in (None, n) for w, n in zip(wanted, shape)):
        raise ValueError(errors.report(where, expected=f"shape {wanted}", got=f"shape {shape}"))
    return structure.leaf(found)
