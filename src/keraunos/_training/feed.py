"""Arrays that a user passes -> checked arrays, and those that live on the device."""

from __future__ import annotations

import math
import os
from typing import Any

import jax
import numpy as np

from keraunos import config, errors
from keraunos._training.disk import OnDisk, on_disk
from keraunos._training.step import Batch
from keraunos.data.chance import Run
from keraunos.data.index import Rows

# Data larger than this share of the memory is streamed.
_SHARE = 0.25
WINDOW = 8 << 20  # bytes, about what a cache holds
_LINE = 64  # bytes of a cache line, which JAX asks of memory that it shares


class Resident:
    """Arrays that live on the device: batches are cut out inside the compiled program.

    Args:
        data: (x, y, weights), structures of host arrays of one length.
        batch_size: samples a batch.
        pad: whether the last batch is filled up, with `valid` rows marked.
    """

    def __init__(self, data: Batch, batch_size: int, pad: bool = False) -> None:
        self.host = data
        self.size = size_of(data)
        self.batch_size = min(batch_size, self.size) if not pad else batch_size
        self.full, self.odd = divmod(self.size, self.batch_size)
        self.steps = self.full + bool(self.odd)
        self.padded = pad and self.odd > 0
        self.most = self.steps  # a dispatch can take
        self._place()

    def _place(self) -> None:
        fill = self.steps * self.batch_size - self.size if self.padded else 0
        self.data = jax.tree.map(lambda a: _resident(_filled(a, fill)), self.host)

    def at(self, offset: int, rows: int) -> tuple[Batch, int]:
        """Return arrays on the device, and where in them the given rows begin."""
        return self.data, offset

    def first(self) -> Batch:
        """Return the first batch, on the host: its shapes are those of every full batch."""
        return jax.tree.map(lambda a: a[: self.batch_size], self.host)

    def order(self, shuffle: bool, seed: list[int]) -> np.ndarray | None:
        """Return the order of an epoch's samples; None where they are taken as they lie."""
        if not shuffle:
            return None
        return np.random.default_rng(seed).permutation(self.size).astype(np.int32)


class Passing(Resident):
    """Arrays that are gone through once, in their order: one window of them is on the device.

    Memory as large as the data would have to be made and filled first, which takes longer than a
    small model does. And a window has one of few shapes, so that data of another length need no
    other program.
    """

    def _place(self) -> None:
        each = sum(a.nbytes // max(len(a), 1) for a in jax.tree.leaves(self.host))
        fits = max(1, WINDOW // max(1, each * self.batch_size))
        self.most = min(_power_of_two(fits + 1) // 2, _power_of_two(self.steps))
        rows = self.most * self.batch_size
        # Two: the one before the last dispatch has been read when the next one is filled.
        self._windows = [jax.tree.map(lambda a: aligned(a, rows), self.host) for _ in range(2)]
        self.data = self._windows[0]

    def at(self, offset: int, rows: int) -> tuple[Batch, int]:
        """Return a window that begins with the given rows; what is behind them is of no account."""
        self._windows.reverse()
        window, end = self._windows[0], min(offset + rows, self.size)

        def fill(to: np.ndarray, array: np.ndarray) -> jax.Array:
            np.copyto(to[: end - offset], array[offset:end])
            to[end - offset : rows] = array[-1]
            return jax.device_put(to)

        return jax.tree.map(fill, window, self.host), 0


class Arranged(Resident):
    """A Dataset's arrays on the device, and the order in which its batches take their rows.

    Args:
        data: the arrays, as a batch of all rows.
        rows: what the Dataset knows of them.
        steps: how many batches make a pass, where the Dataset has no end.
    """

    def __init__(self, data: Batch, rows: Rows, steps: int) -> None:
        super().__init__(data, rows.batch or 1)
        self.batch_size = rows.batch or 1
        self._index = rows.index
        self._state: dict[str, Any] | None = None
        self._run: Run | None = None
        self._at: Any = None
        self._start = self._before = 0
        odd = 0 if rows.even else self.size_of_last(rows, steps)
        self.steps, self.full, self.odd = steps, steps - bool(odd), odd
        self.most = steps

    @staticmethod
    def size_of_last(rows: Rows, steps: int) -> int:
        """Return the size of the last batch, 0 if it is full."""
        last = rows.index.open(Run(peek=True))(np.asarray([steps - 1]))[0]
        return len(last) % (rows.batch or 1)

    def order(self, shuffle: bool, seed: list[int]) -> np.ndarray:
        """Return the rows of the next pass, as the Dataset says."""
        endless = self._index.count == math.inf
        if self._run is None or not endless:
            self._run = Run(None if self._state is None else self._state["draws"])
            self._at, self._start = self._index.open(self._run), 0
            if self._state is not None:
                self._start, self._state = self._state["start"], None
        places = np.arange(self._start, self._start + self.steps)
        self._before, self._start = self._start, self._start + self.steps
        return np.concatenate(self._at(places)).astype(np.int32)

    def position(self) -> dict[str, Any] | None:
        """Return what the pass that is under way follows from, to be kept as JSON."""
        if self._run is None:
            return None
        return {"draws": self._run.log, "start": self._before}

    def restore(self, position: dict[str, Any]) -> None:
        """Let the next order be that of the pass that was under way."""
        self._run, self._state = None, position


def is_arrays(x: Any) -> bool:
    """Return whether x is data to slice (arrays, lists, frames), not something to iterate over."""
    if hasattr(x, "shape") or hasattr(x, "to_numpy"):
        return True
    if isinstance(x, (list, tuple)):
        return all(is_arrays(one) or isinstance(one, (int, float, bool, str, bytes)) for one in x)
    return isinstance(x, dict) and all(map(is_arrays, x.values()))


def arrays(structure: Any, what: str) -> Any:
    """Return a structure of NumPy or JAX arrays from what a user passed.

    A list of arrays is a list of inputs; a list of numbers, or of lists of them, is one array.

    Raises:
        ValueError: strings, ragged lists, or integers that need 64 bits.
    """
    if structure is None:
        return None
    if isinstance(structure, dict):
        return {k: arrays(v, f"{what}[{k!r}]") for k, v in structure.items()}
    if isinstance(structure, (list, tuple)) and any(
        hasattr(v, "shape") or isinstance(v, dict) for v in structure
    ):
        return type(structure)(arrays(v, f"{what}[{i}]") for i, v in enumerate(structure))
    return _array(structure, what)


def _array(value: Any, what: str) -> Any:
    if isinstance(value, (jax.Array, OnDisk)):
        return value
    if on_disk(value) and len(value.shape):
        return OnDisk(value)
    if hasattr(value, "tocsr"):  # SciPy's sparse ones: full are the rows of a batch alone
        return OnDisk(value.tocsr())
    if hasattr(value, "detach"):  # torch's
        value = value.detach().cpu().numpy()
    try:
        array = np.asarray(value.to_numpy() if hasattr(value, "to_numpy") else value)
    except ValueError as error:
        raise ValueError(
            errors.report(what, expected="rows of one length", got=str(error))
        ) from error
    if array.dtype.kind in "OUSmM" or array.dtype.names:
        raise ValueError(_no_numbers(array, what))
    if not array.dtype.isnative:  # the bytes of a file of another machine
        array = array.astype(array.dtype.newbyteorder("="))
    if array.ndim == 0:
        raise ValueError(
            errors.report(what, expected="an array with a first axis of samples", got=repr(value))
        )
    if array.dtype == np.float64 and config.floatx() != "float64":
        return array.astype(config.floatx())
    if array.dtype in (np.int64, np.uint64) and not jax.config.values["jax_enable_x64"]:
        return _narrowed(array, what)
    return array


def _no_numbers(array: np.ndarray, what: str) -> str:
    first, kind = array.ravel()[:1], array.dtype.kind
    names = {"U": "strings", "S": "strings", "O": "Python objects"}
    fix = "turn them into numbers, x.astype('float32') for example"
    if kind in "US" or (kind == "O" and not isinstance(first[0], (int, float, np.generic))):
        fix = "let the model begin with TextVectorization or StringLookup (a subclassed one: "
        fix += "call them before), or pad the rows"
    got = f"{names.get(kind, array.dtype)}: {first}"
    return errors.report(what, expected="numbers", got=got, fix=fix)


def _narrowed(array: np.ndarray, what: str) -> np.ndarray:
    bounds = np.iinfo(np.int32)
    if array.size and (array.max() > bounds.max or array.min() < bounds.min):
        raise ValueError(
            errors.report(
                what,
                expected="integers of 32 bits",
                got=f"{array.max()}",
                fix="keraunos.config.set_floatx('float64') keeps 64 bits",
            )
        )
    return array.astype(np.int32)


def host_array(value: Any) -> Any:
    """Return an array of a batch as the device can take it."""
    return value if isinstance(value, jax.Array) else _array(value, "a batch")


def gathered(x: Any, y: Any, weights: Any, class_weight: dict[int, float] | None) -> Batch:
    """Return checked arrays: one length, no NaN unnamed, class weights as sample weights.

    Raises:
        ValueError: another number of samples in x, y or the weights.
    """
    data = Batch(arrays(x, "x"), arrays(y, "y"), arrays(weights, "sample_weight"))
    sizes = checked_sizes(data)
    if not sizes or not next(iter(sizes.values())):
        raise ValueError(
            errors.report("x", expected="at least one sample", got=f"{sizes or 'nothing'}")
        )
    if class_weight is not None:
        data = data._replace(weights=class_weights(data.y, class_weight, data.weights))
    warn_of_nan(data)
    return data


def checked_sizes(data: Batch) -> dict[str, int]:
    """Return the number of samples of each array, which is to be one.

    Raises:
        ValueError: it is not.
    """
    sizes = {name: leaf.shape[0] for name, leaf in named_leaves(data)}
    if len(set(sizes.values())) > 1:
        got = ", ".join(f"{name}: {n}" for name, n in sizes.items())
        raise ValueError(
            errors.report("data", expected="the same number of samples everywhere", got=got)
        )
    return sizes


def class_weights(y: Any, weights: dict[int, float], given: Any = None) -> Any:
    """Return one weight a sample from its class; one-hot targets are read by their largest entry.

    Raises:
        ValueError: several outputs or labels a sample, or weights that are no dictionary.
    """
    if len(jax.tree.leaves(y)) != 1:
        raise ValueError(
            errors.report(
                "class_weight", expected="a model with one output", fix="pass sample_weight instead"
            )
        )
    if not isinstance(weights, dict) or not all(isinstance(k, (int, np.integer)) for k in weights):
        raise ValueError(
            errors.report(
                "class_weight",
                expected="a dictionary of numbers: class -> weight",
                got=repr(weights),
                fix="dict(enumerate(class_weight)), if these are the weights of classes 0, 1 ...",
            )
        )
    labels = np.asarray(jax.tree.leaves(y)[0])
    if labels.ndim > 2:
        raise ValueError(
            errors.report(
                "class_weight",
                expected="one label a sample, (samples,) or one-hot (samples, classes)",
                got=f"targets {labels.shape}",
                fix="pass sample_weight instead, one for each label",
            )
        )
    labels = (
        labels.argmax(-1)
        if labels.ndim > 1 and labels.shape[-1] > 1
        else labels.reshape(len(labels), -1)[:, 0]
    )
    labels = labels.astype(np.int64)
    # A class that is not named counts once, as in Keras.
    table = np.ones(max([*weights, int(labels.max(initial=0))]) + 1, np.float32)
    table[list(weights)] = list(weights.values())
    found = table[labels]
    return found if given is None else found * np.asarray(given, np.float32)


def split(data: Batch, fraction: float) -> tuple[Batch, Batch]:
    """Return the first samples to train on and the last ones to validate on.

    Raises:
        ValueError: the fraction leaves nothing on one side.
    """
    size = size_of(data)
    at = int(np.floor(size * (1.0 - fraction)))
    if not 0 < at < size:
        raise ValueError(
            errors.report(
                "validation_split",
                expected="samples on both sides",
                got=f"{fraction} of {size} samples",
            )
        )
    return jax.tree.map(lambda a: a[:at], data), jax.tree.map(lambda a: a[at:], data)


def unpacked(item: Any) -> Batch:
    """Return x, (x, y) or (x, y, weights) as a batch."""
    if isinstance(item, Batch):
        return item
    if isinstance(item, (tuple, list)) and 1 <= len(item) <= 3 and not isinstance(item, list):
        return Batch(*item)
    if isinstance(item, list) and len(item) in (2, 3) and hasattr(item[0], "shape"):
        return Batch(*item)
    return Batch(item)


def size_of(data: Batch) -> int:
    return int(jax.tree.leaves(data)[0].shape[0])


def fits(data: Batch) -> bool:
    """Return whether data may live on the device: in memory already, and a small share of it."""
    leaves = jax.tree.leaves(data)
    if any(isinstance(leaf, OnDisk) for leaf in leaves):
        return False
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves) < _SHARE * _memory()


def _memory() -> int:
    stats = jax.devices()[0].memory_stats() or {}
    if "bytes_limit" in stats:
        return stats["bytes_limit"]
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 8 << 30


def named_leaves(data: Batch) -> list[tuple[str, Any]]:
    """Return (name, array) of everything in a batch: `x`, `x[0]`, `y['head']`, `sample_weight`."""
    found = []
    for field, label in (("x", "x"), ("y", "y"), ("weights", "sample_weight")):
        for path, leaf in jax.tree_util.tree_flatten_with_path(getattr(data, field))[0]:
            found.append((label + jax.tree_util.keystr(path), leaf))
    return found


def warn_of_nan(data: Batch) -> None:
    """Warn, by name and row, of values that are not finite; training goes on."""
    for name, leaf in named_leaves(data):
        if not isinstance(leaf, np.ndarray) or leaf.dtype.kind != "f" or _sums_up(leaf):
            continue
        rows = np.flatnonzero(~np.isfinite(leaf.reshape(len(leaf), -1)).all(1))
        if len(rows):
            errors.warn(
                errors.report(
                    f"{name} has values that are not finite",
                    got=f"{len(rows)} of {len(leaf)} samples, the first is number {rows[0]}",
                )
            )


def _sums_up(array: np.ndarray) -> bool:
    """Return whether all values are finite for certain.

    One number tells: it is not finite if one of the values is not. It may overflow without them;
    then the values are looked at for nothing.
    """
    if array.flags.c_contiguous and array.dtype in (np.float32, np.float64):
        return math.isfinite(np.vdot(array, array))  # by BLAS, three times as fast as a sum
    with np.errstate(all="ignore"):
        return bool(np.isfinite(np.sum(array)))


def check_labels(name: str, labels: Any, classes: int, units: int | None) -> None:
    """Raise where integer labels lie outside of 0 ... classes - 1.

    Args:
        name: of the targets.
        labels: integers, or floats that stand for them.
        classes: how many there are.
        units: of the output: another number where the loss knows yes and no alone.

    Raises:
        ValueError: naming the bad values and where the first one is.
    """
    if isinstance(labels, OnDisk) or not np.size(labels):
        return
    array = np.asarray(labels)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return
    low, high = array.min(), array.max()
    if low < 0 or high >= classes:
        bad = np.flatnonzero(((array < 0) | (array >= classes)).reshape(len(array), -1).any(1))
        raise ValueError(
            errors.report(
                f"{name}: labels out of range",
                expected=f"integers from 0 to {classes - 1}, as the output has {classes} units"
                if classes == units
                else "0 and 1, as the loss is binary",
                got=f"{low} to {high}; {len(bad)} bad samples, the first is number {bad[0]}",
                fix="subtract the smallest label, or give the last layer more units"
                if classes == units
                else "for several classes: 'sparse_categorical_crossentropy', a unit for each",
            )
        )


def _resident(array: Any) -> jax.Array:
    """Return an array on the device, which the caller may go on changing on the host.

    JAX takes over a NumPy array without a copy on a CPU, where it lies on a cache line: so one
    copy is made here that does, instead of none (unsafe) or a slow one.
    """
    if isinstance(array, jax.Array):
        return array
    copy = aligned(array, len(array)) if np.ndim(array) else np.array(array)
    np.copyto(copy, array)
    return jax.device_put(copy)


def aligned(array: Any, rows: int) -> np.ndarray:
    """Return room for so many rows like those of an array, on a cache line."""
    shape = (rows, *array.shape[1:])
    size = math.prod(shape) * array.dtype.itemsize
    room = np.empty(size + _LINE, np.uint8)
    start = -room.ctypes.data % _LINE
    return room[start : start + size].view(array.dtype).reshape(shape)


def _power_of_two(count: int) -> int:
    """Return the least power of two that is not less."""
    return 1 << max(count - 1, 0).bit_length()


def _filled(array: Any, fill: int) -> Any:
    """Return an array with `fill` more rows, copies of the last: no value is new to the model."""
    if not fill:
        return array
    last = np.repeat(np.asarray(array[-1:]), fill, axis=0)
    return np.concatenate([np.asarray(array), last])


def filled_otherwise(array: Any, count: int) -> np.ndarray:
    """Return an array with other values in the rows from `count` on."""
    found = np.array(array)
    found[count:] = 0 if np.any(found[count:]) else 1
    return found


def same_rows(one: Any, other: Any, count: int) -> bool:
    """Return whether the first rows of outputs are equal; a value that is no row counts whole."""

    def same(a: Any, b: Any) -> bool:
        first, second = (np.asarray(v)[:count] if np.ndim(v) else v for v in (a, b))
        return np.allclose(first, second, rtol=1e-5, atol=1e-7, equal_nan=True)

    return all(jax.tree.leaves(jax.tree.map(same, one, other)))
