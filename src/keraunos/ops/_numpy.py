"""What stands behind rows of `numpy.py`: where Keras differs from NumPy, or data decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import errors
from keraunos._core import dtypes, symbolic
from keraunos._core.op import OPERATIONS, op
from keraunos._core.symbolic import SymbolicTensor

# -- element by element


def _to_float(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """Return a rounding function that gives a float for an integer, as Keras does."""

    def rounded(x: Any) -> Any:
        return function(
            x if jnp.issubdtype(x.dtype, jnp.inexact) else x.astype(dtypes.standardize_dtype(None))
        )

    rounded.__name__ = name
    return rounded


ceil, floor = _to_float(jnp.ceil, "ceil"), _to_float(jnp.floor, "floor")


def trunc(x: Any) -> Any:
    return jnp.trunc(x) if jnp.issubdtype(x.dtype, jnp.inexact) else x


def round(x: Any, decimals: int = 0) -> Any:
    """Nearest number with so many decimals; halves go to the even neighbour."""
    if decimals < 0 and not jnp.issubdtype(x.dtype, jnp.inexact):
        scale = 10.0**decimals
        return (jnp.round(x.astype(dtypes.standardize_dtype(None)) * scale) / scale).astype(x.dtype)
    return jnp.round(x, decimals)


def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """x, but not below x_min nor above x_max."""
    return jnp.clip(x.astype("int32") if x.dtype == bool else x, x_min, x_max)


def divide_no_nan(x1: Any, x2: Any) -> Any:
    """`x1 / x2`, and 0 where x2 is 0."""
    zero = x2 == 0
    # The inner `where` keeps NaN out of the gradient too.
    return jnp.where(zero, 0, jnp.divide(x1, jnp.where(zero, 1, x2)))


def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, else x2; of the condition alone the indices, as `nonzero`."""
    if x1 is None or x2 is None:
        return jnp.where(condition)
    return jnp.where(condition, x1, x2)


def view(x: Any, dtype: Any = None) -> Any:
    """The same bits, read as another dtype."""
    return x if dtype is None else x.view(dtypes.numpy_dtype(dtype))


# -- over axes and linear algebra


def average(x: Any, axis: int | None = None, weights: Any = None) -> Any:
    """Mean, each element counted by its weight."""
    return jnp.average(x, axis=axis, weights=weights)


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Integral of y over x (or over steps of dx) by the trapezoidal rule."""
    return jnp.trapezoid(y, x, dx=dx, axis=axis)


def einsum(subscripts: str, *operands: Any, **kwargs: Any) -> Any:
    """Sum of products, axes named by letters: `einsum("ij,jk->ik", a, b)`."""
    return jnp.einsum(subscripts, *operands, preferred_element_type=_wider(*operands), **kwargs)


def matmul(x1: Any, x2: Any) -> Any:
    """Matrix product over the last two axes; others broadcast."""
    return jnp.matmul(x1, x2, preferred_element_type=_wider(x1, x2))


def infer_product(function: Callable[..., Any], summed: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule for sums of products: an unknown size that is summed over is the other's.

    Args:
        function: computes on arrays.
        summed: `(rank1, rank2, ...)` to the pairs of axes that are summed over.
    """

    def infer(x1: Any, x2: Any, *args: Any, **kwargs: Any) -> Any:
        one, two = list(jnp.shape(x1)), list(jnp.shape(x2))
        if one and two:
            for a, b in summed(len(one), len(two), *args, **kwargs):
                one[a] = two[b] = two[b] if one[a] is None else one[a]
        x1, x2 = symbolic.resized(x1, one), symbolic.resized(x2, two)
        return symbolic.infer(function, (x1, x2, *args), kwargs, unify=True)

    return infer


def last_and_last_but_one(rank1: int, rank2: int) -> list[tuple[int, int]]:
    return [(-1, -min(rank2, 2))]


def axes_of_tensordot(rank1: int, rank2: int, axes: Any = 2) -> list[tuple[int, int]]:
    if isinstance(axes, int):
        return [(axis - axes, axis) for axis in range(axes)]
    one, two = ([a] if isinstance(a, int) else a for a in axes)
    return list(zip(one, two, strict=False))


def _wider(*operands: Any) -> Any:
    # A sum of products of bytes does not fit in a byte.
    return jnp.int32 if all(x.dtype == jnp.int8 for x in operands) else None


def slogdet(x: Any) -> Any:
    """Sign and logarithm of the absolute value of the determinant."""
    return tuple(jnp.linalg.slogdet(x))


# -- shape and order


def each(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of several arrays that takes lists of numbers among them."""

    def call(xs: Any, *args: Any, **kwargs: Any) -> Any:
        return function(
            [x if isinstance(x, jax.Array) else jnp.asarray(x) for x in xs], *args, **kwargs
        )

    return call


def get_item(x: Any, key: Any) -> Any:
    """`x[key]`."""
    if isinstance(key, list):  # a saved graph has lists for tuples: slices stand in tuples alone
        key = tuple(key) if any(isinstance(k, slice) for k in key) else np.asarray(key)
    return x[key]


def infer_part(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a rule: a part of an unknown axis has no known length, even `x[:5]` may be shorter."""

    def infer(x: SymbolicTensor, *args: Any, **kwargs: Any) -> Any:
        many = symbolic.infer(function, (x, *args), kwargs)
        if None not in x.shape:
            return many
        small = symbolic.resized(x, [1 if n is None else n for n in x.shape])
        return jax.tree.map(_same_sizes, many, symbolic.infer(function, (small, *args), kwargs))

    return infer


def _same_sizes(many: SymbolicTensor, few: SymbolicTensor) -> SymbolicTensor:
    sizes = (a if a == b else None for a, b in zip(many.shape, few.shape, strict=True))
    return SymbolicTensor(sizes, many.dtype)


def meshgrid(*x: Any, indexing: str = "xy") -> Any:
    """A grid of coordinates, one array for each axis."""
    return jnp.meshgrid(*map(jnp.asarray, x), indexing=indexing)


def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
    """x with `pad_width` (before, after) elements around each axis.

    Args:
        x: any shape.
        pad_width: a number, a pair, or a pair for each axis.
        mode: `"constant"`, `"reflect"`, `"symmetric"`, `"edge"` and NumPy's others.
        constant_values: what is put there in mode `"constant"`, 0 by default.
    """
    if constant_values is None:
        return jnp.pad(x, pad_width, mode=mode)
    if mode != "constant":
        raise ValueError(
            errors.report("pad: constant_values", expected="mode='constant'", got=f"mode={mode!r}")
        )
    return jnp.pad(x, pad_width, mode=mode, constant_values=constant_values)


def reshape(x: Any, newshape: Any) -> Any:
    """The same elements in another shape; -1 stands for the size that follows from the others."""
    sizes = (newshape,) if isinstance(newshape, (int, np.integer)) else newshape
    return jnp.reshape(x, tuple(-1 if n is None else n for n in sizes))


def infer_reshape(x: Any, newshape: Any) -> Any:
    """The new shape, where x has unknown sizes that could fit it."""
    try:
        return symbolic.infer(reshape, (x, newshape), {})
    except TypeError:
        if None not in x.shape:
            raise
    sizes = (newshape,) if isinstance(newshape, (int, np.integer)) else newshape
    return SymbolicTensor((None if n == -1 else n for n in sizes), x.dtype)


# -- sorting, searching, counting


def argpartition(x: Any, kth: int, axis: int | None = -1) -> Any:
    """Indices that put the kth element in its place, smaller ones before it, larger ones after."""
    return (
        jnp.argpartition(x.reshape(-1), kth, axis=0)
        if axis is None
        else jnp.argpartition(x, kth, axis=axis)
    )


def argsort(x: Any, axis: int | None = -1) -> Any:
    return jnp.argsort(x, axis=axis if x.ndim else None)


def bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    """How often each integer from 0 on occurs, in each row of x.

    Args:
        x: (n,) or (rows, n), integers that are not negative.
        weights: x's shape; summed instead of counted.
        minlength: the least number of counts; inside a compiled function the exact number.
        sparse: kept for programs that pass it; the result is dense.
    """
    compiled = isinstance(x, Tracer)
    size = minlength if compiled else max(int(jnp.max(x)) + 1 if x.size else 0, minlength)

    def count(row: Any, weight: Any) -> Any:
        return jnp.bincount(row, weights=weight, length=size)

    if x.ndim == 1:
        return count(x, weights)
    return jnp.stack(
        [count(row, None if weights is None else weights[i]) for i, row in enumerate(x)]
    )


def infer_bincount(x: Any, weights: Any = None, minlength: int = 0, sparse: bool = False) -> Any:
    return SymbolicTensor((*x.shape[:-1], None), "int32" if weights is None else weights.dtype)


def nonzero(x: Any) -> Any:
    """Indices of the elements that are not 0, one array for each axis."""
    return jnp.nonzero(x)


def infer_nonzero(x: Any) -> Any:
    return tuple(SymbolicTensor((None,), "int32") for _ in x.shape)


def searchsorted(sorted_sequence: Any, values: Any, side: str = "left") -> Any:
    """Index at which each value would have to be put in, to keep the sequence in order.

    Raises:
        ValueError: the sequence has more than one axis.
    """
    if sorted_sequence.ndim != 1:
        got = f"sorted_sequence of shape {sorted_sequence.shape}"
        raise ValueError(
            errors.report(
                "searchsorted", expected="one axis", got=got, fix="use ops.vectorized_map"
            )
        )
    return jnp.searchsorted(sorted_sequence, values, side=side)


def unique(
    x: Any,
    sorted: bool = True,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    size: int | None = None,
    fill_value: Any = None,
) -> Any:
    """The different elements, in order.

    Args:
        x: any shape.
        sorted: kept for programs that pass it; the elements always come in order.
        return_index, return_inverse, return_counts: what else to return, in a tuple.
        axis: the axis whose slices are compared; None compares elements.
        size: the number of elements to return, needed inside a compiled function.
        fill_value: what to fill up with, where there are fewer than `size`.
    """
    return jnp.unique(
        *(x, return_index, return_inverse, return_counts, axis),
        equal_nan=False,
        size=size,
        fill_value=fill_value,
    )


# -- new arrays


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Numbers from start (0 if it is the only argument) up to stop, which is left out."""
    given = [v for v in (start, stop, step) if v is not None]
    if dtype is None:
        dtype = dtypes.result_type(*(getattr(v, "dtype", type(v)) for v in given))
    if all(isinstance(v, int) for v in given):
        numbers = range(0, start, step or 1) if stop is None else range(start, stop, step or 1)
        dtypes.check_fits([*numbers[:1], *numbers[-1:]], dtype)
    return jnp.arange(start, stop, step, dtype=dtypes.standardize_dtype(dtype))


def empty(shape: Sequence[int], dtype: Any = None) -> Any:
    return zeros(shape, dtype)


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    return jnp.eye(N, M, k, dtype=dtypes.standardize_dtype(dtype))


def full_like(x: Any, fill_value: Any, dtype: Any = None) -> Any:
    dtypes.check_fits(fill_value, dtype or x.dtype)
    return jnp.full_like(x, fill_value, dtype=dtype)


def full(shape: Sequence[int], fill_value: Any, dtype: Any = None) -> Any:
    dtypes.check_fits(fill_value, dtype)
    return jnp.full(shape, fill_value, dtype=dtypes.standardize_dtype(dtype))


def identity(n: int, dtype: Any = None) -> Any:
    return jnp.identity(n, dtype=dtypes.standardize_dtype(dtype))


def ones(shape: Sequence[int], dtype: Any = None) -> Any:
    return jnp.ones(shape, dtype=dtypes.standardize_dtype(dtype))


def tri(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    return jnp.tri(N, M, k, dtype=dtypes.standardize_dtype(dtype))


def zeros(shape: Sequence[int], dtype: Any = None) -> Any:
    return jnp.zeros(shape, dtype=dtypes.standardize_dtype(dtype))


# -- plain numbers and functions


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return x.ndim if hasattr(x, "ndim") else jnp.ndim(x)


def size(x: Any) -> Any:
    """Return the number of elements; that of a symbolic tensor of unknown size is symbolic too."""
    if not hasattr(x, "size"):
        return jnp.size(x)
    return _symbolic_size(x) if x.size is None else x.size


_symbolic_size = op(lambda x: jnp.asarray(x.size), "x", "Number of elements.", name="size")
OPERATIONS["size"] = size  # what saved graphs find


def vectorize(
    pyfunc: Callable[..., Any], *, excluded: Any = None, signature: str | None = None
) -> Any:
    """Return a function of arrays made from one of single elements."""
    return jnp.vectorize(pyfunc, excluded=frozenset(excluded or ()), signature=signature)
