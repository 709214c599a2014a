"""The benchmark's harness runs, pairs its rounds, and says how to get what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def report(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import report

    return report


def test_one_model_of_two_steps(tmp_path):
    file = tmp_path / "out.json"
    table = run(
        *("perceptron", "--only", "keraunos", "--steps", "2", "--rounds", "2"),
        *("--json", str(file)),
    )
    done = json.loads(file.read_text())["models"]["perceptron"]["contenders"]["keraunos"]
    assert not done["dropped"]
    assert "| keraunos |" in table
    assert len(done["ms_per_step"]) == 2
    assert done["peak"] > 0
    assert all(turn["loss"] > 0 for turn in done["rounds"])


def test_ratios_are_medians_over_paired_rounds(report):
    from benchmarks.race import Result

    def result(*seconds):
        return Result(rounds=[{"ms": s} for s in seconds])

    # The second round was noisy for both: its pair still says 2.
    assert report.ratios({"keraunos": result(1, 10, 1), "torch": result(2, 20, 9)}) == {"torch": 2}


def test_cost_of_a_variant_is_a_median_over_paired_rounds(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import keras_api, variants, workloads

    def rounds(*times):
        return [{"ms": 2 * t, "cpu_ms": t} for t in times]

    measured = {name: rounds(2, 9, 3) for name in workloads.VARIANTS}
    measured |= {"lstm": rounds(1, 6, 2), "gru": rounds(2, 9, 3)}
    costs = variants.as_json(measured)["cost"]
    assert costs["lstm-masked"] == 1.5
    assert costs["lstm-bidirectional"] == 0.75
    assert costs["gru-masked"] == 1
    assert "| lstm-masked | 6.00 | 3.00 | 1.50 | 1.3 |" in variants.table(measured)
    plain = {plain for plain, _ in workloads.VARIANTS.values()}
    assert plain | workloads.VARIANTS.keys() <= keras_api.MODELS.keys()


def test_a_missing_peer_is_one_line_with_the_command(report):
    from benchmarks.race import Result

    gone = Result(dropped="not installed: No module named 'torch'")
    assert report.missing({"lstm": {"torch": gone}, "conv1d": {"torch": gone}}) == [
        "torch: not installed: No module named 'torch'; pip install keraunos[bench]"
    ]


def test_an_unknown_model_ends_with_the_known_ones():
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run("percepton")
    assert "choose from perceptron" in caught.value.stderr


def test_old_programs_are_timed_whole(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import old_programs as old

    program = tmp_path / "program.py"
    program.write_text("import keras, sys; sys.exit('lost' if 'lost' in __file__ else None)")
    measured = old.run(old.OURS, program, sys.executable, tmp_path)
    assert measured["cpu"] > 0
    lost = program.rename(tmp_path / "lost.py")
    assert old.run(old.OURS, lost, sys.executable, tmp_path) == "lost"
    twice = {key: 2 * value for key, value in measured.items()}
    rows = old.table({"it": {old.OURS: [measured], old.THEIRS: [twice]}}).splitlines()
    assert "| 2.00 |" in rows[-1]
