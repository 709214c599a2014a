"""`keras.backend` on arrays, symbolic tensors and variables: most of it other names of `ops`."""

from __future__ import annotations

import builtins
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, ops
from keraunos import random as keras_random
from keraunos._core.op import op as make_op
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable


def op(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of arrays accept symbolic tensors, under a name that `ops` does not have."""
    return make_op(name=f"backend.{function.__name__}")(function)


# Those that `ops` has: the name, the name there, and the arguments' names here.
_ROWS = """
abs            abs             x
cos            cos             x
sin            sin             x
exp            exp             x
log            log             x
square         square          x
sign           sign            x
round          round           x
sigmoid        sigmoid         x
tanh           tanh            x
softplus       softplus        x
softsign       softsign        x
identity       copy            x
equal          equal           x y
not_equal      not_equal       x y
greater        greater         x y
greater_equal  greater_equal   x y
less           less            x y
less_equal     less_equal      x y
lesser         less            x y
lesser_equal   less_equal      x y
maximum        maximum         x y
minimum        minimum         x y
pow            power           x a
dot            dot             x y
permute_dimensions transpose   x pattern
tile           tile            x n
reverse        flip            x axes
stop_gradient  stop_gradient   variables
to_dense       convert_to_tensor tensor
"""


def _row(name: str, today: str, names: Sequence[str]) -> Callable[..., Any]:
    function = getattr(ops, today)

    def call(*args: Any, **kwargs: Any) -> Any:
        given = [*args, *(kwargs[n] for n in names[len(args) :] if n in kwargs)]
        return function(*given)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = (function.__doc__ or "").strip().partition("\n")[0]
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [inspect.Parameter(n, kinds) for n in names]
    call.__signature__ = inspect.Signature(parameters)  # pyright: ignore
    return call


globals().update(
    {
        name: _row(name, today, names)
        for name, today, *names in (row.split() for row in _ROWS.strip().splitlines())
    }
)
prod, max, min, sum, logsumexp = ops.prod, ops.max, ops.min, ops.sum, ops.logsumexp


def stack(x: Any, axis: int = 0) -> Any:
    """Return tensors joined along a new axis."""
    return ops.stack(list(x), axis=axis)


def zeros_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return zeros of the same shape."""
    return ops.zeros_like(x, dtype=dtype)


def ones_like(x: Any, dtype: Any = None, name: str | None = None) -> Any:
    """Return ones of the same shape."""
    return ops.ones_like(x, dtype=dtype)


def _truth(x: Any) -> Any:
    return ops.cast(x, "bool")


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether an element is true."""
    return ops.any(_truth(x), axis=axis, keepdims=keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return whether every element is true."""
    return ops.all(_truth(x), axis=axis, keepdims=keepdims)


def _number(x: Any) -> Any:
    """Return booleans as floats."""
    return ops.cast(x, config.floatx()) if str(getattr(x, "dtype", "")) == "bool" else x


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the mean."""
    return ops.mean(_number(x), axis=axis, keepdims=keepdims)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the variance."""
    return ops.var(_number(x), axis=axis, keepdims=keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the standard deviation."""
    return ops.std(_number(x), axis=axis, keepdims=keepdims)


def argmax(x: Any, axis: int = -1) -> Any:
    """Return the index of the largest element."""
    return ops.argmax(x, axis=axis)


def argmin(x: Any, axis: int = -1) -> Any:
    """Return the index of the smallest element."""
    return ops.argmin(x, axis=axis)


def cumsum(x: Any, axis: int = 0) -> Any:
    """Return sums up to each element."""
    return ops.cumsum(x, axis=axis)


def cumprod(x: Any, axis: int = 0) -> Any:
    """Return products up to each element."""
    return ops.cumprod(x, axis=axis)


def sqrt(x: Any) -> Any:
    """Return the square root; 0 for what is negative."""
    return ops.sqrt(ops.maximum(x, 0))


def clip(x: Any, min_value: Any, max_value: Any) -> Any:
    """Return x within bounds; a maximum below the minimum is taken as the minimum."""
    if max_value is None:
        return ops.maximum(x, min_value)
    if min_value is None:
        return ops.minimum(x, max_value)
    if isinstance(min_value, (int, float)) and isinstance(max_value, (int, float)):
        max_value = builtins.max(min_value, max_value)
    return ops.minimum(ops.maximum(x, min_value), max_value)


def relu(x: Any, alpha: float = 0.0, max_value: float | None = None, threshold: float = 0) -> Any:
    """Return x above a threshold and `alpha * (x - threshold)` below it."""
    x = ops.convert_to_tensor(x) if isinstance(x, (list, tuple, np.ndarray)) else x
    above = x if max_value is None else ops.minimum(x, max_value)
    return ops.where(x > threshold, above, alpha * (x - threshold) if alpha else ops.zeros_like(x))


def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return `alpha * (exp(x) - 1)` for what is negative."""
    return ops.elu(x, alpha=alpha)


def softmax(x: Any, axis: int = -1) -> Any:
    """Return exponentials that sum to 1."""
    return ops.softmax(x, axis=axis)


@op
def hard_sigmoid(x: Any) -> Any:
    """Return `0.2 * x + 0.5`, cut off at 0 and 1: as Keras had it before Keras 3."""
    return jnp.clip(0.2 * x + 0.5, 0.0, 1.0).astype(x.dtype)


hard_sigmoid.__name__ = "hard_sigmoid"


@op
def l2_normalize(x: Any, axis: Any = None) -> Any:
    """Return x divided by its Euclidean norm."""
    norm = jnp.sum(jnp.square(x), axis=axis, keepdims=True)
    return x * jax.lax.rsqrt(jnp.maximum(norm, 1e-12))


def cast(x: Any, dtype: Any) -> Any:
    """Return x in another dtype."""
    return ops.cast(x, dtype)


def cast_to_floatx(x: Any) -> Any:
    """Return x in the default float type."""
    if isinstance(x, (jax.Array, SymbolicTensor, Variable)):
        return ops.cast(x, config.floatx())
    return np.asarray(x, dtype=config.floatx())


def constant(value: Any, dtype: Any = None, shape: Any = None, name: str | None = None) -> Any:
    """Return a tensor of a value; `shape` reshapes it, or repeats a single number."""
    found = ops.convert_to_tensor(value, dtype=dtype or config.floatx())
    if shape is None:
        return found
    return ops.broadcast_to(found, shape) if found.size == 1 else ops.reshape(found, shape)


def arange(start: Any, stop: Any = None, step: Any = 1, dtype: Any = "int32") -> Any:
    """Return evenly spaced integers."""
    return ops.arange(start, stop, step, dtype=dtype)


def concatenate(tensors: Any, axis: int = -1) -> Any:
    """Return tensors joined along an axis."""
    return ops.concatenate(list(tensors), axis=axis)


def expand_dims(x: Any, axis: int = -1) -> Any:
    """Return x with one more axis, of size 1."""
    return ops.expand_dims(x, axis)


def squeeze(x: Any, axis: Any) -> Any:
    """Return x without an axis of size 1."""
    return ops.squeeze(x, axis)


def transpose(x: Any) -> Any:
    """Return x with its axes reversed."""
    return ops.transpose(x)


def reshape(x: Any, shape: Any) -> Any:
    """Return x in another shape."""
    return ops.reshape(x, tuple(int(n) if not isinstance(n, SymbolicTensor) else n for n in shape))


def flatten(x: Any) -> Any:
    """Return x with one axis."""
    return ops.reshape(x, (-1,))


@op
def batch_flatten(x: Any) -> Any:
    """Return x with two axes: the batch, and all others."""
    return x.reshape(x.shape[0], -1)


def repeat(x: Any, n: int) -> Any:
    """Return (batch, n, features) of (batch, features)."""
    return ops.repeat(ops.expand_dims(x, 1), n, axis=1)


def repeat_elements(x: Any, rep: int, axis: int) -> Any:
    """Return x with each element repeated along an axis."""
    return ops.repeat(x, rep, axis=axis)


def gather(reference: Any, indices: Any) -> Any:
    """Return rows of a tensor."""
    return ops.take(reference, ops.cast(indices, "int32"), axis=0)


def one_hot(indices: Any, num_classes: int) -> Any:
    """Return a vector of zeros and a 1 for each index."""
    return ops.one_hot(ops.cast(indices, "int32"), num_classes)


def eye(size: Any, dtype: Any = None, name: str | None = None) -> Variable:
    """Return a variable that is an identity matrix."""
    n, m = size if isinstance(size, (tuple, list)) else (size, size)
    return Variable(np.eye(n, m), dtype=dtype or config.floatx(), name=name)


def slice(x: Any, start: Any, size: Any) -> Any:
    """Return a part of x; a size of -1 means all that is left."""
    whole: Any = x
    places = [
        builtins.slice(int(a), None if int(n) == -1 else int(a) + int(n))
        for a, n in zip(start, size)
    ]
    return whole[tuple(places)]


@op
def batch_dot(x: Any, y: Any, axes: Any = None) -> Any:
    """Return the product of each sample of x with that of y.

    Args:
        x, y: (batch, ...), two axes at least.
        axes: the axis of each that is summed over; by default the last of x, and of y the last but
            one (or the last, where y has two).

    Example:
        >>> batch_dot(jnp.ones((4, 2, 3)), jnp.ones((4, 3, 5))).shape
        (4, 2, 5)
    """
    if axes is None:
        axes = (x.ndim - 1, y.ndim - 1 if y.ndim == 2 else y.ndim - 2)
    first, second = (axes, axes) if isinstance(axes, int) else axes
    first, second = first % x.ndim, second % y.ndim
    if 0 in (first, second):
        raise ValueError("batch_dot: axis 0 is the batch, it cannot be summed over")
    found = jax.vmap(lambda a, b: jnp.tensordot(a, b, axes=((first - 1,), (second - 1,))))(x, y)
    return found[:, None] if found.ndim == 1 else found


def in_top_k(predictions: Any, targets: Any, k: int) -> Any:
    """Return whether each target is among the k best predictions."""
    return ops.in_top_k(targets, predictions, k)


# -- shapes and dtypes ---------------------------------------------------------------------------


def shape(x: Any) -> Any:
    """Return the sizes; an unknown one is None, outside of a layer's call."""
    return ops.shape(x)


def int_shape(x: Any) -> tuple[int | None, ...] | None:
    """Return the sizes as a tuple."""
    found = getattr(x, "shape", None)
    return np.shape(x) if found is None else tuple(found)


get_variable_shape = int_shape


def ndim(x: Any) -> int:
    """Return the number of axes."""
    return len(x.shape)


def dtype(x: Any) -> str:
    """Return the dtype's name."""
    return str(getattr(x.dtype, "name", x.dtype))


def count_params(x: Any) -> int:
    """Return the number of elements."""
    return int(np.prod(x.shape))


def is_tensor(x: Any) -> bool:
    """Return whether x is an array, a variable or a symbolic tensor."""
    return isinstance(x, (jax.Array, Variable, SymbolicTensor))


def is_sparse(tensor: Any) -> bool:
    """Return False: tensors are dense here."""
    return False


# -- random --------------------------------------------------------------------------------------


def random_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return normal numbers."""
    return keras_random.normal(_sizes(shape), mean, stddev, dtype=dtype, seed=seed)


def truncated_normal(
    shape: Any, mean: float = 0.0, stddev: float = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return normal numbers within two standard deviations."""
    return keras_random.truncated_normal(_sizes(shape), mean, stddev, dtype=dtype, seed=seed)


def random_uniform(
    shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> Any:
    """Return numbers between two bounds."""
    if dtype is not None and "int" in str(dtype):
        return keras_random.randint(_sizes(shape), minval, maxval, dtype=dtype, seed=seed)
    return keras_random.uniform(_sizes(shape), minval, maxval, dtype=dtype, seed=seed)


def random_bernoulli(shape: Any, p: float = 0.0, dtype: Any = None, seed: Any = None) -> Any:
    """Return ones with probability p, else zeros."""
    drawn = keras_random.uniform(_sizes(shape), seed=seed)
    return ops.cast(drawn <= p, dtype or config.floatx())


random_binomial = random_bernoulli


def _sizes(shape: Any) -> tuple[int, ...]:
    return tuple(int(n) for n in shape)


def dropout(x: Any, level: float, noise_shape: Any = None, seed: Any = None) -> Any:
    """Return x with a share of its elements put to zero, and the others scaled up."""
    return keras_random.dropout(x, level, noise_shape, seed=seed)
