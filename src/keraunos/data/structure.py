"""Elements of a pipeline: tuples and dictionaries of arrays, stacked into batches and cut again."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from keraunos import errors


def mapped(function: Callable[..., Any], structure: Any, *others: Any) -> Any:
    """Return the structure with `function` applied to its leaves; None stays None.

    Example:
        >>> mapped(lambda a: a + 1, {"a": 1, "b": (2, None)})
        {'a': 2, 'b': (3, None)}
    """
    if isinstance(structure, tuple):
        parts = [mapped(function, *some) for some in zip(structure, *others, strict=True)]
        return rebuilt(structure, parts)
    if isinstance(structure, Mapping):
        return {k: mapped(function, v, *(o[k] for o in others)) for k, v in structure.items()}
    return None if structure is None else function(structure, *others)


def rebuilt(like: tuple[Any, ...], parts: Any) -> Any:
    """Return parts as a tuple, or as the named tuple that `like` is."""
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)


def copied(element: Any) -> Any:
    """Return an element of its own: the next step may change it, and what is kept must stay."""
    return mapped(lambda one: one.copy() if isinstance(one, np.ndarray) else one, element)


def leaves(structure: Any) -> list[Any]:
    """Return the leaves of a structure, without its Nones."""
    found: list[Any] = []
    mapped(found.append, structure)
    return found


def element(value: Any) -> Any:
    """Return what a user's function gave as an element: NumPy throughout, lists as tuples."""
    if isinstance(value, (tuple, list)):
        return rebuilt(value if isinstance(value, tuple) else (), [element(one) for one in value])
    if isinstance(value, Mapping):
        return {key: element(one) for key, one in value.items()}
    return leaf(value)


def leaf(value: Any) -> Any:
    """Return one array or scalar, with 32 bits where Python said nothing about them."""
    if isinstance(value, np.ndarray):
        return value[()] if value.ndim == 0 else value
    if value is None or isinstance(value, (np.generic, str, bytes)):
        return value
    if isinstance(value, (bool, int, float)):
        return _narrowed(np.asarray(value))[()]
    return leaf(np.asarray(value)) if hasattr(value, "__array__") else value


def columns(value: Any, where: str) -> Any:
    """Return a structure of arrays from what a user passed; files on disk stay there.

    Raises:
        ValueError: rows of several lengths.
    """
    if isinstance(value, tuple):
        return rebuilt(value, [columns(one, where) for one in value])
    if isinstance(value, Mapping):
        return {key: columns(one, where) for key, one in value.items()}
    if value is None or isinstance(value, np.ndarray) or is_on_disk(value) or is_on_demand(value):
        return value
    if hasattr(value, "to_numpy"):
        return value.to_numpy()
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if isinstance(value, bytes):
        return value
    return _from_lists(value, where)


def _from_lists(value: Any, where: str) -> np.ndarray:
    if isinstance(value, (list, tuple)) and value and isinstance(value[0], bytes):
        return objects(value)  # NumPy's own strings of bytes lose zeros at their ends
    try:
        array = np.asarray(value)
    except ValueError as error:
        fix = "pad the rows, or use from_generator and padded_batch"
        text = errors.report(where, expected="rows of one length", got=str(error), fix=fix)
        raise ValueError(text) from error
    typed = isinstance(value, list) and any(hasattr(one, "dtype") for one in value[:1])
    return array if typed else _narrowed(array)


def _narrowed(array: np.ndarray) -> np.ndarray:
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype == np.int64 and (array == array.astype(np.int32)).all():
        return array.astype(np.int32)
    return array


def is_on_disk(value: Any) -> bool:
    """Return whether a value is an array that is read when it is indexed, such as h5py's."""
    own = type(value).__module__.partition(".")[0]
    return own in ("h5py", "zarr") and hasattr(value, "shape") and hasattr(value, "dtype")


def is_on_demand(value: Any) -> bool:
    """Return whether a value makes its rows when `at(rows)` asks for them: files, windows."""
    return hasattr(value, "at") and hasattr(value, "shape") and not hasattr(value, "__array__")


def length(structure: Any, where: str) -> int:
    """Return the number of rows, which all arrays share.

    Raises:
        ValueError: several lengths, none, or a scalar.
    """
    shapes = [np.shape(one) for one in leaves(structure)]
    sizes = {shape[0] for shape in shapes if shape}
    if len(sizes) != 1 or not all(shapes):
        got = ", ".join(map(str, shapes)) or "nothing"
        expected = "arrays with a first axis of one length"
        raise ValueError(errors.report(where, expected=expected, got=got))
    return int(sizes.pop())


def gathered(structure: Any, rows: np.ndarray) -> Any:
    """Return rows of a structure of arrays, copied together."""
    return mapped(lambda array: _rows(array, rows), structure)


def _rows(array: Any, rows: np.ndarray) -> Any:
    if type(array) is np.ndarray:
        return array.take(rows, axis=0)
    if hasattr(array, "at"):
        return array.at(rows)
    # From a file: in one direction, each row once, and in one piece where they lie together.
    wanted, place = np.unique(rows, return_inverse=True)
    if len(wanted) and wanted[-1] - wanted[0] == len(wanted) - 1:
        read = np.array(array[int(wanted[0]) : int(wanted[-1]) + 1])
    else:
        read = np.array(array[wanted])
    return read if (place[1:] > place[:-1]).all() else read[place]


def unstacked(block: Any) -> Iterator[Any]:
    """Yield the elements whose arrays lie one after another on the first axis of a block."""
    if isinstance(block, tuple):
        parts = zip(*map(unstacked, block))
        return map(type(block)._make, parts) if hasattr(block, "_fields") else parts  # pyright: ignore
    if isinstance(block, Mapping):
        parts = zip(*map(unstacked, block.values()))
        return (dict(zip(block, part)) for part in parts)
    if block is None:
        return itertools.repeat(None)
    if not np.shape(block):  # a string too, of which nobody wants the letters
        got = f"a single {type(block).__name__}"
        raise ValueError(errors.report("unbatch", expected="arrays with a first axis", got=got))
    return iter(block)


def stacked(elements: list[Any], where: str = "batch") -> Any:
    """Return elements as one, their arrays on a new first axis.

    Raises:
        ValueError: arrays of several shapes.
    """
    first = elements[0]
    if isinstance(first, tuple):
        return rebuilt(first, [stacked(list(part), where) for part in zip(*elements, strict=True)])
    if isinstance(first, Mapping):
        return {key: stacked([one[key] for one in elements], where) for key in first}
    if first is None:
        return None
    if isinstance(first, bytes):
        return objects(elements)
    shapes = dict.fromkeys(np.shape(one) for one in elements)
    if len(shapes) > 1:
        got = f"shapes {', '.join(map(str, shapes))}"
        fix = "padded_batch fills shorter elements up"
        raise ValueError(errors.report(where, expected="elements of one shape", got=got, fix=fix))
    if not isinstance(first, np.ndarray):
        return np.array(elements)
    # As np.stack, which makes a view of each element first.
    return np.concatenate(elements).reshape(len(elements), *first.shape)


def objects(values: Any) -> np.ndarray:
    """Return Python objects as an array of them."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def at_least(name: str, value: Any, least: int) -> int:
    """Return an argument that is an integer, and not a smaller one.

    Raises:
        ValueError: it is another thing.
    """
    try:
        whole = int(value)
    except (TypeError, ValueError):
        whole = least - 1
    if whole < least or whole != value:
        expected = f"an integer, at least {least}"
        raise ValueError(errors.report(name, expected=expected, got=repr(value)))
    return whole


def caller(function: Callable[..., Any]) -> Callable[[Any], Any]:
    """Return a function of an element: a tuple is passed as several arguments."""

    def call(one: Any) -> Any:
        return function(*one) if isinstance(one, tuple) else function(one)

    return call
