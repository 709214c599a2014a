"""One contender in a process of its own: it reads commands and trains when told to.

Lines in: `first` (build, train the first epoch), `train` (one more fit), `profile`, `quit`.
Lines out: one JSON object for the start and for each command.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks import contenders, machine
from benchmarks.workloads import find


def measured(train: Callable[[int], float], epochs: int, steps: int) -> dict[str, float]:
    """Trains; seconds, ms a step by the clock and by this process's cores, the others' share."""
    busy, own, start = machine.busy(), time.process_time(), time.perf_counter()
    loss = train(epochs)
    wall = time.perf_counter() - start
    own = time.process_time() - own
    noise = machine.others(machine.busy() - busy, own, wall)
    each = 1e3 / (epochs * steps)
    return {"seconds": wall, "ms": wall * each, "cpu_ms": own * each, "others": noise, "loss": loss}


def answers(contender: str, workload: str, path: str) -> dict[str, Callable[[], Any]]:
    """The commands; importing the contender happens here, and may find nothing to import."""
    make = contenders.load(contenders.CONTENDERS[contender])
    import numpy as np

    with np.load(path) as arrays:
        x, y = arrays["x"], arrays["y"]
    steps = -(-len(x) // find(workload).batch)
    trainer: list[Callable[[int], float]] = []

    def first() -> dict[str, float]:
        trainer.append(make(workload, x, y, find(workload).batch))
        return measured(trainer[0], 1, steps)

    def profile() -> str:
        from benchmarks.profiling import profiled

        return profiled(lambda: trainer[0](1))

    return {
        "first": first,
        "train": lambda: measured(trainer[0], find(workload).epochs, steps),
        "profile": profile,
        "quit": lambda: {"peak": machine.peak_megabytes()},
    }


def main(contender: str, workload: str, path: str) -> None:
    # Libraries print to the standard output: it becomes the standard error, the pipe stays ours.
    pipe = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def say(answer: Any) -> None:
        print(json.dumps(answer), file=pipe, flush=True)

    try:
        commands = answers(contender, workload, path)
    except ModuleNotFoundError as error:
        return say({"missing": str(error).splitlines()[0]})
    say({"versions": contenders.versions(contenders.CONTENDERS[contender])})
    for line in sys.stdin:
        try:
            say(commands[line.strip()]())
        except Exception as error:  # whatever a contender raises, the others go on
            import traceback

            traceback.print_exc()
            say({"failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"})
        if line.strip() == "quit":
            return None
    return None


if __name__ == "__main__":
    main(*sys.argv[1:])
