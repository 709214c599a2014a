"""What an import costs: keraunos promises `import jax` plus 0.15 seconds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.contenders import CONTENDERS
from benchmarks.race import environment

# A package that loads lazily must still bring a model before the clock stops.
PROGRAM = """
import time
start = time.perf_counter()
import {0}
getattr({0}, "Sequential", None)
print(time.perf_counter() - start)
"""


def measure(
    names: list[str], rounds: int, pythons: dict[str, str], say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Seconds of each contender's import, one fresh process a round, in turn."""
    times: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as home:
        for turn in range(rounds + 1):
            for name in list(names):
                seconds = _import(name, pythons.get(name, sys.executable), Path(home))
                if seconds is None:
                    names = [n for n in names if n != name]
                    say(f"  {name} left out: {CONTENDERS[name].imports} is not installed")
                elif turn:  # the first import reads the disk and writes bytecode
                    times.setdefault(name, []).append(seconds)
    return times


def _import(name: str, python: str, home: Path) -> float | None:
    program = PROGRAM.format(CONTENDERS[name].imports)
    done = subprocess.run(
        [python, "-c", program], env=environment(name, home), capture_output=True, text=True
    )
    return float(done.stdout.split()[-1]) if done.returncode == 0 else None


def table(times: dict[str, list[float]]) -> str:
    """One row a contender; beside it, what it costs more than `import jax`."""
    rows = ["| import | seconds | more than jax |", "|---|--:|--:|"]
    for name, seconds in times.items():
        paired = [a - b for a, b in zip(seconds, times.get("jax", []), strict=False)]
        more = f"{median(paired):+.2f}" if paired and name != "jax" else ""
        rows.append(f"| {name} | {median(seconds):.2f} | {more} |")
    return "\n".join(rows)
