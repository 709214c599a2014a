"""Every metric equals the real Keras at 1e-5: results, state, config and signature."""

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.losses import KINDS, data
from tests.tables.metrics import CASES, FLAT_CASES, FUNCTIONS, ids

import keraunos

# The real Keras warns where NumPy and JAX have moved on; that is not ours to answer for.
pytestmark = pytest.mark.filterwarnings("ignore")
KINDS["labels_labels"] = ("labels", "labels")
CLASSES = sorted({name for name, _, _ in CASES + FLAT_CASES})
REQUIRED = {
    name: options for name, options, _ in CASES + FLAT_CASES if name.endswith("IoU") or "At" in name
}


def both(name, options):
    return getattr(keraunos.metrics, name)(**options), getattr(keras.metrics, name)(**options)


def close(mine, theirs):
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=1e-5, atol=1e-5)


def check(name, options, batches):
    mine, theirs = both(name, options)
    for y_true, y_pred, weight in batches:
        mine.update_state(y_true, y_pred, weight)
        theirs.update_state(y_true, y_pred, weight)
    close(mine.result(), theirs.result())
    assert [(v.name, v.shape) for v in mine.variables] == [
        (v.name, tuple(v.shape)) for v in theirs.variables
    ]
    for own, other in zip(mine.variables, theirs.variables):
        close(own.numpy(), other.numpy())
    mine.reset_state()
    theirs.reset_state()
    close(mine.result(), theirs.result())


@pytest.mark.parametrize("name, options, kind", CASES, ids=ids(CASES))
def test_value_over_batches(name, options, kind):
    weights = np.random.default_rng(7).uniform(size=(6, 4)).astype("float32")
    check(name, options, [(*data(kind), None), (*data(kind, seed=1), weights)])


@pytest.mark.parametrize("name, options, kind", FLAT_CASES, ids=ids(FLAT_CASES))
def test_value_of_flat_outputs(name, options, kind):
    batches = [[part[:, 0] for part in data(kind, seed=seed)] for seed in (0, 1)]
    weights = np.array(
        [1, 2, 0, 3, 1, 1], "int32" if name.endswith("IoU") and kind != "yes_no" else "float32"
    )
    weights = None if name == "BinaryIoU" else weights
    check(name, options, [(*batches[0], None), (*batches[1], weights)])


# Keras looks at the masks of means alone.
MEANS = [case for case in CASES if isinstance(both(*case[:2])[1], keras.metrics.MeanMetricWrapper)]


@pytest.mark.parametrize("weighted", [False, True], ids=["mask", "mask and weights"])
@pytest.mark.parametrize("name, options, kind", MEANS, ids=ids(MEANS))
def test_value_under_a_mask(name, options, kind, weighted):
    rng = np.random.default_rng(7)
    weights = rng.uniform(size=(6, 4)).astype("float32") if weighted else None
    y_true, y_pred = data(kind)
    results = []
    for metric in both(name, options):
        prediction = jnp.asarray(y_pred)
        prediction._keras_mask = jnp.asarray(np.random.default_rng(8).uniform(size=(6, 4)) > 0.4)
        metric.update_state(y_true, prediction, weights)
        results.append(metric.result())
    close(*results)
    plain = both(name, options)[0]
    plain.update_state(y_true, y_pred, weights)
    assert not np.allclose(results[0], plain.result())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    kind, options = FUNCTIONS[name]
    mine, theirs = (
        np.asarray(getattr(api.metrics, name)(*data(kind), **options)) for api in (keraunos, keras)
    )
    assert (mine.shape, mine.dtype) == (theirs.shape, theirs.dtype)
    close(mine, theirs)


def test_mean_of_a_function():
    wrappers = [
        api.metrics.MeanMetricWrapper(lambda t, p, by: by * abs(t - p), name="gap", by=2.0)
        for api in (keraunos, keras)
    ]
    y_true, y_pred = data("numbers")
    close(*(wrapper(y_true, y_pred) for wrapper in wrappers))


@pytest.mark.parametrize("name", ["Mean", "Sum"])
@pytest.mark.parametrize("weight", [None, (), (6,), (6, 1), (6, 4), (6, 4, 5)])
def test_mean_and_sum_of_values(name, weight):
    values = data("numbers")[0]
    weight = (
        None if weight is None else np.random.default_rng(1).uniform(size=weight).astype("float32")
    )
    mine, theirs = both(name, {})
    close(mine(values, weight), theirs(values, weight))


@pytest.mark.parametrize("name", CLASSES)
def test_config_goes_both_ways(name):
    options = REQUIRED.get(name, {})
    mine, theirs = both(name, options | {"name": "m"})
    wanted = theirs.get_config()
    got = {k: list(v) if isinstance(v, tuple) else v for k, v in mine.get_config().items()}
    assert {k: got[k] for k in wanted} == {
        k: list(v) if isinstance(v, tuple) else v for k, v in wanted.items()
    }
    assert getattr(keras.metrics, name).from_config(got).get_config() == wanted
    assert getattr(keraunos.metrics, name).from_config(wanted).get_config() == mine.get_config()


@pytest.mark.parametrize("name", [*CLASSES, "Mean", "Sum", "MeanMetricWrapper", "Metric"])
def test_signature(name):
    mine, theirs = (
        list(inspect.signature(getattr(m.metrics, name).__init__).parameters.values())
        for m in (keraunos, keras)
    )
    assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in theirs]


def test_names_are_those_of_keras():
    theirs = {n for n in dir(keras.metrics) if not n.startswith("_")}
    assert theirs <= set(dir(keraunos.metrics))
    for alias in "mse MAE mape MSLE bce accuracy auc precision recall f1_score r2_score".split():
        assert type(keraunos.metrics.get(alias)).__name__ == type(keras.metrics.get(alias)).__name__


@pytest.mark.parametrize(
    "shapes",
    [
        ((8,), (8, 1)),
        ((8, 1), (8,)),
        ((8,), (8, 3)),
        ((8, 1), (8, 3)),
        ((8, 3), (8, 3)),
        ((8, 4), (8, 4, 3)),
    ],
)
def test_accuracy_is_decided_as_keras_decides(shapes):
    from keras.src.trainers.compile_utils import get_loss, get_metric

    y_true, y_pred = map(np.zeros, shapes)
    theirs = get_metric("acc", y_true, y_pred)
    mine = keraunos.metrics.resolve("acc", *shapes)
    assert (type(mine).__name__, mine.name) == (type(theirs).__name__, theirs.name)
    assert (
        keraunos.losses.resolve("crossentropy", *shapes).__name__
        == get_loss("crossentropy", y_true, y_pred).fn.__name__
    )


def test_ties_of_the_largest_output_go_to_the_first():
    y_pred = np.random.default_rng(0).integers(0, 3, (200, 6)).astype("float32")
    labels = np.random.default_rng(1).integers(0, 6, 200)
    mine, theirs = both("SparseCategoricalAccuracy", {})
    close(mine(labels, y_pred), theirs(labels, y_pred))


def test_thresholds_are_met_exactly():
    score = (np.arange(41) / 40).astype("float32")
    truth = np.random.default_rng(0).integers(0, 2, 41)
    for name, options in (
        ("Recall", {"thresholds": list(np.arange(41) / 40)}),
        ("AUC", {"num_thresholds": 41}),
    ):
        mine, theirs = both(name, options)
        close(mine(truth, score), theirs(truth, score))


def test_state_is_threaded_through_a_compiled_step():
    y_true, y_pred = data("labels")
    mine, theirs = both("SparseCategoricalAccuracy", {})
    update = jax.jit(mine.stateless_update_state)
    values = update(update(mine.stateless_reset_state(), y_true, y_pred), y_true, y_pred)
    theirs.update_state(y_true, y_pred)
    close(mine.stateless_result(values), theirs.result())
    close(mine.total.numpy(), 0.0)
