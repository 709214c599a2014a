"""Calls of `tree`: name, arguments, keywords; the structures are those that models pass around."""

import collections

import numpy as np

Point = collections.namedtuple("Point", ["x", "y"])
NESTED = {"b": [1, (2, 3)], "a": Point(4, [5, None]), "c": {}}
FLAT = [10, 20, 30]
SHAPES = {"a": (2, 3), "b": [(None, 4), (5,)]}
ARRAYS = [np.arange(3), {"x": np.ones((2, 2))}]


def _add(x, y):
    return x + y


def _leave_lists(x):
    """Change lists to their length, for `traverse`; None goes on."""
    return len(x) if isinstance(x, list) else None


ROWS = [
    ("is_nested", (42,), {}),
    ("is_nested", ({"a": 1},), {}),
    ("is_nested", ("text",), {}),
    ("is_nested", (np.ones(2),), {}),
    ("flatten", (NESTED,), {}),
    ("flatten", (None,), {}),
    ("flatten", ({100: "b", 6: "a"},), {}),
    ("flatten", (ARRAYS,), {}),
    ("flatten_with_path", (NESTED,), {}),
    ("map_structure", (str, NESTED), {}),
    ("map_structure", (str, [1, None]), {"none_is_leaf": False}),
    ("map_structure", (_add, Point(1, [2]), Point(3, [4])), {}),
    ("map_structure_up_to", ([0, 0], len, [[1, 1], [2, 2, 2]]), {}),
    ("map_structure_up_to", ((0, {"a": 0}), str, ([1, 2], {"a": [3]})), {}),
    ("map_shape_structure", (len, SHAPES), {}),
    ("pack_sequence_as", (NESTED, list("abcdef")), {}),
    ("pack_sequence_as", (("x", ["y", {"z": 1}]), FLAT), {}),
    ("pack_sequence_as", (7, [8]), {}),
    ("traverse", (_leave_lists, NESTED), {}),
    ("traverse", (_leave_lists, [(1, 2), [3], {"a": [4]}]), {"top_down": False}),
    ("lists_to_tuples", (NESTED,), {}),
    ("assert_same_structure", ([(0, 1)], [(2, 3)]), {}),
    ("assert_same_paths", ([0, {"a": 1}], (2, {"a": 3})), {}),
]

# Structures that do not fit: both raise.
REFUSED = [
    ("map_structure", (_add, [1, 2], [1]), {}),
    ("map_structure", (_add, [1], (1,)), {}),
    ("pack_sequence_as", ([0, 1], [1]), {}),
    ("assert_same_structure", ([0], (0,)), {}),
    ("assert_same_structure", ({"a": 0}, {"b": 0}), {}),
    ("assert_same_paths", ([0, 1], [0]), {}),
]
