"""Functions of neural networks, as a table; behind its rows: `_nn`, `_windows` and `_ctc`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core.op import op, public_names
from keraunos.ops import _ctc, _windows
from keraunos.ops import _nn as thick

# -- activations

relu = op(jax.nn.relu, "x", "Rectifier: `max(x, 0)`.")
relu6 = op(jax.nn.relu6, "x", "Rectifier with a ceiling: `min(max(x, 0), 6)`.")
sigmoid = op(jax.nn.sigmoid, "x", "Logistic function: `1 / (1 + exp(-x))`.")
sparse_sigmoid = op(
    jax.nn.sparse_sigmoid,
    "x",
    "0 below -1, 1 above 1, `0.5 * (x + 1)` between.",
    name="sparse_sigmoid",
)
softplus = op(jax.nn.softplus, "x", "Smooth rectifier: `log(1 + exp(x))`.")
softsign = op(jax.nn.soft_sign, "x", "`x / (1 + |x|)`.", name="softsign")
sparse_plus = op(
    jax.nn.sparse_plus, "x", "0 below -1, x above 1, `(x + 1)**2 / 4` between.", name="sparse_plus"
)
silu = op(jax.nn.silu, "x", "`x * sigmoid(x)`, also called swish.", name="silu")
swish = silu
squareplus = op(jax.nn.squareplus, "x, b=4", "Algebraic softplus: `(x + sqrt(x**2 + b)) / 2`.")
log_sigmoid = op(jax.nn.log_sigmoid, "x", "Logarithm of the logistic function, without overflow.")
leaky_relu = op(
    jax.nn.leaky_relu, "x, negative_slope=0.2", "x above 0, `negative_slope * x` below."
)
hard_sigmoid = op(jax.nn.hard_sigmoid, "x", "`relu6(x + 3) / 6`.")
hard_silu = op(
    jax.nn.hard_silu, "x", "`x * hard_sigmoid(x)`, also called hard swish.", name="hard_silu"
)
hard_swish = hard_silu
elu = op(jax.nn.elu, "x, alpha=1.0", "x above 0, `alpha * (exp(x) - 1)` below.")
selu = op(
    jax.nn.selu, "x", "Scaled `elu` that keeps mean 0 and variance 1 (Klambauer et al., 2017)."
)
celu = op(jax.nn.celu, "x, alpha=1.0", "x above 0, `alpha * (exp(x / alpha) - 1)` below.")
glu = op(
    jax.nn.glu,
    "x, axis=-1",
    "Gated linear unit: one half of the axis times the sigmoid of the other.",
)
hard_tanh = op(jax.nn.hard_tanh, "x", "x, cut off at -1 and 1.")
tanh_shrink = op(lambda x: x - jnp.tanh(x), "x", "`x - tanh(x)`.", name="tanh_shrink")
gelu = op(
    lambda x, approximate: jax.nn.gelu(x, approximate),
    "x, approximate=True",
    "`x * P(X <= x)`, X normal; through `tanh` if approximate (Hendrycks and Gimpel, 2016).",
    name="gelu",
)


def _wide(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes half floats in float32 and rounds the result once."""

    @functools.wraps(function)
    def call(x: Any, axis: Any = -1) -> Any:
        half = getattr(x, "dtype", None) in (jnp.float16, jnp.bfloat16)
        return function(x.astype("float32"), axis).astype(x.dtype) if half else function(x, axis)

    return call


softmax = op(
    _wide(jax.nn.softmax),
    "x, axis=-1",
    "Probabilities from logits: `exp(x) / sum(exp(x))` over the axis.",
)
log_softmax = op(
    _wide(jax.nn.log_softmax), "x, axis=-1", "Logarithm of `softmax`, without overflow."
)


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by `threshold`, and 0 for what is nearer than that."""
    zero = jnp.zeros((), x.dtype)
    return jnp.where(x > threshold, x - threshold, jnp.where(x < -threshold, x + threshold, zero))


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x, and 0 for what is `threshold` or nearer to 0."""
    return jnp.where(jnp.abs(x) > threshold, x, 0.0)


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x where it is above `threshold`, else `default_value`."""
    return jnp.where(x > threshold, x, jnp.asarray(default_value, x.dtype))


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """The point of the simplex that is nearest to x: like `softmax`, with exact zeros.

    Reference: Martins and Astudillo, From softmax to sparsemax, 2016.
    """
    ordered = jnp.flip(jnp.sort(x, axis=axis), axis=axis)
    count = x.shape[axis]
    k = jnp.arange(1, count + 1, dtype=x.dtype).reshape(
        [count if a == axis % x.ndim else 1 for a in range(x.ndim)]
    )
    total = jnp.cumsum(ordered, axis=axis)
    kept = 1 + k * ordered > total
    size = jnp.sum(kept, axis=axis, keepdims=True)
    tau = (jnp.take_along_axis(total, size - 1, axis=axis) - 1) / size.astype(x.dtype)
    return jnp.maximum(x - tau, 0)


# -- windows, normalization, losses, attention

adaptive_average_pool = op(_windows.adaptive_average_pool)
adaptive_max_pool = op(_windows.adaptive_max_pool)
average_pool = op(_windows.average_pool)
batch_normalization = op(thick.batch_normalization)
binary_crossentropy = op(thick.binary_crossentropy, unify=True)
categorical_crossentropy = op(thick.categorical_crossentropy, unify=True)
conv = op(_windows.conv)
conv_transpose = op(_windows.conv_transpose)
ctc_decode = op(_ctc.ctc_decode)
ctc_loss = op(_ctc.ctc_loss)
depth_to_space = op(_windows.depth_to_space)
depthwise_conv = op(_windows.depthwise_conv)
dot_product_attention = op(thick.dot_product_attention)
fold = op(_windows.fold)
layer_normalization = op(thick.layer_normalization)
max_pool = op(_windows.max_pool)
moments = op(thick.moments)
multi_hot = op(thick.multi_hot)
normalize = op(thick.normalize)
one_hot = op(thick.one_hot)
polar = op(thick.polar, unify=True)
psnr = op(thick.psnr)
rms_normalization = op(thick.rms_normalization)
separable_conv = op(_windows.separable_conv)
space_to_depth = op(_windows.space_to_depth)
sparse_categorical_crossentropy = op(thick.sparse_categorical_crossentropy)
unfold = op(_windows.unfold)

__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
