"""The progress bar: one line that changes in a terminal or notebook, one plain line in a log.

It stands below all that takes long: training, downloads, walks over folders, `adapt`.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from keraunos import config

Values = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None

QUIET = 1.0  # seconds that a preparation may take before it shows how far it is
_WIDTH = 20  # cells of the bar, as in Keras
_INTERVALS = {"terminal": 0.1, "notebook": 0.25}  # seconds between two drawings
_GREEN, _GREY, _PLAIN = "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Shows how far one epoch, one `evaluate`, one `predict` or one download has come.

    Args:
        target: the number of steps; None where it is not known.
        title: the line above the bar, `"Epoch 1/5"`.
        verbose: 0 shows nothing; 1 or `"auto"` a bar where the stream can show one, else a plain
            line at the end; 2 the plain line everywhere.
        unit_name: `"step"`, `"sample"` ...; `"B"` counts bytes.
        stream: where to; by default `sys.stdout`, or the log if interactive logging is off.
        width: cells of the bar at the most.
        interval: seconds between two drawings.
        after: seconds before it shows itself; what is done by then leaves no trace.

    Example:
        >>> bar = Progbar(2, title="Epoch 1/1", verbose=2)
        >>> bar.update(1, {"loss": 0.25})
        >>> bar.update(2, {"loss": 0.125})  # doctest: +ELLIPSIS
        Epoch 1/1 - 2/2 - ... - loss: 0.1250
    """

    def __init__(
        self,
        target: int | None,
        title: str | None = None,
        verbose: int | str = "auto",
        unit_name: str = "step",
        stream: TextIO | None = None,
        width: int = _WIDTH,
        interval: float | None = None,
        after: float = 0.0,
    ) -> None:
        self.target, self.title, self.unit_name = target, title, unit_name
        self.width, self.interval = width, interval
        shown = config.is_interactive_logging_enabled()
        self.stream: Any = stream or (sys.stdout if shown else _Log())
        self.mode = _mode(verbose, self.stream)
        self._start = self._drawn = time.monotonic()
        self._first: tuple[int, float] | None = None  # what the rate leaves out: it compiles
        self._seen = 0
        self._length = 0
        self._open = False
        self._display: Any = None
        self._after, self._shown = after, False
        if not after:
            self._show_itself()

    def _show_itself(self) -> None:
        self._shown = True
        if self.mode == "terminal" and self.title:
            self._print(self.title + "\n")

    def update(self, step: int, values: Values = None, finalize: bool | None = None) -> None:
        """Say that `step` steps are done.

        Args:
            step: the number of steps done.
            values: name -> number, or a function that returns them, called only for a drawing.
            finalize: whether this is the last time; by default, whether the target is reached.
        """
        if self.mode == "silent":
            return
        now = time.monotonic()
        if finalize is None:
            finalize = self.target is not None and step >= self.target
        self._seen = step
        if not self._shown and now - self._start >= self._after:
            self._show_itself()
        if not self._shown:
            return
        if finalize:
            self._finish(step, values, now)
        elif now - self._drawn >= self._pause():
            self._draw(step, values, now)
            self._drawn = time.monotonic()
        if self._first is None:
            self._first = (step, now)

    def end(self, step: int, values: Mapping[str, Any]) -> Callable[[Mapping[str, Any]], None]:
        """Say that all is done, and return what shows the values once callbacks have added theirs.

        A line in a log, and a notebook's bar, wait for them; below a terminal's bar callbacks may
        print, so what they add gets a line of its own.

        Args:
            step: the number of steps done.
            values: name -> number, so far.
        """
        known, now = set(values), time.monotonic()
        if self.mode == "terminal":
            self.update(step, values, finalize=True)

        def show(all_values: Mapping[str, Any]) -> None:
            if self.mode in ("log", "notebook"):
                self._finish(step, all_values, now)
                return
            added = [f"{k}: {number(v)}" for k, v in all_values.items() if k not in known]
            if added and self.mode == "terminal":
                lines = textwrap.wrap(" - ".join(added), max(self._columns() - 1, 20))
                self._print("\n".join(lines) + "\n")

        return show

    def _pause(self) -> float:
        live = self.mode in _INTERVALS
        return (
            self.interval
            if live and self.interval is not None
            else _INTERVALS.get(self.mode, np.inf)
        )

    @property
    def seen(self) -> int:
        """The number of steps that were last said to be done."""
        return self._seen

    def close(self) -> None:
        """End the line of a bar that was broken off."""
        if self._open:
            self._open = False
            self._print("\n")

    # -- drawing --------------------------------------------------------------------------------

    def _draw(self, step: int, values: Values, now: float) -> None:
        head, rest = self._pieces(step, values, now, final=False)
        if self.mode == "notebook":
            self._show(
                "\n".join(filter(None, [self.title, " - ".join([self._bar(head, step), *rest])]))
            )
        else:
            self._overwrite(self._lines(head, rest, step)[0])

    def _finish(self, step: int, values: Values, now: float) -> None:
        head, rest = self._pieces(step, values, now, final=True)
        if self.mode == "terminal":
            lines = self._lines(head, rest, step)
            self._overwrite(lines[0])
            self._print("".join("\n" + line for line in lines[1:]) + "\n")
            self._open = False
        elif self.mode == "notebook":
            self._draw_final(" - ".join([self._bar(head, step), *rest]))
        else:
            self._print(" - ".join(filter(None, [self.title, *head, *rest])) + "\n")

    def _lines(self, head: list[str], rest: list[str], step: int) -> list[str]:
        columns = self._columns() - 1
        return _wrapped(head, rest, columns, lambda room: self._bar(head, step, room), self.width)

    def _draw_final(self, line: str) -> None:
        self._show("\n".join(filter(None, [self.title, line])))
        self._display = None

    def _overwrite(self, line: str) -> None:
        width = len(_uncoloured(line))
        self._print("\r" + line + " " * (self._length - width))
        self._length, self._open = width, True

    def _show(self, text: str) -> None:
        from IPython.display import display  # pyright: ignore[reportMissingImports]

        bundle = {"text/plain": text}
        if self._display is None:
            self._display = display(bundle, raw=True, display_id=True)
        else:
            self._display.update(bundle, raw=True)

    def _print(self, text: str) -> None:
        self.stream.write(text)
        self.stream.flush()

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self.stream.fileno()).columns or 80
        except (OSError, ValueError, AttributeError):
            return shutil.get_terminal_size().columns

    # -- text -----------------------------------------------------------------------------------

    def _pieces(
        self, step: int, values: Values, now: float, final: bool
    ) -> tuple[list[str], list[str]]:
        """Return [count, time, rate] and the metrics, each as text."""
        rate = self._rate(step, now)
        # The first drawing of training tells no rate: what it measured is mostly compilation.
        knows = self.unit_name == "B" or self._first is not None
        remaining = rate * (self.target - step) if self.target and knows and not final else None
        spent = _clock(now - self._start if remaining is None else remaining)
        found = values() if callable(values) else values or {}
        metrics = [f"{name}: {number(value)}" for name, value in found.items()]
        return [self._count(step), spent, self._speed(rate)], metrics

    def _rate(self, step: int, now: float) -> float:
        """Return seconds a step, without the first ones where there are more."""
        if self._first is not None and step >= 4 * self._first[0]:
            return (now - self._first[1]) / (step - self._first[0])
        return (now - self._start) / step if step else 0.0

    def _count(self, step: int) -> str:
        if self.unit_name == "B":
            return _size(step) + (f"/{_size(self.target)}" if self.target else "")
        if not self.target:
            return f"{step}/Unknown"
        return f"{step:{len(str(self.target))}d}/{self.target}"

    def _speed(self, rate: float) -> str:
        if self.unit_name == "B":
            return f"{_size(1 / rate if rate else 0)}/s"
        if rate >= 1 or rate == 0:
            return f"{rate:.0f}s/{self.unit_name}"
        scale, unit = (1e3, "ms") if rate >= 1e-3 else (1e6, "us")
        return f"{rate * scale:.0f}{unit}/{self.unit_name}"

    def _bar(self, head: list[str], step: int, room: int | None = None) -> str:
        """Return count, bar and times; the bar has `room` cells at the most."""
        count, spent, speed = head
        cells = min(self.width, self.width if room is None else room) if self.target else 0
        if cells < 4:
            return f"{count} {spent} {speed}"
        done = min(cells, int(cells * step / (self.target or 1)))
        shows = self.mode == "notebook" or _can_show("━╌", self.stream)
        full, empty = ("━", "╌") if shows else ("=", "-")
        full, empty = full * done, empty * (cells - done)
        if self._colours():
            full, empty = (
                (_GREEN + full + _PLAIN) * bool(full),
                (_GREY + empty + _PLAIN) * bool(empty),
            )
        return f"{count} {full}{empty} {spent} {speed}"

    def _colours(self) -> bool:
        return self.mode == "terminal" and not os.environ.get("NO_COLOR")


class _Log:
    """A stream whose lines go to the logger `"keraunos"`."""

    def write(self, text: str) -> None:
        if text.strip():
            logging.getLogger("keraunos").info(text.strip())

    def flush(self) -> None:
        """Nothing waits here."""


def bar(
    total: int | None,
    unit: str = "B",
    title: str | None = None,
    verbose: int | str = "auto",
    stream: TextIO | None = None,
    after: float = 0.0,
) -> Progbar:
    """Return a bar for something other than training: a download, a walk over files.

    Args:
        total: how many units there will be; None where it is not known.
        unit: `"B"` for bytes, else the word to show.
        title: the line above it.
        verbose, stream, after: as for `Progbar`.

    Example:
        >>> shown = bar(2_000_000, title="mnist.npz", verbose=2)
        >>> shown.update(2_000_000)  # doctest: +ELLIPSIS
        mnist.npz - 2.0 MB/2.0 MB - 0s - ...
    """
    return Progbar(total, title=title, verbose=verbose, unit_name=unit, stream=stream, after=after)


def over(
    items: Iterable[Any],
    total: int | None,
    unit: str,
    title: str,
    verbose: int | str = "auto",
) -> Iterator[Any]:
    """Yield items, and show how many of them are done once that takes longer than `QUIET`.

    Args:
        total, unit, title, verbose: as for `bar`.

    Example:
        >>> sum(over([1, 2, 3], 3, "number", "Adding"))
        6
    """
    shown = bar(total, unit, title, verbose, after=QUIET)
    done = 0
    try:
        for one in items:
            yield one
            done += 1
            shown.update(done, finalize=False)
        shown.update(done, finalize=True)
    finally:
        shown.close()


def number(value: Any) -> str:
    """Return a metric as it is printed: four decimals, or five digits where it is tiny.

    Example:
        >>> number(0.12345), number(2e-5), number(float("nan"))
        ('0.1235', '2.0000e-05', 'nan')
    """
    if isinstance(value, str):
        return value
    try:
        mean = float(np.mean(value))
    except (TypeError, ValueError):
        return str(value)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def _mode(verbose: int | str, stream: Any) -> str:
    if verbose in (0, False):
        return "silent"
    if verbose == 2:
        return "log"
    if _in_notebook() and not isinstance(stream, _Log):
        return "notebook"
    live = getattr(stream, "isatty", lambda: False)() and os.environ.get("TERM") != "dumb"
    return "terminal" if live else "log"


def _in_notebook() -> bool:
    if "ipykernel" not in sys.modules:
        return False
    from IPython.core.getipython import get_ipython  # pyright: ignore[reportMissingImports]

    return type(get_ipython()).__name__ not in ("NoneType", "TerminalInteractiveShell")


def _can_show(text: str, stream: Any) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _wrapped(
    head: list[str],
    rest: list[str],
    columns: int,
    draw: Callable[[int], str],
    width: int = _WIDTH,
) -> list[str]:
    """Return lines of at most so many columns: broken between metrics, so that none is lost.

    The bar gives way first: `draw` is told how many of its `width` cells there is room for.
    """
    bare = len(" ".join(head)) + sum(3 + len(text) for text in rest)
    room = max(0, min(width, columns - bare - 1))
    if room < 4 and columns >= len(" ".join(head)) + 1 + width:
        room = width  # the metrics need a second line anyway
    lines = [draw(room)]
    if len(_uncoloured(lines[0])) > columns:
        lines = [lines[0][:columns]]
    for text in rest:
        if len(_uncoloured(lines[-1])) + 3 + len(text) <= columns:
            lines[-1] += " - " + text
        else:
            lines.append(text[:columns])
    return lines


def _uncoloured(text: str) -> str:
    for code in (_GREEN, _GREY, _PLAIN):
        text = text.replace(code, "")
    return text


def _clock(seconds: float) -> str:
    whole = int(seconds)
    if whole >= 3600:
        return f"{whole // 3600}:{whole % 3600 // 60:02d}:{whole % 60:02d}"
    return f"{whole // 60}:{whole % 60:02d}" if whole >= 60 else f"{seconds:.0f}s"


def _size(count: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000 or unit == "GB":
            break
        count /= 1000
    return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
