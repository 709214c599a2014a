"""Every layer equals the real Keras at 1e-5: outputs, gradients, weights, masks, configs."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.layers import CASES, FIRST_OF_EACH, FUNCTIONS, MASKED, Case

import keraunos
from keraunos._core import context

RANDOM = {layer for layer, *_ in MASKED if "Dropout" in layer or "Noise" in layer}
QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
ELSEWHERE = {keraunos.layers.Embedding}  # tests of their own, below
# Keys that Keras writes for what keraunos has not yet, always None here.
LATER = {"quantization_config", "gptq_unpacked_column_size"}


def both(name, options):
    return getattr(keraunos.layers, name)(**options), getattr(keras.layers, name)(**options)


def built(case, **options):
    """Return our layer and Keras's, built by a symbolic call, with the same random weights."""
    mine, theirs = both(case.layer, case.options | options)
    for layer, api in ((mine, keraunos), (theirs, keras)):
        inputs = [api.Input(batch_shape=shape, dtype=case.dtype) for shape in case.shapes]
        layer(inputs if len(inputs) > 1 else inputs[0])
    assert [(w.name, w.shape) for w in mine.weights] == [
        (w.name, tuple(w.shape)) for w in theirs.weights
    ]
    assert len(mine.trainable_weights) == len(theirs.trainable_weights)
    rng = np.random.default_rng(1)
    values = [rng.uniform(0.5, 1.5, w.shape).astype("float32") for w in mine.weights]
    mine.set_weights(values)
    theirs.set_weights(values)
    return mine, theirs


def gradients(layer, x, training):
    """Return outputs, changed state, and the gradients with respect to weights and inputs."""
    fixed = [v.value for v in layer.non_trainable_variables]

    def total(weights, x):
        outputs, state = layer.stateless_call(
            weights, fixed, x, **{"training": True} if training else {}
        )
        wave = jnp.cos(jnp.arange(outputs.size, dtype="float32")).reshape(outputs.shape)
        return jnp.sum(outputs * wave), (outputs, state)

    whole = jnp.issubdtype(jax.tree.leaves(x)[0].dtype, jnp.integer)
    slope = jax.jit(jax.grad(total, 0 if whole else (0, 1), has_aux=True), compiler_options=QUICK)
    slopes, (outputs, state) = slope([v.value for v in layer.trainable_variables], x)
    # The state of Keras's random generators stands behind that of the layer.
    return jax.tree.leaves((outputs, slopes, state[: len(layer.weights)]))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outputs_and_gradients(case):
    mine, theirs = built(case)
    assert mine.supports_masking == theirs.supports_masking
    x = case.inputs(seed=2)
    for found, expected in zip(
        gradients(mine, x, case.training), gradients(theirs, x, case.training), strict=True
    ):
        assert found.shape == expected.shape
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", FIRST_OF_EACH, ids=lambda case: case.layer)
def test_mixed_precision(case):
    mine, theirs = built(case, dtype="mixed_bfloat16")
    assert [w.dtype for w in mine.weights] == [w.dtype for w in theirs.weights]
    x = case.inputs(seed=2)
    found, expected = (jax.jit(layer, compiler_options=QUICK)(x) for layer in (mine, theirs))
    assert found.dtype == expected.dtype
    found, expected = np.asarray(found, "float32"), np.asarray(expected, "float32")
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=0.03 * np.abs(expected).max())


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name, options, shapes, masks", MASKED)
def test_masks(name, options, shapes, masks, training):
    if training and name in RANDOM:
        pytest.skip("random")
    case = Case(name, options, shapes)
    mine, theirs = built(case)
    rng = np.random.default_rng(3)
    given = [None if shape is None else rng.integers(0, 2, shape) > 0 for shape in masks]
    found, expected = [], []
    for layer, results in ((mine, found), (theirs, expected)):
        inputs = [jnp.asarray(a) for a in jax.tree.leaves(case.inputs())]
        for x, mask in zip(inputs, given, strict=True):
            if mask is not None:
                x._keras_mask = jnp.asarray(mask)
        outputs = layer(inputs if len(inputs) > 1 else inputs[0], training=training)
        results += [outputs, *(np.asarray(w.value) for w in layer.weights)]
        results.append(context.get_mask(outputs))
    assert (found[-1] is None) == (expected[-1] is None)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5) if one is not None else None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_config_goes_both_ways(case):
    mine, theirs = both(case.layer, case.options | {"name": "one"})
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    assert foreign["config"].keys() - LATER <= saved["config"].keys()
    assert saved["module"] == foreign["module"]
    again = keras.layers.deserialize(saved)
    assert json.loads(json.dumps(keras.layers.serialize(again))) == foreign
    ours = keraunos.layers.deserialize(foreign)
    for key, value in json.loads(json.dumps(keraunos.layers.serialize(ours)))["config"].items():
        known = saved["config"].get(key)
        assert known == value or (known is None and value in ("linear", None)), key


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function(name):
    rng = np.random.default_rng(0)
    pair = [rng.normal(size=(3, 4)).astype("float32") for _ in range(2)]
    mine, theirs = (getattr(k.layers, name)(pair, **FUNCTIONS[name]) for k in (keraunos, keras))
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)


def test_lambda_and_time_distributed():
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    outputs = []
    for api in (keraunos, keras):
        inner = api.layers.Dense(3, kernel_initializer="ones", activation="tanh")
        steps = api.layers.TimeDistributed(inner)(
            api.layers.Lambda(lambda x, by: x * by, arguments={"by": 2.0})(x)
        )
        outputs.append(np.asarray(steps))
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-5)


def test_every_layer_that_passes_a_mask_on_is_tried_with_one():
    """What the real Keras says of itself decides; other tables have rows of their own."""
    tried = {getattr(keraunos.layers, name) for name, *_ in MASKED} | ELSEWHERE
    left = [
        case.layer
        for case in FIRST_OF_EACH
        if getattr(keras.layers, case.layer)(**case.options).supports_masking
        and getattr(keraunos.layers, case.layer) not in tried
    ]
    assert left == []
