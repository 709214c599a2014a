"""Learning rates as functions of the step."""

from __future__ import annotations

from typing import Any

from keraunos import errors as _errors
from keraunos._core import registry
from keraunos.optimizers.schedules._schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)


def serialize(learning_rate_schedule: Any) -> Any:
    """Return the config of a schedule."""
    return registry.serialize(learning_rate_schedule)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the schedule of a config."""
    return registry.deserialize(config, custom_objects)


__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]

__getattr__ = _errors.missing(__name__, globals())
