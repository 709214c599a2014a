"""What a worker process does: it reads functions and items from its parent, and writes results."""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
import traceback
from typing import Any

import numpy as np


def main() -> None:
    """Answer the parent until it closes the pipe."""
    # The parent ends its workers after Ctrl-C. What the user's code prints must not get between
    # the answers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    questions = sys.stdin.buffer
    function: Any = None
    while True:
        try:
            kind, content = pickle.load(questions)
        except EOFError:
            return
        try:
            if kind == "function":
                function = pickle.loads(content)
                continue
            answer = _answers(function, *content)
        except BaseException as error:
            function = _Broken(error, traceback.format_exc())
            continue
        answers.write(answer)
        answers.flush()


class _Broken:
    """Stands for a function that could not be read: each call says why."""

    def __init__(self, error: BaseException, text: str) -> None:
        self._error, self._text = error, text

    def __call__(self, item: Any) -> Any:
        raise RuntimeError(f"a worker process could not load its function:\n{self._text}")


def _answers(function: Any, items: list[Any], seeds: list[list[int]]) -> bytes:
    """Return (did it work, value or error, its traceback) for each item, pickled."""
    found = []
    for item, seed in zip(items, seeds, strict=True):
        # The numbers that an item sees do not depend on which worker it meets.
        np.random.seed(seed)
        random.seed(repr(seed))
        try:
            found.append((True, function(item), ""))
        except Exception as error:
            found.append((False, error, traceback.format_exc()))
    try:
        return pickle.dumps(found, protocol=5)
    except Exception as error:
        text = traceback.format_exc()
        return pickle.dumps([(False, _sendable(one, error), text) for one in found], protocol=5)


def _sendable(answer: Any, problem: Exception) -> Exception:
    worked, value, text = answer
    what = f"what a worker process returned cannot be sent: {problem}" if worked else text
    return RuntimeError(what) if worked else RuntimeError(f"{type(value).__name__}: {value}")
