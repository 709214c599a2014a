"""Integers as one-hot, multi-hot or count vectors: one rule for the host and for the device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core import dtypes

# Names of modes that Keras still takes beside its own.
RENAMED = {"binary": "multi_hot", "tf-idf": "tf_idf"}
# Rows are counted so many cells at a time.
_CELLS = 1 << 24


def output_shape(shape: Any, mode: str, depth: int | None) -> tuple[int | None, ...]:
    """Return the shape of the encoded integers.

    `one_hot` encodes each integer (on the last axis itself where that has size 1); the other
    modes encode each row of the last axis.
    """
    shape = tuple(shape)
    if mode == "int":
        return shape
    if mode == "one_hot":
        return (*(shape[:-1] if len(shape) > 1 and shape[-1] == 1 else shape), depth)
    return (*shape[:-1], depth)


def encode(ids: Any, mode: str, depth: int, dtype: str, weights: Any = None) -> Any:
    """Return encoded integers; those outside of 0 ... depth - 1 leave no trace.

    Args:
        ids: (..., row), NumPy or traced.
        mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`.
        depth: size of the new axis.
        dtype: of the result, for all modes but `"int"`.
        weights: with `"count"`, what each integer counts; of the shape of ids.
    """
    if mode == "int":
        return ids
    shape: Any = output_shape(ids.shape, mode, depth)
    if isinstance(ids, jax.Array):
        return _on_device(ids, mode, depth, dtype, weights, shape)
    rows = ids.reshape(-1, ids.shape[-1] if ids.ndim and mode != "one_hot" else 1)
    if mode != "count":
        return _marked(rows, depth, dtype).reshape(shape)
    given = None if weights is None else np.asarray(weights, np.float64).reshape(rows.shape)
    return _rows(rows, given, depth, dtype).reshape(shape)


def count(row: np.ndarray, ids: np.ndarray, rows: int, depth: int, dtype: str) -> np.ndarray:
    """Return how often each of `depth` integers stands in each row.

    Args:
        row, ids: one entry each for every element: the row where it stands, in order, and itself.
        rows: how many rows there are.
    """
    return _counted(row, ids, None, rows, depth, dtype)


def _marked(ids: np.ndarray, depth: int, dtype: str) -> np.ndarray:
    """Return 1 where an integer stands in a row."""
    out = np.zeros((len(ids), depth), dtypes.numpy_dtype(dtype))
    inside = (ids >= 0) & (ids < depth)
    cells = np.arange(len(ids))[:, None] * depth + ids
    out.reshape(-1)[cells.ravel() if inside.all() else cells[inside]] = 1
    return out


def _rows(ids: np.ndarray, weights: Any, depth: int, dtype: str) -> np.ndarray:
    row = np.repeat(np.arange(len(ids)), ids.shape[1])
    given = None if weights is None else weights.ravel()
    return _counted(row, ids.ravel(), given, len(ids), depth, dtype)


def _counted(row: Any, ids: Any, weights: Any, rows: int, depth: int, dtype: str) -> np.ndarray:
    out = np.zeros((rows, depth), dtypes.numpy_dtype(dtype))
    inside = (ids >= 0) & (ids < depth)
    row, ids = row[inside], ids[inside]
    weights = None if weights is None else weights[inside]
    step = max(1, _CELLS // depth)
    for first in range(0, rows, step):
        size = min(step, rows - first)
        part = slice(*np.searchsorted(row, (first, first + size)))
        cells = (row[part] - first) * depth + ids[part]
        given = None if weights is None else weights[part]
        out[first : first + size] = np.bincount(cells, given, size * depth).reshape(size, depth)
    return out


def _on_device(ids: Any, mode: str, depth: int, dtype: str, weights: Any, shape: Any) -> Any:
    if mode == "one_hot":
        return jax.nn.one_hot(ids.reshape(shape[:-1]), depth, dtype=dtype)
    ids = ids[None] if ids.ndim == 0 else ids
    hot = jax.nn.one_hot(ids, depth, dtype=dtype)
    if mode == "multi_hot":
        return jnp.max(hot, axis=-2)
    return jnp.sum(hot if weights is None else hot * weights[..., None].astype(dtype), axis=-2)
