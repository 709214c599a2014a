"""The form of every error message: where, what was expected, what came, what to do."""

from __future__ import annotations

import difflib
import functools
import importlib
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_WIDTH = 300  # of one line: an error is read, not scrolled
# Folders and files of the standard library whose frames say nothing to who made the mistake.
_INSIDE = tuple(
    f"/{name}" for name in ("jax/", "jaxlib/", "optax/", "contextlib.py", "functools.py")
)
_HOME, _STDLIB = str(Path(__file__).parent), str(Path(functools.__file__).parent)

# Whether errors that explain themselves come without the frames between; config sets it.
filtering = True


class Report(str):
    """The text of an error that says where, what was expected, what came and what to do."""

    __slots__ = ()


def report(
    where: str,
    *,
    expected: object = None,
    got: object = None,
    fix: object = None,
    note: object = None,
) -> str:
    """Return a message of at most six lines.

    Args:
        where: the layer's path or the function's name, and what went wrong there.
        expected: what would have been right.
        got: what came.
        fix: what to do about it.
        note: one more fact, if it helps.

    Example:
        >>> print(report("Dense 'd'", expected="units > 0", got="units=-1"))
        Dense 'd'
          expected: units > 0
          got:      units=-1
    """
    rows = [
        ("expected: ", expected),
        ("got:      ", got),
        ("note:     ", note),
        ("fix:      ", fix),
    ]
    lines = [_line(where), *("  " + label + _line(text) for label, text in rows if text)]
    return Report("\n".join(lines))


def warn(text: str, kind: type[Warning] = UserWarning) -> None:
    """Warn as if it were said at the line of the program that led here.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     warnings.simplefilter("always")
        ...     warn("the data ran out")
        >>> str(caught[0].message)
        'the data ran out'
    """
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_inside(frame.f_code.co_filename):
        level, frame = level + 1, frame.f_back
    warnings.warn(text, kind, stacklevel=level)


def brief(function: Callable[P, R]) -> Callable[P, R]:
    """Let an error that explains itself come out of a public function as if it were raised there.

    Frames of a program's own code stay. An error inside that nobody foresaw keeps every frame.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if filtering and _is_clear(error):
                _strip_chain(error)
            raise

    return call


def _is_clear(error: BaseException) -> bool:
    """Return whether an error explains itself, or was raised by a program's own code."""
    if error.args and isinstance(error.args[0], Report):
        return True
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    file = "" if frame is None else frame.tb_frame.f_code.co_filename
    return not (_is_inside(file) or "site-packages" in file or file.startswith(_STDLIB))


def _strip_chain(error: BaseException | None) -> None:
    seen: set[int] = set()  # an error may be its own cause
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        _strip(error)
        error = error.__cause__


def _strip(error: BaseException) -> None:
    kept, frame = [], error.__traceback__
    while frame is not None:
        if not _is_inside(frame.tb_frame.f_code.co_filename):
            kept.append(frame)
        frame = frame.tb_next
    below: TracebackType | None = None
    for at in reversed(kept):
        below = TracebackType(below, at.tb_frame, at.tb_lasti, at.tb_lineno)
    error.__traceback__ = below
    if notes := getattr(error, "__notes__", None):  # JAX's, about frames that it removed
        rule = {"-"}
        notes[:] = [n for n in notes if "JAX_TRACEBACK_FILTERING" not in n and set(n) != rule]


def _is_inside(file: str) -> bool:
    return file.startswith(_HOME) or any(part in file for part in _INSIDE)


def suggest(name: object, choices: Iterable[str], most: int = 3) -> str:
    """Return "did you mean ...?" with the nearest valid names, or the valid names.

    Example:
        >>> suggest("adm", ["adam", "sgd"])
        "did you mean 'adam'?"
    """
    names = sorted(set(choices))
    lowered = {n.lower(): n for n in reversed(names)}
    near = difflib.get_close_matches(str(name).lower(), lowered, n=most, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(lowered[n]) for n in near) + "?"
    return "valid names: " + ", ".join(names)


_elsewhere: list[Callable[[str, str], Any]] = []


def look_elsewhere(find: Callable[[str, str], Any]) -> None:
    """Ask `find(module, name)` for names that a module lacks, before they are an error.

    So a room shows what a room above it defines, and need not know that one.
    """
    _elsewhere.append(find)


def missing(module: str, names: dict[str, object]) -> Callable[[str], Any]:
    """Return a `__getattr__` for a module: the error for a name it lacks has the nearest ones.

    Args:
        module: its `__name__`.
        names: its `globals()`.
    """

    def getattribute(name: str) -> Any:
        text = f"{module} has no {name!r}"
        if not name.startswith("_"):
            found = next(
                (it for find in _elsewhere if (it := find(module, name)) is not None), None
            )
            if found is not None:
                return found
            text = report(text, fix=suggest(name, [n for n in names if offers(n)]))
        raise AttributeError(text)

    def offers(name: str) -> bool:
        # Not what the module itself has imported: numpy is not what was looked for.
        value, own = names[name], "keraunos"
        home = getattr(value, "__module__", own)
        if isinstance(value, ModuleType):
            home, own = value.__name__, module + "."
        return not name.startswith("_") and str(home).startswith(own)

    return getattribute


def require(module: str, extra: str, why: str) -> ModuleType:
    """Import an optional package, or raise an error that names the extra that brings it.

    Raises:
        ImportError: the package is not installed.

    Example:
        >>> require("json", "plot", "reading").__name__
        'json'
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        fix = f"pip install 'keraunos[{extra}]'"
        raise ImportError(report(f"{why} needs the package {package}", fix=fix)) from error


def _line(text: object) -> str:
    flat = " ".join(str(text).split())
    return flat if len(flat) <= _WIDTH else flat[: _WIDTH - 3] + "..."
