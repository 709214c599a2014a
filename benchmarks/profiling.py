"""Where the time of an epoch goes: in Python by function, and under it by XLA operation."""

from __future__ import annotations

import cProfile
import io
import pstats
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROWS = 15


def profiled(epoch: Callable[[], float]) -> str:
    """Two tables, each from an epoch of its own: Python functions, then XLA operations."""
    report = "Python, by own time\n" + _python(epoch)
    if "jax" in sys.modules:
        report += "\nXLA, by time on all threads (a `while` holds its body's operations)\n" + _xla(
            epoch
        )
    return report


def _python(epoch: Callable[[], float]) -> str:
    profile = cProfile.Profile()
    profile.runcall(epoch)
    text = io.StringIO()
    stats = pstats.Stats(profile, stream=text).strip_dirs().sort_stats("tottime")
    stats.print_stats(ROWS)
    lines = text.getvalue().splitlines()
    return "\n".join(line for line in lines if line.strip() and "Ordered by" not in line)


def _xla(epoch: Callable[[], float]) -> str:
    import jax

    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            epoch()
        traces = sorted(Path(folder).rglob("*.xplane.pb"))
        data = jax.profiler.ProfileData.from_file(str(traces[-1]))
    times: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for plane in data.planes:
        for line in plane.lines:
            # Python frames are in the first table, and executors only wrap the operations.
            if not line.name.startswith("python"):
                for event in line.events:
                    if "Execut" not in event.name:
                        times[event.name] += event.duration_ns
                        counts[event.name] += 1
    rows = times.most_common(ROWS)
    return "\n".join(f"{ns / 1e6:10.2f} ms {counts[n]:8d} x  {n[:80]}" for n, ns in rows)
