"""Old programs: `import keras` and `tensorflow.keras` give keraunos, but only when asked."""

from typing import Any

from keraunos.compat.eras import of_program as era_of
from keraunos.compat.hook import hook_children, install, uninstall

__all__ = ["check", "era_of", "hook_children", "install", "uninstall"]


def check(source: str | bytes, path: str = "program") -> int:
    """Print what a program needs of keras and tensorflow; return 0 if all of it is there."""
    from keraunos.compat import checking

    found: Any = checking.check(source, path)
    return found
