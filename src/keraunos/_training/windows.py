"""Batches of a stream put behind one another: several steps a dispatch for them too."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import numpy as np

from keraunos._training.feed import WINDOW, aligned, size_of
from keraunos._training.step import Batch

_MOST = 32  # batches
_SOON = 0.002  # seconds; a batch that took longer to come does not wait for the next


class Window(NamedTuple):
    """Batches of one size on the device: the first `batches` of those for which there is room."""

    data: Batch
    size: int
    batches: int


class Windows:
    """Fills windows with batches of one shape.

    Args:
        example: such a batch, on the host.

    Attributes:
        room: batches a window has room for.
        together: how many it is filled with where they come quickly.
    """

    def __init__(self, example: Batch) -> None:
        leaves = jax.tree.leaves(example)
        fits = WINDOW // max(1, sum(leaf.nbytes for leaf in leaves))
        self.room = min(_MOST, 1 << max(fits, 1).bit_length() - 1)
        self.together = 1
        self._shapes = _shapes(example)
        self._size = size_of(example)
        self._data: Any = None
        self._count = 0

    def filled(
        self, batches: Iterator[tuple[Batch, Any]], alone: Callable[[Batch], Batch]
    ) -> Iterator[tuple[Batch | Window, Any]]:
        """Yield windows and, by themselves, batches of another shape.

        Args:
            batches: on the host, each with where it ends.
            alone: puts a batch on the device.
        """
        where: Any = None
        while True:
            began = time.perf_counter()
            try:
                batch, ends = next(batches)
            except BaseException as error:  # what came before it comes first
                if self._count:
                    yield self._closed(), where
                if isinstance(error, StopIteration):
                    return
                raise
            fits = _shapes(batch) == self._shapes
            if self._count and not fits:
                yield self._closed(), where
            if not fits:
                yield alone(batch), ends
                continue
            where = ends
            self._add(batch)
            if self._count >= self.together or time.perf_counter() - began > _SOON:
                yield self._closed(), where

    def _add(self, batch: Batch) -> None:
        if not self._count:
            self._data = jax.tree.map(lambda a: aligned(a, self.room * len(a)), batch)
        at = slice(self._count * self._size, (self._count + 1) * self._size)

        def put(to: np.ndarray, rows: np.ndarray) -> None:
            to[at] = rows

        jax.tree.map(put, self._data, batch)
        self._count += 1

    def _closed(self) -> Window:
        window = Window(jax.device_put(self._data), self._size, self._count)
        self._data, self._count = None, 0
        return window


def _shapes(batch: Batch) -> Any:
    """Return what two batches share that may lie in one window; None: those on the device."""
    leaves, tree = jax.tree.flatten(batch)
    on_host = all(isinstance(leaf, np.ndarray) for leaf in leaves)
    if not on_host or len({len(leaf) for leaf in leaves}) > 1:
        return None
    return tree, [(leaf.shape, leaf.dtype) for leaf in leaves]
