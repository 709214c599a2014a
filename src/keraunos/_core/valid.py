"""What the arguments of the library's own constructors may be, as far as name and default tell.

A constructor checks what it alone knows. What means the same everywhere is a row here, and an
argument whose default is True or False is a flag: `use_bias="no"` would be taken for yes.
"""

from __future__ import annotations

import codecs
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos import errors

Rule = tuple[Callable[[Any], bool], str]


def _is_whole(value: Any, least: float = -math.inf) -> bool:
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return whole and bool(value >= least)


def _is_number(value: Any) -> bool:
    plain = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return (plain and not math.isnan(value)) or getattr(value, "shape", None) == ()


def _are_numbers(value: Any) -> bool:
    several = value if isinstance(value, (list, tuple)) else [value]
    return len(several) > 0 and all(map(_is_number, several))


def _is_flag(value: Any) -> bool:
    # Old programs write 0 and 1, and Keras takes None for False.
    return value is None or (isinstance(value, (bool, np.bool_, int)) and value in (0, 1))


def _are_axes(value: Any) -> bool:
    several = value if isinstance(value, (list, tuple)) else [value]
    return all(map(_is_whole, several)) and len(set(several)) == len(several)


def _or_none(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or test(value)


def _is_codec(value: Any) -> bool:
    try:
        return codecs.lookup(value) is not None
    except (LookupError, TypeError):
        return False


_OPTIONAL = ("global_clipnorm", "loss_scale_factor", "rms_rate", "weight_decay")
FLAG: Rule = (_is_flag, "True or False")
_NUMBER: Rule = (_is_number, "a number")
# name -> what its value must be; None is checked only where the default is something else
RULES: dict[str, Rule] = {
    "axis": (_or_none(_are_axes), "an axis, or several different ones"),
    "fill_value": (_are_numbers, "a number"),
    "encoding": (_is_codec, "the name of an encoding, such as 'utf-8'"),
    "lora_alpha": _NUMBER,
    "gptq_unpacked_column_size": (lambda v: _is_whole(v, 1), "an integer, at least 1"),
    "seed": (_or_none(lambda v: _is_whole(v, 0)), "an integer, at least 0, or None"),
    **dict.fromkeys(("ragged", "sparse"), FLAG),
    **dict.fromkeys(("mag_exp", "min_power", "ref_power", "top_db"), _NUMBER),
}


def rules_of(constructor: Callable[..., Any]) -> dict[str, Rule]:
    """Return name -> rule of the arguments that a constructor names.

    Example:
        >>> def constructor(self, units, use_bias=True, seed=None): ...
        >>> sorted(rules_of(constructor))
        ['seed', 'use_bias']
    """
    found = {}
    for name, parameter in inspect.signature(constructor).parameters.items():
        if isinstance(parameter.default, bool):
            found[name] = FLAG
        elif name in RULES:
            test, text = RULES[name]
            found[name] = (_or_none(test) if parameter.default is None else test, text)
    return found


@functools.cache
def numbers_of(cls: type) -> dict[str, Rule]:
    """Return name -> rule of a class all of whose arguments are numbers and flags.

    Example:
        >>> class Rule:
        ...     def __init__(self, rho=0.9, nesterov=False, clipnorm=None, name=None): ...
        >>> [(name, text) for name, (_, text) in numbers_of(Rule).items()]
        [('rho', 'a number'), ('nesterov', 'True or False'), ('clipnorm', 'a number, or None')]
    """
    optional = (_or_none(_is_number), "a number, or None")
    found: dict[str, Rule] = {}
    for name, parameter in inspect.signature(cls.__init__).parameters.items():
        if isinstance(parameter.default, bool):
            found[name] = FLAG
        elif name.startswith("clip") or name in _OPTIONAL:
            found[name] = optional
        elif isinstance(parameter.default, float) and name != "learning_rate":
            found[name] = _NUMBER
    return found


def check(owner: str, rules: dict[str, Rule], given: dict[str, Any]) -> None:
    """Raise where an argument is not what its rule says.

    Raises:
        ValueError: it names the owner, the argument and what it may be.
    """
    for name in rules.keys() & given.keys():
        test, expected = rules[name]
        if not test(given[name]):
            where, got = f"{owner}, argument {name!r}", repr(given[name])
            raise ValueError(errors.report(where, expected=expected, got=got))
