"""The modules `tensorflow`, `tensorflow.math` ..., made from the tables of this folder."""

from __future__ import annotations

import functools
import importlib
from types import ModuleType
from typing import Any

from keraunos import errors
from keraunos.compat.tensorflow import _tensor

_FAMILIES = (
    "_dtypes _tensor _shape _math _array _linalg _nn _random _variable _gradients _function _image"
    " _codecs _strings _io _data _debugging _devices _keeping _structures _old"
).split()
# One module under two names.
_ALIASES = {
    "tensorflow.compat.v2": "tensorflow",
    "tensorflow.python.framework.ops": "tensorflow.compat.v1",
    "tensorflow.python.ops.math_ops": "tensorflow.math",
    "tensorflow.python.ops.array_ops": "tensorflow",
    "tensorflow.python.ops.nn_ops": "tensorflow.nn",
    "tensorflow.python.ops.nn": "tensorflow.nn",
    "tensorflow.python.ops": "tensorflow",
    "tensorflow.python.framework.tensor_shape": "tensorflow",
    "tensorflow.python.framework.dtypes": "tensorflow",
    "tensorflow.python.framework": "tensorflow",
    "tensorflow.python.platform": "tensorflow",
    "tensorflow.python": "tensorflow",
}
# Keras's rooms that stand at the top as well.
_OF_KERAS = ("losses", "metrics", "optimizers", "initializers")
_KERAS = ("tensorflow.keras", "tensorflow.compat.v1.keras", "tensorflow.compat.v2.keras")
_ABOUT = """TensorFlow's names over keraunos, for programs written for Keras: no TensorFlow is here.

`__version__` says the version whose names these are, because programs compare it."""


class Facade(ModuleType):
    """One module of the facade: what its table has, and an error with the nearest names."""

    def __init__(self, name: str, table: dict[str, Any]) -> None:
        super().__init__(name, _ABOUT)
        self.__dict__.update(table)
        self.__path__ = []  # submodules are found by the import hook

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        full = f"{self.__name__}.{name}"
        if name == "keras" and full in _KERAS:
            return importlib.import_module(full)
        if self.__name__ == "tensorflow" and name in _OF_KERAS:
            return importlib.import_module(f"tensorflow.keras.{name}")
        if offers(full):
            return module(full)
        found = _other(self.__name__, name)
        if found is not None:
            return found
        raise AttributeError(_unknown(self.__name__, name))

    def __dir__(self) -> list[str]:
        return sorted(name for name in self.__dict__ if not name.startswith("_"))


def module(name: str) -> Facade:
    """Return the facade's module of a name, `tensorflow` or below it; its tensors get to work."""
    if not offers(name):
        near = errors.suggest(name, [*tables(), "tensorflow.keras"])
        raise ModuleNotFoundError(errors.report(f"no module {name!r} in the facade", fix=near))
    _tensor.attach()
    return _made(name)


def offers(name: str) -> bool:
    """Return whether there is a module of this name."""
    return _home(name) in tables()


def _home(name: str) -> str:
    """Return whose table a module shows."""
    if name.startswith("tensorflow.compat.v2."):
        name = name.replace(".compat.v2", "", 1)
    return _ALIASES.get(name, name)


@functools.cache
def _made(name: str) -> Facade:
    return Facade(name, tables()[_home(name)])


@functools.cache
def tables() -> dict[str, dict[str, Any]]:
    """Return the names of each module, of all families together."""
    whole: dict[str, dict[str, Any]] = {}
    for family in _FAMILIES:
        home = importlib.import_module(f"keraunos.compat.tensorflow.{family}")
        for name, table in home.TABLES.items():
            whole.setdefault(name, {}).update(table)
    for name in list(whole):
        while name := name.rpartition(".")[0]:
            whole.setdefault(name, {})
    return whole


def _other(name: str, wanted: str) -> Any:
    """Return what stands in the other era's module: programs mix TensorFlow 1's names and 2's."""
    tail = name.removeprefix("tensorflow").removeprefix(".compat.v1")
    for other in (f"tensorflow{tail}", f"tensorflow.compat.v1{tail}"):
        if other != name and wanted in tables().get(other, {}):
            return tables()[other][wanted]
        if other != name and f"{other}.{wanted}" in tables():
            return module(f"{other}.{wanted}")
    return None


def _unknown(name: str, wanted: str) -> str:
    names = [n for n in tables().get(_home(name), {}) if not n.startswith("_")]
    elsewhere = [f"{m}.{wanted}" for m, t in tables().items() if wanted in t and "v1" not in m]
    near = errors.suggest(wanted, names)
    if elsewhere:
        near = "there is " + " and ".join(elsewhere)
    elif near.startswith("valid"):
        near = "keras.ops or jax.numpy may have it"
    note = "this tensorflow is keraunos's: the part that Keras programs use (docs/tensorflow.md)"
    return errors.report(f"{name}.{wanted} is not there", note=note, fix=near)
