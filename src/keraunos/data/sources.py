"""Elements that are made, not read: by generators, by counting, by lot."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import spec as specs
from keraunos.data import structure
from keraunos.data.chance import Chance, Run
from keraunos.data.steps import Open, replayed


def signature(given: Any, dtypes: Any, shapes: Any) -> Any:
    """Return a structure of specs, from one or from the older two arguments; None without any."""
    if given is not None:
        return _specs(given)
    if dtypes is None:
        return None
    if shapes is None:
        return _typed(dtypes, lambda _: None)
    # Shapes are tuples, as structures are: the structure of the dtypes says which is which.
    return _shaped(dtypes, shapes)


def _specs(given: Any) -> Any:
    if isinstance(given, list):
        given = tuple(given)
    return structure.mapped(lambda one: specs.TensorSpec(one.shape, one.dtype), given)


def _typed(dtypes: Any, shape: Callable[[Any], Any]) -> Any:
    dtypes = tuple(dtypes) if isinstance(dtypes, list) else dtypes
    return structure.mapped(lambda one: specs.TensorSpec(shape(one), one), dtypes)


def _shaped(dtypes: Any, shapes: Any) -> Any:
    if isinstance(dtypes, (tuple, list)):
        return tuple(_shaped(one, shape) for one, shape in zip(dtypes, shapes, strict=True))
    if isinstance(dtypes, dict):
        return {key: _shaped(one, shapes[key]) for key, one in dtypes.items()}
    return specs.TensorSpec(shapes, dtypes)


def generated(generator: Callable[..., Any], args: tuple[Any, ...], wanted: Any) -> Open:
    """Return the opener of what a generator function yields, checked against specs if given.

    Raises:
        TypeError: it cannot be called.
    """
    if not callable(generator):
        got = type(generator).__name__
        fix = "pass the function, not what it returns: lambda: values"
        where, expected = "from_generator", "a function that returns an iterator"
        raise TypeError(errors.report(where, expected=expected, got=got, fix=fix))

    def checked(one: Any) -> Any:
        if isinstance(one, list) and isinstance(wanted, tuple):
            one = tuple(one)
        try:
            fit = lambda spec, value: specs.fitted(value, spec, "from_generator")  # noqa: E731
            return structure.mapped(fit, wanted, one)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            if "from_generator" in str(error):
                raise
            text = errors.report("from_generator", expected=wanted, got=repr(one))
            raise TypeError(text) from error

    def free(one: Any) -> Any:
        return (
            structure.leaf(structure.columns(one, "from_generator"))
            if isinstance(one, list)
            else structure.element(one)
        )

    return replayed(lambda run: map(free if wanted is None else checked, iter(generator(*args))))


def counted(start: int, step: int, dtype: np.dtype) -> Open:
    return lambda run, skip: (dtype.type(n) for n in itertools.count(start + skip * step, step))


def random(chance: Chance) -> Open:
    def make(run: Run) -> Iterator[Any]:
        generator = run.generator(chance)
        return (np.int64(n) for _ in itertools.count() for n in generator.integers(0, 1 << 32, 256))

    return replayed(make)
