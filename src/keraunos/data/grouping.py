"""Batches of elements that differ in length, and groups of elements by a key."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import structure
from keraunos.data.chance import Chance, Run
from keraunos.data.combining import dataset_of
from keraunos.data.steps import Function, Open, replayed


def padder(shapes: Any, values: Any) -> Callable[[list[Any]], Any]:
    """Return a function that makes a batch of elements, filled up to one shape.

    Args:
        shapes: a structure as the elements', of shapes; None or -1 in one, or None for all of it,
            stands for the longest in the batch.
        values: a structure as the elements', of what to fill up with; one for all, or None for
            zeros and empty strings.
    """

    def join(elements: list[Any]) -> Any:
        return _padded(elements, shapes, values, "padded_batch")

    return join


def _padded(elements: list[Any], shapes: Any, values: Any, where: str) -> Any:
    first = elements[0]
    if isinstance(first, (tuple, Mapping)):
        keys = list(first) if isinstance(first, Mapping) else list(range(len(first)))
        parts = [
            _padded(
                [one[key] for one in elements],
                _part(shapes, key, len(keys), where),
                values
                if values is None or (np.ndim(values) == 0 and not _nested(values))
                else _part(values, key, len(keys), where),
                f"{where}: component {key!r}",
            )
            for key in keys
        ]
        mapping = isinstance(first, Mapping)
        return dict(zip(keys, parts)) if mapping else structure.rebuilt(first, parts)
    if first is None:
        return None
    if isinstance(first, (str, bytes)) or all(np.ndim(one) == 0 for one in elements):
        return structure.stacked(elements, where)
    return _filled([np.asarray(one) for one in elements], shapes, values, where)


def padded_spec(spec: Any, shapes: Any, where: str = "padded_batch") -> Any:
    """Return the spec of elements once they are filled up: None stands for the longest."""
    part = lambda key: padded_spec(spec[key], _part(shapes, key, len(spec), where), where)  # noqa: E731
    if isinstance(spec, tuple):
        return structure.rebuilt(spec, map(part, range(len(spec))))
    if isinstance(spec, Mapping):
        return {key: part(key) for key in spec}
    if shapes is None or spec is None:
        return spec
    sizes = (None if one in (None, -1) else int(one) for one in _listed(shapes))
    return dataclasses.replace(spec, shape=tuple(sizes))


def _listed(shape: Any) -> list[Any]:
    return getattr(shape, "as_list", lambda: list(np.atleast_1d(shape)))()


def _nested(value: Any) -> bool:
    return isinstance(value, (tuple, list, Mapping))


def _part(structured: Any, key: Any, count: int, where: str) -> Any:
    if structured is None:
        return None
    fitting = key in structured if isinstance(structured, Mapping) else _nested(structured)
    if not fitting or len(structured) != count:
        expected = f"a structure of {count} parts, as the elements have"
        raise ValueError(errors.report(where, expected=expected, got=repr(structured)))
    return structured[key]


def _filled(arrays: list[np.ndarray], shape: Any, value: Any, where: str) -> np.ndarray:
    ranks = {one.ndim for one in arrays}
    if len(ranks) > 1:
        raise ValueError(errors.report(where, expected="arrays of one rank", got=sorted(ranks)))
    longest = np.max([one.shape for one in arrays], axis=0).astype(int).tolist()
    shape = longest if shape is None else _listed(shape)
    if len(shape) != len(longest):
        expected = f"a shape of {len(longest)} sizes"
        raise ValueError(errors.report(where, expected=expected, got=shape))
    sizes = [most if one in (None, -1) else int(one) for one, most in zip(shape, longest)]
    if any(most > size for most, size in zip(longest, sizes)):
        got = f"an element of shape {tuple(longest)}"
        raise ValueError(errors.report(where, expected=f"at most {tuple(sizes)}", got=got))
    batch = np.full((len(arrays), *sizes), _filler(arrays[0].dtype, value, where), _wide(arrays))
    for row, array in zip(batch, arrays):
        row[tuple(map(slice, array.shape))] = array
    return batch


def _wide(arrays: list[np.ndarray]) -> Any:
    return np.result_type(*{one.dtype for one in arrays})


def _filler(dtype: np.dtype, value: Any, where: str) -> Any:
    if value is None:
        return {"U": "", "S": b"", "O": b""}.get(dtype.kind, 0)
    if np.asarray(value).dtype.kind == "f" and dtype.kind in "iub":
        expected = f"a padding value of dtype {dtype}"
        raise TypeError(errors.report(where, expected=expected, got=repr(value)))
    return np.asarray(value)[()]


def grouped(
    parent: Open, key_of: Function, reduce: Function, size_of: Function, listed: Function
) -> Open:
    """Return the opener that collects elements by key and lets `reduce` make datasets of them."""
    call = structure.caller(key_of)

    def elements(run: Run, source: Iterator[Any]) -> Iterator[Any]:
        groups: dict[int, list[Any]] = {}

        def reduced(key: int) -> Iterator[Any]:
            made = reduce(np.int64(key), listed(groups.pop(key)))
            return dataset_of(made, "group_by_window")._open(run, 0)

        for one in source:
            key = int(call(one))
            groups.setdefault(key, []).append(one)
            if len(groups[key]) >= int(size_of(np.int64(key))):
                yield from reduced(key)
        for key in sorted(groups):
            yield from reduced(key)

    return replayed(lambda run: elements(run, parent(run, 0)))


def resampled(parent: Open, class_of: Function, target: Any, initial: Any, chance: Chance) -> Open:
    """Return the opener of (class, element), some left out, so that classes have the target shares.

    Without initial shares they are counted as the elements come.
    """
    call, target = structure.caller(class_of), np.asarray(target, float)

    def elements(source: Iterator[Any], generator: Any) -> Iterator[Any]:
        seen = np.ones(len(target)) if initial is None else np.asarray(initial, float)
        for one in source:
            kind = int(call(one))
            if initial is None:
                seen[kind] += 1
            ratio = target / np.maximum(seen / seen.sum(), 1e-12)
            if generator.random() * ratio.max() < ratio[kind]:
                yield np.int32(kind), one

    return replayed(lambda run: elements(parent(run, 0), run.generator(chance)))


def boundary_shapes(spec: Any, bounds: np.ndarray, key: int, given: Any) -> Any:
    """Return padded shapes whose open sizes are the longest length of a bucket.

    Raises:
        ValueError: the last bucket, which has no end.
    """
    if key == len(bounds):
        where = "bucket_by_sequence_length"
        expected = f"lengths below {bounds[-1]}, the last boundary, with pad_to_bucket_boundary"
        raise ValueError(errors.report(where, expected=expected, got="a longer element"))
    longest = int(bounds[key]) - 1
    if given is None:
        return structure.mapped(lambda one: [longest if n is None else n for n in one.shape], spec)
    return _closed(given, longest)


def _closed(shapes: Any, size: int) -> Any:
    if shapes in (None, -1):
        return size
    if isinstance(shapes, (tuple, list)):
        return type(shapes)(_closed(one, size) for one in shapes)
    if isinstance(shapes, Mapping):
        return {key: _closed(one, size) for key, one in shapes.items()}
    return shapes


def edges(boundaries: list[int], sizes: list[int]) -> np.ndarray:
    """Return the boundaries between buckets.

    Raises:
        ValueError: they do not rise, or the sizes of batches are not one more.
    """
    rising = list(boundaries) == sorted(set(boundaries))
    if not rising or len(sizes) != len(boundaries) + 1:
        where, expected = "bucket_by_sequence_length", "rising boundaries and one more batch size"
        got = f"{list(boundaries)} and {list(sizes)}"
        raise ValueError(errors.report(where, expected=expected, got=got))
    return np.asarray(boundaries)
