"""`python -m keraunos program.py [arguments]`: runs a program written for Keras, unchanged."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

from keraunos import compat

USAGE = """usage: python -m keraunos [--era ERA] program.py [arguments]
       python -m keraunos --check program.py

Runs a program that says `import keras` or `import tensorflow` on keraunos.

  --era ERA  keras1, keras2, tf.keras or keras3: whose defaults count where the
             program does not say; by default the program's own words tell
  --check    list what the program needs of keras and tensorflow, and whether
             it is there, without running it"""


def main(arguments: list[str]) -> int:
    """Run the program named first, as `python program.py` would; return the exit code."""
    era, check, arguments = _options(arguments)
    if not arguments or arguments[0] in ("-h", "--help"):
        print(USAGE, file=sys.stdout if arguments else sys.stderr)
        return 0 if arguments else 2
    path = Path(arguments[0])
    try:
        source = path.read_bytes()
    except OSError as error:
        print(f"keraunos: cannot read {path}: {error.strerror}", file=sys.stderr)
        return 2
    if check:
        return compat.check(source, str(path))
    era = era or compat.era_of(source)
    try:
        compat.install(era)
    except ValueError as error:
        print(f"keraunos: {error}", file=sys.stderr)
        return 2
    compat.hook_children(era)
    sys.argv[:] = arguments
    # What `python -m` put there is the current folder; a program expects its own.
    sys.path[0] = str(path.resolve().parent)
    _run(source, str(path))
    return 0


def _options(arguments: list[str]) -> tuple[str | None, bool, list[str]]:
    """Return the era, whether to check alone, and the program with its arguments."""
    era, check, rest = None, False, list(arguments)
    while rest and rest[0].startswith("--"):
        if rest[0] == "--check":
            check = True
        elif rest[0] == "--era" and len(rest) > 1:
            era = rest.pop(1)
        elif rest[0].startswith("--era="):
            era = rest[0].removeprefix("--era=")
        else:
            break
        rest.pop(0)
    return era, check, rest


def _run(source: bytes, path: str) -> None:
    program = ModuleType("__main__")
    program.__file__ = path
    sys.modules["__main__"] = program
    try:
        exec(compile(source, path, "exec", dont_inherit=True), program.__dict__)
    except SystemExit:
        raise
    except BaseException as error:
        # The traceback begins in the program, not in this file.
        hook, frames = sys.excepthook, error.__traceback__ and error.__traceback__.tb_next
        sys.excepthook = lambda kind, value, _: hook(kind, value.with_traceback(frames), frames)
        raise


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
