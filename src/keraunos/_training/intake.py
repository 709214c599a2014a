"""What fit, evaluate and predict were given -> resident arrays or a stream of batches."""

from __future__ import annotations

import math
import numbers
from typing import Any

import jax
import numpy as np

from keraunos import errors
from keraunos._training import feed, sources
from keraunos._training.calls import is_ours
from keraunos._training.disk import OnDisk
from keraunos._training.feed import Arranged, Passing, Resident
from keraunos._training.step import Batch
from keraunos._training.streaming import Stream
from keraunos.data import Dataset

# An order of so many rows is 256 MiB; longer passes stream.
_MOST_ROWS = 1 << 26


def check_size(name: str, value: Any, least: int = 1) -> None:
    """Raise where a number of samples or epochs is none.

    Raises:
        ValueError: naming the argument.
    """
    whole = isinstance(value, numbers.Integral) and int(value) >= least
    if value is not None and not whole:
        expected = f"an integer, at least {least}"
        raise ValueError(errors.report(f"argument {name!r}", expected=expected, got=repr(value)))


def training_data(model: Any, plan: Any, batch_size: int) -> tuple[Resident | Stream, Batch | None]:
    """Return what to train on, and the samples that `validation_split` holds back."""
    x = columns(plan.x)
    if not _is_arrays(x):
        _check_alone(plan)
        return _batches(model, x, batch_size, plan), None
    data = feed.gathered(model._encode(x), plan.y, plan.sample_weight, None)
    held_out = None
    if plan.validation_split and plan.validation_data is None:
        data, held_out = feed.split(data, plan.validation_split)
    if plan.class_weight is not None:  # what is held out is not weighted by it, as in Keras
        weights = feed.class_weights(data.y, plan.class_weight, data.weights)
        data = data._replace(weights=weights)
    if feed.fits(data):
        return Resident(data, batch_size), held_out
    return Stream(_slices(data, batch_size, plan.shuffle)), held_out


def test_data(model: Any, given: Any, batch_size: int, once: bool) -> Resident | Stream:
    """Return what to evaluate on: (x, y, weights), or something that yields batches.

    Args:
        model, batch_size: of the evaluation.
        given: what the user passed.
        once: whether it is gone through once; else it is kept on the device.
    """
    batch = given if isinstance(given, (tuple, Batch)) else None
    if batch is None and isinstance(given, list) and len(given) in (2, 3):
        batch = tuple(given)  # a list of (x, y) is what Keras takes too
    elif isinstance(given, (np.ndarray, jax.Array, dict)):
        batch = (given,)  # of a model whose targets are its inputs
    x = columns(given if batch is None else batch[0])
    if batch is None or not _is_arrays(x):
        return _batches(model, x, batch_size)
    y, weights = (*batch[1:], None, None)[:2]
    # What `validation_split` held back is checked and encoded already.
    data = batch if isinstance(batch, Batch) else feed.gathered(model._encode(x), y, weights, None)
    if not feed.fits(data):
        return Stream(_slices(data, batch_size, shuffle=False), once=True)
    first = jax.tree.map(lambda a: a[:batch_size], data)
    model._ensure_built(first)
    alone = model._rows_stand_alone()
    pads = model._settle(first).accepts_padding() and not model.run_eagerly
    # Code of the program's own may look at other rows: a second program for the odd batch is exact.
    pads = pads and (is_ours(model) if alone is None else alone)
    on_host = all(isinstance(leaf, np.ndarray) for leaf in jax.tree.leaves(data))
    return (Passing if once and on_host else Resident)(data, batch_size, pad=pads)


def predict_batches(model: Any, x: Any, batch_size: int) -> Any:
    """Return batches to predict from: a list of slices, or a stream."""
    x = columns(x)
    if not _is_arrays(x):
        source = _tables(x, batch_size, shuffle=False)
        return Stream(source, encode=model._encode, once=True)
    data = Batch(feed.arrays(model._encode(x), "x"))
    feed.checked_sizes(data)
    feed.warn_of_nan(data)
    if any(isinstance(leaf, OnDisk) for leaf in jax.tree.leaves(data)):
        return Stream(_slices(data, batch_size, shuffle=False), once=True)
    size = feed.size_of(data)
    return [
        jax.tree.map(lambda a, i=i: a[i : i + batch_size], data) for i in range(0, size, batch_size)
    ]


def columns(x: Any) -> Any:
    """Return frames of several columns and columns of Hugging Face datasets as arrays."""
    library = type(x).__module__.partition(".")[0]
    if library == "datasets" and not hasattr(x, "with_format") and hasattr(x, "__len__"):
        return np.asarray(x[:])
    return x


def _batches(model: Any, x: Any, batch_size: int, plan: Any = None) -> Resident | Stream:
    """Return what yields batches as a feed; a Dataset of mere rows goes to the device."""
    steps = plan.steps_per_epoch if plan is not None else None
    weights = plan.class_weight if plan is not None else None
    if isinstance(x, Dataset):
        found = _arranged(model, x, steps, weights)
        if found is not None:
            return found
    shuffle = plan is not None and plan.shuffle
    source = _tables(x, batch_size, shuffle)
    return Stream(source, steps, model._encode, weights, shuffle, once=plan is None)


def _is_arrays(x: Any) -> bool:
    return feed.is_arrays(x) and not _is_table(x)


def _is_table(x: Any) -> bool:
    """Return whether x is a Hugging Face dataset, which has a shape and is no array."""
    return type(x).__module__.partition(".")[0] == "datasets" and hasattr(x, "with_format")


def _tables(x: Any, batch_size: int, shuffle: bool) -> Any:
    return sources.tables(x, batch_size, shuffle) if _is_table(x) else x


def _arranged(model: Any, dataset: Dataset, steps: int | None, weights: Any) -> Arranged | None:
    """Return a Dataset's arrays and orders for the device; None where it must stream."""
    rows = dataset._rows
    if rows is None or rows.batch is None or not (rows.even or rows.last):
        return None
    count = steps if rows.index.count == math.inf else rows.index.count
    leaves = jax.tree.leaves(rows.columns)
    plain = all(type(leaf) is np.ndarray and leaf.dtype.kind in "biuf" for leaf in leaves)
    if not count or not plain or count * rows.batch > _MOST_ROWS:
        return None
    batch = feed.unpacked(rows.columns)
    data = feed.gathered(model._encode(batch.x), batch.y, batch.weights, weights)
    return Arranged(data, rows, int(count)) if feed.fits(data) else None


def _slices(data: Batch, batch_size: int, shuffle: bool) -> sources.Source:
    return sources.slices(data, feed.size_of(data), batch_size, shuffle, _rows)


def _rows(data: Batch, rows: np.ndarray) -> Batch:
    return jax.tree.map(lambda a: a.read(rows) if isinstance(a, OnDisk) else a[rows], data)


def _check_alone(plan: Any) -> None:
    """Raise where arguments for arrays come with something that yields batches.

    Raises:
        ValueError: y, sample_weight or validation_split beside it.
    """
    beside = {
        "y": (plan.y is not None, "targets inside the batches of x: (x, y)"),
        "sample_weight": (plan.sample_weight is not None, "weights inside: (x, y, sample_weight)"),
        "validation_split": (
            bool(plan.validation_split) and plan.validation_data is None,
            "validation_data, as what yields batches is not cut",
        ),
    }
    for name, (there, expected) in beside.items():
        if there:
            got = f"{name} beside an iterator"
            raise ValueError(errors.report("fit", expected=expected, got=got))
