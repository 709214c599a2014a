"""Work on elements by threads, or by processes behind them, in order or as it is done."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from itertools import islice
from typing import Any

from keraunos.data import structure

AUTOTUNE = -1

# How long a task should take at least: handing it over costs some hundredths of this.
_TASK_SECONDS = 0.002
_MOST_IN_A_TASK = 64


def processors() -> int:
    """Return how many processors this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def workers_of(name: str, value: int | None) -> int:
    """Return how many an argument asks for; by default as many as processors."""
    return processors() if value in (None, AUTOTUNE) else structure.at_least(name, value, 1)


class Pool:
    """Threads that take tasks from a queue; they end with the program, whatever they do.

    Args:
        size: how many.
        function: what they do with items.
        begin: starts a process; then each thread has one that does it, and the function is given
            as `processes.sendable` makes it.
    """

    def __init__(
        self,
        size: int,
        function: Any,
        begin: Callable[[], Any] | None = None,
    ) -> None:
        self._tasks: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.function, self._begin = function, begin
        self._lock, self._closed = threading.Lock(), False
        self._processes: list[Any] = []
        threads = [threading.Thread(target=self._run, daemon=True) for _ in range(size)]
        self._size = size
        for thread in threads:
            thread.start()

    @property
    def closed(self) -> bool:
        return self._closed

    def submit(self, items: list[Any], first: int) -> Future[Any]:
        """Return a promise of (results or `Failure`s, seconds); `first` is the first's number."""
        if self._closed:
            raise RuntimeError("the workers of this pipeline have been closed")
        future: Future[Any] = Future()
        self._tasks.put((future, items, first))
        return future

    def close(self) -> None:
        """Forget tasks that nobody has begun; end processes, and threads after their task."""
        with self._lock:
            self._closed, processes = True, list(self._processes)
        while not self._tasks.empty():
            with contextlib.suppress(queue.Empty):
                _forget(self._tasks.get_nowait())
        for _ in range(self._size):
            self._tasks.put(None)
        for process in processes:
            process.close()

    def _run(self) -> None:
        process = None
        while (task := self._tasks.get()) is not None:
            if self._closed:
                _forget(task)
                continue
            process = self._work(task, process)
            # An error that this frame held would hold, by its traceback, whoever reads us.
            del task

    def _work(self, task: Any, process: Any) -> Any:
        future, items, first = task
        began = time.perf_counter()
        try:
            process, work = process or self._started(), self.function
            found = process.call(work, items, first) if process else _each(work, items)
            future.set_result((found, time.perf_counter() - began))
        except BaseException as error:
            future.set_exception(error)
        return process

    def _started(self) -> Any:
        if self._begin is None:
            return None
        with self._lock:
            if self._closed:
                raise RuntimeError("closed")
            self._processes.append(self._begin())
            return self._processes[-1]


def _forget(task: Any) -> None:
    if task is not None:
        task[0].cancel()


class Failure:
    """Stands where the result of an item would be."""

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _each(function: Callable[[Any], Any], items: list[Any]) -> list[Any]:
    found = []
    for one in items:
        try:
            found.append(function(one))
        except Exception as error:
            found.append(Failure(error))
    return found


class Results:
    """What a function makes of items, several at a time; after an error the next item follows.

    Args:
        items: taken in the reader's thread.
        pool: makes the workers, when the first result is asked for.
        ahead: tasks under way at most.
        ordered: in the order of the items, or as they are done.
        whole: one item a task, because each is long.
        first: the number of the first item.
        closes: whether the workers end with the items.
    """

    def __init__(
        self,
        items: Iterator[Any],
        pool: Callable[[], Pool],
        ahead: int,
        ordered: bool = True,
        whole: bool = False,
        first: int = 0,
        closes: bool = True,
    ) -> None:
        self._items, self._make, self._number = items, pool, first
        self._closes = closes
        self._ahead, self._ordered, self._whole = ahead, ordered, whole
        self._pool: Pool | None = None
        self._tasks: deque[Future[Any]] = deque()
        self._ready: deque[Any] = deque()
        self._many = 1

    def __iter__(self) -> Results:
        return self

    def __next__(self) -> Any:
        if not self._ready:
            self._collect()
        found = self._ready.popleft()
        if isinstance(found, Failure):
            try:
                raise found.error
            finally:
                del found  # else the traceback would keep its own error, and this, alive
        return found

    def _collect(self) -> None:
        self._pool = self._pool or self._make()
        while len(self._tasks) < self._ahead and (some := list(islice(self._items, self._many))):
            self._tasks.append(self._pool.submit(some, self._number))
            self._number += len(some)
        if not self._tasks:
            self.close()
            raise StopIteration
        try:
            found, seconds = self._next().result()
        except BaseException:
            self.close()
            raise
        self._ready.extend(found)
        if not self._whole:
            each = max(seconds / len(found), 1e-7)
            self._many = max(1, min(_MOST_IN_A_TASK, 2 * self._many, int(_TASK_SECONDS / each)))

    def _next(self) -> Future[Any]:
        if self._ordered:
            return self._tasks.popleft()
        task = next(iter(wait(self._tasks, return_when=FIRST_COMPLETED).done))
        self._tasks.remove(task)
        return task

    def close(self) -> None:
        """End the workers."""
        if self._closes and self._pool is not None:
            self._pool.close()

    def __del__(self) -> None:
        self.close()


class Ahead:
    """An iterator that a thread keeps some elements ahead of whoever reads it.

    Args:
        elements: iterated over in the thread.
        size: how many elements wait at most.
    """

    def __init__(self, elements: Iterator[Any], size: int) -> None:
        self._queue: queue.Queue[Any] = queue.Queue()
        self._room = threading.Semaphore(size)
        self._stopped = threading.Event()
        self._ended = False
        self._here: list[Any] = []
        arguments = (elements, self._queue, self._room, self._stopped)
        self._thread = threading.Thread(target=_pump, args=arguments, daemon=True)
        self._thread.start()

    def __iter__(self) -> Ahead:
        return self

    def __next__(self) -> Any:
        if self._ended:
            raise StopIteration
        kind, value = self._here.pop() if self._here else self._queue.get()
        self._room.release()
        if kind == "element":
            return value
        self._ended = True
        if kind == "error":
            raise value
        raise StopIteration

    def ready(self, seconds: float) -> bool:
        """Wait so long at most, and return whether the next element is there."""
        if not self._here and not self._ended:
            with contextlib.suppress(queue.Empty):
                self._here.append(self._queue.get(seconds > 0, seconds or None))
        return bool(self._here) or self._ended

    def close(self) -> None:
        """Stop reading ahead; the thread ends after the element that it is at."""
        self._ended = True
        self._stopped.set()
        self._room.release()

    def join(self, seconds: float) -> bool:
        """Wait for the thread, and return whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def __del__(self) -> None:
        self.close()


def _pump(elements: Any, out: Any, room: Any, stopped: threading.Event) -> None:
    # A function, not a method: the thread must not keep the reader alive.
    try:
        while True:
            room.acquire()
            if stopped.is_set():
                return
            try:
                out.put(("element", next(elements)))
            except StopIteration:
                out.put(("end", None))
                return
    except BaseException as error:
        out.put(("error", error))
    finally:
        if stopped.is_set() and hasattr(elements, "close"):
            elements.close()
