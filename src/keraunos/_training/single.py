"""`predict` of one small array again: the program that ran before, by the shortest road.

A service asks for one row at a time, and Python's part of a call is then longer than the device's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from keraunos._core import state
from keraunos._training.step import Batch, Boxes, Values

# What JAX takes as it is; float64 it makes float32, as `feed` does.
_DIRECT = {np.dtype(t) for t in ("float32", "float64", "int32", "uint8")}
_MOST = 64  # shapes remembered

Check = Callable[[Batch], None]


class Singles:
    """The predictions of one model that have run before, by shape."""

    def __init__(self) -> None:
        self._known: dict[Any, tuple[int, Callable[[np.ndarray], Any]]] = {}

    def get(self, x: Any, batch_size: int | None) -> Callable[[np.ndarray], Any] | None:
        """Return what predicts from an array like x; None where nothing did yet."""
        if type(x) is not np.ndarray:
            return None
        version, found = self._known.get((x.shape, x.dtype, batch_size), (0, None))
        return found if version == state.version() else None

    def learn(
        self, x: Any, batch_size: int | None, run: Any, boxes: Boxes, check: Check, size: int
    ) -> None:
        """Remember the program that has predicted from x.

        Args:
            x: what was passed, as it was.
            batch_size: that was asked for.
            run: (values, batch) -> (outputs, states).
            boxes: whose values it takes.
            check: looks at the batch on the host.
            size: rows that x is filled up to.
        """
        if type(x) is not np.ndarray or x.dtype not in _DIRECT or boxes.states:
            return
        if len(self._known) >= _MOST:
            self._known.clear()  # in one go, as other threads may be looking
        predict = _prediction(run, boxes, check, size - len(x))
        self._known[x.shape, x.dtype, batch_size] = state.version(), predict

    def clear(self) -> None:
        """Forget all."""
        self._known.clear()


def _prediction(run: Any, boxes: Boxes, check: Check, fill: int) -> Callable[[np.ndarray], Any]:
    trainable, other = boxes.trainable, boxes.other

    def predict(x: np.ndarray) -> Any:
        whole = np.concatenate([x, np.repeat(x[-1:], fill, axis=0)]) if fill else x
        values = Values([b._value for b in trainable], [b._value for b in other], [], [], [])
        outputs, _ = run(values, Batch(whole))
        check(Batch(x))  # while the device computes
        if isinstance(outputs, jax.Array):
            return on_host(outputs, len(whole), len(x))
        return jax.tree.map(lambda a: on_host(a, len(whole), len(x)), outputs)

    return predict


def on_host(array: Any, size: int, count: int) -> np.ndarray:
    """Return an output as an array of the caller's own, less the rows that filled it up.

    They are cut on the host, as a cut on the device would be compiled for each length.
    """
    found = np.asarray(array)
    return np.array(found[:count] if found.ndim and len(found) == size else found)
