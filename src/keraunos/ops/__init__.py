"""`keraunos.ops`: functions on arrays, and on symbolic tensors, which they write into a graph.

`core`, `numpy`, `nn`, `math`, `linalg` and `image` hold them as Keras's modules of these names do;
a name that begins with `_` has the thicker functions behind a table's rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos import errors as _errors
from keraunos._core import symbolic
from keraunos.ops import core, image, linalg, math, nn, numpy
from keraunos.ops.core import *  # noqa: F403 - the public names of this room are those of its modules
from keraunos.ops.einops import rearrange as rearrange
from keraunos.ops.linalg import *  # noqa: F403
from keraunos.ops.math import *  # noqa: F403
from keraunos.ops.nn import *  # noqa: F403
from keraunos.ops.numpy import *  # noqa: F403

_BINARY = {
    "add": numpy.add,
    "sub": numpy.subtract,
    "mul": numpy.multiply,
    "truediv": numpy.true_divide,
    "floordiv": numpy.floor_divide,
    "mod": numpy.mod,
    "pow": numpy.power,
    "matmul": numpy.matmul,
    "and": numpy.logical_and,
    "or": numpy.logical_or,
    "xor": numpy.logical_xor,
}


def _swapped(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda self, other: function(other, self)


# `==` stays identity: symbolic tensors are looked up in lists and dicts.
symbolic.set_operators(
    {f"__{name}__": function for name, function in _BINARY.items()}
    | {f"__r{name}__": _swapped(function) for name, function in _BINARY.items()}
    | {
        "__neg__": numpy.negative,
        "__abs__": numpy.absolute,
        "__invert__": numpy.logical_not,
        "__lt__": numpy.less,
        "__le__": numpy.less_equal,
        "__gt__": numpy.greater,
        "__ge__": numpy.greater_equal,
        "__ne__": numpy.not_equal,
        "__round__": lambda self, digits=None: numpy.round(self, digits or 0),
        "__getitem__": numpy.get_item,
        "reshape": numpy.reshape,
        "squeeze": numpy.squeeze,
    }
)

__getattr__ = _errors.missing(__name__, globals())
