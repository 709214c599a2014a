"""`keras.backend`: convolutions, pooling, padding, normalization and cross-entropies."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import config, errors, ops
from keraunos.compat.keras_backend.arrays import op


def _format(data_format: str | None) -> str:
    return data_format or config.image_data_format()


def _axes(rank: int, data_format: str | None) -> tuple[int, ...]:
    """Return the axes of space."""
    first = 2 if _format(data_format) == "channels_first" else 1
    return tuple(range(first, first + rank))


def _convolution(rank: int) -> Any:
    def conv(
        x: Any,
        kernel: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Any:
        if padding == "causal":
            width = int(kernel.shape[0])
            step = dilation_rate if isinstance(dilation_rate, int) else dilation_rate[0]
            x, padding = temporal_padding(x, (step * (width - 1), 0)), "valid"
        return ops.conv(x, kernel, strides, padding, _format(data_format), dilation_rate)

    conv.__name__ = conv.__qualname__ = f"conv{rank}d"
    conv.__doc__ = f"Return the convolution over {rank} axes."
    return conv


conv1d, conv2d, conv3d = map(_convolution, (1, 2, 3))


def _transposed(rank: int) -> Any:
    def conv_transpose(
        x: Any,
        kernel: Any,
        output_shape: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
    ) -> Any:
        axes = _axes(rank, data_format)
        steps = (strides,) * rank if isinstance(strides, int) else tuple(strides)
        extra = []
        for i, axis in enumerate(axes):
            size, width = int(x.shape[axis]), int(kernel.shape[i])
            wanted = int(output_shape[axis])
            pad = 0 if padding == "valid" else width // 2
            extra.append(wanted - ((size - 1) * steps[i] + width - 2 * pad))
        return ops.conv_transpose(
            x, kernel, steps, padding, tuple(extra), _format(data_format), dilation_rate
        )

    conv_transpose.__name__ = conv_transpose.__qualname__ = f"conv{rank}d_transpose"
    conv_transpose.__doc__ = f"Return the transposed convolution over {rank} axes."
    return conv_transpose


conv2d_transpose, conv3d_transpose = map(_transposed, (2, 3))
deconv2d = conv2d_transpose


def depthwise_conv2d(
    x: Any,
    depthwise_kernel: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = (1, 1),
) -> Any:
    """Return the convolution of each channel by itself."""
    return ops.depthwise_conv(
        x, depthwise_kernel, strides, padding, _format(data_format), dilation_rate
    )


def separable_conv2d(
    x: Any,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Any:
    """Return the convolution of each channel, and then over the channels."""
    return ops.separable_conv(
        x, depthwise_kernel, pointwise_kernel, strides, padding, _format(data_format), dilation_rate
    )


separable_conv1d = separable_conv2d


def pool2d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Return the largest value or the average of each window."""
    pools = {"max": ops.max_pool, "avg": ops.average_pool}
    if pool_mode not in pools:
        raise ValueError(
            errors.report(f"pool_mode={pool_mode!r}", fix=errors.suggest(pool_mode, pools))
        )
    return pools[pool_mode](x, tuple(pool_size), strides, padding, _format(data_format))


def pool3d(
    x: Any,
    pool_size: Any,
    strides: Any = (1, 1, 1),
    padding: str = "valid",
    data_format: str | None = None,
    pool_mode: str = "max",
) -> Any:
    """Return the largest value or the average of each window."""
    return pool2d(x, pool_size, strides, padding, data_format, pool_mode)


def local_conv1d(
    inputs: Any, kernel: Any, kernel_size: Any, strides: Any, data_format: str | None = None
) -> Any:
    """Return a convolution whose kernel is another one at each place.

    Args:
        inputs: (batch, steps, channels).
        kernel: (places, kernel_size * channels, filters).
        kernel_size, strides: of one number each.
        data_format: of the inputs.
    """
    return _local_1d(inputs, kernel, kernel_size[0], strides[0])


@op
def _local_1d(inputs: Any, kernel: Any, width: int, stride: int) -> Any:
    windows = [
        inputs[:, i * stride : i * stride + width].reshape(inputs.shape[0], -1)
        for i in range(kernel.shape[0])
    ]
    return jnp.einsum("pbi,pif->bpf", jnp.stack(windows), kernel)


def local_conv2d(
    inputs: Any,
    kernel: Any,
    kernel_size: Any,
    strides: Any,
    output_shape: Any,
    data_format: str | None = None,
) -> Any:
    """Return a convolution whose kernel is another one at each place.

    Args:
        inputs: (batch, rows, columns, channels), or channels first.
        kernel: (places, kernel_rows * kernel_columns * channels, filters).
        kernel_size, strides: of rows and columns.
        output_shape: rows and columns of the output.
        data_format: of the inputs.
    """
    return _local_2d(
        inputs,
        kernel,
        tuple(kernel_size),
        tuple(strides),
        tuple(output_shape),
        _format(data_format),
    )


@op
def _local_2d(
    inputs: Any, kernel: Any, size: Any, strides: Any, output_shape: Any, data_format: str
) -> Any:
    first = data_format == "channels_first"
    windows = []
    for r in range(output_shape[0]):
        for c in range(output_shape[1]):
            rows = slice(r * strides[0], r * strides[0] + size[0])
            columns = slice(c * strides[1], c * strides[1] + size[1])
            part = inputs[:, :, rows, columns] if first else inputs[:, rows, columns]
            windows.append(part.reshape(inputs.shape[0], -1))
    found = jnp.einsum("pbi,pif->bpf", jnp.stack(windows), kernel)
    found = found.reshape(inputs.shape[0], *output_shape, -1)
    return jnp.moveaxis(found, -1, 1) if first else found


# -- padding and sizes ---------------------------------------------------------------------------


def _padded(x: Any, padding: Any, data_format: str | None) -> Any:
    """Return x with zeros around its axes of space."""
    widths: list[Any] = [(0, 0)] * len(x.shape)
    for axis, pair in zip(_axes(len(padding), data_format), padding):
        widths[axis] = tuple(pair)
    return ops.pad(x, tuple(widths))


def temporal_padding(x: Any, padding: Any = (1, 1)) -> Any:
    """Return x with zeros before and behind its axis of time."""
    return _padded(x, (padding,), "channels_last")


def spatial_2d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Return x with zeros around its rows and columns."""
    return _padded(x, padding, data_format)


def spatial_3d_padding(
    x: Any, padding: Any = ((1, 1), (1, 1), (1, 1)), data_format: str | None = None
) -> Any:
    """Return x with zeros around its three axes of space."""
    return _padded(x, padding, data_format)


def asymmetric_temporal_padding(x: Any, left_pad: int = 1, right_pad: int = 1) -> Any:
    """Return x with zeros before and behind its axis of time (Keras 1)."""
    return temporal_padding(x, (left_pad, right_pad))


def asymmetric_spatial_2d_padding(
    x: Any,
    top_pad: int = 1,
    bottom_pad: int = 1,
    left_pad: int = 1,
    right_pad: int = 1,
    dim_ordering: str | None = None,
) -> Any:
    """Return x with zeros around its rows and columns (Keras 1)."""
    layout = _LAYOUTS.get(dim_ordering or "", dim_ordering)
    return spatial_2d_padding(x, ((top_pad, bottom_pad), (left_pad, right_pad)), layout)


def atrous_conv2d(
    x: Any,
    kernel: Any,
    rate: int = 1,
    border_mode: str = "valid",
    dim_ordering: str | None = None,
    image_shape: Any = None,
    filter_shape: Any = None,
) -> Any:
    """Return a convolution whose kernel has holes (Keras 1)."""
    layout = _LAYOUTS.get(dim_ordering or "", dim_ordering)
    return conv2d(x, kernel, padding=border_mode, data_format=layout, dilation_rate=(rate, rate))


_LAYOUTS = {"tf": "channels_last", "th": "channels_first"}


def resize_images(
    x: Any, height_factor: int, width_factor: int, data_format: str, interpolation: str = "nearest"
) -> Any:
    """Return images that are so many times as large."""
    rows, columns = _axes(2, data_format)
    if interpolation == "nearest":
        return ops.repeat(ops.repeat(x, height_factor, axis=rows), width_factor, axis=columns)
    size = (x.shape[rows] * height_factor, x.shape[columns] * width_factor)
    return ops.image.resize(x, size, interpolation=interpolation, data_format=data_format)


def resize_volumes(
    x: Any, depth_factor: int, height_factor: int, width_factor: int, data_format: str
) -> Any:
    """Return volumes that are so many times as large."""
    for axis, factor in zip(_axes(3, data_format), (depth_factor, height_factor, width_factor)):
        x = ops.repeat(x, factor, axis=axis)
    return x


# -- biases, normalization -----------------------------------------------------------------------


def bias_add(x: Any, bias: Any, data_format: str | None = None) -> Any:
    """Return x with a bias for each channel, or for each place and channel."""
    shape = tuple(bias.shape)
    if len(shape) not in (1, len(x.shape) - 1):
        raise ValueError(
            errors.report("bias_add", expected=f"1 or {len(x.shape) - 1} axes", got=f"bias {shape}")
        )
    if _format(data_format) == "channels_first" and len(x.shape) > 2:
        shape = (
            (shape[0], *[1] * (len(x.shape) - 2)) if len(shape) == 1 else (shape[-1], *shape[:-1])
        )
        return x + ops.reshape(bias, (1, *shape))
    return x + bias


def batch_normalization(
    x: Any,
    mean: Any,
    var: Any,
    beta: Any,
    gamma: Any,
    axis: int = -1,
    epsilon: float = 1e-3,
) -> Any:
    """Return `(x - mean) / sqrt(var + epsilon) * gamma + beta`."""
    scale = ops.rsqrt(var + epsilon)
    found = (x - mean) * (scale if gamma is None else scale * gamma)
    return found if beta is None else found + beta


def normalize_batch_in_training(
    x: Any, gamma: Any, beta: Any, reduction_axes: Any, epsilon: float = 1e-3
) -> tuple[Any, Any, Any]:
    """Return x normalized by its own mean and variance, and these two."""
    axes = tuple(reduction_axes)
    mean, var = ops.mean(x, axis=axes), ops.var(x, axis=axes)
    rest = [i for i in range(len(x.shape)) if i not in axes]
    if rest != [len(x.shape) - 1]:
        sizes = [x.shape[i] if i in rest else 1 for i in range(len(x.shape))]
        spread: list[Any] = [
            v if v is None else ops.reshape(v, sizes) for v in (mean, var, beta, gamma)
        ]
    else:
        spread = [mean, var, beta, gamma]
    return batch_normalization(x, *spread, epsilon=epsilon), mean, var


# -- cross-entropies -----------------------------------------------------------------------------


def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """Return the cross-entropy of each element."""
    return _binary(target, output, from_logits)


@op
def _binary(target: Any, output: Any, from_logits: bool) -> Any:
    target = jnp.asarray(target, output.dtype)
    if from_logits:
        return jnp.maximum(output, 0) - output * target + jnp.log1p(jnp.exp(-jnp.abs(output)))
    tiny = config.epsilon()
    output = jnp.clip(output, tiny, 1 - tiny)
    return -(target * jnp.log(output + tiny) + (1 - target) * jnp.log(1 - output + tiny))


def binary_focal_crossentropy(
    target: Any,
    output: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
) -> Any:
    """Return the cross-entropy of each element, less of it where the output is sure."""
    sure = ops.sigmoid(output) if from_logits else output
    right = target * sure + (1 - target) * (1 - sure)
    found = ops.power(1 - right, gamma) * binary_crossentropy(target, sure)
    if apply_class_balancing:
        found = (target * alpha + (1 - target) * (1 - alpha)) * found
    return found


def categorical_crossentropy(
    target: Any, output: Any, from_logits: bool = False, axis: int = -1
) -> Any:
    """Return the cross-entropy of each sample, for targets that are distributions."""
    return ops.categorical_crossentropy(target, output, from_logits=from_logits, axis=axis)


def categorical_focal_crossentropy(
    target: Any,
    output: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    axis: int = -1,
) -> Any:
    """Return the cross-entropy of each sample, less of it where the output is sure."""
    sure = ops.softmax(output, axis=axis) if from_logits else output
    sure = sure / ops.sum(sure, axis=axis, keepdims=True)
    sure = ops.clip(sure, config.epsilon(), 1 - config.epsilon())
    found = -target * ops.log(sure) * alpha * ops.power(1 - sure, gamma)
    return ops.sum(found, axis=axis)


def sparse_categorical_crossentropy(
    target: Any,
    output: Any,
    from_logits: bool = False,
    axis: int = -1,
    ignore_class: int | None = None,
) -> Any:
    """Return the cross-entropy of each sample, for targets that are classes."""
    target = ops.cast(target, "int32")
    if len(target.shape) == len(output.shape) and target.shape[-1] == 1:
        target = ops.squeeze(target, -1)
    if ignore_class is None:
        return ops.sparse_categorical_crossentropy(
            target, output, from_logits=from_logits, axis=axis
        )
    counted = ops.not_equal(target, ignore_class)
    found = ops.sparse_categorical_crossentropy(
        ops.where(counted, target, 0), output, from_logits=from_logits, axis=axis
    )
    return ops.where(counted, found, ops.zeros_like(found))


def ctc_label_dense_to_sparse(labels: Any, label_lengths: Any) -> np.ndarray:
    """Return the labels within their lengths, one after another."""
    labels, lengths = np.asarray(labels), np.asarray(label_lengths).reshape(-1)
    return np.concatenate([row[:n] for row, n in zip(labels, lengths)])


@op
def ctc_batch_cost(y_true: Any, y_pred: Any, input_length: Any, label_length: Any) -> Any:
    """Return the CTC loss of each sample, for outputs of a softmax whose last class is blank.

    Args:
        y_true: (batch, labels).
        y_pred: (batch, time, classes).
        input_length, label_length: (batch, 1).

    Returns:
        (batch, 1).
    """
    logits = jnp.log(y_pred + config.epsilon())
    lengths = [jnp.asarray(n).reshape(-1).astype("int32") for n in (label_length, input_length)]
    labels = jnp.asarray(y_true).astype("int32")
    return ops.ctc_loss(labels, logits, *lengths, mask_index=y_pred.shape[-1] - 1)[:, None]


def ctc_decode(
    y_pred: Any, input_length: Any, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Any], Any]:
    """Return the best labels of a softmax whose last class is blank, and their scores."""
    logits = jnp.log(jnp.asarray(y_pred) + config.epsilon())
    blank = logits.shape[-1] - 1
    decoded, scores = ops.ctc_decode(
        logits,
        jnp.asarray(input_length).reshape(-1),
        strategy="greedy" if greedy else "beam_search",
        beam_width=beam_width,
        top_paths=top_paths,
        mask_index=blank,
    )
    return list(decoded), scores
