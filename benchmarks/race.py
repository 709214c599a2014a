"""The race: every contender alive in its own process, one of them training at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.contenders import CONTENDERS

ROOT = Path(__file__).parents[1]


class Dropped(Exception):
    """A contender that is not installed, failed, or took longer than the limit."""


@dataclass
class Result:
    """What one contender did on one workload; first epochs in seconds, peak in megabytes."""

    versions: dict[str, str] = field(default_factory=dict)
    first: float = 0.0
    again: float | None = None
    rounds: list[dict[str, float]] = field(default_factory=list)
    peak: float = 0.0
    profile: str = ""
    dropped: str = ""


@dataclass(frozen=True)
class Settings:
    """How to run: steps of an epoch, rounds, seconds a command may take, other interpreters,
    seconds to wait for a quiet moment before each epoch."""

    steps: int
    rounds: int
    limit: float
    pythons: dict[str, str]
    patience: float = 0.0
    again: bool = False
    profile: bool = False


def environment(contender: str, home: Path) -> dict[str, str]:
    """The contender's variables; `home` keeps its caches and settings apart from the user's."""
    paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    return {
        **inherited,
        **CONTENDERS[contender].environment,
        "PYTHONPATH": os.pathsep.join(paths),
        "KERAS_HOME": str(home / contender / "keras"),
        "XDG_CACHE_HOME": str(home / contender / "cache"),
    }


class Worker:
    """A contender's process, and the conversation with it."""

    def __init__(self, contender: str, workload: str, data: Path, settings: Settings) -> None:
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (lives as long as the process)
        self.limit = settings.limit
        python = settings.pythons.get(contender, sys.executable)
        self.process = subprocess.Popen(
            [python, "-m", "benchmarks.worker", contender, workload, str(data)],
            env=environment(contender, data.parent),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        try:
            self.versions = self._answer()["versions"]
        except Dropped:
            self.close()
            raise

    def ask(self, command: str) -> Any:
        """Sends `command` and waits for its answer; raises Dropped if there is none."""
        assert self.process.stdin
        print(command, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout
        timer = threading.Timer(self.limit, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        answer = json.loads(line) if line else {"failed": self._last_words()}
        if isinstance(answer, dict) and (reason := answer.get("missing") or answer.get("failed")):
            raise Dropped(("not installed: " if "missing" in answer else "") + reason)
        return answer

    def _last_words(self) -> str:
        self.log.seek(0)
        last = (self.log.read().strip().splitlines() or ["no message"])[-1]
        return f"ended, or was stopped after {self.limit:.0f} s: {last}"

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.log):
            if stream:
                stream.close()


@contextmanager
def made_data(workload: str, steps: int) -> Iterator[Path]:
    """A temporary file with the workload's arrays, the same for each contender."""
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        path = Path(folder) / "data.npz"
        # In a process of its own: a child inherits the peak memory of the one that started it.
        command = [sys.executable, "-m", "benchmarks.workloads", workload, str(steps), str(path)]
        subprocess.run(command, check=True, cwd=ROOT)
        yield path


def race(
    workload: str, names: list[str], settings: Settings, say: Callable[[str], None]
) -> dict[str, Result]:
    """Trains `workload` with each contender: first epochs in turn, then alternating rounds."""
    results = {name: Result() for name in names}
    workers: dict[str, Worker] = {}

    @contextmanager
    def guarded(name: str) -> Iterator[None]:
        try:
            yield
        except Dropped as reason:
            results[name].dropped = str(reason)
            workers.pop(name, None)
            say(f"  {name} left out: {reason}")

    with ExitStack() as stack, made_data(workload, settings.steps) as data:
        for name in names:
            with guarded(name):
                worker = Worker(name, workload, data, settings)
                stack.callback(worker.close)
                results[name].versions = worker.versions
                results[name].first = worker.ask("first")["seconds"]
                workers[name] = worker
                say(f"  {name}: first epoch {results[name].first:.2f} s")
        for turn in range(settings.rounds):
            order = list(workers)
            shift = turn % max(1, len(order))  # nobody always follows the same neighbour
            for name in order[shift:] + order[:shift]:
                with guarded(name):
                    machine.settle(settings.patience)
                    results[name].rounds.append(workers[name].ask("train"))
            say(f"  round {turn + 1}: " + _milliseconds(results))
        for name, worker in list(workers.items()):
            with guarded(name):
                if settings.profile:
                    results[name].profile = worker.ask("profile")
                results[name].peak = worker.ask("quit")["peak"]
                worker.close()
        if settings.again:
            for name in list(workers):
                with guarded(name):
                    results[name].again = _second_start(name, workload, data, settings)
    return results


def _second_start(name: str, workload: str, data: Path, settings: Settings) -> float:
    worker = Worker(name, workload, data, settings)
    try:
        return worker.ask("first")["seconds"]
    finally:
        worker.close()


def _milliseconds(results: dict[str, Result]) -> str:
    alive = {name: r for name, r in results.items() if r.rounds and not r.dropped}
    times = {name: r.rounds[-1]["ms"] for name, r in alive.items()}
    return ", ".join(f"{name} {ms:.2f}" for name, ms in times.items()) + " ms a step"
