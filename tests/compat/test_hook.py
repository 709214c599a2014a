"""The import hook: the same modules under old names, while installed; programs as with python."""

import importlib
import signal
import subprocess
import sys

import pytest

import keraunos
from keraunos import compat
from keraunos.compat import eras


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
    pytest.importorskip("IPython")
    cells = """%load_ext keraunos
import keras
print(keras.__name__, keras.layers.Dense(3, init="uniform").units)
%unload_ext keraunos
import sys
print("keras" in sys.modules)
%reload_ext keraunos
import keras.backend as K
print(K.get_value(K.variable([1.0])))"""
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--quick", "--colors=nocolor", "-c", cells],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "keraunos 3\nFalse\n[1.]\n"


def test_an_interrupt_looks_as_with_python(tmp_path):
    path = tmp_path / "stopped.py"
    path.write_text("import keras\nraise KeyboardInterrupt\n")
    done = _run(path)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.splitlines()[1:] == [
        f'  File "{path}", line 2, in <module>',
        "    raise KeyboardInterrupt",
        "KeyboardInterrupt",
    ]


def test_processes_that_a_program_starts_are_hooked_too(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("""
import multiprocessing, subprocess, sys
import numpy as np
import keras
from keras.layers import Dense

X = np.ones((1, 3))

class Twice(keras.layers.Layer):
    def call(self, x):
        return 2 * x

def train(units):
    model = keras.models.Sequential([Dense(units, input_dim=3, init="uniform"), Twice()])
    model.compile("sgd", "mse")
    model.fit(X, np.ones((1, units)), nb_epoch=1, verbose=0)
    return __name__, keras.__version__, model

def predict(model):
    return model.predict(X, verbose=0)

if __name__ == "__main__":
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        name, version, model = pool.apply(train, (2,))
        assert (name, version) == ("__mp_main__", keras.__version__)
        np.testing.assert_array_equal(pool.apply(predict, (model,)), predict(model))
    script = "import keraunos; print(keraunos.layers.Dense(4, init='one').units)"
    print(subprocess.check_output([sys.executable, "-c", script], text=True), end="")
""")
    done = _run(path)
    assert (done.stdout, done.returncode) == ("4\n", 0), done.stderr


@pytest.mark.parametrize("era, version", eras.VERSIONS.items())
def test_the_version_is_that_of_the_era(era, version):
    compat.install("keras1" if era != "keras1" else None)
    compat.install(era)  # in the place of the first
    compat.install()
    try:
        keras = importlib.import_module("keras")
        assert keras.__version__ == keras.version() == version
    finally:
        compat.uninstall()
    assert keraunos.version() == keraunos.__version__ != version


def test_applications_may_be_named_and_not_used(installed):
    names = {}
    exec("from keras import *\nfrom keras.applications.resnet50 import ResNet50", names)
    with pytest.raises(NotImplementedError, match="not built yet"):
        names["ResNet50"](weights=None)
    with pytest.raises(NotImplementedError, match=r"keras\.applications\.VGG16"):
        names["applications"].VGG16()
    with pytest.raises(AttributeError, match="did you mean 'VGG16'"):
        exec("applications.VGG161", names)
    compat.uninstall()
    assert not hasattr(keraunos, "applications")
