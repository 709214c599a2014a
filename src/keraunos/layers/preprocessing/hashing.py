"""Hashing and HashedCrossing: strings and integers into a fixed number of bins, by Keras's hash."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _columns, _encode, _hashes, _host

MODES = ("int", "one_hot", "multi_hot", "count")
_CROSS_KEY = np.uint64(0xDECAFCAFFE)


@register()
class Hashing(_host.HostLayer):
    """Puts each string or integer into one of `num_bins` bins, without a vocabulary.

    The hash is FarmHash's Fingerprint64, with a salt SipHash-2-4: the bins are those of the real
    Keras. Integers are hashed by their decimal digits, floats as integers.

    Args:
        num_bins: how many bins; with `mask_value` bin 0 is kept for it.
        mask_value: a value that goes to bin 0.
        salt: one or two integers, the key of SipHash; the bins of other keys are unrelated.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`, of the last axis.
        sparse: kept for the config; results are dense.

    Example:
        >>> Hashing(num_bins=3)(["A", "B", "C", "D", "E"]).tolist()
        [1, 0, 1, 1, 2]
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: Any = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        if kwargs.get("dtype") is None:
            kwargs["dtype"] = "int64" if output_mode == "int" else config.floatx()
        super().__init__(**kwargs)
        self.num_bins = arguments.integer(self, "num_bins", num_bins)
        self.output_mode = arguments.one_of(self, "output_mode", output_mode, MODES)
        if output_mode == "int" and self.dtype not in ("int32", "int64"):
            raise arguments.complain(self, "dtype", "'int32' or 'int64'", self.dtype)
        if sparse and output_mode == "int":
            raise arguments.complain(self, "sparse", "False with output_mode 'int'", sparse)
        if not isinstance(mask_value, (str, bytes, int, float, np.number, type(None))):
            raise arguments.complain(self, "mask_value", "a string or a number", mask_value)
        self.mask_value, self.sparse = mask_value, sparse
        self.salt = salt_of(self, salt)

    @property
    def output_dtype(self) -> str:
        return jax.dtypes.canonicalize_dtype(self.compute_dtype).name

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return _encode.output_shape(input_shape, self.output_mode, self.num_bins)

    def call(self, inputs: Any) -> Any:
        if isinstance(inputs, jax.Array):
            fit_the_device(self, self.num_bins)
            bins = _host.in_program(self._bins, inputs)
        else:
            bins = self._bins(inputs)
        bins = _encode.encode(bins, self.output_mode, self.num_bins, self.compute_dtype)
        return bins.astype(self.output_dtype) if self.output_mode == "int" else bins

    def _bins(self, values: np.ndarray) -> np.ndarray:
        kept = int(self.mask_value is not None and self.num_bins > 1)
        bins = bins_of(values, self.num_bins - kept, self.salt) + kept
        return np.where(_equal(values, self.mask_value), 0, bins) if kept else bins


@register()
class HashedCrossing(_host.HostLayer):
    """Crosses two or more columns: each combination of their values goes into one of the bins.

    Args:
        num_bins: how many bins.
        output_mode: `"int"` or `"one_hot"`.
        sparse: dense results only: must be False.

    Call it on a list of columns, each `(batch,)` or `(batch, 1)`, of strings or integers.

    Example:
        >>> layer = HashedCrossing(num_bins=5)
        >>> layer([np.array(["A", "B", "A"]), np.array([101, 101, 102])]).tolist()
        [1, 4, 3]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs.pop("trainable", None)
        dtype = "int64" if output_mode == "int" and dtype is None else dtype
        super().__init__(name=name, dtype=dtype, **kwargs)
        self.num_bins = arguments.integer(self, "num_bins", num_bins)
        self.output_mode = arguments.one_of(self, "output_mode", output_mode, ("int", "one_hot"))
        self.sparse = dense_only(self, sparse)

    @property
    def output_dtype(self) -> str:
        return jax.dtypes.canonicalize_dtype(self.compute_dtype).name

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        self._check([tuple(shape) for shape in input_shape])
        return _encode.output_shape(input_shape[0], self.output_mode, self.num_bins)

    def host_call(self, inputs: Any, **kwargs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)):
            raise self._wrong(type(inputs).__name__)
        return self.call([_host.host_array(self, column) for column in inputs])

    def call(self, inputs: Any) -> Any:
        for column in inputs:
            if column.dtype.kind not in "iuOUS":
                raise self._wrong(f"a column of dtype {column.dtype}")
        self._check([column.shape for column in inputs])
        if any(isinstance(column, jax.Array) for column in inputs):
            fit_the_device(self, self.num_bins)
            bins = _host.in_program(self._bins, *map(jnp.asarray, inputs))
        else:
            bins = self._bins(*inputs)
        return _encode.encode(bins, self.output_mode, self.num_bins, self.compute_dtype)

    def _bins(self, *columns: np.ndarray) -> np.ndarray:
        crossed: Any = _CROSS_KEY
        for column in columns:
            crossed = _hashes.joined(crossed, _number(column))
        return (crossed % np.uint64(self.num_bins)).astype(np.int64)

    def _check(self, shapes: list[tuple[int | None, ...]]) -> None:
        first = shapes[0] if shapes else ()
        flat = len(first) < 2 or (len(first) == 2 and first[1] == 1)
        if len(shapes) < 2 or not flat or any(shape != first for shape in shapes):
            raise self._wrong(f"shapes {shapes}")

    def _wrong(self, got: str) -> ValueError:
        expected = "a list of two or more columns (batch,) or (batch, 1) of strings or integers"
        return ValueError(errors.report(_host.where(self), expected=expected, got=got))

    def get_config(self) -> dict[str, Any]:
        names = ("num_bins", "output_mode", "sparse", "name", "dtype")
        return {name: getattr(self, name) for name in names}


def _number(column: np.ndarray) -> np.ndarray:
    """Return what is crossed of a column: integers themselves, the hashes of strings."""
    if column.dtype.kind in "iu":
        return column.astype(np.int64).view(np.uint64)
    return _columns.hashes(column)


def bins_of(values: np.ndarray, num_bins: int, salt: list[int] | None = None) -> np.ndarray:
    """Return the bins of strings, and of numbers by their decimal digits."""
    return (_columns.hashes(values, salt) % np.uint64(num_bins)).astype(np.int64)


def salt_of(layer: Any, salt: Any) -> list[int] | None:
    """Return a salt as two integers."""
    if salt is None:
        return None
    pair = salt if isinstance(salt, (list, tuple)) else [salt, salt]
    if len(pair) != 2 or not all(isinstance(k, (int, np.integer)) for k in pair):
        raise arguments.complain(layer, "salt", "an integer or two", salt)
    return [int(k) for k in pair]


def dense_only(layer: Any, sparse: bool) -> bool:
    """Return False, which is all that `sparse` may be here."""
    if sparse:
        raise arguments.complain(layer, "sparse", "False: results are dense", sparse)
    return False


def fit_the_device(layer: Any, num_bins: int) -> None:
    """Raise where bins of a compiled step would not fit into the device's integers."""
    most = np.iinfo(jax.dtypes.canonicalize_dtype("int64")).max
    if num_bins - 1 > most:
        raise arguments.complain(layer, "num_bins", f"at most {most} in a compiled step", num_bins)


def refuse_traced(layer: Any, value: Any) -> None:
    """Raise where a layer that needs the host is called inside a compiled step."""
    if isinstance(value, jax.Array):
        fix = "put it at the beginning of the model, or call it on the data before fit"
        note = "a compiled step has no strings"
        raise TypeError(errors.report(f"{_host.where(layer)} runs on the host", note=note, fix=fix))


def _equal(values: np.ndarray, mask: Any) -> np.ndarray:
    if isinstance(mask, (str, bytes)):
        mask = mask.encode() if isinstance(mask, str) else mask
        return np.array([v == mask for v in _columns.as_bytes(values.ravel().tolist())]).reshape(
            values.shape
        )
    return values == mask
