"""Work on the files of one batch, shared out among threads that are made once."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_pool: ThreadPoolExecutor | None = None
_A_CORE = 2  # threads: while one waits for the disk, or for Python's lock, the other one works


def cores() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def each(function: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
    """Return `function(item)` of each item, in order; what one raises is raised here.

    Example:
        >>> each(abs, [-1, 2])
        [1, 2]
    """
    todo = list(items)
    share = -(-len(todo) // (2 * _A_CORE * cores()))  # two pieces a thread: the slow is helped out
    if len(todo) < 2:
        return [function(item) for item in todo]
    pieces = [todo[i : i + share] for i in range(0, len(todo), share)]
    done = _workers().map(lambda piece: [function(item) for item in piece], pieces)
    return [result for piece in done for result in piece]


def _workers() -> ThreadPoolExecutor:
    global _pool
    if _pool is None:
        _pool = ThreadPoolExecutor(_A_CORE * cores(), thread_name_prefix="keraunos-files")
    return _pool


def _forget() -> None:
    global _pool
    _pool = None


if hasattr(os, "register_at_fork"):  # a child has none of its parent's threads
    os.register_at_fork(after_in_child=_forget)
