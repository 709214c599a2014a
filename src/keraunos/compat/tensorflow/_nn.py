"""`tf.nn`: activations, convolutions, pooling, losses on logits, normalization, embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors, ops
from keraunos._core import random
from keraunos.compat.tensorflow import _math
from keraunos.compat.tensorflow._rows import graph, row
from keraunos.compat.tensorflow._sizes import sizes
from keraunos.compat.tensorflow._tensor import tensor

_FIRST = ("NCW", "NCHW", "NCDHW")


def _format(data_format: str | None) -> str:
    return "channels_first" if data_format in _FIRST else "channels_last"


def _window(value: Any, rank: int, data_format: str | None) -> Any:
    """Return strides, a window or dilations for the spatial axes only."""
    if value is None:
        return (1,) * rank
    found = sizes(value)
    if len(found) == 1:
        return tuple(found) * rank
    if len(found) == rank + 2:
        found = found[2:] if data_format in _FIRST else found[1:-1]
    return tuple(found)


def _padded(x: Any, padding: Any, value: float = 0) -> tuple[Any, str]:
    """Return x and the name of the padding; an explicit one is done here."""
    if isinstance(padding, str):
        return x, padding.lower()
    widths = [tuple(sizes(p)) for p in padding]
    return ops.pad(x, widths, constant_values=value), "valid"


def _conv(rank: int, function: Callable[..., Any] = ops.conv) -> Callable[..., Any]:
    def call(x: Any, kernel: Any, strides: Any, padding: Any, layout: Any, dilations: Any) -> Any:
        x, name = _padded(tensor(x), padding)
        steps = {"strides": _window(strides, rank, layout), "data_format": _format(layout)}
        wide = _window(dilations, rank, layout)
        return function(x, tensor(kernel), padding=name, dilation_rate=wide, **steps)

    layout = "NWC NHWC NDHWC".split()[rank - 1]
    return row(
        call, f"input, filters, strides=1, padding='VALID', data_format='{layout}', dilations=None"
    )


def _convolution(x: Any, filters: Any, strides: Any, padding: Any, layout: Any, wide: Any) -> Any:
    rank = tensor(filters).ndim - 2
    return _conv(rank)(x, filters, strides or 1, padding, layout, wide)


def _conv_transpose(rank: int) -> Callable[..., Any]:
    """Return the gradient of a convolution: TensorFlow says the shape of the result."""

    def call(x: Any, filters: Any, shape: Any, strides: Any, padding: str, layout: Any) -> Any:
        steps, form = _window(strides, rank, layout), _format(layout)

        def forward(y: Any) -> Any:
            return ops.conv(y, filters, steps, padding.lower(), form)

        start = jnp.zeros([x.shape[0] if n == -1 else n for n in sizes(shape)], x.dtype)
        return jax.vjp(forward, start)[1](x)[0]

    layout = "NWC NHWC NDHWC".split()[rank - 1]
    return graph(
        f"conv{rank}d_transpose",
        call,
        f"input, filters, output_shape, strides, padding='SAME', data_format='{layout}'",
    )


def _separable(x: Any, deep: Any, point: Any, strides: Any, padding: Any, layout: Any) -> Any:
    x = _conv(2, ops.depthwise_conv)(x, deep, strides, padding, layout)
    return _conv(2)(x, point, 1, "VALID", layout)


def _pool(function: Callable[..., Any], rank: int | None) -> Callable[..., Any]:
    def call(x: Any, size: Any, strides: Any, padding: Any, layout: Any) -> Any:
        x = tensor(x)
        axes = rank or x.ndim - 2
        least = -np.inf if function is ops.max_pool else 0
        x, name = _padded(x, padding, least)
        size, steps = (_window(v, axes, layout) for v in (size, strides))
        return function(x, size, strides=steps, padding=name, data_format=_format(layout))

    return row(call, "input, ksize, strides, padding='VALID', data_format=None")


def _pooled(x: Any, shape: Any, kind: str, strides: Any, padding: Any, layout: Any) -> Any:
    function = ops.max_pool if kind.upper() == "MAX" else ops.average_pool
    return _pool(function, None)(x, shape, strides or 1, padding, layout)


# -- activations and normalization


def _leaky_relu(x: Any, alpha: Any) -> Any:
    return ops.leaky_relu(tensor(x), negative_slope=alpha)


def _bias_add(x: Any, bias: Any, layout: Any) -> Any:
    x, bias = tensor(x), tensor(bias)
    if layout in _FIRST or layout == "NC..":
        bias = ops.reshape(bias, (-1, *(1,) * (x.ndim - 2)))
    return ops.add(x, bias)


def _batch_normalization(
    x: Any, mean: Any, variance: Any, offset: Any, scale: Any, epsilon: Any
) -> Any:
    factor = ops.rsqrt(ops.add(tensor(variance), epsilon))
    factor = factor if scale is None else ops.multiply(factor, tensor(scale))
    shift = ops.multiply(tensor(mean), factor)
    moved = ops.subtract(ops.multiply(tensor(x), factor), shift)
    return moved if offset is None else ops.add(moved, tensor(offset))


def _moments(x: Any, axes: Any, keepdims: bool) -> Any:
    return ops.moments(tensor(x), tuple(sizes(axes)), keepdims=keepdims)


def _local_response(x: Any, radius: int, bias: float, alpha: float, beta: float) -> Any:
    squares = jnp.pad(jnp.square(x), [(0, 0)] * (x.ndim - 1) + [(radius, radius)])
    depth = x.shape[-1]
    total = sum(squares[..., k : k + depth] for k in range(2 * radius + 1))
    return x / (bias + alpha * total) ** beta


def _dropout(x: Any, rate: Any, noise_shape: Any, seed: Any) -> Any:
    shape = None if noise_shape is None else tuple(sizes(noise_shape))
    return _drop(tensor(x), float(rate), shape, seed)


def _dropped(x: Any, rate: float, shape: Any, seed: Any) -> Any:
    from keraunos.random import dropout

    return dropout(x, rate, shape, random.next_key(seed))


_drop = graph("dropout", _dropped, "x, rate, shape, seed")


# -- losses


def _sigmoid_loss(target: Any, x: Any) -> Any:
    return jnp.maximum(x, 0) - x * target + jnp.log1p(jnp.exp(-jnp.abs(x)))


def _weighted_loss(target: Any, x: Any, pos_weight: Any) -> Any:
    weight = 1 + (pos_weight - 1) * target
    soft = jnp.log1p(jnp.exp(-jnp.abs(x))) + jnp.maximum(-x, 0)
    return (1 - target) * x + weight * soft


def _softmax_loss(target: Any, x: Any, axis: int) -> Any:
    return -jnp.sum(target * jax.nn.log_softmax(x, axis), axis)


def _sparse_loss(target: Any, x: Any) -> Any:
    labels, logits = target, x
    if labels.shape != logits.shape[:-1]:
        where = "sparse_softmax_cross_entropy_with_logits"
        wanted = f"labels of shape {tuple(logits.shape[:-1])}"
        got = f"labels {tuple(labels.shape)}, logits {tuple(logits.shape)}"
        raise ValueError(errors.report(where, expected=wanted, got=got))
    chosen = jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None].astype(int), -1)
    return -chosen[..., 0]


def _log_poisson(targets: Any, log_input: Any, full: bool) -> Any:
    loss = jnp.exp(log_input) - log_input * targets
    if not full:
        return loss
    safe = jnp.where(targets <= 1, 1.0, targets)
    stirling = safe * jnp.log(safe) - safe + 0.5 * jnp.log(2 * jnp.pi * safe)
    return loss + jnp.where((targets >= 0) & (targets <= 1), 0.0, stirling)


def _average_loss(per_example: Any, weights: Any, global_batch_size: Any) -> Any:
    losses = tensor(per_example)
    losses = losses if weights is None else ops.multiply(losses, tensor(weights))
    size = losses.shape[0] if global_batch_size is None else global_batch_size
    return ops.divide(ops.sum(losses), size)


def _embedding(params: Any, ids: Any, max_norm: Any) -> Any:
    found = ops.take(tensor(params), tensor(ids), axis=0)
    if max_norm is None:
        return found
    norm = ops.sqrt(ops.sum(ops.square(found), axis=-1, keepdims=True))
    return ops.multiply(found, ops.divide(max_norm, ops.maximum(norm, max_norm)))


def _sampled_loss(
    weights: Any, biases: Any, labels: Any, inputs: Any, sampled: int, classes: int
) -> Any:
    """Noise-contrastive estimation with a log-uniform sampler, as TensorFlow's default."""
    weights, biases, inputs = tensor(weights), tensor(biases), tensor(inputs)
    labels = tensor(labels).reshape(inputs.shape[0], -1)
    draw = jax.random.uniform(random.next_key(), (int(sampled),))
    noise = jnp.clip(jnp.exp(draw * np.log(classes + 1.0)) - 1, 0, classes - 1).astype(int)
    likely = lambda c: jnp.log((c + 2.0) / (c + 1.0)) / np.log(classes + 1.0)  # noqa: E731
    own = jnp.einsum("bd,bkd->bk", inputs, weights[labels]) + biases[labels]
    other = inputs @ weights[noise].T + biases[noise]
    own, other = own - jnp.log(sampled * likely(labels)), other - jnp.log(sampled * likely(noise))
    ones = jnp.ones_like(own) / labels.shape[1]
    return _sigmoid_loss(ones, own).sum(1) + _sigmoid_loss(jnp.zeros_like(other), other).sum(1)


_ACTIVATIONS = "relu relu6 selu silu softplus softsign log_softmax tanh sigmoid".split()
NN: dict[str, Any] = {
    **{name: row(getattr(ops, name), "features") for name in _ACTIVATIONS},
    "elu": row(ops.elu, "features, alpha=1.0"),
    "swish": row(ops.silu, "features"),
    "leaky_relu": row(_leaky_relu, "features, alpha=0.2"),
    "gelu": row(ops.gelu, "features, approximate=False"),
    "crelu": graph(
        "crelu",
        lambda x, axis: jnp.concatenate([jax.nn.relu(x), jax.nn.relu(-x)], axis),
        "features, axis=-1",
    ),
    "softmax": row(ops.softmax, "logits, axis=-1"),
    "log_softmax": row(ops.log_softmax, "logits, axis=-1"),
    "bias_add": row(_bias_add, "value, bias, data_format=None"),
    "conv1d": _conv(1),
    "conv2d": _conv(2),
    "conv3d": _conv(3),
    "convolution": row(
        _convolution,
        "input, filters, strides=None, padding='VALID', data_format=None, dilations=None",
    ),
    "depthwise_conv2d": _conv(2, ops.depthwise_conv),
    "separable_conv2d": row(
        _separable,
        "input, depthwise_filter, pointwise_filter, strides, padding, data_format=None",
    ),
    **{f"conv{n}d_transpose": _conv_transpose(n) for n in (1, 2, 3)},
    **{f"max_pool{n}d": _pool(ops.max_pool, n) for n in (1, 2, 3)},
    **{f"avg_pool{n}d": _pool(ops.average_pool, n) for n in (1, 2, 3)},
    "max_pool": _pool(ops.max_pool, None),
    "avg_pool": _pool(ops.average_pool, None),
    "pool": row(
        _pooled,
        "input, window_shape, pooling_type, strides=None, padding='VALID', data_format=None",
    ),
    "space_to_depth": row(ops.space_to_depth, "input, block_size"),
    "depth_to_space": row(ops.depth_to_space, "input, block_size"),
    "dropout": row(_dropout, "x, rate, noise_shape=None, seed=None"),
    "moments": row(_moments, "x, axes, keepdims=False | shift=None"),
    "batch_normalization": row(
        _batch_normalization, "x, mean, variance, offset, scale, variance_epsilon"
    ),
    "local_response_normalization": graph(
        "local_response_normalization",
        _local_response,
        "input, depth_radius=5, bias=1.0, alpha=1.0, beta=0.5",
    ),
    "sigmoid_cross_entropy_with_logits": graph(
        "sigmoid_cross_entropy_with_logits", _sigmoid_loss, "labels=None, logits=None"
    ),
    "weighted_cross_entropy_with_logits": graph(
        "weighted_cross_entropy_with_logits", _weighted_loss, "labels, logits, pos_weight"
    ),
    "softmax_cross_entropy_with_logits": graph(
        "softmax_cross_entropy_with_logits", _softmax_loss, "labels, logits, axis=-1"
    ),
    "sparse_softmax_cross_entropy_with_logits": graph(
        "sparse_softmax_cross_entropy_with_logits", _sparse_loss, "labels, logits"
    ),
    "log_poisson_loss": graph(
        "log_poisson_loss", _log_poisson, "targets, log_input, compute_full_loss=False"
    ),
    "l2_loss": graph("l2_loss", lambda t: jnp.sum(jnp.square(t)) / 2, "t"),
    "compute_average_loss": row(
        _average_loss, "per_example_loss, sample_weight=None, global_batch_size=None"
    ),
    "scale_regularization_loss": row(lambda x: ops.sum(tensor(x)), "regularization_loss"),
    "nce_loss": row(
        _sampled_loss, "weights, biases, labels, inputs, num_sampled, num_classes | num_true=1"
    ),
    "embedding_lookup": row(_embedding, "params, ids, max_norm=None"),
    "zero_fraction": graph(
        "zero_fraction", lambda x: jnp.mean((x == 0).astype("float32")), "value"
    ),
    **{
        name: _math.TABLES["tensorflow.math"][name]
        for name in ("l2_normalize", "top_k", "in_top_k")
    },
}
NN["lrn"] = NN["local_response_normalization"]
TABLES = {
    "tensorflow.nn": NN,
    "tensorflow.math": {n: NN[n] for n in ("zero_fraction",)},
}
