"""`split_dataset`: data in two parts, to train on and to test on."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from keraunos import _progress, errors
from keraunos.data import structure
from keraunos.data.dataset import Dataset

_WHERE = "split_dataset"


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Dataset, Dataset]:
    """Return data as two Datasets of samples; of batches, where batches were given.

    Args:
        dataset: an array; a tuple, list or dictionary of arrays of one length; or a `Dataset`,
            which is read whole if it is to be shuffled.
        left_size, right_size: a share from 0 to 1 (float) or a number of samples (int); the one
            that is not given takes the rest.
        shuffle: whether the samples are shuffled before.
        seed: of the order, which is Keras's for the same seed.
        preferred_backend: kept for programs that pass it.

    Raises:
        ValueError: sizes that leave a part empty, or arrays of several lengths.
        TypeError: something else than arrays or a finite Dataset.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> [int(n) for n in left], [int(n) for n in right]
        ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])
    """
    samples, batch = _samples(dataset)
    total = len(samples)
    left, right = _sizes(total, left_size, right_size)
    if shuffle:
        order = list(range(total))
        random.seed(random.randint(0, 1_000_000) if seed is None else seed)
        random.shuffle(order)
        arrays = structure.stacked(_read(samples, total), _WHERE)
        samples = Dataset.from_tensor_slices(structure.gathered(arrays, np.array(order)))
    parts = samples.take(left), samples.skip(total - right)
    return parts if batch is None else (parts[0].batch(batch), parts[1].batch(batch))


def _samples(dataset: Any) -> tuple[Dataset, int | None]:
    """Return data as a Dataset of single samples, and the size of its batches if it has any."""
    if isinstance(dataset, Dataset):
        rows = dataset._rows
        if rows is None or rows.batch is None:
            return dataset, None
        # Counted once, and kept: a Dataset out of batches does not know its length.
        whole = structure.stacked(_read(dataset.unbatch(), None), _WHERE)
        return Dataset.from_tensor_slices(whole), rows.batch
    arrays = tuple(dataset) if isinstance(dataset, list) else dataset
    leaves = structure.leaves(arrays)
    if not leaves or not all(np.ndim(leaf) and hasattr(leaf, "shape") for leaf in leaves):
        got = type(dataset).__name__
        fix = "turn it into arrays first, np.asarray(list(dataset)) for example"
        raise TypeError(errors.report(_WHERE, expected="arrays or a Dataset", got=got, fix=fix))
    structure.length(arrays, _WHERE)
    return Dataset.from_tensor_slices(arrays), None


def _read(samples: Dataset, total: int | None) -> list[Any]:
    return list(_progress.over(samples, total, "sample", "Reading the dataset"))


def _sizes(total: int, left: float | None, right: float | None) -> tuple[int, int]:
    """Return the numbers of samples of both parts."""
    if left is None and right is None:
        raise ValueError(errors.report(_WHERE, expected="left_size or right_size", got="neither"))
    counts = [_count("left_size", left, total), _count("right_size", right, total)]
    first = counts[0] if counts[0] is not None else total - (counts[1] or 0)
    second = counts[1] if counts[1] is not None else total - first
    if first < 1 or second < 1 or first + second > total:
        expected = f"two parts of the {total} samples, none empty"
        got = f"left_size={left}, right_size={right}"
        raise ValueError(errors.report(_WHERE, expected=expected, got=got))
    return first, second


def _count(argument: str, size: float | None, total: int) -> int | None:
    if size is None:
        return None
    number = isinstance(size, (int, float, np.number)) and not isinstance(size, bool)
    share = isinstance(size, (float, np.floating))
    if not number or not 0 <= size <= (1 if share else total):
        expected = f"a share from 0 to 1 (float), or 0 to {total} samples (int)"
        raise ValueError(errors.report(f"{_WHERE}: {argument}", expected=expected, got=repr(size)))
    return round(size * total) if share else int(size)
