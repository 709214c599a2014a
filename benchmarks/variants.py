"""What a mask, recurrent dropout or a second direction costs, beside the plain layer."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from statistics import median
from typing import Any

from benchmarks import machine
from benchmarks.race import Settings, Worker, made_data
from benchmarks.workloads import VARIANTS

LIMIT = 1.3  # times the plain layer, for each direction
Rounds = dict[str, list[dict[str, float]]]


def measure(settings: Settings, say: Callable[[str], None]) -> Rounds:
    """Trains each variant and the plain models with keraunos, each alive in its own process."""
    names = list(dict.fromkeys([plain for plain, _ in VARIANTS.values()] + [*VARIANTS]))
    rounds: Rounds = {name: [] for name in names}
    with ExitStack() as stack, made_data("lstm", settings.steps) as data:
        workers = {}
        for name in names:
            workers[name] = Worker("keraunos", name, data, settings)
            stack.callback(workers[name].close)
            say(f"  {name}: first epoch {workers[name].ask('first')['seconds']:.2f} s")
        for turn in range(settings.rounds):
            for name, worker in workers.items():
                machine.settle(settings.patience)
                rounds[name].append(worker.ask("train"))
            say(f"  round {turn + 1} of {settings.rounds}")
    return rounds


def cost(rounds: Rounds, name: str, key: str = "cpu_ms") -> float:
    """How many times the plain layer's time a variant takes, for each direction.

    The median over paired rounds of the time of this process's cores: others do not take part.
    """
    plain, directions = VARIANTS[name]
    pairs = zip(rounds[name], rounds[plain], strict=True)
    return median(own[key] / base[key] / directions for own, base in pairs)


def table(rounds: Rounds) -> str:
    """One row a variant."""
    rows = [
        "| variant | ms a step | ms of all cores | cost a direction, plain = 1 | at most |",
        "|---|--:|--:|--:|--:|",
    ]
    for name, turns in rounds.items():
        times = (f"{median(turn[key] for turn in turns):.2f}" for key in ("ms", "cpu_ms"))
        ratio = (f"{cost(rounds, name):.2f}", f"{LIMIT}") if name in VARIANTS else ("", "")
        rows.append("| " + " | ".join([name, *times, *ratio]) + " |")
    return "\n".join(rows)


def as_json(rounds: Rounds) -> dict[str, Any]:
    """Every round, and each variant's cost."""
    return {"rounds": rounds, "cost": {name: cost(rounds, name) for name in VARIANTS}}
