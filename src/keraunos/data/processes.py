"""Worker processes that import NumPy and nothing heavier, and never outlive their parent."""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

from keraunos import errors
from keraunos.data import by_value
from keraunos.data.parallel import Failure

_BEGIN = "import sys; sys.path[:] = {path!r}; from keraunos.data.worker import main; main()"
_PATIENCE = 2.0  # seconds for a process to end when it is asked to


class WorkerTraceback(Exception):
    """The traceback of an error in a worker process, as its cause."""

    def __str__(self) -> str:
        return f"\n\n{self.args[0]}"


class Process:
    """One worker process: a function goes in, then items; results come out.

    Args:
        seed: of the random numbers that items see.
    """

    def __init__(self, seed: int) -> None:
        self._seed, self._lock, self._closed = seed, threading.Lock(), False
        self._process = subprocess.Popen(
            [sys.executable, "-c", _BEGIN.format(path=[os.path.abspath(p) for p in sys.path])],  # noqa: PTH100
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # Ctrl-C is the parent's affair, also while this one does not listen yet.
            process_group=0 if os.name == "posix" else None,
        )
        self._function: bytes | None = None

    def call(self, function: bytes, items: list[Any], first: int) -> list[Any]:
        """Return what the function makes of items, or `Failure`s; `first` numbers them.

        Raises:
            RuntimeError: the process has ended.
        """
        seeds = [[self._seed, first + number] for number in range(len(items))]
        try:
            if function is not self._function:
                self._send(("function", function))
                self._function = function
            self._send(("items", (items, seeds)))
            answers = pickle.load(self._process.stdout)  # pyright: ignore[reportArgumentType]
        except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
            got = "it was closed" if self._closed else f"exit code {self._process.wait(_PATIENCE)}"
            note = "it may have used up the memory" if not self._closed else None
            text = errors.report("a worker process ended", got=got, note=note)
            raise RuntimeError(text) from error
        return [value if worked else _failure(value, text) for worked, value, text in answers]

    def _send(self, message: Any) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        pickle.dump(message, pipe, protocol=5)
        pipe.flush()

    def close(self) -> None:
        """End the process, whatever it is doing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                pipe.close()  # pyright: ignore[reportOptionalMemberAccess]


def _failure(error: BaseException, text: str) -> Failure:
    error.__cause__ = WorkerTraceback(text)
    return Failure(error)


def sendable(function: Callable[[Any], Any]) -> bytes:
    """Return a function as processes can read it.

    Raises:
        TypeError: it holds something that cannot be sent, such as an open file.
    """
    try:
        return by_value.dumps(function)
    except Exception as error:
        fix = "give it what it opens by itself, or use threads"
        text = errors.report("worker processes: a function cannot be sent", got=error, fix=fix)
        raise TypeError(text) from error
