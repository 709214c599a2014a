"""Sizes, steps and paddings of sliding windows, shared by the convolutions and the poolings."""

from __future__ import annotations

from collections.abc import Sequence

import jax

IntOrInts = int | Sequence[int]


def per_axis(value: IntOrInts, rank: int) -> tuple[int, ...]:
    """One number for each spatial axis."""
    return (value,) * rank if isinstance(value, int) else tuple(value)


def spatial_axes(rank: int, data_format: str) -> range:
    """The spatial axes of an array with a batch axis, `rank` spatial ones and channels."""
    first = 1 if data_format == "channels_last" else 2
    return range(first, first + rank)


def window_padding(
    padding: str,
    sizes: Sequence[int],
    window: Sequence[int],
    strides: Sequence[int],
    dilation: Sequence[int],
) -> list[tuple[int, int]]:
    """Elements to add before and after each spatial axis.

    "same" gives ceil(size / stride) windows and puts the odd element after, as TensorFlow
    does; "causal" puts all of them before.
    """
    spans = [(n - 1) * step + 1 for n, step in zip(window, dilation)]
    if padding == "valid":
        return [(0, 0)] * len(spans)
    if padding == "causal":
        return [(span - 1, 0) for span in spans]
    if padding != "same":
        raise ValueError(f"padding must be 'valid', 'same' or 'causal', got {padding!r}")
    totals = [
        max((-(-size // stride) - 1) * stride + span - size, 0)
        for size, stride, span in zip(sizes, strides, spans)
    ]
    return [(total // 2, total - total // 2) for total in totals]


def runs_on_cpu() -> bool:
    """Whether what is being traced is meant for the CPU: the one question about the platform."""
    device = jax.config.jax_default_device  # pyright: ignore[reportAttributeAccessIssue]
    if device is None:
        return jax.default_backend() == "cpu"
    return (device if isinstance(device, str) else device.platform) == "cpu"
