"""The compiled library of this processor: found and loaded once, without JAX."""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path

LIBRARIES = Path(__file__).parent / "lib"
# The widest instruction set first.
INSTRUCTION_SETS = ("avx512", "avx2", "baseline")


@functools.cache
def found() -> tuple[str, ctypes.CDLL] | None:
    """Return the widest instruction set that runs here and its library, None where there is none.

    `KERAUNOS_NATIVE=0` in the environment does without them, `KERAUNOS_NATIVE=avx2` takes those
    of a narrower instruction set.
    """
    wanted = os.environ.get("KERAUNOS_NATIVE")
    for name in INSTRUCTION_SETS if wanted is None else (wanted,):
        try:
            library = ctypes.CDLL(str(LIBRARIES / f"{name}.so"))
        except OSError:  # not built, or built for another system
            continue
        if library.keraunos_runs_here():
            return name, library
    return None
