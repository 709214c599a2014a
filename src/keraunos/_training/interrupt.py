"""Ctrl-C in `fit`: the first one ends the steps under way in order, the second stops at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

_SAID = b"\nkeraunos: training ends after these steps; Ctrl-C again stops at once\n"


class Interrupted(KeyboardInterrupt):
    """Raised by the loop between two dispatches, when Ctrl-C was pressed."""


class CtrlC:
    """Within this block the first Ctrl-C is only noted.

    A handler that a program has installed itself stays, and outside of the main thread nothing
    is installed: there KeyboardInterrupt comes where it comes.

    Args:
        says: whether to say that the first one was noticed.

    Attributes:
        pressed: how often.
    """

    def __init__(self, says: bool) -> None:
        self.pressed, self._says, self._before = 0, says, None

    def __bool__(self) -> bool:
        return self.pressed > 0

    def check(self) -> None:
        """Raise if Ctrl-C was pressed.

        Raises:
            Interrupted: it was.
        """
        if self.pressed:
            raise Interrupted

    def __enter__(self) -> CtrlC:
        ours = threading.current_thread() is threading.main_thread()
        if ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
            self._before: Any = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.pressed += 1
        if self.pressed > 1:
            raise KeyboardInterrupt
        if self._says:
            os.write(2, _SAID)  # print() may be under way already
