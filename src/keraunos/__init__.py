"""Keraunos: the Keras API on one engine, JAX/XLA. Rooms are loaded when they are first used."""

from __future__ import annotations

import importlib
from typing import Any

from keraunos import errors
from keraunos._kernels.memory import keep_memory

keep_memory()  # before JAX starts its threads: later it is of no use

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
    *("data", "distribution", "training", "wrappers"),
)
# name -> the module in which it is defined
_NAMES = {
    "Function": "_core.graph",
    "InputSpec": "_core.spec",
    "KerasTensor": "_core.symbolic:SymbolicTensor",
    "Layer": "_core.layer",
    "Operation": "_core.operation",
    "StatelessScope": "_core.scopes",
    "SymbolicScope": "_core.scopes",
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


# Rooms that show what is defined in a room above them: name -> module.
_UTILS = {
    "PyDataset": "data.pydataset",
    "audio_dataset_from_directory": "data.audio_folder",
    "image_dataset_from_directory": "data.image_folder",
    "load_word_vectors": "preprocessing.word_vectors",
    "paths_and_labels": "data.folders",
    "split_dataset": "data.splitting",
    "text_dataset_from_directory": "data.text_folder",
    "timeseries_dataset_from_array": "data.series",
}
_SHOWN = {
    "keraunos.utils": _UTILS,
    "keraunos.preprocessing": {k: v for k, v in _UTILS.items() if v.startswith("data.")},
}


def _find_above(module: str, name: str) -> Any:
    """Find what a room shows and a room above it defines, now or for older Keras's sake."""
    if (home := _SHOWN.get(module, {}).get(name)) is not None:
        return getattr(importlib.import_module(f"keraunos.{home}"), name)
    return importlib.import_module("keraunos.compat.names").find(module, name)


errors.look_elsewhere(_find_above)


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return importlib.import_module(f"keraunos.{name}")
    if name in _NAMES:
        module, _, other = _NAMES[name].partition(":")
        found = getattr(importlib.import_module(f"keraunos.{module}"), other or name)
        globals()[name] = found
        return found
    if not name.startswith("_") and (found := _find_above("keraunos", name)) is not None:
        return found
    raise AttributeError(
        errors.report(f"keraunos has no {name!r}", fix=errors.suggest(name, __all__))
    )


def __dir__() -> list[str]:
    return sorted(__all__)
