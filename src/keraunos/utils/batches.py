"""Small services to loops of one's own: batches packed and unpacked."""

from __future__ import annotations

from typing import Any

from keraunos import errors
from keraunos._core.symbolic import SymbolicTensor, tensors


def unpack_x_y_sample_weight(data: Any) -> tuple[Any, Any, Any]:
    """Return (x, y, sample_weight) of a batch, None for what it does not have.

    Args:
        data: x alone, or a tuple or list of one to three.

    Raises:
        ValueError: more than three parts, or none.

    Example:
        >>> unpack_x_y_sample_weight((1, 2))
        (1, 2, None)
    """
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        expected = "x, (x,), (x, y) or (x, y, sample_weight)"
        raise ValueError(errors.report("a batch", expected=expected, got=f"{len(data)} parts"))
    x, y, weight = (*data, None, None)[:3]
    return x, y, weight


def pack_x_y_sample_weight(x: Any, y: Any = None, sample_weight: Any = None) -> Any:
    """Return a batch as `fit` takes it: the shortest of x, (x,), (x, y), (x, y, sample_weight).

    Example:
        >>> pack_x_y_sample_weight(1, 2)
        (1, 2)
    """
    if y is None:
        return (x,) if isinstance(x, (tuple, list)) else x
    return (x, y) if sample_weight is None else (x, y, sample_weight)


def get_source_inputs(tensor: Any) -> list[SymbolicTensor]:
    """Return the symbolic inputs that a symbolic tensor follows from, each once.

    Example:
        >>> import keraunos as keras
        >>> x = keras.Input((2,))
        >>> get_source_inputs(keras.layers.Dense(3)(x))[0] is x
        True
    """
    found: dict[int, SymbolicTensor] = {}
    seen: set[int] = set()
    stack = tensors(tensor)[::-1]
    while stack:
        one = stack.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        before = one.node.inputs if one.node is not None else []
        if before:
            stack.extend(reversed(before))
        else:
            found[id(one)] = one
    return list(found.values())
