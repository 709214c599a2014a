"""The command line of the benchmarks."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks import imports, machine, overhead, report, variants
from benchmarks.contenders import CONTENDERS, INSTALL
from benchmarks.race import Result, Settings, race
from benchmarks.workloads import BREADTH, VARIANTS, WORKLOADS


def parser() -> argparse.ArgumentParser:
    peers = "\n".join(f"  {name:12} {c.about}" for name, c in CONTENDERS.items())
    kinds = ", ".join(VARIANTS)
    models = "\n".join(
        f"  {name:12} {w.title}, batch {w.batch}, {w.steps} steps an epoch"
        for name, w in WORKLOADS.items()
    )
    p = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Trains the same models on the same data with keraunos and its peers, in "
        "turn,\neach in a process of its own, and prints one table.",
        epilog=f"models:\n{models}\n  {'import':12} what importing each contender costs\n"
        f"  {'variants':12} keraunos's own recurrent layers beside the plain ones: {kinds}\n"
        f"  {'small':12} what one sample costs, beside the bare jitted function\n"
        f"  {'breadth':12} more models in the Keras API: {', '.join(BREADTH)}\n"
        f"  {'overhead':12} fit, evaluate, predict beside a lax.scan; the first epoch\n\n"
        f"contenders:\n{peers}\n\n"
        f"A peer that is not installed is left out. To get all of them: {INSTALL}\n"
        "The column `noise` is the share of the machine that other programs took meanwhile:\n"
        "believe the ratios, and believe nothing measured at a noise above 10 %.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    p.add_argument("models", nargs="*", help="which models (default: all, and import)")
    p.add_argument("--peers", nargs="*", metavar="PEER", help="keraunos and these (default: all)")
    p.add_argument("--only", nargs="+", metavar="NAME", help="these contenders and no others")
    p.add_argument("--steps", type=int, help="steps of an epoch (default: by model)")
    p.add_argument("--rounds", type=int, default=5, help="epochs each contender is timed for")
    p.add_argument("--json", type=Path, metavar="FILE", help="write every round to FILE")
    p.add_argument(
        "--python",
        action="append",
        default=[],
        metavar="PEER=PATH",
        help="the interpreter of an environment where PEER is installed (repeatable)",
    )
    p.add_argument(
        "--patience",
        type=float,
        default=0,
        metavar="SECONDS",
        help="before each epoch, wait so long at the most for a quiet moment",
    )
    p.add_argument("--again", action="store_true", help="time the first epoch of a second process")
    p.add_argument("--profile", action="store_true", help="print where each epoch's time goes")
    p.add_argument("--limit", type=float, default=600, help="seconds for one epoch, at the most")
    return p


def chosen(p: argparse.ArgumentParser, arguments: argparse.Namespace) -> tuple[list, list, dict]:
    """The models, the contenders and their interpreters; ends the program at a wrong name."""
    models = arguments.models or [*WORKLOADS, "import"]
    names = arguments.only or ["keraunos", *(CONTENDERS if arguments.peers is None else [])]
    names = list(dict.fromkeys([*names, *(arguments.peers or [])]))
    pythons = dict(item.partition("=")[::2] for item in arguments.python)
    if "breadth" in models:
        models = [*models, *BREADTH]
    if all(model in (*BREADTH, "breadth") for model in models):
        names = [name for name in names if CONTENDERS[name].trainer.startswith("keras_api")]
    known_models = [*WORKLOADS, *BREADTH, "import", "variants", "small", "overhead", "breadth"]
    for given, known in ((models, known_models), ([*names, *pythons], [*CONTENDERS])):
        if unknown := set(given) - set(known):
            p.error(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(known)}")
    return models, names, pythons


def main(argv: list[str] | None = None) -> None:
    """Runs what the command line asks for and prints the tables; JSON is kept model by model."""
    p = parser()
    arguments = p.parse_args(argv)
    models, names, pythons = chosen(p, arguments)
    at_start = machine.describe()
    everything: dict[str, dict[str, Result]] = {}
    workloads = WORKLOADS | BREADTH
    steps = {m: arguments.steps or workloads[m].steps for m in models if m in workloads}
    out: dict[str, Any] = {"machine": at_start}

    def keep(**more: Any) -> None:
        out.update(more)
        if arguments.json:
            arguments.json.write_text(json.dumps(out, indent=1))

    for model in steps:
        print(f"{workloads[model].title}: {steps[model]} steps an epoch", flush=True)
        settings = Settings(
            steps[model],
            arguments.rounds,
            arguments.limit,
            pythons,
            arguments.patience,
            arguments.again,
            arguments.profile,
        )
        everything[model] = race(model, names, settings, lambda line: print(line, flush=True))
        keep(models=report.as_json(everything, steps))
    if everything:
        print("\n" + report.table(at_start, everything))
    if "variants" in models:
        settings = Settings(
            arguments.steps or WORKLOADS["lstm"].steps,
            arguments.rounds,
            arguments.limit,
            pythons,
            arguments.patience,
        )
        measured = variants.measure(settings, lambda line: print(line, flush=True))
        keep(variants=variants.as_json(measured))
        print("\n" + variants.table(measured))
    if "small" in models:
        from benchmarks import small_calls  # JAX runs in this process, and only then

        calls, more = small_calls.measure(arguments.rounds), small_calls.memory()
        keep(small=calls | {"memory": more})
        print("\n" + small_calls.table(calls, more))
    if "overhead" in models:
        added, first = overhead.measure(arguments.rounds), overhead.first_epochs()
        keep(overhead=added | {"first epoch": first})
        print("\n" + overhead.table(added, first))
    if "import" in models:
        imported = imports.measure(names, arguments.rounds, pythons, print)
        keep(**{"import": imported})
        print("\n" + imports.table(imported))


if __name__ == "__main__":
    main()
