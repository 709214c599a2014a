"""The states of optimizers in `.h5` files, which each Keras named and ordered in its own way.

Keras 3 writes `adam/dense_kernel_momentum`, tf_keras since 2.11 `Adam/m/dense/kernel`, tf.keras
before it `Adam/dense/kernel/m`, and Keras 2 all of the first slot, then all of the second, under
names that say nothing. The slots of an optimizer have the same order in all of them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from keraunos._core.variable import Variable

_RATE = "learning_rate"
_SLOTS = frozenset(
    "m v vhat u rms mg momentum velocity average_gradient accumulator linear accum_grad accum_var"
    " accumulated_grad accumulated_delta_var".split()
)
Rows = list[tuple[str, np.ndarray]]


def pairs(stored: Rows, optimizer: Any, trainable: list[Variable], old: bool) -> Any:
    """Return (variable of the optimizer, array) for what a file holds.

    Args:
        stored: names and arrays, as they follow each other in the file.
        optimizer: a built one.
        trainable: what it changes.
        old: whether a Keras before the third wrote the file.

    Returns:
        The pairs; None where the file's arrays are not those of this optimizer.
    """
    if not old:
        boxes = optimizer.variables
        if not any(box.name == _RATE for box in boxes):
            stored = [row for row in stored if not row[0].endswith(f"{_RATE}:0")]
        same = [box.shape for box in boxes] == [np.shape(array) for _, array in stored]
        return list(zip(boxes, (array for _, array in stored))) if same else None
    scalars = [row for row in stored if np.ndim(row[1]) == 0]
    arrays = [row for row in stored if np.ndim(row[1])]
    mine = _own_slots(optimizer.variables, trainable)
    theirs = _slots(arrays, len(trainable))
    slots = {id(box) for row in mine for box in row}
    alone = [box for box in optimizer.variables if id(box) not in slots]
    # One that has taken no step has written no slots.
    whole = len(theirs) >= len(mine) or not arrays
    found = [*_scalars(scalars, alone)] if whole else None
    for own, other in zip(mine, theirs):
        if found is None or [box.shape for box in own] != [array.shape for array in other]:
            return None
        found += zip(own, other)
    return found


# Of these, `.keras` files of Keras 2 have the first two slots of each variable side by side.
_SIDE_BY_SIDE = ("Adam", "AdamW", "Nadam", "Adamax", "Adadelta", "Ftrl")


def nameless(stored: list[np.ndarray], optimizer: Any, trainable: list[Variable]) -> Any:
    """Return (variable of the optimizer, array) for the state in a `.keras` file of Keras 2.

    It begins with the count of steps. The learning rate stands in the config alone.

    Args:
        stored: arrays without names, as they follow each other in the file.
        optimizer, trainable: as for `pairs`.

    Returns:
        The pairs; None where the arrays are not those of this optimizer.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    arrays, count = stored[1:], len(trainable)
    # One that has taken no step has written no slots.
    mine = _own_slots(inner.variables, trainable) if arrays else []
    if not stored or np.ndim(stored[0]) or len(arrays) != count * len(mine):
        return None
    if type(inner).__name__ in _SIDE_BY_SIDE:
        arrays = [*arrays[: 2 * count : 2], *arrays[1 : 2 * count : 2], *arrays[2 * count :]]
    own = [box for row in mine for box in row]
    if [box.shape for box in own] != [array.shape for array in arrays]:
        return None
    return [(inner.iterations, stored[0]), *zip(own, arrays)]


def _own_slots(boxes: list[Variable], trainable: list[Variable]) -> list[list[Variable]]:
    """Return the slots of an optimizer of ours: each has one variable for each that is trained."""
    found: dict[str, list[Variable]] = {}
    starts = [variable.path.replace("/", "_") + "_" for variable in trainable]
    for box in boxes:
        name = box.path.rpartition("/")[2]
        start = max((s for s in starts if name.startswith(s)), key=len, default=None)
        if start is not None:
            found.setdefault(name.removeprefix(start), []).append(box)
    return list(found.values())


def _slots(arrays: Rows, count: int) -> list[list[np.ndarray]]:
    """Return the slots of a file, by the words in its names; else as many arrays as are trained."""
    words = [_word(name) for name, _ in arrays]
    if None in words:
        whole = len(arrays) // max(count, 1)
        return [[a for _, a in arrays[i * count : (i + 1) * count]] for i in range(whole)]
    found: dict[Any, list[np.ndarray]] = {}
    for word, (_, array) in zip(words, arrays):
        found.setdefault(word, []).append(array)
    return list(found.values())


def _word(name: str) -> str | None:
    parts = name.removesuffix(":0").split("/")
    if len(parts) > 2 and parts[1] in _SLOTS:
        return parts[1]
    return parts[-1] if len(parts) > 2 and parts[-1] in _SLOTS else None


def _scalars(stored: Rows, boxes: list[Variable]) -> Any:
    """Yield the count of steps, and what else is one number; the rate stands in the config."""
    named = {"iter": [], _RATE: [], "": []}
    for name, value in stored:
        kind = next(kind for kind in named if kind in name)
        named[kind].append(value)
    for kind, values in named.items():
        own = [
            box
            for box in boxes
            if box.ndim == 0 and next(k for k in named if k in box.name) == kind
        ]
        yield from zip(own, values)
