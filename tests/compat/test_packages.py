"""Keras packages of other people under the launcher: code that was not written for us."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAMS = sorted(Path(__file__).with_name("packages").glob("*.py"))
# `make` names the folder it installed them into; without it they may be there from an earlier run.
NAMED = os.environ.get("KERAUNOS_TEST_PACKAGES")
FOLDER = Path(NAMED or Path(sys.prefix) / "packages").absolute()

pytestmark = pytest.mark.skipif(
    NAMED is None and not FOLDER.is_dir(),
    reason=f"no packages in {FOLDER}: `make test` installs them",
)


@pytest.mark.parametrize("path", PROGRAMS, ids=[path.stem for path in PROGRAMS])
def test_runs(path, tmp_path):
    assert FOLDER.is_dir(), "make has said that they are here"
    paths = os.pathsep.join(filter(None, [str(FOLDER), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-m", "keraunos", str(path)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "ok"
