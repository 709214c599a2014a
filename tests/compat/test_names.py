"""Every public name of Keras 1.2, 2.2, tf.keras 2.15 and Keras 3 is found by the hook."""

import importlib
import re
from pathlib import Path

import pytest

from keraunos import compat

# module: its names, as the packages of the four eras listed them. `keras.applications`, and
# Keras 3's operations, have tests of their own.
_TEXT = (Path(__file__).parent / "public_names.txt").read_text(encoding="utf-8")
NAMES = {
    module: re.split(r"\s+", rest.strip())
    for module, rest in re.findall(r"^(\S+): ((?:.*\n)(?:  .*\n)*)", _TEXT, re.MULTILINE)
}
# What is left out, and why.
LEFT_OUT = {
    r"keras\.datasets\.\w+\.get_file": "imported there; it is keras.utils.get_file",
    r"keras\.datasets\.cifar100?\.load_batch": "imported there; it is keras.datasets.cifar's",
    r"keras\.legacy\.interfaces\.\w+_(preprocessor|preprocessing|arg_error)": "of its decorators",
    r"keras\.utils\.data_utils\.(get_index|init_pool|init_pool_generator|next_sample)": (
        "of the processes of the enqueuers"
    ),
}


@pytest.fixture(scope="module")
def _installed():
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("module", NAMES)
def test_every_name_of_a_module_is_found(module):
    missing = [name for name in NAMES[module] if not _is_found(f"{module}.{name}")]
    excused = [name for name in missing if _reason(f"{module}.{name}")]
    assert missing == excused


def test_no_reason_is_left_over():
    listed = [f"{module}.{name}" for module, names in NAMES.items() for name in names]
    assert len(listed) > 1800
    for pattern in LEFT_OUT:
        assert any(re.fullmatch(pattern, path) for path in listed), pattern


def _reason(path):
    return next((why for pattern, why in LEFT_OUT.items() if re.fullmatch(pattern, path)), None)


def _is_found(path):
    """Look a path up as a program does: attributes, and modules where there is no attribute."""
    root, *rest = path.split(".")
    found, name = importlib.import_module(root), root
    for part in rest:
        name = f"{name}.{part}"
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = importlib.import_module(name)
            except ImportError:
                return False
    return True
