"""The metrics that are means of a function, one a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos._core import making, naming
from keraunos._core.registry import register
from keraunos.losses import _crossentropy, _margins, _regression
from keraunos.losses._formula import formula
from keraunos.metrics import _accuracy, _correlation
from keraunos.metrics._mean import Mean, MeanMetricWrapper


@formula(kind="metrics")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return the cosine of the angle between the vectors: 1 for the same direction.

    Example:
        >>> cosine_similarity([[3.0, 4.0]], [[6.0, 8.0]]).tolist()
        [1.0]
    """
    return _regression.cosine(y_true, y_pred, axis)


def _metric(
    function: Callable[..., Any],
    direction: str | None,
    class_name: str | None = None,
    aliases: str = "",
    name: str | None = None,
    order: str = "",
    without: str = "",
) -> type[MeanMetricWrapper]:
    """Return the class of a function: its options are arguments of the constructor.

    Args:
        function: of (y_true, y_pred, options...).
        direction: "up" where more is better, "down" where less is.
        class_name: where it is not the function's name in camel case.
        aliases: short names.
        name: the default name of an instance, where it is not the function's.
        order: the names of all arguments, where Keras has another order than name, dtype, options.
        without: an option of the function that the metric has not.
    """
    options = {n: v for n, v in making.options(function, skip=2).items() if n != without}
    options |= {"label_smoothing": 0} if "label_smoothing" in options else {}
    common = {"name": name or function.__name__, "dtype": None}

    def init(self: Any, given: dict[str, Any]) -> None:
        Mean.__init__(self, **{n: given.pop(n) for n in common})
        self._options = given
        vars(self).update(given)

    summary = (function.__doc__ or "").partition("\n")[0]
    doc = f"The mean of `{function.__name__}`: {summary[:1].lower()}{summary[1:]}"
    made = making.make_class(
        class_name or naming.camel_case(function.__name__),
        (MeanMetricWrapper,),
        common | options,
        init,
        module="keraunos.metrics",
        doc=f"{doc}\n\n`Metric` explains name and dtype.",
        order=order,
        fn=staticmethod(function),
        _direction=direction,
    )
    snake = naming.snake_case(made.__name__)
    return register(*aliases.split(), snake, kind="metrics")(made)


Accuracy = _metric(_accuracy.accuracy, "up")
BinaryAccuracy = _metric(_accuracy.binary_accuracy, "up")
CategoricalAccuracy = _metric(_accuracy.categorical_accuracy, "up")
SparseCategoricalAccuracy = _metric(_accuracy.sparse_categorical_accuracy, "up")
TopKCategoricalAccuracy = _metric(
    _accuracy.top_k_categorical_accuracy, "up", "TopKCategoricalAccuracy", order="k name dtype"
)
SparseTopKCategoricalAccuracy = _metric(
    _accuracy.sparse_top_k_categorical_accuracy,
    "up",
    "SparseTopKCategoricalAccuracy",
    order="k name dtype from_sorted_ids",
)

MeanSquaredError = _metric(_regression.mean_squared_error, "down", aliases="mse MSE")
MeanAbsoluteError = _metric(_regression.mean_absolute_error, "down", aliases="mae MAE")
MeanAbsolutePercentageError = _metric(
    _regression.mean_absolute_percentage_error, "down", aliases="mape MAPE"
)
MeanSquaredLogarithmicError = _metric(
    _regression.mean_squared_logarithmic_error, "down", aliases="msle MSLE"
)
LogCoshError = _metric(_regression.log_cosh, "down", "LogCoshError", name="logcosh")
CosineSimilarity = _metric(cosine_similarity, "up")
PearsonCorrelation = _metric(_correlation.pearson_correlation, "up")
ConcordanceCorrelation = _metric(_correlation.concordance_correlation, "up")

BinaryCrossentropy = _metric(
    _crossentropy.binary_crossentropy, "down", aliases="bce BCE", without="axis"
)
CategoricalCrossentropy = _metric(_crossentropy.categorical_crossentropy, "down")
SparseCategoricalCrossentropy = _metric(_crossentropy.sparse_categorical_crossentropy, "down")
KLDivergence = _metric(_crossentropy.kl_divergence, None, "KLDivergence")
Poisson = _metric(_crossentropy.poisson, None)

Hinge = _metric(_margins.hinge, "down")
SquaredHinge = _metric(_margins.squared_hinge, "down")
CategoricalHinge = _metric(_margins.categorical_hinge, "down")
