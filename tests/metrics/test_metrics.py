"""Metrics keep masks and weights, never broadcast, and stay in float32 for half outputs."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import metrics
from keraunos._core import context


@pytest.mark.parametrize(
    "name",
    ["MeanSquaredError", "BinaryAccuracy", "Precision", "AUC", "RootMeanSquaredError", "Accuracy"],
)
@pytest.mark.parametrize("shapes", [((8, 3), (8, 1)), ((8,), (8, 3)), ((4,), (8,))])
def test_shapes_that_would_broadcast_are_an_error(name, shapes):
    metric = getattr(metrics, name)()
    with pytest.raises(ValueError, match="differ in shape"):
        metric.update_state(*map(np.ones, shapes))


def test_integer_labels_for_one_hot_targets():
    with pytest.raises(ValueError, match="SparseCategoricalAccuracy"):
        metrics.CategoricalAccuracy().update_state(np.zeros(4), np.zeros((4, 3)))


@pytest.mark.parametrize("weight", [None, (2,), (2, 3)])
def test_masked_steps_do_not_count(weight):
    y_true = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 0.0]])[..., None]
    y_pred = jnp.asarray(np.full((2, 3, 1), 0.9))
    mask = np.array([[1, 1, 0], [1, 0, 0]], bool)
    context.set_mask(y_pred, jnp.asarray(mask))
    weight = None if weight is None else np.arange(1.0, 1 + np.prod(weight)).reshape(weight)
    assert float(metrics.BinaryAccuracy()(y_true, y_pred, weight)) == pytest.approx(1.0)


def test_ignored_class_does_not_count_in_the_metric_as_in_the_loss():
    labels, y_pred = np.array([0, 1, -1]), np.array([[0.5, 0.5], [0.2, 0.8], [0.9, 0.1]])
    metric = metrics.SparseCategoricalCrossentropy(ignore_class=-1)(labels, y_pred)
    loss = keras.losses.SparseCategoricalCrossentropy(ignore_class=-1)(labels, y_pred)
    assert float(metric) == pytest.approx(float(loss))


def test_half_precision_outputs_and_many_classes():
    y_pred = jnp.asarray(np.eye(1000)[[257, 999, 3]], jnp.bfloat16)
    metric = metrics.SparseCategoricalAccuracy()
    assert float(metric(np.array([257, 998, 3]), y_pred)) == pytest.approx(2 / 3)
    assert metric.result().dtype == jnp.float32


def test_nan_with_weight_zero_is_left_out():
    assert float(metrics.Mean()(np.array([1.0, np.nan]), np.array([1.0, 0.0]))) == 1.0


def test_resolve():
    shapes = ((None,), (None, 3))
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert metrics.resolve("ce", *shapes, logits).from_logits is True
    distance = metrics.resolve(lambda y_true, y_pred: y_pred, *shapes)
    assert isinstance(distance, metrics.MeanMetricWrapper)
    assert metrics.resolve("mae", *shapes).name == "mae"
    assert metrics.resolve(metrics.AUC, *shapes).name.startswith("auc")
    with pytest.raises(ValueError, match="did you mean 'Accuracy'"):
        metrics.resolve("acuracy", *shapes)


def test_metrics_inside_metrics():
    class Both(keras.Metric):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.parts = [metrics.Mean(name="a"), metrics.Sum(name="b")]

        def update_state(self, y_true, y_pred, sample_weight=None):
            for part in self.parts:
                part.update_state(y_pred)

        def result(self):
            return {part.name: part.result() for part in self.parts}

    metric = Both()
    values = jax.jit(metric.stateless_update_state)(
        metric.stateless_reset_state(), None, np.arange(3.0)
    )
    assert len(metric.variables) == len(values) == 3
    assert {k: float(v) for k, v in metric.stateless_result(values).items()} == {"a": 1.0, "b": 3.0}
    with pytest.raises(ValueError, match="expected: 3 arrays"):
        metric.stateless_result(values[:1])


def test_a_metric_is_pickled_and_copied_by_config():
    metric = metrics.BinaryAccuracy(threshold=0.3, name="b")
    metric.update_state(np.ones(2), np.ones(2))
    again = pickle.loads(pickle.dumps(metric))
    assert (again.threshold, float(again.result())) == (0.3, 1.0)
    assert metrics.deserialize(metrics.serialize(metric)).threshold == 0.3


def test_wrong_arguments():
    for make in (
        lambda: metrics.AUC(curve="RAC"),
        lambda: metrics.Precision(thresholds=2.0),
        lambda: metrics.FBetaScore(beta=0.0),
        lambda: metrics.IoU(2, [2]),
        lambda: metrics.R2Score(class_aggregation="mean"),
        lambda: metrics.RecallAtPrecision(1.5),
    ):
        with pytest.raises(ValueError, match="expected"):
            make()
    with pytest.raises(TypeError, match="did you mean 'threshold'"):
        metrics.BinaryAccuracy(treshold=0.5)
