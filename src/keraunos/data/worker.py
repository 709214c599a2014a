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
        if kind == "function":
            function = _loaded(content)
        else:
            answers.write(_answers(function, *content))
            answers.flush()


def _loaded(content: bytes) -> Any:
    """Return a function; one that says why at each call, if it could not be read."""
    try:
        return pickle.loads(content)
    except BaseException:
        text = traceback.format_exc()

    def broken(item: Any) -> Any:
        raise RuntimeError(f"a worker process could not load its function:\n{text}")

    return broken


def _answers(function: Any, items: list[Any], seeds: list[list[int]]) -> bytes:
    """Return (did it work, value or error, its traceback) for each item, pickled."""
    found = []
    for item, seed in zip(items, seeds, strict=True):
        # The numbers that an item sees do not depend on which worker it meets.
        np.random.seed(seed)
        random.seed(repr(seed))
        try:
            found.append((True, function(item), ""))
        except BaseException as error:  # sys.exit too: the parent waits for an answer
            found.append((False, _sendable(error), traceback.format_exc()))
    try:
        return pickle.dumps(found, protocol=5)
    except Exception:
        return pickle.dumps([_checked(one) for one in found], protocol=5)


def _sendable(error: BaseException) -> BaseException:
    """Return an error that the parent can read: this one, or what it says."""
    try:
        pickle.loads(pickle.dumps(error))
        return error
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}")


def _checked(answer: Any) -> Any:
    """Return an answer, or why it cannot be sent."""
    try:
        pickle.dumps(answer)
        return answer
    except Exception as error:
        what = f"what a worker process returned cannot be sent: {error}"
        return False, RuntimeError(what), traceback.format_exc()
