"""The import hook: `keras` and `tensorflow.keras` become other names of keraunos's own modules."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

from keraunos import errors

# An old root and ours; the first that fits is taken.
_ROOTS = {"tensorflow.keras": "keraunos", "keras": "keraunos"}


def install() -> None:
    """Let `import keras` and `import tensorflow.keras` find keraunos from now on.

    The modules are keraunos's own, so `keras.layers.Dense is keraunos.layers.Dense`.
    A real Keras or TensorFlow that is imported already is put aside until `uninstall`.

    Example:
        >>> import keraunos
        >>> keraunos.compat.install()
        >>> import keras
        >>> keras is keraunos
        True
        >>> keraunos.compat.uninstall()
    """
    if _finder not in sys.meta_path:
        _aside.update(_take_modules())
        sys.meta_path.insert(0, _finder)


def uninstall() -> None:
    """Undo `install`: `import keras` finds the real Keras again, if there is one.

    Example:
        >>> import keraunos
        >>> keraunos.compat.uninstall()  # nothing was installed, nothing happens
    """
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
        _take_modules()
        sys.modules.update(_aside)
        _aside.clear()


class _Finder(MetaPathFinder, Loader):
    """Finds the old names, and loads them by putting our module in their place."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname == "tensorflow":
            return ModuleSpec(fullname, self, is_package=True)
        own = _translate(fullname)
        if own is None or importlib.util.find_spec(own) is None:
            return None
        return ModuleSpec(fullname, self)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return _Facade(spec.name) if spec.name == "tensorflow" else None

    def exec_module(self, module: ModuleType) -> None:
        # The import system hands out what stands in sys.modules now, its attributes untouched.
        own = _translate(module.__name__)
        if own is not None:
            sys.modules[module.__name__] = importlib.import_module(own)


class _Facade(ModuleType):
    """The module `tensorflow`, of which only `keras` is there."""

    def __getattr__(self, name: str) -> ModuleType:
        if name == "keras":
            return importlib.import_module("tensorflow.keras")
        what = f"tensorflow.{name} is not there: this tensorflow is keraunos's, and has only keras"
        raise AttributeError(errors.report(what, fix="use keras.ops, or NumPy"))


def _translate(name: str) -> str | None:
    """Return our name of a module, or None if it is not one of ours.

    Example:
        >>> _translate("tensorflow.keras.layers"), _translate("kerastuner")
        ('keraunos.layers', None)
    """
    for old, new in _ROOTS.items():
        if name == old or name.startswith(old + "."):
            return new + name[len(old) :]
    return None


def _take_modules() -> dict[str, ModuleType]:
    """Remove and return what is imported under the old names."""
    names = [name for name in sys.modules if name.partition(".")[0] in ("keras", "tensorflow")]
    return {name: sys.modules.pop(name) for name in names}


_finder = _Finder()
_aside: dict[str, ModuleType] = {}
