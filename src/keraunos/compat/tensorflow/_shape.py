"""`tf.TensorShape` and `tf.TensorSpec`: a tuple of sizes that knows TensorFlow's methods."""

from __future__ import annotations

import math
from typing import Any

from keraunos import errors
from keraunos.compat.tensorflow._dtypes import as_dtype


class TensorShape(tuple):
    """Sizes, None where unknown. It is a tuple, so whatever takes a shape takes it.

    An unknown rank, which TensorFlow has, does not exist here.

    Example:
        >>> shape = TensorShape([None, 3])
        >>> shape.as_list(), shape.rank, shape == (None, 3), shape[1:]
        ([None, 3], 2, True, TensorShape([3]))
    """

    __slots__ = ()

    def __new__(cls, dims: Any = ()) -> TensorShape:
        if type(dims) is cls:
            return dims
        if dims is None:
            fix = "say the number of axes: TensorShape([None, None])"
            raise ValueError(errors.report("TensorShape(None): an unknown rank", fix=fix))
        if isinstance(dims, int):
            dims = (dims,)
        return super().__new__(cls, [None if n in (None, -1) else int(n) for n in dims])

    @property
    def rank(self) -> int:
        return len(self)

    ndims = rank

    @property
    def dims(self) -> list[int | None]:
        return list(self)

    def as_list(self) -> list[int | None]:
        return list(self)

    def num_elements(self) -> int | None:
        return None if None in self else math.prod(self)

    def is_fully_defined(self) -> bool:
        return None not in self

    def is_compatible_with(self, other: Any) -> bool:
        other = TensorShape(other)
        same = (a is None or b is None or a == b for a, b in zip(self, other))
        return len(self) == len(other) and all(same)

    def assert_is_compatible_with(self, other: Any) -> None:
        if not self.is_compatible_with(other):
            raise ValueError(errors.report("shapes", expected=tuple(self), got=tuple(other)))

    def assert_has_rank(self, rank: int) -> None:
        if len(self) != rank:
            raise ValueError(errors.report("shape", expected=f"rank {rank}", got=tuple(self)))

    def with_rank(self, rank: int) -> TensorShape:
        self.assert_has_rank(rank)
        return self

    def merge_with(self, other: Any) -> TensorShape:
        self.assert_is_compatible_with(other)
        return TensorShape([b if a is None else a for a, b in zip(self, TensorShape(other))])

    def concatenate(self, other: Any) -> TensorShape:
        return TensorShape((*self, *TensorShape(other)))

    def __getitem__(self, index: Any) -> Any:
        found = tuple.__getitem__(self, index)
        return of_sizes(found) if isinstance(index, slice) else found

    # JAX adds -1 to the shape of an array, for "what is left": it must stay -1.
    def __add__(self, other: Any) -> TensorShape:
        return of_sizes((*self, *other))

    # `sizes += shape` of a list comes here too, and must leave a list.
    def __radd__(self, other: Any) -> Any:
        return [*other, *self] if isinstance(other, list) else of_sizes((*other, *self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, (list, tuple)) and tuple.__eq__(self, tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = tuple.__hash__

    def __repr__(self) -> str:
        return f"TensorShape({list(self)})"

    def __str__(self) -> str:
        return tuple.__repr__(self)


def of_sizes(sizes: tuple[Any, ...]) -> TensorShape:
    """Return a TensorShape of sizes as they are."""
    return tuple.__new__(TensorShape, sizes)


class TensorSpec:
    """A shape and a dtype: what a function or a Dataset says about its tensors.

    Example:
        >>> TensorSpec([None, 2], "float32")
        TensorSpec(shape=(None, 2), dtype=tf.float32, name=None)
    """

    def __init__(self, shape: Any, dtype: Any = "float32", name: str | None = None) -> None:
        # None in the shape's place is TensorFlow's "any rank".
        self.shape = None if shape is None else TensorShape(shape)
        self.dtype, self.name = as_dtype(dtype), name

    @classmethod
    def from_tensor(cls, tensor: Any, name: str | None = None) -> TensorSpec:
        return cls(tensor.shape, tensor.dtype, name)

    def is_compatible_with(self, other: Any) -> bool:
        shape = self.shape is None or self.shape.is_compatible_with(other.shape)
        return shape and as_dtype(other.dtype) == self.dtype

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TensorSpec) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        shape = None if self.shape is None else tuple(self.shape)
        return f"TensorSpec(shape={shape}, dtype={self.dtype!r}, name={self.name!r})"


TABLES = {"tensorflow": {"TensorShape": TensorShape, "TensorSpec": TensorSpec}}
