"""`tf.math`: arithmetic, reductions, segments; most of it stands at the top of `tf` too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy import special

from keraunos import ops
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import graph, row
from keraunos.compat.tensorflow._tensor import host, tensor

# -- element by element: TensorFlow's name, and that of `keraunos.ops` where it differs

_UNARY = (
    "abs acos:arccos acosh:arccosh asin:arcsin asinh:arcsinh atan:arctan atanh:arctanh ceil"
    " conj cos cosh erf erfinv exp expm1 floor imag is_finite:isfinite is_inf:isinf is_nan:isnan"
    " log log1p log_sigmoid logical_not negative real reciprocal rint:round rsqrt sigmoid sign sin"
    " sinh softplus softsign sqrt square tan tanh erfc"
)
_BINARY = (
    "add atan2:arctan2 divide:true_divide floordiv:floor_divide floormod:mod greater greater_equal"
    " less less_equal logical_and logical_or logical_xor maximum minimum mod multiply pow:power"
    " subtract truediv:true_divide divide_no_nan truncatemod:fmod nextafter"
)
_SPECIAL = "lgamma:gammaln digamma ndtri bessel_i0:i0 bessel_i1:i1 bessel_i0e:i0e bessel_i1e:i1e"
# Reductions that keep an integer what it is, as TensorFlow does.
_REDUCTIONS = "max:max min:min prod:prod sum:sum mean:mean any:any all:all"
_AXES = "input_tensor, axis=None, keepdims=False"


def _pairs(names: str) -> list[tuple[str, str]]:
    return [(tf, own or tf) for tf, _, own in (n.partition(":") for n in names.split())]


def _reduction(own: str) -> Callable[..., Any]:
    function, twin = getattr(ops, own), getattr(np, own)

    def reduce(x: Any, axis: Any, keepdims: bool) -> Any:
        x = tensor(x)
        result = function(x, axis=_axes(axis), keepdims=keepdims)
        whole = as_dtype(x.dtype).is_integer and result.dtype != x.dtype
        return ops.cast(result, x.dtype) if whole else result

    def on_host(x: Any, axis: Any, keepdims: bool) -> Any:
        result = twin(x, axis=_axes(axis), keepdims=keepdims)
        return np.asarray(result).astype(x.dtype) if x.dtype.kind in "iu" else result

    return row(reduce, _AXES, host=on_host)


def _axes(axis: Any) -> Any:
    """Return an axis as a number or a tuple of numbers."""
    if axis is None or isinstance(axis, int):
        return axis
    found = np.asarray(axis).tolist()
    return tuple(found) if isinstance(found, list) else found


def _equal(different: bool) -> Callable[..., Any]:
    function = ops.not_equal if different else ops.equal

    def compare(x: Any, y: Any) -> Any:
        x, y = tensor(x), tensor(y)
        return function(x, y)

    return row(
        compare, "x, y", host=lambda x, y: host(x) != host(y) if different else host(x) == host(y)
    )


def _cumulative(function: Callable[..., Any]) -> Callable[..., Any]:
    first = 0 if function is jnp.cumsum else 1

    def call(x: Any, axis: int, exclusive: bool, reverse: bool) -> Any:
        x = jnp.flip(x, axis) if reverse else x
        result = function(x, axis=axis)
        if exclusive:
            head = jnp.full_like(jnp.take(result, jnp.array([0]), axis=axis), first)
            keep = jax.lax.slice_in_dim(result, 0, x.shape[axis] - 1, axis=axis)
            result = jnp.concatenate([head, keep], axis)
        return jnp.flip(result, axis) if reverse else result

    return call


def _accumulate(name: str, jnp_function: Callable[..., Any]) -> Callable[..., Any]:
    return graph(name, _cumulative(jnp_function), "x, axis=0, exclusive=False, reverse=False")


def _add_n(inputs: Any) -> Any:
    total = tensor(inputs[0])
    for value in inputs[1:]:
        total = ops.add(total, value)
    return total


def _normal_l2(x: Any, axis: Any, epsilon: float) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    squares = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(squares, epsilon))


def _segments(reduce: str, mean: bool = False) -> Callable[..., Any]:
    total = getattr(jax.ops, f"segment_{reduce}")

    def call(data: Any, segment_ids: Any, num_segments: Any = None) -> Any:
        data, ids = tensor(data), tensor(segment_ids)
        count = int(ids[-1]) + 1 if num_segments is None else int(num_segments)
        result = total(data, ids, count)
        if not mean:
            return result
        each = jax.ops.segment_sum(jnp.ones(ids.shape, data.dtype), ids, count)
        return result / jnp.maximum(each, 1).reshape(each.shape + (1,) * (data.ndim - 1))

    return call


def _argument(function: Callable[..., Any], twin: Callable[..., Any]) -> Callable[..., Any]:
    """Return argmax or argmin: along the first axis by default, with a dtype of the result."""

    def find(x: Any, axis: Any, output_type: Any) -> Any:
        found = function(tensor(x), axis=0 if axis is None else int(axis))
        # 64 bits are 32 here, unless they are turned on.
        wanted = as_dtype(output_type).name
        return found if wanted == "int64" else ops.cast(found, wanted)

    parameters = "input, axis=None, output_type='int64'"
    return row(find, parameters, host=lambda x, axis, _: twin(x, axis=0 if axis is None else axis))


def _confusion(labels: Any, predictions: Any, num_classes: Any, weights: Any, dtype: Any) -> Any:
    labels, predictions = tensor(labels).ravel(), tensor(predictions).ravel()
    if num_classes is None:
        num_classes = int(max(labels.max(), predictions.max())) + 1
    kind = as_dtype(dtype).name
    amount = jnp.ones(labels.shape, kind) if weights is None else tensor(weights, dtype)
    return jnp.zeros((num_classes, num_classes), kind).at[labels, predictions].add(amount)


def _bincount(arr: Any, weights: Any, minlength: Any, maxlength: Any, dtype: Any) -> Any:
    arr = tensor(arr)
    length = max(int(arr.max()) + 1 if arr.size else 0, int(minlength or 0))
    length = length if maxlength is None else min(length, int(maxlength))
    kind = as_dtype(dtype).name if weights is None else tensor(weights).dtype
    counts = jnp.bincount(arr.ravel(), None if weights is None else tensor(weights), length=length)
    return counts.astype(kind)


class TopK(NamedTuple):
    """The largest elements and where they stand."""

    values: Any
    indices: Any


def _top_k(x: Any, k: Any, sorted: bool) -> Any:
    return TopK(*ops.top_k(tensor(x), int(k), sorted))


def _clip_by_norm(x: Any, clip_norm: Any, axes: Any = None) -> Any:
    norm = jnp.sqrt(jnp.sum(jnp.square(x), axis=_axes(axes), keepdims=True))
    return x * clip_norm / jnp.maximum(norm, clip_norm)


def _global_norm(t_list: Any) -> Any:
    return jnp.sqrt(sum(jnp.sum(jnp.square(tensor(t))) for t in t_list if t is not None))


def _clip_by_global_norm(t_list: Any, clip_norm: Any, use_norm: Any) -> Any:
    norm = _global_norm(t_list) if use_norm is None else use_norm
    scale = clip_norm / jnp.maximum(norm, clip_norm)
    return [None if t is None else tensor(t) * scale for t in t_list], norm


def _scalar_mul(scalar: Any, x: Any) -> Any:
    return ops.multiply(tensor(x), scalar)


ELEMENTWISE = {
    **{tf: row(getattr(ops, own), "x") for tf, own in _pairs(_UNARY)},
    **{tf: row(getattr(ops, own), "x, y") for tf, own in _pairs(_BINARY)},
    **{tf: graph(f"math.{tf}", getattr(special, own), "x") for tf, own in _pairs(_SPECIAL)},
    **{f"reduce_{tf}": _reduction(own) for tf, own in _pairs(_REDUCTIONS)},
    "round": row(ops.round, "x"),
    "equal": _equal(False),
    "not_equal": _equal(True),
    "angle": row(ops.angle, "input"),
    "complex": graph("complex", jax.lax.complex, "real, imag"),
    "xdivy": graph(
        "xdivy", lambda x, y: jnp.where(x == 0, 0.0, x / jnp.where(x == 0, 1, y)), "x, y"
    ),
    "xlogy": graph("xlogy", special.xlogy, "x, y"),
    "xlog1py": graph("xlog1py", special.xlog1py, "x, y"),
    "multiply_no_nan": graph(
        "multiply_no_nan", lambda x, y: jnp.where(y == 0, 0.0, x * y).astype(x.dtype), "x, y"
    ),
    "squared_difference": graph("squared_difference", lambda x, y: jnp.square(x - y), "x, y"),
    "zeta": graph("zeta", special.zeta, "x, q"),
    "polygamma": graph("polygamma", lambda a, x: special.polygamma(a, x), "a, x"),
    "igamma": graph("igamma", special.gammainc, "a, x"),
    "igammac": graph("igammac", special.gammaincc, "a, x"),
    "betainc": graph("betainc", special.betainc, "a, b, x"),
    "lbeta": graph("lbeta", lambda x: special.gammaln(x).sum(-1) - special.gammaln(x.sum(-1)), "x"),
    "erfcinv": graph("erfcinv", lambda x: special.erfinv(1 - x), "x"),
}
REDUCED = {
    "reduce_logsumexp": row(ops.logsumexp, _AXES),
    "reduce_std": row(ops.std, _AXES),
    "reduce_variance": row(ops.var, _AXES),
    "reduce_euclidean_norm": graph(
        "reduce_euclidean_norm",
        lambda x, axis, keepdims: jnp.sqrt(
            jnp.sum(jnp.square(x), axis=_axes(axis), keepdims=keepdims)
        ),
        _AXES,
    ),
    "count_nonzero": graph(
        "count_nonzero",
        lambda x, axis, keepdims: jnp.count_nonzero(x, _axes(axis), keepdims=keepdims),
        "input, axis=None, keepdims=None | dtype='int64'",
    ),
    "argmax": _argument(ops.argmax, np.argmax),
    "argmin": _argument(ops.argmin, np.argmin),
    "cumsum": _accumulate("cumsum", jnp.cumsum),
    "cumprod": _accumulate("cumprod", jnp.cumprod),
    "cumulative_logsumexp": graph(
        "cumulative_logsumexp", lambda x, axis: jax.lax.cumlogsumexp(x, axis % x.ndim), "x, axis=0"
    ),
    "add_n": row(_add_n, "inputs"),
    "accumulate_n": row(_add_n, "inputs | shape=None, tensor_dtype=None"),
    "l2_normalize": graph("l2_normalize", _normal_l2, "x, axis=None, epsilon=1e-12"),
    "scalar_mul": row(_scalar_mul, "scalar, x"),
    "top_k": row(_top_k, "input, k=1, sorted=True"),
    "in_top_k": row(ops.in_top_k, "targets, predictions, k"),
    "confusion_matrix": row(
        _confusion, "labels, predictions, num_classes=None, weights=None, dtype='int32'"
    ),
    "bincount": row(
        _bincount,
        "arr, weights=None, minlength=None, maxlength=None, dtype='int32' | axis=None, "
        "binary_output=False",
    ),
    "softmax": row(ops.softmax, "logits, axis=-1"),
    "log_softmax": row(ops.log_softmax, "logits, axis=-1"),
    "segment_sum": row(_segments("sum"), "data, segment_ids"),
    "segment_mean": row(_segments("sum", mean=True), "data, segment_ids"),
    "segment_max": row(_segments("max"), "data, segment_ids"),
    "segment_min": row(_segments("min"), "data, segment_ids"),
    "segment_prod": row(_segments("prod"), "data, segment_ids"),
    "unsorted_segment_sum": row(_segments("sum"), "data, segment_ids, num_segments"),
    "unsorted_segment_mean": row(_segments("sum", mean=True), "data, segment_ids, num_segments"),
    "unsorted_segment_max": row(_segments("max"), "data, segment_ids, num_segments"),
    "unsorted_segment_min": row(_segments("min"), "data, segment_ids, num_segments"),
    "unsorted_segment_prod": row(_segments("prod"), "data, segment_ids, num_segments"),
}
CLIPPING = {
    "clip_by_value": row(ops.clip, "t, clip_value_min, clip_value_max"),
    "clip_by_norm": graph("clip_by_norm", _clip_by_norm, "t, clip_norm, axes=None"),
    "clip_by_global_norm": row(_clip_by_global_norm, "t_list, clip_norm, use_norm=None"),
}
# What stands at the top of `tf` as well.
_TOP = (
    "abs acos acosh add add_n argmax argmin asin asinh atan atan2 atanh complex cos cosh cumsum"
    " divide equal exp floor greater greater_equal less less_equal logical_and logical_not"
    " logical_or maximum minimum multiply negative floormod"
    " truncatemod not_equal pow reduce_all reduce_any"
    " reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum round scalar_mul"
    " sigmoid sign sin sinh sqrt square subtract tan tanh truediv"
).split()
_ALL = ELEMENTWISE | REDUCED
TABLES = {
    "tensorflow.math": _ALL,
    "tensorflow.math.special": {
        n: _ALL[n] for n in ("bessel_i0", "bessel_i1", "bessel_i0e", "bessel_i1e")
    },
    "tensorflow": {n: _ALL[n] for n in _TOP} | CLIPPING,
    "tensorflow.linalg": {"global_norm": row(_global_norm, "t_list")},
}
TABLES["tensorflow"]["global_norm"] = TABLES["tensorflow.linalg"]["global_norm"]
