"""The house keeps its rules: budgets, reasons, nothing private of JAX, light imports."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import keraunos

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "keraunos"
FILES = sorted(PACKAGE.rglob("*.py"))
MODULE_LINES, FUNCTION_LINES = 600, 60
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in FILES}

REQUIRED = {"jax", "numpy", "ml_dtypes", "optax", "h5py", "PIL"}
# Exceptions, each with its reason.
NEEDS_AN_EXTRA = {"wrappers.py": "sklearn"}  # its classes are scikit-learn's
PRIVATE_OF_JAX = {"_core/tape.py: jax._src.core"}  # JAX shows no other door to its traces


def _functions():
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path, node


def _imports(tree, everywhere=True):
    """Yield the full names that a file imports; with `everywhere=False` at import time only."""
    nodes = ast.walk(tree) if everywhere else tree.body
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _place(path):
    return str(path.relative_to(PACKAGE))


def test_modules_fit_on_a_few_screens():
    long = {_place(p): n for p in FILES if (n := len(p.read_text().splitlines())) > MODULE_LINES}
    assert not long


def test_functions_fit_on_a_screen():
    long = {}
    for path, node in _functions():
        docstring = ast.get_docstring(node, clean=False) or ""
        size = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
        if size > FUNCTION_LINES:
            long[f"{_place(path)}:{node.name}"] = size
    assert not long


def test_each_file_says_why_it_exists():
    assert not [_place(path) for path, tree in TREES.items() if not ast.get_docstring(tree)]


def test_jax_private_modules_are_not_imported():
    private = re.compile(r"(jax|jaxlib|optax|numpy)\.(.*\.)?_(?!_)")
    found = {f"{_place(p)}: {n}" for p, t in TREES.items() for n in _imports(t) if private.match(n)}
    assert found == PRIVATE_OF_JAX


def test_a_module_imports_only_what_a_plain_install_brings():
    allowed = REQUIRED | set(sys.stdlib_module_names) | {"keraunos"}
    found = {
        f"{_place(path)}: {name}"
        for path, tree in TREES.items()
        for name in _imports(tree, everywhere=False)
        if name.partition(".")[0] not in allowed | {NEEDS_AN_EXTRA.get(_place(path))}
    }
    assert not found


def test_a_plain_install_brings_what_is_imported():
    names = _project()["dependencies"]
    declared = {re.split(r"[^\w]", name)[0].replace("pillow", "PIL") for name in names}
    assert declared == REQUIRED


def test_version_is_said_once():
    assert keraunos.__version__ == _project()["version"]


def _project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("use", ["", "; keraunos.layers.Dense(1)"])
def test_importing_loads_no_other_framework(use):
    heavy = ["keras", "tensorflow", "torch", "matplotlib", "IPython", "pandas", "sklearn"]
    code = f"import keraunos{use}; import sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_folder_has_its_tests():
    rooms = {path.parent.name.lstrip("_") for path in PACKAGE.glob("*/__init__.py")}
    tests = [path.relative_to(ROOT / "tests") for path in (ROOT / "tests").rglob("test_*.py")]
    words = {part for p in tests for part in (p.parts[0], p.stem.removeprefix("test_"))}
    assert not rooms - words
