"""The import hook: the same modules under old names, while installed; programs as with python."""

import importlib
import subprocess
import sys

import pytest

import keraunos
from keraunos import compat


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.parametrize(
    "old, new",
    [
        ("keras", "keraunos"),
        ("keras.utils", "keraunos.utils"),
        ("keras.datasets.digits", "keraunos.datasets.digits"),
        ("tensorflow.keras", "keraunos"),
        ("tensorflow.keras.utils", "keraunos.utils"),
        ("tensorflow.keras.datasets.digits", "keraunos.datasets.digits"),
        ("tensorflow.python.keras.layers", "keraunos.layers"),
        ("tf_keras", "keraunos"),
        ("keras.api._v2.keras.losses", "keraunos.losses"),
        ("keras.src.layers", "keraunos.layers"),
        ("keras_preprocessing.sequence", "keraunos.preprocessing.sequence"),
    ],
)
def test_old_names_give_the_same_module(installed, old, new):
    ours = importlib.import_module(new)
    spec = ours.__spec__
    assert importlib.import_module(old) is ours
    assert ours.__spec__ is spec, "the module still knows its own name"
    assert ours.__name__ == new


STATEMENTS = """
import keras.utils; keras.utils
import keras.utils as U; U
from keras import utils; utils
from keras.utils import get_file as f; from keraunos import utils; f is utils.get_file and utils
import tensorflow as tf; tf.keras.utils
import tensorflow.keras.utils; tensorflow.keras.utils
from tensorflow import keras; keras.utils
from tensorflow.keras import utils; utils
""".strip().splitlines()


@pytest.mark.parametrize("statement", STATEMENTS)
def test_every_spelling_of_an_import(installed, statement):
    imports, _, expression = statement.rpartition("; ")
    names = {}
    exec(imports, names)
    assert eval(expression, names) is keraunos.utils


@pytest.mark.parametrize("name", ["keras.no_such", "keras.utils.no_such", "tf_keras.no_such"])
def test_what_is_not_there_is_not_found(installed, name):
    with pytest.raises(ModuleNotFoundError, match=name.replace(".", r"\.")):
        importlib.import_module(name)


def test_the_real_keras_comes_back():
    real = importlib.import_module("keras")
    compat.install()
    compat.install()
    try:
        assert importlib.import_module("keras") is keraunos
    finally:
        compat.uninstall()
    assert importlib.import_module("keras") is real
    assert importlib.import_module("keras.utils").__name__ == "keras.utils"
    assert "tensorflow" not in sys.modules
    compat.uninstall()


def test_uninstall_leaves_nothing_behind():
    from keraunos._core import registry

    owners = [keraunos.Model, keraunos.layers.Layer, keraunos.layers.Conv2D, keraunos.layers]
    owners += [keraunos.optimizers.Optimizer, keraunos.callbacks.History, keraunos.saving]
    before = [dict(vars(owner)) for owner in owners]
    activations = dict(registry._names["activations"])
    compat.install("keras1")
    importlib.import_module("keras.layers.core")
    compat.uninstall()
    for owner, was in zip(owners, before, strict=True):
        now = dict(vars(owner))
        now.pop("__doc__", None), was.pop("__doc__", None)
        assert {k for k in now if now[k] is not was.get(k)} - {"__getattr__"} <= set()
        assert now.keys() == was.keys()
    assert registry._names["activations"] == activations
    with pytest.raises(TypeError, match="'lr'"):
        keraunos.optimizers.SGD(lr=0.1)


def test_import_alone_changes_no_module():
    program = """
import sys
import keraunos
keraunos.layers, keraunos.models, keraunos.backend
print([n for n in sys.modules if n.partition(".")[0] in ("keras", "tensorflow", "tf_keras")])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


# --- python -m keraunos -----------------------------------------------------------------------

PROGRAM = """
import sys
import neighbour
from keras.utils import to_categorical
from tensorflow.keras.datasets import digits
import keraunos.utils

assert __name__ == "__main__"
assert sys.modules["__main__"].to_categorical is keraunos.utils.to_categorical
print(sys.argv, __file__, neighbour.NAME, len(digits.load_data()[0][1]))
if "fail" in sys.argv:
    neighbour.fail()
sys.exit(3)
"""


@pytest.fixture
def program(tmp_path):
    (tmp_path / "neighbour.py").write_text("NAME = 'beside'\ndef fail():\n    1 / 0\n")
    path = tmp_path / "program.py"
    path.write_text(PROGRAM)
    return path


def _run(*arguments):
    command = [sys.executable, "-m", "keraunos", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_program_runs_as_with_python(program):
    done = _run(program, "a", "-b")
    assert done.stdout == f"{[str(program), 'a', '-b']} {program} beside 1437\n"
    assert (done.returncode, done.stderr) == (3, "")


def test_a_traceback_begins_in_the_program(program):
    done = _run(program, "fail")
    lines = done.stderr.splitlines()
    assert done.returncode == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[1] == f'  File "{program}", line 12, in <module>'
    assert lines[-1] == "ZeroDivisionError: division by zero"
    assert "keraunos" not in done.stderr


def test_a_syntax_error_is_shown_alone(tmp_path):
    path = tmp_path / "broken.py"
    path.write_text("print(1")
    done = _run(path)
    assert done.returncode == 1
    assert done.stderr.startswith(f'  File "{path}", line 1')


@pytest.mark.parametrize(
    "arguments, code, text",
    [
        ((), 2, "usage"),
        (("-h",), 0, "usage"),
        (("no.py",), 2, "cannot read no.py"),
        (("--era", "keras9", __file__), 2, "did you mean 'keras"),
    ],
)
def test_wrong_usage_is_one_line(arguments, code, text):
    done = _run(*arguments)
    assert done.returncode == code
    assert text in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_notebook_extension_installs_the_hook():
    import sys

    import keraunos

    keraunos.load_ipython_extension(None)
    try:
        import keras

        assert keras is keraunos
    finally:
        keraunos.unload_ipython_extension(None)
    assert sys.modules.get("keras") is not keraunos
