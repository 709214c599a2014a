"""`rearrange`: axes split, merged and moved by a pattern such as `"b h w c -> b (h w) c"`."""

from __future__ import annotations

import math
import re
from typing import Any

import jax.numpy as jnp

from keraunos import errors
from keraunos._core.op import op


@op
def rearrange(tensor: Any, pattern: str, **axes_lengths: int) -> Any:
    """The elements of a tensor with axes split, merged, moved, added or dropped.

    Args:
        tensor: any shape.
        pattern: `"left -> right"`; names of axes, `(a b)` for one axis made of two, `1` for an axis
            of size 1, `...` for all axes in between.
        axes_lengths: sizes of axes that cannot be computed.

    Raises:
        ValueError: the pattern does not fit.

    Example:
        >>> rearrange(jnp.ones((2, 4, 3)), "b (h w) c -> b c h w", h=2).shape
        (2, 3, 2, 2)
    """
    left, right = _parsed(pattern, tensor.ndim)
    if len(left) != tensor.ndim:
        raise ValueError(
            errors.report(
                "rearrange", expected=f"an array that fits {pattern!r}", got=f"shape {tensor.shape}"
            )
        )
    sizes = dict(axes_lengths)
    for group, total in zip(left, tensor.shape):
        _fill(group, total, sizes, pattern)
    flat = [name for group in left for name in group]
    order = [flat.index(name) for group in right for name in group]
    if sorted(order) != list(range(len(flat))):
        raise ValueError(
            errors.report("rearrange", expected="the same axes on both sides", got=repr(pattern))
        )
    split = tensor.reshape([sizes[name] for name in flat])
    return jnp.transpose(split, order).reshape(
        [math.prod(sizes[n] for n in group) for group in right]
    )


def _parsed(pattern: str, rank: int) -> tuple[list[list[str]], list[list[str]]]:
    """Return the groups of axis names of both sides, the ellipsis as names of its own."""
    sides = pattern.split("->")
    if len(sides) != 2:
        raise ValueError(
            errors.report("rearrange", expected="a pattern 'left -> right'", got=repr(pattern))
        )
    groups = [re.findall(r"\([^()]*\)|\.\.\.|\w+", side) for side in sides]
    named = len([g for g in groups[0] if g != "..."])
    between = [f"...{i}" for i in range(rank - named)]

    def expand(token: str) -> list[list[str]]:
        if token == "...":
            return [[name] for name in between]
        return [[n for n in token.strip("()").split() if n != "1"]]

    left, right = ([group for token in side for group in expand(token)] for side in groups)
    return left, right


def _fill(group: list[str], total: int, sizes: dict[str, int], pattern: str) -> None:
    unknown = [name for name in group if name not in sizes]
    known = math.prod(sizes[name] for name in group if name in sizes)
    if len(unknown) == 1 and total % known == 0:
        sizes[unknown[0]] = total // known
    elif unknown or known != total:
        what = f"sizes of ({' '.join(group)}) that make {total}, from {pattern!r}"
        raise ValueError(
            errors.report(
                "rearrange", expected=what, got={n: sizes[n] for n in group if n in sizes}
            )
        )
