"""What `install` does to keraunos's own classes: old arguments, old methods, an era's defaults."""

from __future__ import annotations

import importlib
from typing import Any

from keraunos._core import lambdas, registry
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable
from keraunos.compat import arguments, eras, methods, names, wrappers
from keraunos.compat.patching import Patches

# Rooms whose registered classes take old arguments.
_KINDS = (
    "layers",
    "optimizers",
    "initializers",
    "regularizers",
    "constraints",
    "losses",
    "metrics",
)


def apply(patches: Patches, era: str | None) -> None:
    """Make keraunos take what a program of an era says.

    Args:
        patches: remembers what was there before.
        era: one of `eras.ERAS`; None: today's defaults, and old arguments all the same.
    """
    for cls in _classes():
        patches.put(cls, "__init__", arguments.constructor(cls, era))
    for place, rows in wrappers.WRAPPED.items():
        owner = _find(place)
        for name, wrap in rows.items():
            before: Any = vars(owner).get(name)
            if before is None:
                before = getattr(owner, name)
            made: Any = wrap(before, era)
            patches.put(owner, name, staticmethod(made) if name == "__new__" else made)
    for place, methods_of in wrappers.RENAMED.items():
        owner = _find(place)
        for name, row in methods_of.items():
            patches.put(owner, name, arguments.renamed(getattr(owner, name), row))
    for (place, functions), row in wrappers.FUNCTIONS.items():
        owner = _find(place)
        for name in functions.split():
            patches.put(owner, name, arguments.renamed(getattr(owner, name), row))
    _mix_in(patches)
    _put_modules(patches)
    _show_at_the_top(patches, era)
    patches.put(importlib.import_module("keraunos.losses._shapes"), "number_fits", True)
    patches.put(lambdas, "own_code_runs", era in eras.OWN_LAMBDAS_RUN)
    if era in eras.STEEP_HARD_SIGMOID:
        _put_hard_sigmoid(patches)


def _classes() -> list[type]:
    """Return every class of the library that a program constructs, once."""
    found: dict[type, None] = {}
    for kind in _KINDS:
        importlib.import_module(f"keraunos.{kind}")
        found.update(
            dict.fromkeys(v for v in registry._names[kind].values() if isinstance(v, type))
        )
    layers = importlib.import_module("keraunos.layers")
    found[layers.Layer] = None
    found[importlib.import_module("keraunos.preprocessing.text").Tokenizer] = None
    callbacks = importlib.import_module("keraunos.callbacks")
    for name in callbacks.__all__ if hasattr(callbacks, "__all__") else vars(callbacks):
        value = getattr(callbacks, name)
        if isinstance(value, type):
            found[value] = None
    return list(found)


def _mix_in(patches: Patches) -> None:
    owners = (
        ("models:Model", methods.ModelMethods),
        ("layers:Layer", methods.LayerMethods),
        ("metrics:Metric", methods.MetricMethods),
        ("layers:Bidirectional", methods.BidirectionalMethods),
        ("optimizers:Optimizer", methods.OptimizerMethods),
    )
    for place, mixed in owners:
        patches.mix_in(_find(place), mixed)
    patches.mix_in(Variable, methods.VariableMethods)
    patches.mix_in(SymbolicTensor, methods.TensorMethods)


def _show_at_the_top(patches: Patches, era: str | None) -> None:
    keraunos = importlib.import_module("keraunos")
    applications = importlib.import_module("keraunos.compat.applications")
    patches.put(keraunos, "applications", applications.module("applications"))
    patches.put(keraunos, "__all__", [*keraunos.__all__, "applications"])
    if era != "keras3":
        layers = importlib.import_module("keraunos.layers")
        patches.put(layers, "__all__", names.public_names("keraunos.layers"))
    # Programs and packages compare it to know which names and arguments there are.
    patches.put(keraunos, "__version__", eras.VERSIONS[era or "keras3"])


def _put_modules(patches: Patches) -> None:
    """Let `keras.layers.core` be the old module where a file of ours has that name too."""
    for path in names.MODULES:
        room, _, name = path.rpartition(".")
        if room and room not in names.MODULES and names.is_file(path):
            importlib.import_module(f"keraunos.{path}")
            patches.put(_find(room), name, names.old_module(path))


def _put_hard_sigmoid(patches: Patches) -> None:
    from keraunos.compat.keras_backend.arrays import hard_sigmoid

    activations = importlib.import_module("keraunos.activations")
    patches.put(activations, "hard_sigmoid", hard_sigmoid)
    rows = registry._names["activations"]
    patches.put_item(rows, "hard_sigmoid", hard_sigmoid)


def _find(place: str) -> Any:
    module, _, name = place.partition(":")
    owner = importlib.import_module(f"keraunos.{module}".rstrip("."))
    return getattr(owner, name) if name else owner
