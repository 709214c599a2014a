"""Keraunos: the Keras API on one engine, JAX/XLA. Rooms are loaded when they are first used."""

from __future__ import annotations

import importlib
from typing import Any

from keraunos import errors

__version__ = "0.1.0"

_ROOMS = (
    *(
        "activations",
        "callbacks",
        "config",
        "constraints",
        "datasets",
        "initializers",
        "layers",
        "losses",
    ),
    *(
        "metrics",
        "models",
        "ops",
        "optimizers",
        "quantizers",
        "random",
        "regularizers",
        "saving",
        "utils",
    ),
    *("backend", "dtype_policies", "mixed_precision", "preprocessing", "tree", "compat", "errors"),
)
# name -> the module in which it is defined
_NAMES = {
    "Function": "_core.graph",
    "InputSpec": "_core.spec",
    "KerasTensor": "_core.symbolic:SymbolicTensor",
    "Layer": "_core.layer",
    "Variable": "_core.variable",
    "DTypePolicy": "config",
    "FloatDTypePolicy": "dtype_policies",
    "Quantizer": "quantizers",
    "RematScope": "_core.remat",
    "remat": "_core.remat",
    "Input": "models",
    "Model": "models",
    "Sequential": "models",
    "Initializer": "initializers",
    "Loss": "losses",
    "Metric": "metrics",
    "Optimizer": "optimizers",
    "Regularizer": "regularizers",
    "device": "utils",
    "name_scope": "_core.naming",
    "version": "",
}

__all__ = [*_ROOMS, *_NAMES, "__version__"]  # pyright: ignore[reportUnsupportedDunderAll]


def version() -> str:
    """Return the version of keraunos.

    Example:
        >>> version() == __version__
        True
    """
    return __version__


def load_ipython_extension(ipython: Any) -> None:
    """Install the import hook in a notebook: `%load_ext keraunos`."""
    from keraunos import compat

    compat.install()


def unload_ipython_extension(ipython: Any) -> None:
    """Undo `load_ipython_extension`."""
    from keraunos import compat

    compat.uninstall()


def _find_old(module: str, name: str) -> Any:
    """Find what only older Keras had: its room is above the one that shows it."""
    return importlib.import_module("keraunos.compat.names").find(module, name)


errors.look_elsewhere(_find_old)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"keraunos.{name}")
    if name in _NAMES:
        module, _, other = _NAMES[name].partition(":")
        found = getattr(importlib.import_module(f"keraunos.{module}"), other or name)
        globals()[name] = found
        return found
    raise AttributeError(
        errors.report(f"keraunos has no {name!r}", fix=errors.suggest(name, __all__))
    )


def __dir__() -> list[str]:
    return sorted(__all__)
