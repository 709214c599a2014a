"""What the run ran on, and how much of the machine somebody else was using."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from pathlib import Path

QUIET = 0.1  # of all cores


def describe() -> dict[str, object]:
    """The processor, its cores, the system, Python, and the load averages of this moment."""
    return {
        "cpu": _cpu(),
        "cores": _cores(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "load": [round(x, 2) for x in os.getloadavg()],
    }


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if "model name" in line)
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def busy() -> float:
    """Seconds that all cores together have worked since boot; NaN where no one counts them."""
    try:
        fields = [int(x) for x in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    except OSError:
        return float("nan")
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / os.sysconf("SC_CLK_TCK")


def others(busy_seconds: float, own_seconds: float, wall: float) -> float:
    """The share of all cores that processes other than this one took, 0 to 1."""
    return max(0.0, (busy_seconds - own_seconds) / wall / (os.cpu_count() or 1))


def settle(patience: float, pause: float = 0.3) -> None:
    """Waits until others leave the machine alone, but no longer than `patience` seconds.

    It waits one `pause` at least: the threads of whoever trained before spin for a while.
    """
    end = time.monotonic() + patience
    while True:
        before = busy()
        time.sleep(pause)
        quiet = others(busy() - before, 0.0, pause) < QUIET
        if quiet or time.monotonic() >= end:
            return


def peak_megabytes() -> float:
    """The most resident memory that this process has held."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
