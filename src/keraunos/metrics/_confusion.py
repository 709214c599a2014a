"""Right and wrong, yes and no, at one threshold or many: counts, precision, recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import making
from keraunos._core.registry import register
from keraunos.losses._shapes import floating, pair, weights_like
from keraunos.metrics._base import Metric
from keraunos.metrics._mean import divide

NAMES = ("true_positives", "false_positives", "true_negatives", "false_negatives")
_NONE = -1e10  # an output that no threshold is below


class Counts(NamedTuple):
    """How many of each, (thresholds,) or (thresholds, labels)."""

    true_positives: jax.Array
    false_positives: jax.Array
    true_negatives: jax.Array
    false_negatives: jax.Array


class ConfusionMetric(Metric):
    """Base of the metrics that add up some of the four counts at some thresholds."""

    _counted: tuple[str, ...] = NAMES
    thresholds: Sequence[float]
    top_k: int | None = None
    class_id: int | None = None

    def _start(self, thresholds: Sequence[float]) -> None:
        self.thresholds = thresholds
        for name in self._counted:
            setattr(self, name, self.add_variable((len(thresholds),), name=name))

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        truth, score, weight = prepared(y_true, y_pred, sample_weight, self.top_k, self.class_id)
        self._add(count(truth.reshape(-1), score.reshape(-1), weight.reshape(-1), self.thresholds))

    def _add(self, counts: Counts) -> None:
        for name in self._counted:
            getattr(self, name).assign_add(getattr(counts, name))

    def _only(self, values: jax.Array) -> jax.Array:
        return values[0] if len(self.thresholds) == 1 else values

    def recalls(self) -> jax.Array:
        return divide(
            self.true_positives.value, self.true_positives.value + self.false_negatives.value
        )

    def precisions(self) -> jax.Array:
        return divide(
            self.true_positives.value, self.true_positives.value + self.false_positives.value
        )

    def specificities(self) -> jax.Array:
        return divide(
            self.true_negatives.value, self.true_negatives.value + self.false_positives.value
        )

    true_positives: Any
    false_positives: Any
    true_negatives: Any
    false_negatives: Any


def prepared(
    y_true: Any, y_pred: Any, weight: Any, top_k: int | None = None, class_id: int | None = None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Return truth (0 or 1), score and weight, all of the shape of the outputs."""
    y_true, y_pred = pair(y_true, floating(y_pred, config.floatx()), "a metric of yes and no")
    weight = jnp.ones((), y_pred.dtype) if weight is None else weights_like(weight, y_pred)
    if top_k is not None:
        least = jax.lax.top_k(y_pred, top_k)[1]
        chosen = jnp.sum(jax.nn.one_hot(least, y_pred.shape[-1], dtype=y_pred.dtype), axis=-2)
        y_pred = jnp.where(chosen > 0, y_pred, _NONE)
    weight = jnp.broadcast_to(weight, y_pred.shape)
    if class_id is not None:
        if y_pred.ndim < 2 or not -y_pred.shape[-1] <= class_id < y_pred.shape[-1]:
            raise ValueError(
                errors.report(
                    "class_id of a metric",
                    expected=f"a class of the outputs {y_pred.shape}",
                    got=class_id,
                )
            )
        y_true, y_pred, weight = (x[..., class_id] for x in (y_true, y_pred, weight))
    return (y_true != 0).astype(y_pred.dtype), y_pred, weight


def count(
    truth: jax.Array, score: jax.Array, weight: jax.Array, thresholds: Sequence[float]
) -> Counts:
    """Return the four counts of (samples, ...) at each threshold: (thresholds, ...)."""
    yes, no = truth * weight, (1 - truth) * weight
    positives = _in_buckets if evenly_spread(thresholds) else _compared
    tp, fp = positives(yes, no, score, thresholds)
    return Counts(tp, fp, jnp.sum(no, axis=0) - fp, jnp.sum(yes, axis=0) - tp)


def _compared(
    yes: jax.Array, no: jax.Array, score: jax.Array, thresholds: Sequence[float]
) -> Sequence[jax.Array]:
    limits = jnp.asarray(np.asarray(thresholds), score.dtype).reshape((-1,) + (1,) * score.ndim)
    above = score > limits
    return [jnp.sum(jnp.where(above, part, 0), axis=1) for part in (yes, no)]


def _in_buckets(
    yes: jax.Array, no: jax.Array, score: jax.Array, thresholds: Sequence[float]
) -> Sequence[jax.Array]:
    """Sort scores between evenly spread thresholds: one pass, however many there are."""
    number = len(thresholds)
    bucket = jnp.ceil(jnp.clip(score, 0, 1) * (number - 1)).astype(jnp.int32) - 1
    if thresholds[0] < 0:
        bucket = jnp.maximum(bucket, 0)
    # Below the first threshold: after the last bucket, where it is dropped.
    bucket = jnp.where(bucket < 0, number, bucket)
    add = lambda part, place: jnp.zeros(number, part.dtype).at[place].add(part, mode="drop")  # noqa: E731
    for _ in range(score.ndim - 1):
        add = jax.vmap(add, in_axes=-1, out_axes=-1)
    return [jnp.flip(jnp.cumsum(jnp.flip(add(part, bucket), 0), axis=0), 0) for part in (yes, no)]


def evenly_spread(thresholds: Sequence[float]) -> bool:
    """Return whether the thresholds are 0, 1/n, 2/n ... 1, up to epsilon."""
    number = len(thresholds)
    return number > 2 and np.allclose(
        thresholds, np.arange(number) / (number - 1), atol=config.epsilon()
    )


def spread(number: int) -> list[float]:
    """Return so many thresholds, evenly from 0 to 1."""
    return [0.5] if number == 1 else [i / (number - 1) for i in range(number)]


def _parsed(thresholds: Any, default: float) -> list[float]:
    given = list(np.ravel(default if thresholds is None else thresholds))
    if thresholds is not None and any(t is None or not 0 <= t <= 1 for t in given):
        raise ValueError(
            errors.report(
                "thresholds of a metric", expected="numbers from 0 to 1", got=repr(thresholds)
            )
        )
    return [float(t) for t in given]


_COUNT_DOC = """The number of {}, weighted.

Args:
    thresholds: above which an output counts as yes, 0.5 if not given; several give several numbers.
    name, dtype: see `Metric`.
"""


def _counter(class_name: str, counted: str) -> type[ConfusionMetric]:
    def init(self: Any, given: dict[str, Any]) -> None:
        Metric.__init__(self, given["dtype"], given["name"])
        self.init_thresholds = given["thresholds"]
        self.thresholds = _parsed(given["thresholds"], 0.5)
        self.accumulator = self.add_variable((len(self.thresholds),), name="accumulator")

    def add(self: Any, counts: Counts) -> None:
        self.accumulator.assign_add(getattr(counts, counted))

    def result(self: Any) -> jax.Array:
        return self._only(self.accumulator.value)

    made = making.make_class(
        class_name,
        (ConfusionMetric,),
        {"thresholds": None, "name": None, "dtype": None},
        init,
        module="keraunos.metrics",
        doc=_COUNT_DOC.format(counted.replace("_", " ")),
        _add=add,
        result=result,
        get_config=_config_with_thresholds,
    )
    return register(kind="metrics")(made)


def _config_with_thresholds(self: Any) -> dict[str, Any]:
    return Metric.get_config(self) | {"thresholds": self.init_thresholds}


FalsePositives = _counter("FalsePositives", "false_positives")
FalseNegatives = _counter("FalseNegatives", "false_negatives")
TrueNegatives = _counter("TrueNegatives", "true_negatives")
TruePositives = _counter("TruePositives", "true_positives")

_RATIO_DOC = """The part of {}.

Args:
    thresholds: above which an output counts as yes, 0.5 if not given; several give several numbers.
    top_k: only the k largest outputs of a sample may count as yes.
    class_id: look at this class alone.
    name, dtype: see `Metric`.
"""


def _ratio(
    class_name: str, counted: tuple[str, ...], reading: str, what: str
) -> type[ConfusionMetric]:
    def init(self: Any, given: dict[str, Any]) -> None:
        Metric.__init__(self, given["dtype"], given["name"])
        self.init_thresholds, self.top_k, self.class_id = (
            given["thresholds"],
            given["top_k"],
            given["class_id"],
        )
        self._start(_parsed(given["thresholds"], 0.5 if self.top_k is None else _NONE))

    made = making.make_class(
        class_name,
        (ConfusionMetric,),
        {"thresholds": None, "top_k": None, "class_id": None, "name": None, "dtype": None},
        init,
        module="keraunos.metrics",
        doc=_RATIO_DOC.format(what),
        _counted=counted,
        _direction="up",
        result=lambda self: self._only(getattr(self, reading)()),
        get_config=_config_with_thresholds,
    )
    return register(kind="metrics")(made)


Precision = _ratio(
    "Precision",
    ("true_positives", "false_positives"),
    "precisions",
    "the answers yes that are right",
)
Recall = _ratio(
    "Recall", ("true_positives", "false_negatives"), "recalls", "the true yes that are found"
)

_AT_DOC = """The best {} among the thresholds at which the {} is at least a given value.

Args:
    {}: the value, 0 to 1.
    num_thresholds: how many are tried, evenly from 0 to 1.
    class_id: look at this class alone.
    name, dtype: see `Metric`.
"""


def _at(class_name: str, given_name: str, wanted: str, held: str) -> type[ConfusionMetric]:
    def init(self: Any, given: dict[str, Any]) -> None:
        Metric.__init__(self, given.pop("dtype"), given.pop("name"))
        vars(self).update(given)
        value, number = given[given_name], given["num_thresholds"]
        if not 0 <= value <= 1:
            raise ValueError(
                errors.report(f"{given_name} of {class_name}", expected="0 to 1", got=value)
            )
        if number <= 0:
            raise ValueError(
                errors.report(
                    f"num_thresholds of {class_name}", expected="an integer above 0", got=number
                )
            )
        self._start(spread(number))

    def result(self: Any) -> jax.Array:
        enough = getattr(self, held)() >= getattr(self, given_name)
        return jnp.max(jnp.where(enough, getattr(self, wanted)(), 0))

    made = making.make_class(
        class_name,
        (ConfusionMetric,),
        {
            given_name: making.REQUIRED,
            "num_thresholds": 200,
            "class_id": None,
            "name": None,
            "dtype": None,
        },
        init,
        module="keraunos.metrics",
        doc=_AT_DOC.format(class_name.partition("At")[0].lower(), given_name, given_name),
        _direction="up",
        result=result,
    )
    return register(kind="metrics")(made)


SensitivityAtSpecificity = _at(
    "SensitivityAtSpecificity", "specificity", "recalls", "specificities"
)
SpecificityAtSensitivity = _at(
    "SpecificityAtSensitivity", "sensitivity", "specificities", "recalls"
)
PrecisionAtRecall = _at("PrecisionAtRecall", "recall", "precisions", "recalls")
RecallAtPrecision = _at("RecallAtPrecision", "precision", "recalls", "precisions")
