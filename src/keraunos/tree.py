"""Nested lists, tuples and dicts: Keras's names for JAX's trees; None is a leaf."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax

from keraunos import errors


class MAP_TO_NONE:
    """What a function given to `traverse` returns to put None in a place."""


def _is_none(value: Any) -> bool:
    return value is None


def is_nested(structure: Any) -> bool:
    """Return whether this is a list, tuple or dict.

    Example:
        >>> is_nested([1]), is_nested(1)
        (True, False)
    """
    return isinstance(structure, (list, tuple, dict))


def flatten(structure: Any) -> list[Any]:
    """Return the leaves in order; those of a dict in the order of its keys.

    Example:
        >>> flatten({"b": 1, "a": (2, None)})
        [2, None, 1]
    """
    return jax.tree.leaves(structure, is_leaf=_is_none)


def flatten_with_path(structure: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Return pairs (path, leaf), a path being a tuple of keys and indices.

    Example:
        >>> flatten_with_path([{"a": 42}])
        [((0, 'a'), 42)]
    """
    found = jax.tree_util.tree_flatten_with_path(structure, is_leaf=_is_none)[0]
    return [(_steps(structure, path), leaf) for path, leaf in found]


def _steps(node: Any, path: Any) -> tuple[Any, ...]:
    """Return JAX's path as keys and indices; the fields of a named tuple are counted."""
    steps = []
    for key in path:
        step = next(getattr(key, n) for n in ("key", "idx", "name") if hasattr(key, n))
        if hasattr(key, "name") and hasattr(node, "_fields"):
            step = node._fields.index(step)
        node = getattr(node, step) if hasattr(key, "name") and isinstance(step, str) else node[step]
        steps.append(step)
    return tuple(steps)


def map_structure(func: Callable[..., Any], *structures: Any, none_is_leaf: bool = True) -> Any:
    """Return the structure with func applied to each leaf (or to the leaves in the same place).

    Raises:
        ValueError: the structures differ.

    Example:
        >>> map_structure(lambda a, b: a + b, [1, (2,)], [10, (20,)])
        [11, (22,)]
    """
    return jax.tree.map(func, *structures, is_leaf=_is_none if none_is_leaf else None)


def map_structure_up_to(shallow_structure: Any, func: Callable[..., Any], *structures: Any) -> Any:
    """Return `map_structure` in which leaves are where the shallow structure has them.

    Example:
        >>> map_structure_up_to([None, None], len, [[1, 1], [2]])
        [2, 1]
    """
    return jax.tree.map(
        lambda _, *parts: func(*parts), shallow_structure, *structures, is_leaf=_is_none
    )


def map_shape_structure(func: Callable[[Any], Any], structure: Any) -> Any:
    """Return `map_structure` in which a tuple or list of sizes is a leaf.

    Example:
        >>> map_shape_structure(len, {"a": (None, 3)})
        {'a': 2}
    """

    def is_shape(value: Any) -> bool:
        return isinstance(value, (tuple, list)) and all(
            n is None or isinstance(n, int) for n in value
        )

    return jax.tree.map(func, structure, is_leaf=is_shape)


def pack_sequence_as(structure: Any, flat_sequence: Iterable[Any]) -> Any:
    """Return the leaves put into a structure: the inverse of `flatten`.

    Raises:
        ValueError: another number of leaves.

    Example:
        >>> pack_sequence_as([0, (0,)], [1, 2])
        [1, (2,)]
    """
    flat = list(flat_sequence)
    shape = jax.tree.structure(structure, is_leaf=_is_none)
    if shape.num_leaves != len(flat):
        raise ValueError(
            errors.report("pack_sequence_as", expected=f"{shape.num_leaves} leaves", got=len(flat))
        )
    return jax.tree.unflatten(shape, flat)


def traverse(func: Callable[[Any], Any], structure: Any, top_down: bool = True) -> Any:
    """Return the structure with parts replaced by what func returns for them.

    Args:
        func: gets each part; None leaves it, `MAP_TO_NONE` puts None there.
        structure: any.
        top_down: parents before their children (which are not visited if the parent is replaced).

    Example:
        >>> traverse(lambda part: part * 2 if isinstance(part, int) else None, [1, (2,)])
        [2, (4,)]
    """
    found = func(structure) if top_down else None
    if found is None and is_nested(structure):
        structure = _rebuilt(structure, lambda part: traverse(func, part, top_down))
    if not top_down:
        found = func(structure)
    return None if found is MAP_TO_NONE else structure if found is None else found


def _rebuilt(structure: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(structure, dict):
        return type(structure)((key, change(value)) for key, value in structure.items())
    parts = [change(part) for part in structure]
    return type(structure)(*parts) if hasattr(structure, "_fields") else type(structure)(parts)


def lists_to_tuples(structure: Any) -> Any:
    """Return the structure with tuples instead of lists.

    Example:
        >>> lists_to_tuples([1, [2]])
        (1, (2,))
    """
    if not is_nested(structure):
        return structure
    rebuilt = _rebuilt(structure, lists_to_tuples)
    return tuple(rebuilt) if isinstance(rebuilt, list) else rebuilt


def assert_same_structure(a: Any, b: Any, check_types: Any = None) -> None:
    """Raise ValueError unless both are nested in the same way, in containers of the same types.

    Example:
        >>> assert_same_structure([1, (2,)], [3, (4,)])
    """
    one, other = (jax.tree.structure(s, is_leaf=_is_none) for s in (a, b))
    if one != other:
        raise ValueError(errors.report("structures differ", expected=one, got=other))


def assert_same_paths(a: Any, b: Any) -> None:
    """Raise ValueError unless both have leaves at the same paths, whatever the containers.

    Example:
        >>> assert_same_paths([0, 1], (2, 3))
    """
    one, other = ([path for path, _ in flatten_with_path(s)] for s in (a, b))
    if one != other:
        raise ValueError(errors.report("paths of structures differ", expected=one, got=other))


__getattr__ = errors.missing(__name__, globals())
