"""Programs written for TensorFlow run unchanged: each of programs_tf ran on TensorFlow 2.21 too."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parent / "programs_tf"


@pytest.mark.parametrize(
    "path",
    sorted(_FOLDER.glob("[!c]*.py")) + [_FOLDER / "checkpoints.py"],
    ids=lambda path: path.stem,
)
def test_program_runs(path, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "keraunos", str(path)],
        cwd=tmp_path,
        env=os.environ | {"KERAS_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines()[-1] == "ok"
    assert not [
        name for name in ("tensorflow", "tf_keras") if f"No module named {name!r}" in done.stderr
    ]
