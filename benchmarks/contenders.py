"""Who trains: each contender's code, its environment, its packages, and how to get it."""

from __future__ import annotations

import importlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Contender:
    """`trainer` is "module of benchmarks[:argument]"; `imports` is what a user imports."""

    about: str
    trainer: str
    imports: str
    packages: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def _keras(backend: str, package: str, name: str) -> Contender:
    return Contender(
        about=f"Keras 3 on {name}",
        trainer="keras_api:keras",
        imports="keras",
        packages=("keras", package),
        environment={"KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "3"},
    )


CONTENDERS = {
    "keraunos": Contender(
        "this package", "keras_api:keraunos", "keraunos", ("keraunos", "jax", "jaxlib")
    ),
    "keras-jax": _keras("jax", "jax", "JAX"),
    "keras-torch": _keras("torch", "torch", "PyTorch"),
    "keras-tf": _keras("tensorflow", "tensorflow", "TensorFlow"),
    "torch": Contender("plain PyTorch, a loop written by hand", "plain_torch", "torch", ("torch",)),
    "jax": Contender(
        "bare JAX and optax: not a peer but a yardstick (no xception)",
        "plain_jax",
        "jax",
        ("jax", "jaxlib", "optax"),
    ),
}

INSTALL = "pip install keraunos[bench]"


def load(contender: Contender) -> Callable[..., Callable[[int], float]]:
    """The contender's trainer(name, x, y, batch); ModuleNotFoundError if it is not there."""
    module, _, keras = contender.trainer.partition(":")
    importlib.import_module(contender.imports)
    trainer = importlib.import_module(f"benchmarks.{module}").trainer
    if not keras:
        return trainer
    return lambda *arguments: trainer(*arguments, keras)


def versions(contender: Contender) -> dict[str, str]:
    """The installed version of each of the contender's packages."""
    return {package: _version(package) for package in contender.packages}


def _version(package: str) -> Any:
    # `tensorflow-cpu` and a source tree that was never installed have no metadata of that name.
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        module = importlib.import_module(package)
        return getattr(module, "__version__", "source tree")
