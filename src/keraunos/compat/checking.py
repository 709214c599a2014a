"""`python -m keraunos --check program.py`: what a program needs, without running it."""

from __future__ import annotations

import ast
import importlib
from collections.abc import Iterator

from keraunos.compat import hook


def needs(source: str | bytes) -> dict[str, int]:
    """Return the full names that a program takes from Keras or TensorFlow, with their first line.

    Example:
        >>> needs("from keras import layers as L\\nL.Dense(3)")
        {'keras.layers': 1, 'keras.layers.Dense': 2}
    """
    tree = ast.parse(source)
    known: dict[str, str] = {}
    found: dict[str, int] = {}
    for name, full, line in sorted(_imports(tree), key=lambda row: row[2]):
        if name is not None:
            known[name] = full
        found.setdefault(full, line)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            full = _full_name(node, known)
            if full is not None and not any(n.startswith(full + ".") for n in found):
                found.setdefault(full, node.lineno)
    whole = {n for n in found if not any(m.startswith(n + ".") and _inner(n) for m in found)}
    return {name: found[name] for name in sorted(whole, key=lambda n: (found[n], n))}


def _inner(name: str) -> bool:
    """Return whether a name is only on the way to another: `keras` of `keras.layers`."""
    return "." not in name


def _imports(tree: ast.AST) -> Iterator[tuple[str | None, str, int]]:
    """Yield (name in the program, full name, line) of what is imported of Keras."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if _is_ours(alias.name):
                    name = alias.asname or alias.name.partition(".")[0]
                    full = alias.name if alias.asname else name
                    yield name, full, node.lineno
                    yield None, alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            for alias in node.names:
                if alias.name == "*":
                    yield None, node.module, node.lineno
                else:
                    full = f"{node.module}.{alias.name}"
                    yield alias.asname or alias.name, full, node.lineno


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] in hook._TOPS


def _full_name(node: ast.expr, known: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute):
        before = _full_name(node.value, known)
        return None if before is None else f"{before}.{node.attr}"
    return None


def lacking(name: str) -> str | None:
    """Return None for a name that can be had while compat is installed, or what it lacks.

    A name that is there only to say what to use instead lacks everything. What stands behind a
    class or a function (its methods, attributes of its result) is not looked at.
    """
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:count]))
        except Exception:
            continue
        for part in parts[count:]:
            if isinstance(value, type) or (callable(value) and not hasattr(value, "__path__")):
                break
            try:
                value = getattr(value, part)
            except Exception:
                return "no such name"
        return getattr(value, "refuses", None)
    return "no such module"


def check(source: str | bytes, path: str) -> int:
    """Print each name that a program needs and whether it is there; return 0 if all are."""
    try:
        names = needs(source)
    except SyntaxError as error:
        print(f"{path}: line {error.lineno}: {error.msg}")
        return 2
    hook.install()
    try:
        missing = 0
        for name, line in names.items():
            lack = lacking(name)
            missing += lack is not None
            state = "there  " if lack is None else "MISSING"
            print(f"{state}  {path}:{line}  {name}" + (f": {lack}" if lack else ""))
    finally:
        hook.uninstall()
    print(f"{len(names)} names, {missing} missing")
    return 1 if missing else 0
