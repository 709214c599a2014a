"""Programs of each era, one for each construct of older Keras, run as the launcher runs them."""

import warnings
from pathlib import Path

import pytest

from keraunos import compat

PROGRAMS = sorted(Path(__file__).with_name("programs").glob("*.py"))


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_runs(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    source = path.read_text()
    era = compat.era_of(source)
    names = {"keras1": "keras1", "keras2": "keras2", "tfkeras": "tf.keras", "keras3": "keras3"}
    assert era == names[path.stem.partition("_")[0]]
    compat.install(era)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(compile(source, str(path), "exec"), {"__name__": "program"})
    finally:
        compat.uninstall()
