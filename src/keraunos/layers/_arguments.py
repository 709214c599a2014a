"""What the constructors of layers share: arguments checked once, errors that name them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from keraunos import config, constraints, errors, initializers, regularizers
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable


def complain(layer: Layer, argument: str, expected: object, got: object) -> ValueError:
    """Return the error for an argument of a layer's constructor."""
    where = f"{type(layer).__name__} {layer.name!r}, argument {argument!r}"
    return ValueError(errors.report(where, expected=expected, got=repr(got)))


def integer(layer: Layer, argument: str, value: Any, least: int = 1) -> int:
    """Return an integer that is not smaller than `least`."""
    if not isinstance(value, (int, np.integer)) or isinstance(value, bool) or value < least:
        raise complain(layer, argument, f"an integer, at least {least}", value)
    return int(value)


def per_axis(layer: Layer, argument: str, value: Any, rank: int, least: int = 1) -> tuple[int, ...]:
    """Return one integer for each of `rank` axes, from one for all or a sequence."""
    values = list(value) if isinstance(value, (tuple, list)) else [value] * rank
    whole = [isinstance(n, (int, np.integer)) and not isinstance(n, bool) for n in values]
    if len(values) != rank or not all(whole) or min(values) < least:
        raise complain(layer, argument, f"an integer or {rank} integers, at least {least}", value)
    return tuple(int(n) for n in values)


def pairs(layer: Layer, argument: str, value: Any, rank: int) -> tuple[tuple[int, int], ...]:
    """Return (before, after) for each of `rank` axes, from one number, one an axis, or pairs."""
    values = list(value) if isinstance(value, (tuple, list)) else [value] * rank
    if len(values) != rank:
        raise complain(layer, argument, f"an integer, {rank} integers or {rank} pairs", value)
    before_after = [per_axis(layer, argument, one, 2, least=0) for one in values]
    return tuple((a, b) for a, b in before_after)


def one_of(layer: Layer, argument: str, value: Any, choices: Sequence[str]) -> str:
    """Return one of the choices, in lower case."""
    found = value.lower() if isinstance(value, str) else value
    if found not in choices:
        raise complain(layer, argument, f"one of {', '.join(map(repr, choices))}", value)
    return found


def data_format(layer: Layer, value: str | None) -> str:
    """Return a checked layout; None means the global one."""
    value = config.image_data_format() if value is None else value
    return one_of(layer, "data_format", value, ("channels_last", "channels_first"))


def between(layer: Layer, argument: str, value: Any, low: float, high: float) -> Any:
    """Return a number from low to high, both included."""
    if (
        isinstance(value, bool)
        or not isinstance(value, (int, float, np.number))
        or not low <= value <= high
    ):
        raise complain(layer, argument, f"a number from {low:g} to {high:g}", value)
    return value


def flag(layer: Layer, argument: str, value: Any) -> bool:
    """Return True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise complain(layer, argument, "True or False", value)
    return bool(value)


def number(layer: Layer, argument: str, value: Any) -> Any:
    """Return a number, or an array or list of them."""
    try:
        kind = np.asarray(value).dtype.kind
    except ValueError:  # lists of several lengths
        kind = "O"
    if kind not in "iufV":  # V: bfloat16 and its kind
        raise complain(layer, argument, "a number, or an array of them", value)
    return value


def sizes(layer: Layer, argument: str, value: Any, least: int) -> tuple[int | None, ...]:
    """Return sizes, from one or a sequence: integers from `least` on, or None."""
    given = value if isinstance(value, (tuple, list)) else (value,)
    for n in given:
        whole = isinstance(n, (int, np.integer)) and not isinstance(n, bool)
        if n is not None and not (whole and n >= least):
            raise complain(layer, argument, f"integers, at least {least}, or None", value)
    return tuple(given)


def axes(layer: Layer, argument: str, value: Any, least: int = -99) -> Any:
    """Return an axis, or a sequence of them, as it was given."""
    for one in value if isinstance(value, (tuple, list)) else [value]:
        if not isinstance(one, (int, np.integer)) or isinstance(one, bool) or one < least:
            text = "an axis, or several" + (f", from {least} on" if least > -99 else "")
            raise complain(layer, argument, text, value)
    return value


def equation(layer: Layer, value: Any, bias_axes: Any) -> str:
    """Return an equation of `EinsumDense` without spaces: "operand,kernel->output"."""
    found = value.replace(" ", "") if isinstance(value, str) else ""
    parts = re.fullmatch(r"([a-zA-Z.]+),([a-zA-Z]+)->([a-zA-Z.]+)", found)
    if parts is None:
        raise complain(layer, "equation", "letters as in 'ab,bc->ac'", value)
    known = set(parts[3].replace(".", ""))
    if bias_axes is not None and not (
        isinstance(bias_axes, str) and set() < set(bias_axes) <= known
    ):
        raise complain(layer, "bias_axes", f"letters of the output {parts[3]!r}", bias_axes)
    return found


def keep(
    layer: Layer, name: str, initializer: Any, regularizer: Any = None, constraint: Any = None
) -> None:
    """Keep what is said about a weight under its name: `{name}_initializer` and so on."""
    setattr(layer, f"{name}_initializer", initializers.get(initializer))
    setattr(layer, f"{name}_regularizer", regularizers.get(regularizer))
    setattr(layer, f"{name}_constraint", constraints.get(constraint))


def weight(
    layer: Layer, name: str, shape: Sequence[int], said: str | None = None, **options: Any
) -> Variable:
    """Make a weight after what `keep` kept under `said` (by default its own name)."""
    rules = {
        k: getattr(layer, f"{said or name}_{k}")
        for k in ("initializer", "regularizer", "constraint")
    }
    return layer.add_weight(shape=tuple(shape), name=name, **rules, **options)


def size_of(layer: Layer, shape: Sequence[int | None], axis: int) -> int:
    """Return the size of an axis that a weight's shape depends on."""
    where = f"{type(layer).__name__} {layer.name!r}"
    if not -len(shape) <= axis < len(shape):
        raise ValueError(
            errors.report(
                where, expected=f"an input with an axis {axis}", got=f"shape {tuple(shape)}"
            )
        )
    size = shape[axis]
    if size is None:
        expected = f"an input whose axis {axis} has a known size"
        raise ValueError(errors.report(where, expected=expected, got=f"shape {tuple(shape)}"))
    return size


def refuse(layer: Layer, options: dict[str, Any], *names: str) -> dict[str, Any]:
    """Return the options without those that Keras has and keraunos has not yet.

    They stand in saved configs as None, and are accepted so.
    """
    for name in names:
        if options.get(name) is not None:
            where = f"{type(layer).__name__}: {name}={options[name]!r}"
            raise NotImplementedError(errors.report(where, note=f"{name} is not supported yet"))
    return {k: v for k, v in options.items() if k not in names}
