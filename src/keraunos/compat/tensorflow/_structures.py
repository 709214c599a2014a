"""`tf.ragged`, `tf.nest`, `tf.sparse`, `tf.lookup`, `tf.TensorArray`: structures around tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import errors, tree
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._shape import TensorShape
from keraunos.compat.tensorflow._sizes import sizes
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor

# -- ragged: rows of different lengths, one level deep


class RaggedTensor:
    """Rows of different lengths, one level deep: all values in one tensor, and the lengths.

    Example:
        >>> rows = RaggedTensor.from_rows([[1, 2], [3]])
        >>> rows.to_tensor().tolist(), rows.row_lengths().tolist()
        ([[1, 2], [3, 0]], [2, 1])
    """

    def __init__(self, values: Any, lengths: Any) -> None:
        self.values, self._lengths = tensor(values), np.asarray(lengths, np.int32)

    @classmethod
    def from_rows(cls, rows: Any, dtype: Any = None) -> RaggedTensor:
        rows = [tensor(r, dtype) for r in rows]
        kinds = [r for r in rows if len(r)] or rows[:1]
        if not kinds:
            return cls(jnp.zeros((0,), as_dtype(dtype or "float32").name), [])
        texts = isinstance(kinds[0], HostTensor)
        flat = host(np.concatenate(kinds)) if texts else jnp.concatenate(kinds)
        return cls(flat, [len(r) for r in rows])

    @classmethod
    def from_row_lengths(cls, values: Any, row_lengths: Any, *_: Any, **__: Any) -> RaggedTensor:
        return cls(values, row_lengths)

    @classmethod
    def from_row_splits(cls, values: Any, row_splits: Any, *_: Any, **__: Any) -> RaggedTensor:
        return cls(values, np.diff(np.asarray(row_splits)))

    @classmethod
    def from_tensor(cls, value: Any, lengths: Any = None, padding: Any = None, **_: Any) -> Any:
        array = np.asarray(tensor(value))
        if lengths is None:
            kept = np.ones(array.shape, bool) if padding is None else array != padding
            lengths = [int(k.nonzero()[0].max(initial=-1)) + 1 for k in kept]
        return cls.from_rows([r[: int(n)] for r, n in zip(array, np.asarray(lengths))])

    flat_values = property(lambda self: self.values)
    dtype = property(lambda self: self.values.dtype)
    ragged_rank = 1

    @property
    def shape(self) -> TensorShape:
        return TensorShape((len(self), None, *self.values.shape[1:]))

    def with_values(self, values: Any) -> RaggedTensor:
        return RaggedTensor(values, self._lengths)

    def row_lengths(self, axis: int = 1) -> Any:
        return tensor(self._lengths)

    def row_splits(self) -> Any:
        return tensor(np.concatenate([[0], np.cumsum(self._lengths)]).astype(np.int32))

    def nrows(self) -> int:
        return len(self)

    def to_tensor(self, default_value: Any = None, name: Any = None, shape: Any = None) -> Any:
        """Return the rows filled up to the longest, or to the shape's second size."""
        wanted = None if shape is None else list(shape)[1]
        width = int(self._lengths.max(initial=0)) if wanted is None else int(wanted)
        texts = isinstance(self.values, HostTensor)
        fill = (b"" if texts else 0) if default_value is None else default_value
        values = np.asarray(self.values)
        full = np.full((len(self), width, *values.shape[1:]), fill, values.dtype)
        for i, line in enumerate(self):
            part = np.asarray(line)[:width]
            full[i, : len(part)] = part
        return host(full) if texts else tensor(full)

    def to_list(self) -> list[Any]:
        return [np.asarray(r).tolist() for r in self]

    numpy = lambda self: np.array([np.asarray(r) for r in self], dtype=object)  # noqa: E731

    def __len__(self) -> int:
        return len(self._lengths)

    def __iter__(self) -> Iterator[Any]:
        ends = np.cumsum(self._lengths)
        return (self.values[e - n : e] for e, n in zip(ends.tolist(), self._lengths.tolist()))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, tuple):
            rows, *rest = index
            cut = [r[tuple(rest)] for r in list(self)[rows]] if isinstance(rows, slice) else None
            return self[rows][tuple(rest)] if cut is None else RaggedTensor.from_rows(cut)
        if isinstance(index, slice):
            return RaggedTensor.from_rows(list(self)[index])
        return list(self)[operator.index(index)]

    def __repr__(self) -> str:
        return f"<tf.RaggedTensor {self.to_list()}>"


def _ragged_constant(rows: Any, dtype: Any) -> RaggedTensor:
    if any(isinstance(item, (list, tuple)) for r in rows for item in r):
        where = "tf.ragged.constant of more than two levels"
        raise ValueError(errors.report(where, fix="pad the inner lists to one length"))
    return RaggedTensor.from_rows(rows, dtype)


def _ragged_stack(values: Any, axis: int) -> RaggedTensor:
    return RaggedTensor.from_rows(values)


# -- sparse: a COO tensor that becomes dense


class SparseTensor:
    """Indices, values and a shape; `tf.sparse.to_dense` makes an array of them."""

    def __init__(self, indices: Any, values: Any, dense_shape: Any) -> None:
        self.indices, self.values = tensor(indices), tensor(values)
        self.dense_shape = TensorShape(sizes(dense_shape))
        self.shape, self.dtype = self.dense_shape, self.values.dtype


def _to_dense(sparse: SparseTensor, default: Any) -> Any:
    start = jnp.full(tuple(sparse.shape), 0 if default is None else default, sparse.values.dtype)
    return start.at[tuple(jnp.moveaxis(sparse.indices, -1, 0))].set(sparse.values)


def _from_dense(value: Any) -> SparseTensor:
    array = np.asarray(tensor(value))
    places = np.argwhere(array).astype(np.int32)
    return SparseTensor(places, array[tuple(places.T)], array.shape)


class IndexedSlices:
    """Rows of a tensor and where they belong."""

    def __init__(self, values: Any, indices: Any, dense_shape: Any = None) -> None:
        self.values, self.indices, self.dense_shape = values, indices, dense_shape


# -- lookup tables


class KeyValueTensorInitializer:
    """Keys and values of a table."""

    def __init__(
        self,
        keys: Any,
        values: Any,
        key_dtype: Any = None,
        value_dtype: Any = None,
        name: Any = None,
    ) -> None:
        self.keys, self.values = tensor(keys, key_dtype), tensor(values, value_dtype)


class TextFileIndex:
    """What of a text file's line is a key or a value."""

    WHOLE_LINE, LINE_NUMBER = -2, -1


class TextFileInitializer(KeyValueTensorInitializer):
    """A table from the lines of a file: words, line numbers or columns."""

    def __init__(
        self,
        filename: str,
        key_dtype: Any,
        key_index: int,
        value_dtype: Any,
        value_index: int,
        vocab_size: int | None = None,
        delimiter: str = "\t",
        **_: Any,
    ) -> None:
        lines = Path(str(filename)).read_text().splitlines()[:vocab_size]
        keys, values = (_column(lines, i, delimiter) for i in (key_index, value_index))
        number = as_dtype(value_dtype).is_integer
        super().__init__(keys, [int(v) for v in values] if number else values)


def _column(lines: list[str], index: int, delimiter: str) -> list[Any]:
    if index == TextFileIndex.LINE_NUMBER:
        return list(range(len(lines)))
    if index == TextFileIndex.WHOLE_LINE:
        return lines
    return [line.split(delimiter)[index] for line in lines]


class StaticHashTable:
    """A table from keys to values; what is not in it has the default value.

    Example:
        >>> table = StaticHashTable(KeyValueTensorInitializer(["a", "b"], [1, 2]), -1)
        >>> table.lookup(host(["b", "c"])).tolist()
        [2, -1]
    """

    def __init__(self, initializer: Any, default_value: Any, name: Any = None, **_: Any) -> None:
        self._values, self._default = initializer.values, default_value
        keys = np.asarray(initializer.keys).tolist()
        self._table = dict(zip(keys, np.asarray(initializer.values).tolist()))

    def lookup(self, keys: Any, name: Any = None) -> Any:
        array = np.asarray(tensor(keys))
        default = host(self._default).numpy() if isinstance(self._default, str) else self._default
        found = [self._table.get(k, default) for k in array.ravel().tolist()]
        if isinstance(self._values, HostTensor):
            return host(np.array(found, object).reshape(array.shape))
        return tensor(np.array(found, self._values.dtype).reshape(array.shape))

    __getitem__ = lookup

    def size(self, name: Any = None) -> Any:
        return tensor(np.int32(len(self._table)))

    def export(self, name: Any = None) -> tuple[Any, Any]:
        return tensor(list(self._table)), tensor(list(self._table.values()))


class StaticVocabularyTable(StaticHashTable):
    """A table whose unknown keys are hashed into buckets behind the known ones."""

    def __init__(self, initializer: Any, num_oov_buckets: int, *_: Any, **__: Any) -> None:
        super().__init__(initializer, 0)
        self._buckets = int(num_oov_buckets)

    def lookup(self, keys: Any, name: Any = None) -> Any:
        from keraunos.layers.preprocessing import _hashes

        array, first = np.asarray(tensor(keys)), len(self._table)

        def place(key: bytes) -> int:
            known = self._table.get(key)
            return (
                first + int(_hashes.fingerprint([key])[0] % self._buckets)
                if known is None
                else known
            )

        found = [place(k) for k in array.ravel().tolist()]
        return tensor(np.array(found, np.int32).reshape(array.shape))

    __getitem__ = lookup


# -- TensorArray


class TensorArray:
    """A list of tensors that `write` and `read` reach by their place, and `stack` joins."""

    def __init__(self, dtype: Any = None, size: Any = 0, *_: Any, **__: Any) -> None:
        self._items: list[Any] = [None] * int(size)
        self.dtype = as_dtype(dtype)

    def write(self, index: Any, value: Any, name: Any = None) -> TensorArray:
        index = operator.index(index)
        self._items += [None] * (index + 1 - len(self._items))
        self._items[index] = tensor(value)
        return self

    def read(self, index: Any, name: Any = None) -> Any:
        return self._items[operator.index(index)]

    def stack(self, name: Any = None) -> Any:
        return jnp.stack([v for v in self._items if v is not None])

    def concat(self, name: Any = None) -> Any:
        return jnp.concatenate([v for v in self._items if v is not None])

    def unstack(self, value: Any, name: Any = None) -> TensorArray:
        self._items = list(tensor(value))
        return self

    def size(self, name: Any = None) -> int:
        return len(self._items)


# -- nest


def _pack(structure: Any, flat: Any, *_: Any, **__: Any) -> Any:
    return tree.pack_sequence_as(structure, flat)


def _map_structure(func: Callable[..., Any], *structures: Any, **_: Any) -> Any:
    return tree.map_structure(func, *structures)


TABLES: dict[str, dict[str, Any]] = {
    "tensorflow.ragged": {
        "constant": row(_ragged_constant, "pylist, dtype=None | ragged_rank=None"),
        "stack": row(_ragged_stack, "values, axis=0"),
    },
    "tensorflow.sparse": {
        "SparseTensor": SparseTensor,
        "to_dense": row(_to_dense, "sp_input, default_value=None | validate_indices=True"),
        "from_dense": row(_from_dense, "tensor"),
    },
    "tensorflow.lookup": {
        "StaticHashTable": StaticHashTable,
        "StaticVocabularyTable": StaticVocabularyTable,
        "KeyValueTensorInitializer": KeyValueTensorInitializer,
        "TextFileInitializer": TextFileInitializer,
        "TextFileIndex": TextFileIndex,
    },
    "tensorflow.nest": {
        "flatten": lambda structure, expand_composites=False: tree.flatten(structure),
        "map_structure": _map_structure,
        "pack_sequence_as": _pack,
        "is_nested": tree.is_nested,
        "assert_same_structure": lambda a, b, *_, **__: tree.assert_same_structure(a, b),
    },
    "tensorflow": {
        "RaggedTensor": RaggedTensor,
        "SparseTensor": SparseTensor,
        "IndexedSlices": IndexedSlices,
        "TensorArray": TensorArray,
    },
}
