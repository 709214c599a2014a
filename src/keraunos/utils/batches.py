"""Small services to loops of one's own: batches packed and unpacked, data cut in two."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

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


def split_dataset(
    dataset: Any,
    left_size: float | None = None,
    right_size: float | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    preferred_backend: str | None = None,
) -> tuple[Any, Any]:
    """Return data in two parts, to train on and to test on.

    Args:
        dataset: an array, or a tuple, list or dictionary of arrays of one length; each part has
            the same structure, so that `model.fit(*left)` takes (x, y).
        left_size, right_size: a share from 0 to 1 (float) or a number of samples (int); the one
            that is not given takes the rest.
        shuffle: whether the samples are shuffled before.
        seed: of the order.
        preferred_backend: kept for programs that pass it.

    Raises:
        ValueError: sizes that leave a part empty, or arrays of several lengths.
        TypeError: something else than arrays.

    Example:
        >>> left, right = split_dataset(np.arange(10), left_size=0.8)
        >>> left.tolist(), right.tolist()
        ([0, 1, 2, 3, 4, 5, 6, 7], [8, 9])
    """
    leaves = jax.tree.leaves(dataset, is_leaf=lambda x: not isinstance(x, (tuple, list, dict)))
    if not leaves or not all(hasattr(leaf, "shape") and leaf.ndim for leaf in leaves):
        got = type(dataset).__name__
        fix = "turn it into arrays first, np.asarray(list(dataset)) for example"
        raise TypeError(errors.report("split_dataset", expected="arrays", got=got, fix=fix))
    lengths = sorted({leaf.shape[0] for leaf in leaves})
    if len(lengths) > 1:
        where = "split_dataset"
        raise ValueError(errors.report(where, expected="arrays of one length", got=lengths))
    left, right = _sizes(lengths[0], left_size, right_size)
    order = np.arange(lengths[0])
    if shuffle:
        np.random.default_rng(seed).shuffle(order)
    first, last = order[:left], order[len(order) - right :]
    return jax.tree.map(lambda a: a[first], dataset), jax.tree.map(lambda a: a[last], dataset)


def _sizes(total: int, left: float | None, right: float | None) -> tuple[int, int]:
    """Return the numbers of samples of both parts."""
    if left is None and right is None:
        where = "split_dataset"
        raise ValueError(errors.report(where, expected="left_size or right_size", got="neither"))
    counts = [_count("left_size", left, total), _count("right_size", right, total)]
    first = counts[0] if counts[0] is not None else total - (counts[1] or 0)
    second = counts[1] if counts[1] is not None else total - first
    if first < 1 or second < 1 or first + second > total:
        raise ValueError(
            errors.report(
                "split_dataset",
                expected=f"two parts of the {total} samples, none empty",
                got=f"left_size={left}, right_size={right}",
            )
        )
    return first, second


def _count(argument: str, size: float | None, total: int) -> int | None:
    if size is None:
        return None
    number = isinstance(size, (int, float, np.number)) and not isinstance(size, bool)
    share = isinstance(size, (float, np.floating))
    if not number or not 0 <= size <= (1 if share else total):
        expected = f"a share from 0 to 1 (float), or 0 to {total} samples (int)"
        raise ValueError(
            errors.report(f"split_dataset: {argument}", expected=expected, got=repr(size))
        )
    return round(size * total) if share else int(size)
