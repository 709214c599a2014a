"""Old programs, whole: `python -m keraunos program.py` beside the Keras that they were written for.

python -m benchmarks.old_programs --python /path/to/python     # TensorFlow and tf-keras there
python -m benchmarks.old_programs old.py older.py --rounds 5
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from benchmarks import machine
from benchmarks.race import ROOT

PROGRAMS = sorted(Path(__file__).with_name("old").glob("*.py"))
OURS, THEIRS = "keraunos", "tf-keras"
# Keras 2 said `import keras`; what is left of it is called tf_keras.
THEIR_LAUNCHER = """
import importlib, importlib.abc, importlib.machinery, runpy, sys
class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "keras":
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        name = module.__name__
        sys.modules[name] = importlib.import_module("tf_" + name)
import tensorflow
sys.meta_path.insert(0, Finder())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def run(who: str, program: Path, python: str, home: Path) -> dict[str, float] | str:
    """Seconds of one run and of its cores, from the start of Python to its end; or what failed."""
    environment = {
        **os.environ,
        "KERAS_HOME": os.environ.get("KERAS_HOME", str(home / "keras")),
        "XDG_CACHE_HOME": str(home / who),
        "TF_USE_LEGACY_KERAS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "MPLBACKEND": "Agg",
    }
    command = [python, "-c", THEIR_LAUNCHER, str(program)]
    if who == OURS:
        environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), *_inherited()])
        command = [sys.executable, "-m", "keraunos", str(program)]
    with tempfile.TemporaryDirectory(dir=home) as scratch, tempfile.TemporaryFile("w+") as log:
        busy, start = machine.busy(), time.perf_counter()
        process = subprocess.Popen(command, cwd=scratch, env=environment, stdout=log, stderr=log)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
        wall = time.perf_counter() - start
        own = used.ru_utime + used.ru_stime
        noise = machine.others(machine.busy() - busy, own, wall)
        log.seek(0)
        lines = log.read().split("\n")
    if status:
        return next((line for line in reversed(lines) if line.strip()), f"status {status}")
    return {"seconds": wall, "cpu": own, "others": noise}


def _inherited() -> list[str]:
    return [path for path in [os.environ.get("PYTHONPATH")] if path]


def race(programs: list[Path], python: str, rounds: int) -> dict[str, dict[str, list]]:
    """Runs each program on both, in turn; a side that fails is told and left out."""
    found: dict[str, dict[str, list]] = {p.stem: {OURS: [], THEIRS: []} for p in programs}
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as home:
        for turn in range(rounds):
            for program in programs:
                for who in (OURS, THEIRS) if turn % 2 == 0 else (THEIRS, OURS):
                    machine.settle(0)
                    result = run(who, program.absolute(), python, Path(home))
                    if isinstance(result, str):
                        print(f"  {program.stem} on {who} failed: {result}", flush=True)
                    else:
                        found[program.stem][who].append(result)
                        print(f"  {program.stem} on {who}: {result['seconds']:.1f} s", flush=True)
    return found


def table(found: dict[str, dict[str, list]]) -> str:
    """One row a program: seconds from start to end, those of all cores, and the ratios."""
    columns = f"program | {OURS}, s | {THEIRS}, s | times as fast | CPU s of each | ratio | noise"
    rows = [f"| {columns} |", "|---|--:|--:|--:|--:|--:|--:|"]
    for program, sides in found.items():
        if not (sides[OURS] and sides[THEIRS]):
            continue
        wall, cpu = (
            [median(r[key] for r in sides[who]) for who in (OURS, THEIRS)]
            for key in ("seconds", "cpu")
        )
        pairs = list(zip(sides[OURS], sides[THEIRS]))
        faster, less = (median(b[k] / a[k] for a, b in pairs) for k in ("seconds", "cpu"))
        noise = median(r["others"] for side in sides.values() for r in side)
        rows.append(
            f"| {program} | {wall[0]:.1f} | {wall[1]:.1f} | {faster:.2f} |"
            f" {cpu[0]:.1f}, {cpu[1]:.1f} | {less:.2f} | {noise:.0%} |"
        )
    return "\n".join(rows)


def main(argv: list[str] | None = None) -> None:
    p = argparse.ArgumentParser(
        prog="python -m benchmarks.old_programs",
        description="Runs old programs from start to end, on keraunos and on tf-keras.",
    )
    p.add_argument("programs", nargs="*", type=Path, help="files (default: benchmarks/old)")
    p.add_argument("--python", default=sys.executable, help="a Python that has tf-keras")
    p.add_argument("--rounds", type=int, default=3)
    arguments = p.parse_args(argv)
    print(machine.describe())
    print(table(race(arguments.programs or PROGRAMS, arguments.python, arguments.rounds)))


if __name__ == "__main__":
    main()
