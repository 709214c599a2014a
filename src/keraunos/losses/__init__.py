"""Losses: functions of (y_true, y_pred) with a value a sample, and the classes made from them."""

from __future__ import annotations

from typing import Any

from keraunos import errors as _errors
from keraunos._core import registry
from keraunos.losses._base import Loss, LossFunctionWrapper
from keraunos.losses._choice import ignored_label, label_range, resolve
from keraunos.losses._classes import (
    CTC,
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalGeneralizedCrossEntropy,
    CategoricalHinge,
    Circle,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
from keraunos.losses._crossentropy import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_generalized_cross_entropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from keraunos.losses._margins import (
    categorical_hinge,
    circle,
    ctc,
    dice,
    hinge,
    squared_hinge,
    tversky,
)
from keraunos.losses._regression import (
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)


def get(identifier: Any) -> Any:
    """Return the loss that a name, a saved config, a class, a function or a loss means.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.

    Example:
        >>> get("mse").__name__, get("MeanSquaredError").name
        ('mean_squared_error', 'mean_squared_error')
    """
    return registry.get("losses", identifier, "loss")


def serialize(loss: Any) -> Any:
    """Return the config of a loss, or the name of a loss function."""
    return registry.serialize(loss)


def deserialize(name: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the loss of a config or of a name."""
    with registry.custom_object_scope(custom_objects):
        return get(name)


__all__ = [
    name for name in globals() if name[0] != "_" and name not in ("Any", "annotations", "registry")
]

__getattr__ = _errors.missing(__name__, globals())
