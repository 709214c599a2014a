"""What layers of strings and tables share: they run on the host, before the compiled step."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from keraunos import _progress, errors
from keraunos._core import calling, symbolic
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor

_PIECE = 1 << 12  # rows between two looks at the bar
FEW = 2000  # strings for which Python's own ways are faster than whole arrays


class DataLayer(Layer):
    """A layer that pipelines of data use too."""

    def convert_weight(self, weight: Any) -> Any:
        """Return a weight as it is: there is one engine to read it."""
        return weight


class HostLayer(DataLayer):
    """A layer without weights that is computed with NumPy, once, before data go to the device.

    Strings never reach a device. A model runs such layers at its beginning on the host and
    compiles the rest (`keraunos.models.hosting`). `call` gets NumPy arrays there; inside a
    compiled step, where a model calls the layer on its way, it gets JAX's.
    """

    on_host = True  # a model runs it on the host wherever it can, not only where it must
    input_dtype: str | None = None  # what a model feeds it with, where that is not said

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.built = True
        self.autocast = False  # bins and tables want numbers as they are

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], list) and isinstance(next(iter(args[0]), 0), (str, bytes)):
            # One array from here on: looking for tensors among a million strings takes long.
            args = (host_array(self, args[0]), *args[1:])
        if symbolic.any_symbolic((args, kwargs)):
            return calling.call_symbolic(self, args, kwargs)
        if any(isinstance(leaf, Tracer) for leaf in jax.tree.leaves(args)):
            return super().__call__(*args, **kwargs)
        return jax.tree.map(lambda a: on_device(self, a), self.host_call(*args, **kwargs))

    def host_call(self, inputs: Any, **kwargs: Any) -> Any:
        """Return what the layer makes of host data, as NumPy arrays."""
        return self.call(host_array(self, inputs), **self._known(kwargs))

    def _known(self, kwargs: dict[str, Any]) -> dict[str, Any]:
        """Return what `call` takes: `training` is nothing to these layers."""
        return {k: v for k, v in kwargs.items() if k in calling.call_parameters(type(self))}

    def compute_output_shape(self, input_shape: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        raise NotImplementedError

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return the symbolic output: by rule, since strings cannot be traced."""
        shape = self.compute_output_shape(jax.tree.map(lambda t: t.shape, inputs))
        return SymbolicTensor(shape, self.output_dtype)

    @property
    def output_dtype(self) -> str:
        """The dtype of the results, as it is on the device."""
        return jax.dtypes.canonicalize_dtype("int64").name


def where(layer: Layer) -> str:
    """Return how errors name a layer."""
    return f"{type(layer).__name__} {layer.name!r}"


def host_array(layer: Layer, value: Any) -> np.ndarray:
    """Return data as a NumPy array; strings as objects, which take no more room than they need.

    Raises:
        ValueError: rows of different lengths, or something that is neither string nor number.
    """
    if hasattr(value, "to_numpy"):
        value = value.to_numpy()
    try:
        array = np.asarray(value, dtype=object if _of_strings(value) else None)
    except ValueError as error:
        raise _ragged(layer) from error
    if array.dtype.kind not in "OT":
        return array
    if array.size > FEW and isinstance(array.flat[0], (str, bytes)):
        # Whoever joins so many strings sees what is none.
        return array.astype(object, copy=False)
    flat = array.ravel().tolist()
    kinds = set(map(type, flat))
    if kinds <= {str, bytes, np.str_, np.bytes_}:
        return array.astype(object, copy=False)
    if kinds <= {bool, int, float}:
        return np.array(flat).reshape(array.shape)
    if kinds & {list, tuple, np.ndarray}:
        raise _ragged(layer)
    raise mixed(where(layer), flat)


def mixed(place: str, values: list[Any]) -> ValueError:
    """Return the error for what is neither strings alone nor numbers alone."""
    kinds = set(map(type, values))
    got = ", ".join(sorted(kind.__name__ for kind in kinds))
    fix = "fill in what is missing" if kinds & {float, type(None)} else None
    expected = "strings or numbers alone"
    return ValueError(errors.report(place, expected=expected, got=got, fix=fix))


def _ragged(layer: Layer) -> ValueError:
    expected, fix = "rows of one length", "pad them, or pass whole texts to be split"
    return ValueError(errors.report(where(layer), expected=expected, got="ragged rows", fix=fix))


def _of_strings(value: Any) -> bool:
    """Whether a value is a string, or lists that begin with one."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (str, bytes))


def on_device(layer: Layer, array: Any) -> Any:
    """Return numbers as a JAX array; strings stay where they are.

    Raises:
        ValueError: integers that need 64 bits, where the device has 32.
    """
    if not isinstance(array, np.ndarray) or array.dtype.kind in "OUS":
        return array
    made = jnp.asarray(array)
    if array.dtype.kind in "iu" and made.dtype != array.dtype and array.size:
        bounds = np.iinfo(made.dtype)
        if array.max() > bounds.max or array.min() < bounds.min:
            fix = "keraunos.config.set_floatx('float64') keeps 64 bits"
            got = f"{array.min()} to {array.max()}"
            raise ValueError(
                errors.report(where(layer), expected="integers of 32 bits", got=got, fix=fix)
            )
    return made


def in_program(function: Callable[..., Any], *columns: jax.Array) -> jax.Array:
    """Return integers that the host makes of integers, element by element, inside a program.

    A compiled program has neither the digits of a number nor arithmetic of 64 bits; it asks for
    them where it needs them, and an error of the function ends it.

    Args:
        function: of NumPy arrays of one shape, to an array of that shape.
        columns: traced.
    """
    kind = jax.dtypes.canonicalize_dtype("int64")
    shape = jax.ShapeDtypeStruct(jnp.broadcast_shapes(*(c.shape for c in columns)), kind)

    def ask(*values: Any) -> np.ndarray:
        return np.asarray(function(*map(np.asarray, values))).astype(kind)

    exact = [lax.stop_gradient(c).astype(kind) for c in columns]
    return jax.pure_callback(ask, shape, *exact, vmap_method="broadcast_all")


def batches(layer: Layer, data: Any, steps: int | None = None) -> Iterator[Any]:
    """Yield the batches that `adapt` reads from an iterable, without labels beside them.

    Args:
        layer: names the bar that is shown once it takes long.
        data: an iterable, or a `Sequence` with `len` and `[i]`.
        steps: how many to take; all by default.
    """
    # A Dataset may have no length that anybody knows.
    total = steps if steps is not None else operator.length_hint(data) or None
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and not isinstance(data, list):
        data = (data[i] for i in range(len(data)))
    some = itertools.islice(data, steps)
    for batch in _progress.over(some, total, "batch", f"Adapting {where(layer)}"):
        yield batch[0] if isinstance(batch, tuple) else batch


def is_whole(data: Any) -> bool:
    """Return whether data are all rows at once, not batches of them."""
    return isinstance(data, (list, tuple)) or hasattr(data, "shape") or hasattr(data, "to_numpy")


def pieces(layer: Layer, data: Any) -> Iterator[np.ndarray]:
    """Yield the rows of arrays, lists and frames as `batches` yields batches."""
    array = np.atleast_1d(host_array(layer, data))
    cut = [array[i : i + _PIECE] for i in range(0, len(array), _PIECE)]
    yield from _progress.over(cut, len(cut), "piece", f"Adapting {where(layer)}")
