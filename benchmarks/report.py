"""The table that people read and the JSON that programs read."""

from __future__ import annotations

from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.contenders import INSTALL
from benchmarks.race import Result
from benchmarks.workloads import find

COLUMNS = (
    "model",
    "contender",
    "ms a step",
    "keraunos is faster",
    "first epoch, s",
    "again, s",
    "peak, MB",
    "noise",
)
HEAD = ["| " + " | ".join(COLUMNS) + " |", "|---|---|" + 6 * "--:|"]


def milliseconds(result: Result) -> list[float]:
    """Milliseconds a step, one entry a round."""
    return [r["ms"] for r in result.rounds]


def ratios(results: dict[str, Result], reference: str = "keraunos") -> dict[str, float]:
    """How many times faster the reference is than each other: median over paired rounds."""
    if not results.get(reference, Result()).rounds:
        return {}
    base = milliseconds(results[reference])
    out = {}
    for name, result in results.items():
        own = milliseconds(result)
        if name != reference and own:
            out[name] = median(b / a for a, b in zip(base, own, strict=False))
    return out


def rows(workload: str, results: dict[str, Result]) -> list[str]:
    """The rows of one workload, one a contender that finished."""
    faster = ratios(results)
    out = []
    for name, result in results.items():
        if not result.rounds or result.dropped:
            continue
        ratio = f"{faster[name]:.2f} x" if name in faster else ""
        again = "" if result.again is None else f"{result.again:.1f}"
        noise = median(r["others"] for r in result.rounds)
        cells = [
            find(workload).title,
            name,
            f"{median(milliseconds(result)):.2f}",
            ratio,
            f"{result.first:.1f}",
            again,
            f"{result.peak:.0f}",
            f"{noise:.0%}",
        ]
        out.append("| " + " | ".join(cells) + " |")
    return out


def missing(everything: dict[str, dict[str, Result]]) -> list[str]:
    """One line for each contender that is not installed, with the command that gets it."""
    reasons = {n: r.dropped for results in everything.values() for n, r in results.items()}
    return [
        f"{name}: {reason}; {INSTALL}"
        for name, reason in reasons.items()
        if reason.startswith("not installed")
    ]


def heading(machine: dict[str, Any], everything: dict[str, dict[str, Result]]) -> str:
    """The machine and the versions, so that the numbers below mean something."""
    versions: dict[str, str] = {}
    for results in everything.values():
        for result in results.values():
            versions |= result.versions
    return (
        f"{machine['cpu']}, {machine['cores']} cores, {machine['system']}, "
        f"load average {machine['load'][0]} at the start\n"
        + ", ".join(f"{name} {version}" for name, version in versions.items())
    )


def table(machine: dict[str, Any], everything: dict[str, dict[str, Result]]) -> str:
    """All that is printed at the end: heading, rows, what is missing, profiles."""
    lines = [heading(machine, everything), *HEAD]
    for model, results in everything.items():
        lines += rows(model, results)
    lines += missing(everything)
    for model, results in everything.items():
        for name, result in results.items():
            if result.profile:
                lines.append(f"\n{model}, {name}\n{result.profile}")
    return "\n".join(lines)


def as_json(everything: dict[str, dict[str, Result]], steps: dict[str, int]) -> dict[str, Any]:
    """Every round of every contender, with the medians and ratios of the table."""
    return {
        workload: {
            "batch": find(workload).batch,
            "steps": steps[workload],
            "keraunos_is_faster": ratios(results),
            "contenders": {
                name: {"ms_per_step": milliseconds(result), **asdict(result)}
                for name, result in results.items()
            },
        }
        for workload, results in everything.items()
    }
