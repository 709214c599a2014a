"""Shapes, parts and new tensors: `tf.reshape`, `tf.gather`, `tf.concat`, `tf.zeros` and so on."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import errors, ops
from keraunos.compat.tensorflow import _sizes
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import graph, row
from keraunos.compat.tensorflow._sizes import sized, sizes
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor


class Unique(NamedTuple):
    """The different elements, and for each element which of them it is."""

    y: Any
    idx: Any


class UniqueCounts(NamedTuple):
    """As `Unique`, and how often each occurs."""

    y: Any
    idx: Any
    count: Any


# -- about a tensor


def _size(x: Any) -> Any:
    return host(np.asarray(tensor(x).size, np.int32))


def _rank(x: Any) -> Any:
    return host(np.asarray(tensor(x).ndim, np.int32))


def _cast(x: Any, dtype: Any) -> Any:
    kind = as_dtype(dtype)
    if isinstance(x, HostTensor) and kind != "string":
        return host(x.view(np.ndarray).astype(kind.as_numpy_dtype))
    x = tensor(x)
    return x if as_dtype(x.dtype) == kind else ops.cast(x, kind.name)


# -- new tensors


def _filled(value: int) -> Any:
    def call(shape: Any, dtype: Any) -> Any:
        return jnp.full(shape, value, as_dtype(dtype).as_numpy_dtype)

    return row(sized(call, 0), "shape, dtype='float32'")


def _like(value: int) -> Any:
    def call(x: Any, dtype: Any) -> Any:
        x = tensor(x)
        like = ops.ones_like if value else ops.zeros_like
        return like(x, None if dtype is None else as_dtype(dtype).name)

    return row(call, "input, dtype=None")


def _fill(dims: Any, value: Any) -> Any:
    value = tensor(value)
    if isinstance(value, HostTensor):
        return host(np.full(dims, value.numpy(), dtype=object))
    return jnp.full(dims, value)


def _range(start: Any, limit: Any = None, delta: Any = 1, dtype: Any = None, name: Any = None):
    """Return numbers from start up to limit, which is left out, `delta` apart."""
    start, stop = (0, start) if limit is None else (start, limit)
    start, stop, delta = (_sizes.number(v) for v in (start, stop, delta))
    values = np.arange(start, stop, delta)
    if values.dtype == np.float64:
        values = values.astype(np.float32)
    elif values.dtype == np.int64 and dtype is None:
        values = values.astype(np.int32)
    return tensor(values, dtype)


def _eye(num_rows: Any, num_columns: Any, batch_shape: Any, dtype: Any) -> Any:
    one = jnp.eye(int(num_rows), num_columns and int(num_columns), dtype=as_dtype(dtype).name)
    return one if batch_shape is None else jnp.broadcast_to(one, (*sizes(batch_shape), *one.shape))


# -- parts


def _gather(params: Any, indices: Any, axis: Any, batch_dims: int) -> Any:
    params, indices = tensor(params), tensor(indices)
    axis = batch_dims if axis is None else int(axis)
    if batch_dims == 0:
        return ops.take(params, indices, axis=axis)
    return _gather_in_batch(params, indices, axis, batch_dims)


def _in_batch(params: Any, indices: Any, axis: int, batch_dims: int) -> Any:
    axis = axis % params.ndim - batch_dims
    take = lambda p, i: jnp.take(p, i, axis=axis)  # noqa: E731
    for _ in range(batch_dims % indices.ndim if batch_dims < 0 else batch_dims):
        take = jax.vmap(take)
    return take(params, indices)


_gather_in_batch = graph("gather_in_batch", _in_batch, "params, indices, axis, batch_dims")


def _gather_nd(params: Any, indices: Any, batch_dims: int = 0) -> Any:
    pick = lambda p, i: p[tuple(jnp.moveaxis(i, -1, 0))]  # noqa: E731
    for _ in range(batch_dims):
        pick = jax.vmap(pick)
    return pick(params, indices)


def _host_gather(params: Any, indices: Any, axis: Any, batch_dims: int) -> Any:
    return np.take(params, indices, axis=batch_dims if axis is None else axis)


def _slice(x: Any, begin: Any, size: Any) -> Any:
    begin, size = sizes(begin), sizes(size)
    return x[tuple(slice(b, None if n == -1 else b + n) for b, n in zip(begin, size))]


def _strided_slice(x: Any, begin: Any, end: Any, strides: Any) -> Any:
    begin, end = sizes(begin), sizes(end)
    strides = [1] * len(begin) if strides is None else sizes(strides)
    return x[tuple(slice(b, e, s) for b, e, s in zip(begin, end, strides))]


def _boolean_mask(x: Any, mask: Any, axis: Any) -> Any:
    x, mask = tensor(x), tensor(mask)
    if isinstance(mask, Tracer):
        fix = "tf.where with a value for the others, or do it outside of tf.function"
        where = "tf.boolean_mask in a compiled function: the size would depend on values"
        raise ValueError(errors.report(where, fix=fix))
    axis = 0 if axis is None else int(axis) % x.ndim
    kept = np.nonzero(np.asarray(mask).ravel())[0]
    shape = x.shape[:axis] + (-1,) + x.shape[axis + mask.ndim :]
    flat = x.reshape(shape)
    return (
        host(np.take(flat, kept, axis=axis))
        if isinstance(x, HostTensor)
        else jnp.take(flat, kept, axis=axis)
    )


def _where(condition: Any, x: Any, y: Any) -> Any:
    if x is not None:
        return ops.where(
            tensor(condition), *(v if isinstance(v, (int, float)) else tensor(v) for v in (x, y))
        )
    condition = tensor(condition)
    if isinstance(condition, Tracer):
        fix = "give x and y: tf.where(condition, x, y)"
        raise ValueError(errors.report("tf.where(condition) in a compiled function", fix=fix))
    return tensor(np.argwhere(np.asarray(condition)).astype(np.int32))


def _unique(x: Any) -> Any:
    values, _, places, _ = _in_order(x)
    return Unique(values, places)


def _unique_with_counts(x: Any) -> Any:
    values, _, places, counts = _in_order(x)
    return UniqueCounts(values, places, counts)


def _in_order(x: Any) -> tuple[Any, ...]:
    """Return the different elements in the order of their first appearance."""
    array = np.asarray(tensor(x))
    values, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(first)
    places = np.argsort(order)[inverse.ravel()]
    ints = lambda a: tensor(a.astype(np.int32))  # noqa: E731
    return tensor(values[order]), first, ints(places), ints(counts[order])


# -- shape and order


def _transpose(a: Any, perm: Any, conjugate: bool) -> Any:
    found = ops.transpose(tensor(a), axes=None if perm is None else sizes(perm))
    return ops.conj(found) if conjugate else found


def _concat(values: Any, axis: Any) -> Any:
    values = list(values) if isinstance(values, (list, tuple)) else [values]
    return ops.concatenate([tensor(v) for v in values], axis=int(axis))


def _stack(values: Any, axis: Any) -> Any:
    return ops.stack([tensor(v) for v in values], axis=int(axis))


def _unstack(value: Any, num: Any, axis: int) -> Any:
    if isinstance(value, HostTensor):
        return [host(v) for v in np.moveaxis(value, axis, 0)]
    return ops.unstack(tensor(value), num, axis)


def _split(value: Any, num_or_size_splits: Any, axis: Any, num: Any = None) -> Any:
    value, axis = tensor(value), int(axis)
    parts = np.asarray(num_or_size_splits)
    if parts.ndim == 0:
        return list(ops.split(value, int(parts), axis=axis))
    known = [int(n) for n in parts]
    if -1 in known:
        known[known.index(-1)] = value.shape[axis] - sum(n for n in known if n >= 0)
    return list(ops.split(value, [int(n) for n in np.cumsum(known)[:-1]], axis=axis))


_host_pad: Any = np.pad


def _pad(x: Any, paddings: Any, mode: str, constant_values: Any) -> Any:
    x = tensor(x)
    widths = [sizes(p) for p in paddings]
    extra = {"constant_values": constant_values} if mode.lower() == "constant" else {}
    if isinstance(x, HostTensor):
        return host(_host_pad(x.view(np.ndarray), widths, mode=mode.lower(), **extra))
    return ops.pad(x, widths, mode=mode.lower(), **extra)


def _squeeze(x: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return ops.squeeze(tensor(x), axis=axis)


def _roll(x: Any, shift: Any, axis: Any) -> Any:
    return ops.roll(tensor(x), sizes(shift), axis=sizes(axis))


def _sequence_mask(lengths: Any, maxlen: Any, dtype: Any) -> Any:
    lengths = tensor(lengths)
    longest = int(jnp.max(lengths)) if maxlen is None else int(maxlen)
    return _masked(lengths, longest, as_dtype(dtype).name)


_masked = graph(
    "sequence_mask",
    lambda lengths, maxlen, dtype: (jnp.arange(maxlen) < lengths[..., None]).astype(dtype),
    "lengths, maxlen, dtype",
)


def _one_hot(indices: Any, depth: Any, on: Any, off: Any, axis: Any, dtype: Any) -> Any:
    indices, depth = tensor(indices), int(depth)
    kind = as_dtype("float32" if dtype is None else dtype).name
    found = ops.one_hot(indices, depth, axis=-1 if axis is None else axis, dtype=kind)
    if on in (None, 1) and off in (None, 0):
        return found
    on, off = (1 if on is None else on), (0 if off is None else off)
    return ops.where(ops.cast(found, "bool"), on, off)


def _host_one_hot(indices: Any, depth: Any, on: Any, off: Any, axis: Any, dtype: Any) -> Any:
    kind = as_dtype("float32" if dtype is None else dtype).as_numpy_dtype
    hit = np.asarray(indices)[..., None] == np.arange(int(depth))
    found = np.where(hit, 1 if on is None else on, 0 if off is None else off).astype(kind)
    return found if axis in (None, -1) else np.moveaxis(found, -1, axis)


# -- scattering


def _scatter_nd(indices: Any, updates: Any, shape: Any) -> Any:
    return ops.scatter(tensor(indices), tensor(updates), sizes(shape))


def _scattered(reduction: str | None) -> Any:
    def call(x: Any, indices: Any, updates: Any) -> Any:
        return ops.scatter_update(tensor(x), tensor(indices), tensor(updates), reduction)

    return row(call, "tensor, indices, updates")


def _dynamic_partition(data: Any, partitions: Any, num_partitions: Any) -> Any:
    data, where = tensor(data), np.asarray(tensor(partitions))
    return [data[np.nonzero(where == k)[0]] for k in range(int(num_partitions))]


def _dynamic_stitch(indices: Any, data: Any) -> Any:
    places = np.concatenate([np.asarray(i).ravel() for i in indices])
    shape = np.shape(tensor(data[0]))[np.ndim(indices[0]) :]
    values = jnp.concatenate([jnp.reshape(tensor(d), (-1, *shape)) for d in data])
    return jnp.zeros((int(places.max()) + 1, *shape), values.dtype).at[places].set(values)


def _meshgrid(*args: Any, indexing: str = "xy", name: str | None = None) -> Any:
    """Return coordinate matrices of coordinate vectors."""
    return list(ops.meshgrid(*map(tensor, args), indexing=indexing))


def _searchsorted(sequence: Any, values: Any, side: str, output_type: Any) -> Any:
    find = lambda s, v: jnp.searchsorted(s, v, side=side)  # noqa: E731
    sequence, values = tensor(sequence), tensor(values)
    for _ in range(sequence.ndim - 1):
        find = jax.vmap(find)
    return find(sequence, values).astype(as_dtype(output_type).as_numpy_dtype)


def _sort(values: Any, axis: int, direction: str) -> Any:
    found = ops.sort(tensor(values), axis=axis)
    return found if direction == "ASCENDING" else ops.flip(found, axis=axis)


def _argsort(values: Any, axis: int, direction: str, stable: bool) -> Any:
    values = tensor(values)
    falling = direction != "ASCENDING"
    return jnp.argsort(values, axis=axis, descending=falling).astype("int32")


def _reverse(x: Any, axis: Any) -> Any:
    return ops.flip(tensor(x), axis=tuple(sizes(axis)))


def _reverse_sequence(x: Any, indices: Any, seq_axis: int, batch_axis: int) -> Any:
    time = jnp.arange(x.shape[seq_axis])
    lengths = indices[:, None]
    place = jnp.where(time < lengths, lengths - 1 - time, time)
    moved = jnp.moveaxis(x, (batch_axis, seq_axis), (0, 1))
    found = jax.vmap(lambda row, i: row[i])(moved, place)
    return jnp.moveaxis(found, (0, 1), (batch_axis, seq_axis))


def _identity(x: Any) -> Any:
    return tensor(x)


def _bitcast(x: Any, dtype: Any) -> Any:
    return jax.lax.bitcast_convert_type(tensor(x), as_dtype(dtype).as_numpy_dtype)


def _tile(x: Any, multiples: Any) -> Any:
    return jnp.tile(x, tuple(multiples))


def _repeat(x: Any, repeats: Any, axis: Any) -> Any:
    found = np.asarray(repeats)
    return ops.repeat(tensor(x), int(found) if found.ndim == 0 else found, axis=axis)


def _ensure_shape(x: Any, shape: Any) -> Any:
    x = tensor(x)
    x.set_shape(shape)
    return x


def _unravel(indices: Any, dims: Any) -> Any:
    return jnp.stack(jnp.unravel_index(tensor(indices), sizes(dims)))


TOP = {
    "shape": row(_sizes.shape, "input, out_type='int32'"),
    "size": row(_size, "input | out_type='int32'"),
    "rank": row(_rank, "input"),
    "cast": row(_cast, "x, dtype"),
    "saturate_cast": row(ops.saturate_cast, "value, dtype"),
    "bitcast": row(_bitcast, "input, type"),
    "identity": row(_identity, "input"),
    "stop_gradient": row(ops.stop_gradient, "input"),
    "zeros": _filled(0),
    "ones": _filled(1),
    "zeros_like": _like(0),
    "ones_like": _like(1),
    "fill": row(sized(_fill, 0), "dims, value"),
    "range": _range,
    "linspace": row(ops.linspace, "start, stop, num"),
    "eye": row(_eye, "num_rows, num_columns=None, batch_shape=None, dtype='float32'"),
    "one_hot": row(
        _one_hot,
        "indices, depth, on_value=None, off_value=None, axis=None, dtype=None",
        host=_host_one_hot,
    ),
    "reshape": row(sized(_sizes.reshape, 1), "tensor, shape"),
    "expand_dims": row(ops.expand_dims, "input, axis"),
    "squeeze": row(
        _squeeze,
        "input, axis=None",
        host=lambda x, axis: np.squeeze(x, axis and tuple(sizes(axis))),
    ),
    "transpose": row(
        _transpose, "a, perm=None, conjugate=False", host=lambda a, perm, _: np.transpose(a, perm)
    ),
    "concat": row(_concat, "values, axis", host=lambda v, axis: np.concatenate(v, int(axis))),
    "stack": row(_stack, "values, axis=0", host=lambda v, axis: np.stack(v, int(axis))),
    "unstack": row(_unstack, "value, num=None, axis=0"),
    "split": row(_split, "value, num_or_size_splits, axis=0, num=None"),
    "tile": row(sized(_tile, 1), "input, multiples", host=lambda x, n: np.tile(x, sizes(n))),
    "repeat": row(_repeat, "input, repeats, axis=None"),
    "pad": row(_pad, "tensor, paddings, mode='CONSTANT', constant_values=0"),
    "roll": row(_roll, "input, shift, axis"),
    "reverse": row(_reverse, "tensor, axis", host=lambda x, axis: np.flip(x, tuple(sizes(axis)))),
    "reverse_sequence": graph(
        "reverse_sequence", _reverse_sequence, "input, seq_lengths, seq_axis=1, batch_axis=0"
    ),
    "broadcast_to": row(sized(lambda x, shape: jnp.broadcast_to(x, shape), 1), "input, shape"),
    "broadcast_static_shape": row(
        lambda x, y: np.broadcast_shapes(tuple(x), tuple(y)), "shape_x, shape_y"
    ),
    "ensure_shape": row(_ensure_shape, "x, shape"),
    "meshgrid": _meshgrid,
    "gather": row(
        _gather,
        "params, indices, axis=None, batch_dims=0 | validate_indices=None",
        host=_host_gather,
    ),
    "gather_nd": graph("gather_nd", _gather_nd, "params, indices, batch_dims=0"),
    "slice": row(_slice, "input_, begin, size"),
    "strided_slice": row(_strided_slice, "input_, begin, end, strides=None"),
    "boolean_mask": row(_boolean_mask, "tensor, mask, axis=None"),
    "where": row(_where, "condition, x=None, y=None"),
    "unique": row(_unique, "x | out_idx='int32'"),
    "unique_with_counts": row(_unique_with_counts, "x | out_idx='int32'"),
    "sequence_mask": row(_sequence_mask, "lengths, maxlen=None, dtype='bool'"),
    "scatter_nd": row(_scatter_nd, "indices, updates, shape"),
    "tensor_scatter_nd_update": _scattered(None),
    "tensor_scatter_nd_add": _scattered("add"),
    "tensor_scatter_nd_sub": row(
        lambda x, i, u: ops.scatter_update(tensor(x), tensor(i), -tensor(u), "add"),
        "tensor, indices, updates",
    ),
    "tensor_scatter_nd_max": _scattered("max"),
    "tensor_scatter_nd_min": _scattered("min"),
    "dynamic_partition": row(_dynamic_partition, "data, partitions, num_partitions"),
    "dynamic_stitch": row(_dynamic_stitch, "indices, data"),
    "searchsorted": row(_searchsorted, "sorted_sequence, values, side='left', output_type='int32'"),
    "sort": row(_sort, "values, axis=-1, direction='ASCENDING'"),
    "argsort": row(_argsort, "values, axis=-1, direction='ASCENDING', stable=False"),
    "unravel_index": row(_unravel, "indices, dims"),
    "newaxis": None,
}
TABLES = {
    "tensorflow": TOP,
    "tensorflow.dtypes": {n: TOP[n] for n in ("cast", "saturate_cast")},
}
