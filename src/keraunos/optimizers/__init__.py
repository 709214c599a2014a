"""Optimizers: update rules as optax transformations, and the classes made from them."""

from __future__ import annotations

from typing import Any

import optax

from keraunos import errors as _errors
from keraunos._core import registry
from keraunos.optimizers import schedules
from keraunos.optimizers._base import Optimizer
from keraunos.optimizers._classes import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
    ScheduleFreeAdamW,
)
from keraunos.optimizers._loss_scale import LossScaleOptimizer
from keraunos.optimizers._optax import OptaxOptimizer
from keraunos.optimizers.multi import MultiOptimizer, OptimizerMap


def get(identifier: Any) -> Any:
    """Return the optimizer that a name, config, class, optimizer or optax transformation means.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.
        TypeError: something that cannot be one.

    Example:
        >>> get("adam").beta_1, type(get(optax.sgd(0.1))).__name__
        (0.9, 'OptaxOptimizer')
    """
    if isinstance(identifier, optax.GradientTransformation):
        return OptaxOptimizer(identifier)
    return registry.get("optimizers", identifier, "optimizer")


def serialize(optimizer: Any) -> Any:
    """Return the config of an optimizer."""
    return registry.serialize(optimizer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the optimizer of a config."""
    return registry.deserialize(config, custom_objects)


__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Muon",
    "Nadam",
    "OptaxOptimizer",
    "Optimizer",
    "OptimizerMap",
    "RMSprop",
    "ScheduleFreeAdamW",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]

__getattr__ = _errors.missing(__name__, globals())
