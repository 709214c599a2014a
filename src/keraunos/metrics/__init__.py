"""Metrics: a state that batches change, and a result; most are means of a function."""

from __future__ import annotations

from typing import Any

from keraunos import errors as _errors
from keraunos._core import registry
from keraunos.losses._crossentropy import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    kl_divergence,
    poisson,
    sparse_categorical_crossentropy,
)
from keraunos.losses._margins import categorical_hinge, hinge, squared_hinge
from keraunos.losses._regression import (
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
)
from keraunos.metrics._accuracy import (
    accuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from keraunos.metrics._auc import AUC
from keraunos.metrics._base import Metric
from keraunos.metrics._choice import resolve
from keraunos.metrics._classes import (
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    ConcordanceCorrelation,
    CosineSimilarity,
    Hinge,
    KLDivergence,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    PearsonCorrelation,
    Poisson,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SquaredHinge,
    TopKCategoricalAccuracy,
)
from keraunos.metrics._confusion import (
    FalseNegatives,
    FalsePositives,
    Precision,
    PrecisionAtRecall,
    Recall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
    TrueNegatives,
    TruePositives,
)
from keraunos.metrics._correlation import (
    R2Score,
    RootMeanSquaredError,
    concordance_correlation,
    pearson_correlation,
)
from keraunos.metrics._fscore import F1Score, FBetaScore
from keraunos.metrics._iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from keraunos.metrics._mean import Mean, MeanMetricWrapper, Sum


def get(identifier: Any) -> Any:
    """Return the metric that a name, a saved config, a class, a function or a metric means.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.

    Example:
        >>> get("mse"), get("AUC").curve
        (<MeanSquaredError name=mean_squared_error>, 'ROC')
    """
    return registry.get("metrics", identifier, "metric")


def serialize(metric: Any) -> Any:
    """Return the config of a metric."""
    return registry.serialize(metric)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the metric of a config."""
    with registry.custom_object_scope(custom_objects):
        return get(config)


__all__ = [
    name for name in globals() if name[0] != "_" and name not in ("Any", "annotations", "registry")
]

__getattr__ = _errors.missing(__name__, globals())
