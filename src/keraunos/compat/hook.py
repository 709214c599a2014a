"""The import hook: `keras`, `tf_keras`, `tensorflow` ... become other names of our own modules."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from keraunos.compat import eras, names
from keraunos.compat import tensorflow as facade
from keraunos.compat.patching import Patches

_FACADE = ("tensorflow", "tensorflow_hub")
# Where this can be imported, TensorBoard reads files by itself and not by TensorFlow.
_STUB = "tensorboard.compat.notf"
_TOPS = {name.partition(".")[0] for name in (*names.ROOTS, *names.PACKAGES, *_FACADE)}


def install(era: str | None = None) -> None:
    """Let `import keras` and `import tensorflow` find keraunos from now on.

    The modules are keraunos's own, so `keras.layers.Dense is keraunos.layers.Dense`; while it is
    installed, they take the arguments of older Keras too. A real Keras or TensorFlow that is
    imported already is put aside until `uninstall`. Where it is installed already, another era's
    defaults take the place of the first one's.

    Args:
        era: whose defaults count: `"keras1"`, `"keras2"`, `"tf.keras"` or `"keras3"`; None:
            today's, or those that count already.

    Raises:
        ValueError: an unknown era.

    Example:
        >>> import keraunos
        >>> keraunos.compat.install()
        >>> import keras
        >>> keras is keraunos
        True
        >>> keraunos.compat.uninstall()
    """
    global _era
    era = eras.known(era)
    if era not in (None, _era):
        uninstall()
    if _finder not in sys.meta_path:
        _era = era
        from keraunos.compat import installing

        _aside.update(_take_modules())
        sys.meta_path.insert(0, _finder)
        installing.apply(_patches, era)


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
        facade.leave()
        _patches.undo()


def hook_children(era: str) -> None:
    """Let the Python processes that this one starts find keraunos under the old names too.

    Args:
        era: whose defaults count there.
    """
    folder = str(Path(__file__).with_name("children"))
    paths = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join(
        [folder, *(p for p in paths if p not in ("", folder))]
    )
    os.environ["KERAUNOS_NAMES"] = " ".join(sorted({*_TOPS, "keraunos", "tensorboard"}))
    os.environ["KERAUNOS_ERA"] = era


class _Finder(MetaPathFinder, Loader):
    """Finds the old names, and loads them by putting our module in their place."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> ModuleSpec | None:
        if fullname == _STUB:
            return ModuleSpec(fullname, self)
        if fullname.partition(".")[0] not in _TOPS or _module(fullname) is None:
            return None
        return ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == _STUB:
            # What writes hyperparameters asks for TensorFlow 2, which is the facade.
            stub: Any = importlib.import_module("tensorboard.compat.tensorflow_stub")
            _patches.put(stub.compat, "v2", _module("tensorflow"))
            return
        # The import system hands out what stands in sys.modules now, its attributes untouched.
        own: Any = _module(module.__name__)
        sys.modules[module.__name__] = own
        if not hasattr(own, "__path__"):
            # `keras.backend` was a package once: modules were imported from below it.
            _patches.put(own, "__path__", [])
        parent, _, name = module.__name__.rpartition(".")
        if parent in sys.modules:
            # The import system sets it there next; that is to be undone some day.
            _patches.put(sys.modules[parent], name, own)


def _module(fullname: str) -> ModuleType | None:
    """Return our module of an old name, or None if it is not one of ours."""
    path = names.translated(fullname)
    if path is not None:
        return names.module(path)
    if fullname.partition(".")[0] in _FACADE:
        return facade.module(fullname)
    return None


def _take_modules() -> dict[str, ModuleType]:
    """Remove and return what is imported under the old names."""
    found = [name for name in sys.modules if name.partition(".")[0] in _TOPS]
    return {name: sys.modules.pop(name) for name in found}


_finder = _Finder()
_era: str | None = None
_aside: dict[str, ModuleType] = {}
_patches = Patches()
