"""The classes of losses, one a row: made from the functions and their signatures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos._core import making, naming
from keraunos._core.registry import register
from keraunos.losses import _crossentropy, _margins, _regression
from keraunos.losses._base import Loss, LossFunctionWrapper

_COMMON = {"reduction": "sum_over_batch_size", "name": None, "dtype": None}


def _loss(
    function: Callable[..., Any],
    class_name: str | None = None,
    name: str | None = None,
    order: str = "",
    labels: bool = False,
    **defaults: Any,
) -> type[LossFunctionWrapper]:
    """Return the class of a function: its options are the constructor's arguments.

    Args:
        function: of (y_true, y_pred, options...).
        class_name: where it is not the function's name in camel case.
        name: the default name of an instance, where it is not the function's.
        order: the names of all arguments, where Keras has the options not first.
        labels: whether the targets are integer labels, which stay as they are.
        defaults: of options, where they are not the function's.
    """
    options = making.options(function, skip=2) | defaults
    options = {n: v for n, v in options.items() if not n.startswith("ref_")}

    def init(self: Any, given: dict[str, Any]) -> None:
        Loss.__init__(self, **{n: given.pop(n) for n in _COMMON})
        self._options = given
        vars(self).update(given)

    summary = (function.__doc__ or "").partition("\n")[0]
    made = making.make_class(
        class_name or naming.camel_case(function.__name__),
        (LossFunctionWrapper,),
        options | _COMMON | {"name": name or function.__name__},
        init,
        module="keraunos.losses",
        doc=f"{summary}\n\n`{function.__name__}` explains the arguments, `Loss` the others.",
        order=order,
        fn=staticmethod(function),
        _keeps_labels=labels,
    )
    return register(kind="losses")(made)


MeanSquaredError = _loss(_regression.mean_squared_error)
MeanAbsoluteError = _loss(_regression.mean_absolute_error)
MeanAbsolutePercentageError = _loss(_regression.mean_absolute_percentage_error)
MeanSquaredLogarithmicError = _loss(_regression.mean_squared_logarithmic_error)
Huber = _loss(_regression.huber, name="huber_loss")
LogCosh = _loss(_regression.log_cosh)
CosineSimilarity = _loss(_regression.cosine_similarity)

BinaryCrossentropy = _loss(_crossentropy.binary_crossentropy)
BinaryFocalCrossentropy = _loss(_crossentropy.binary_focal_crossentropy)
CategoricalCrossentropy = _loss(_crossentropy.categorical_crossentropy)
CategoricalFocalCrossentropy = _loss(_crossentropy.categorical_focal_crossentropy)
SparseCategoricalCrossentropy = _loss(
    _crossentropy.sparse_categorical_crossentropy,
    order="from_logits ignore_class reduction axis name dtype",
    labels=True,
)
CategoricalGeneralizedCrossEntropy = _loss(
    _crossentropy.categorical_generalized_cross_entropy, labels=True
)
KLDivergence = _loss(_crossentropy.kl_divergence, "KLDivergence")
Poisson = _loss(_crossentropy.poisson)

Hinge = _loss(_margins.hinge)
SquaredHinge = _loss(_margins.squared_hinge)
CategoricalHinge = _loss(_margins.categorical_hinge)
Dice = _loss(_margins.dice, order="reduction name axis dtype")
Tversky = _loss(_margins.tversky, order="alpha beta reduction name axis dtype")
Circle = _loss(
    _margins.circle,
    order="gamma margin remove_diagonal reduction name dtype",
    labels=True,
    gamma=80.0,
)
CTC = _loss(_margins.ctc, "CTC", labels=True)
