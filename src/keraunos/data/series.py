"""`timeseries_dataset_from_array`: windows of a series, cut when a batch asks for them."""

from __future__ import annotations

from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data.dataset import Dataset

_WHERE = "timeseries_dataset_from_array"


class Windows:
    """An array (windows, length, ...) that takes no more room than the series it is cut from."""

    def __init__(self, series: Any, starts: np.ndarray, length: int, rate: int) -> None:
        self._series, self._starts = series, starts
        self._steps = np.arange(length) * rate
        self.shape = (len(starts), length, *np.shape(series)[1:])
        self.dtype = series.dtype

    def __len__(self) -> int:
        return len(self._starts)

    def at(self, rows: np.ndarray) -> np.ndarray:
        return self._series[self._starts[rows][:, None] + self._steps]


def timeseries_dataset_from_array(
    data: Any,
    targets: Any,
    sequence_length: int,
    sequence_stride: int = 1,
    sampling_rate: int = 1,
    batch_size: int | None = 128,
    shuffle: bool = False,
    seed: int | None = None,
    start_index: int | None = None,
    end_index: int | None = None,
    format: str = "tf",
) -> Any:
    """Return windows of a series as a `Dataset` of batches (batch, sequence_length, ...).

    Args:
        data: (steps, ...), consecutive.
        targets: the target of the window that begins at each step; None: windows alone.
        sequence_length: steps in a window.
        sequence_stride: steps between the beginnings of two windows.
        sampling_rate: steps between two steps of a window.
        batch_size: None gives single windows.
        shuffle, seed: whether the windows come in random order.
        start_index, end_index: the part of the series that is used.
        format: kept for programs that pass it.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> import keraunos as keras
        >>> windows = keras.utils.timeseries_dataset_from_array(np.arange(6), np.arange(6) * 10, 3)
        >>> x, y = next(iter(windows))
        >>> x.tolist(), y.tolist()
        ([[0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5]], [0, 10, 20, 30])
    """
    data, steps = np.asarray(data), len(data)
    start, end = start_index or 0, steps if end_index is None else end_index
    if format not in ("tf", "grain"):
        raise ValueError(errors.report(_WHERE, expected="format='tf' or 'grain'", got=repr(format)))
    _check(steps, start, end_index, sampling_rate, sequence_stride, sequence_length)
    count = end - start - (sequence_length - 1) * sampling_rate
    if targets is not None:
        targets = np.asarray(targets)[start:end]
        count = min(count, len(targets))
    starts = np.arange(0, max(count, 0), sequence_stride)
    if shuffle:
        seed = int(np.random.randint(1_000_000)) if seed is None else seed
        np.random.RandomState(seed).shuffle(starts)
    windows: Any = Windows(data[start:end], starts, sequence_length, sampling_rate)
    if targets is not None:
        windows = (windows, targets[starts])
    dataset = Dataset.from_tensor_slices(windows)
    if shuffle:
        dataset = dataset.shuffle(max(len(starts), 1), seed=seed)
    return dataset if batch_size is None else dataset.batch(batch_size)


def _check(steps: int, start: int, end: int | None, rate: int, stride: int, length: int) -> None:
    for name, value, least, most in (
        ("start_index", start, 0, steps - 1),
        ("end_index", start + 1 if end is None else end, start + 1, steps - (end is not None)),
        ("sampling_rate", rate, 1, steps - 1),
        ("sequence_stride", stride, 1, steps - 1),
        ("sequence_length", length, 1, steps),
    ):
        if not least <= value <= most:
            expected = f"from {least} to {most}, for {steps} steps"
            raise ValueError(errors.report(f"{_WHERE}: {name}", expected=expected, got=value))
