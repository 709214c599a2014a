"""Every loss equals the real Keras at 1e-5: values, gradients, reductions, masks, configs."""

import functools
import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.losses import CASES, FUNCTIONS, IDS, data

import keraunos
from keraunos._core import context

# The real Keras warns where NumPy and JAX have moved on; that is not ours to answer for.
pytestmark = pytest.mark.filterwarnings("ignore")
CLASSES = sorted({name for name, _, _ in CASES})


def both(name, options):
    return getattr(keraunos.losses, name)(**options), getattr(keras.losses, name)(**options)


def close(mine, theirs, tolerance=1e-5):
    np.testing.assert_allclose(np.asarray(mine), np.asarray(theirs), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name, options, kind", CASES, ids=IDS)
def test_value_and_gradient(name, options, kind):
    y_true, y_pred = data(kind)
    mine, theirs = both(name, options)
    value, gradient = jax.jit(jax.value_and_grad(lambda p: mine(y_true, p)))(y_pred)
    expected = jax.jit(jax.value_and_grad(lambda p: theirs(y_true, p)))(y_pred)
    close(value, expected[0])
    close(gradient, expected[1])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    kind, options = FUNCTIONS[name]
    y_true, y_pred = data(kind)
    results = []
    for api in (keraunos, keras):
        loss = functools.partial(getattr(api.losses, name), y_true, **options)
        values, back = jax.vjp(jax.jit(loss), jnp.asarray(y_pred))
        results.append((values, back(jnp.cos(jnp.arange(values.size).reshape(values.shape)))[0]))
    for mine, theirs in zip(*results):
        assert mine.shape == theirs.shape
        close(mine, theirs)


@pytest.mark.parametrize("name, options, kind", CASES, ids=IDS)
def test_values_of_the_samples(name, options, kind):
    y_true, y_pred = data(kind, seed=1)
    mine, theirs = both(name, options | {"reduction": "none"})
    close(mine(y_true, y_pred), theirs(y_true, y_pred))


@pytest.mark.parametrize(
    "reduction", ["sum", "mean", "sum_over_batch_size", "mean_with_sample_weight", "none", None]
)
@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("weight", [None, (6, 4), (6, 1), ()])
def test_reductions_weights_masks(reduction, mask, weight):
    y_true, y_pred = data("numbers")
    rng = np.random.default_rng(3)
    weight = None if weight is None else rng.uniform(size=weight).astype("float32")
    mine, theirs = both("MeanSquaredError", {"reduction": reduction})
    outputs = jnp.asarray(y_pred), jnp.asarray(y_pred) + 0
    if mask:
        kept = jnp.asarray(rng.integers(0, 2, (6, 4)), bool)
        context.set_mask(outputs[0], kept)
        outputs[1]._keras_mask = kept
    close(mine(y_true, outputs[0], weight), theirs(y_true, outputs[1], weight))


@pytest.mark.parametrize("name", CLASSES)
def test_config_goes_both_ways(name):
    mine, theirs = both(name, {})
    wanted = theirs.get_config()
    assert {k: mine.get_config()[k] for k in wanted} == wanted
    assert getattr(keras.losses, name).from_config(mine.get_config()).get_config() == wanted
    assert getattr(keraunos.losses, name).from_config(wanted).get_config() == mine.get_config()


@pytest.mark.parametrize("name", CLASSES)
def test_signature(name):
    mine, theirs = (
        list(inspect.signature(getattr(m.losses, name).__init__).parameters.values())
        for m in (keraunos, keras)
    )
    assert [(p.name, p.default) for p in mine] == [(p.name, p.default) for p in theirs]


def test_names_are_those_of_keras():
    theirs = [n for n in dir(keras.losses) if not n.startswith("_")]
    assert set(theirs) <= set(dir(keraunos.losses))
    for alias in "mse MAE mape MSLE bce kld BCE".split():
        assert keraunos.losses.get(alias).__name__ == keras.losses.get(alias).__name__


@pytest.mark.parametrize(
    "shapes", [((8,), (8, 1)), ((8, 1), (8,)), ((8, 3, 1), (8, 3)), ((8, 3), (8, 3, 1))]
)
def test_ranks_that_differ_by_one_are_aligned(shapes):
    rng = np.random.default_rng(0)
    y_true, y_pred = (rng.normal(size=s).astype("float32") for s in shapes)
    mine, theirs = both("MeanSquaredError", {})
    close(mine(y_true, y_pred), theirs(y_true, y_pred))


def test_axis_of_the_classes():
    y_true, y_pred = data("one_hot")
    mine, theirs = both("CategoricalCrossentropy", {"axis": 1})
    close(
        mine(y_true.swapaxes(1, 2), y_pred.swapaxes(1, 2)),
        theirs(y_true.swapaxes(1, 2), y_pred.swapaxes(1, 2)),
    )


@pytest.mark.parametrize("name", [n for n in CLASSES if n not in ("CTC", "Circle")])
def test_masks_and_weights_of_every_loss(name):
    options, kind = next((o, k) for n, o, k in CASES if n == name)
    y_true, y_pred = data(kind)
    mine, theirs = both(name, options)
    flat = mine(y_true, y_pred).ndim == 0 and np.ndim(mine.call(y_true, jnp.asarray(y_pred))) == 2
    rng = np.random.default_rng(3)
    weight = rng.uniform(size=(6, 4)).astype("float32") if flat else None
    outputs = jnp.asarray(y_pred), jnp.asarray(y_pred) + 0
    if flat:
        kept = jnp.asarray(rng.integers(0, 2, (6, 4)), bool)
        context.set_mask(outputs[0], kept)
        outputs[1]._keras_mask = kept
    close(mine(y_true, outputs[0], weight), theirs(y_true, outputs[1], weight))
