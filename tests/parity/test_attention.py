"""Attention, adaptive pooling and their neighbours equal the real Keras at 1e-5."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.attention import CASES, GROUPS, HEADS, KEY, MASKED, QUERY, SCORES, Case

import keraunos
from keraunos._core import context

QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
if jax.__version_info__ < (0, 12):
    QUICK["xla_cpu_use_fusion_emitters"] = False  # compiles four times as long; gone in 0.12
# Keras's GroupQueryAttention, and pooling in both, say that they let masks end.
MASKS_END = pytest.mark.filterwarnings("ignore:.*does not support masking")
LIBRARIES = {"keraunos": keraunos, "keras": keras}
# Keys that Keras leaves out of a config: without them a loaded layer may compute otherwise.
FORGOTTEN = {"flash_attention", "quantization_config"}


def close(found, expected, tolerance=1e-5):
    found, expected = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in expected]
    for one, other in zip(found, expected, strict=True):
        one, other = np.asarray(one, "float32"), np.asarray(other, "float32")
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


def built(case, **options):
    """Return our layer and Keras's, built, with the same random weights."""
    layers = [getattr(k.layers, case.layer)(**case.options, **options) for k in (keraunos, keras)]
    for layer in layers:
        layer.build(case.shapes) if case.listed else layer.build(*case.shapes)
    mine, theirs = layers
    names = [[w.path.partition("/")[2] for w in layer.weights] for layer in layers]
    assert names[0] == names[1]
    assert [w.shape for w in mine.weights] == [tuple(w.shape) for w in theirs.weights]
    rng = np.random.default_rng(1)
    values = [rng.normal(0, 0.4, w.shape).astype("float32") for w in mine.weights]
    for layer in layers:
        layer.set_weights(values)
    return layers


def results(layer, case):
    """Return outputs, losses and the gradients with respect to weights and inputs."""
    fixed = [v.value for v in layer.non_trainable_variables]

    def total(weights, inputs):
        args = [inputs] if case.listed else inputs
        outputs, _, losses = layer.stateless_call(
            weights, fixed, *args, **case.call, return_losses=True
        )
        waves = [
            jnp.sum(y * jnp.cos(jnp.arange(y.size, dtype="float32")).reshape(y.shape))
            for y in jax.tree.leaves(outputs)
        ]
        return sum(waves) + sum(losses), (outputs, sum(losses) + jnp.zeros(()))

    slope = jax.jit(jax.grad(total, (0, 1), has_aux=True), compiler_options=QUICK)
    return slope([v.value for v in layer.trainable_variables], [*map(jnp.asarray, case.inputs())])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outputs_gradients_and_losses(case):
    mine, theirs = built(case)
    assert mine.supports_masking == theirs.supports_masking
    close(results(mine, case), results(theirs, case))


def symbolic(k, case):
    """Return the shapes that a layer says it will return, for a batch of unknown size."""
    inputs = [k.Input(shape[1:]) for shape in case.shapes]
    call = {key: v for key, v in case.call.items() if not key.endswith("mask")}
    layer = getattr(k.layers, case.layer)(**case.options)
    outputs = layer(inputs, **call) if case.listed else layer(*inputs, **call)
    shapes = [tuple(x.shape) for x in jax.tree.leaves(outputs)]
    # Keras says (targets, targets) of the scores of a MultiHeadAttention, whatever the axes.
    return shapes[:1] if case.layer == "MultiHeadAttention" else shapes


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_symbolic_shapes(case):
    assert symbolic(keraunos, case) == symbolic(keras, case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_config_goes_both_ways(case):
    mine, theirs = (
        getattr(k.layers, case.layer)(name="one", **case.options) for k in (keraunos, keras)
    )
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    assert [saved["module"], saved["class_name"]] == [foreign["module"], foreign["class_name"]]
    again = keras.layers.deserialize(saved)
    assert json.loads(json.dumps(keras.layers.serialize(again))) == foreign
    ours = json.loads(json.dumps(keraunos.layers.deserialize(foreign).get_config()))
    for key, value in foreign["config"].items():
        assert key in FORGOTTEN or ours[key] == value == saved["config"][key], key


HALF = ("Attention", "MultiHeadAttention", "GroupQueryAttention")
FIRST = {case.layer: case for case in reversed(CASES) if case.layer in HALF}


@pytest.mark.parametrize("case", FIRST.values(), ids=FIRST)
def test_mixed_precision(case):
    layers = built(case, dtype="mixed_bfloat16")
    assert [w.dtype for w in layers[0].weights] == [w.dtype for w in layers[1].weights]
    x = [case.inputs()] if case.listed else case.inputs()
    close(*(jax.jit(layer, compiler_options=QUICK)(*x) for layer in layers), 0.05)


@MASKS_END
@pytest.mark.parametrize("name, options, masks, call", MASKED)
def test_masks_travel(name, options, masks, call):
    shapes = [QUERY, KEY, KEY][: len(masks)]
    case = Case(name, options, shapes, call, listed=name in ("Attention", "AdditiveAttention"))
    layers = built(case)
    given = [None if s is None else np.arange(np.prod(s)).reshape(s) % 3 != 1 for s in masks]
    results = []
    for layer in layers:
        inputs = [jnp.asarray(x) for x in case.inputs()]
        for x, one in zip(inputs, given, strict=True):
            if one is not None:
                x._keras_mask = jnp.asarray(one)
        outputs = layer(inputs, **call) if case.listed else layer(*inputs, **call)
        first = outputs[0] if isinstance(outputs, (tuple, list)) else outputs
        results.append([outputs, context.get_mask(first)])
    close(*results)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a model of every layer here in both libraries, and their files."""
    made = {}
    for name, k in LIBRARIES.items():
        x = k.Input((4,), dtype="int32")
        options = {"tie_weights": False, "logit_soft_cap": 4.0, "mask_zero": True}
        table = k.layers.ReversibleEmbedding(9, 6, **options)
        y = table(x)
        y = k.layers.MultiHeadAttention(**HEADS, use_gate=True, dropout=0.1)(y, y)
        y = k.layers.GroupQueryAttention(**GROUPS, use_gate=True, dropout=0.1)(
            y, y, use_causal_mask=True
        )
        y = k.layers.Attention(use_scale=True, score_mode="concat", dropout=0.1)([y, y])
        y = k.layers.AdditiveAttention()([y, y])
        y = k.layers.SpectralNormalization(k.layers.Dense(6), power_iterations=2)(y)
        z = k.layers.AdaptiveAveragePooling1D(2)(y)
        model = k.Model(x, [table(y, reverse=True), z])
        rng = np.random.default_rng(1)
        model.set_weights([rng.normal(size=w.shape) for w in model.weights])
        path = tmp_path_factory.mktemp("files") / f"{name}.keras"
        model.save(path)
        made[name] = model, path
    return made


@MASKS_END
@pytest.mark.parametrize("source, target", [("keraunos", "keras"), ("keras", "keraunos")])
def test_files_go_both_ways(source, target, files):
    model, path = files[source]
    loaded = LIBRARIES[target].saving.load_model(path)
    x = np.array([[1, 2, 3, 0], [5, 5, 8, 7]], "int32")
    close(*(jax.jit(one, compiler_options=QUICK)(x) for one in (model, loaded)))
    close(*([np.asarray(w) for w in one.weights] for one in (model, loaded)), 0)


def normalized(k, layer, shape, **options):
    made = k.layers.SpectralNormalization(layer(k.layers), **options)
    made.build(shape)
    rng = np.random.default_rng(0)
    made.set_weights([rng.normal(size=w.shape).astype("float32") for w in made.weights])
    return made


DENSE = (lambda layers: layers.Dense(3), (2, 4))
CONV = (lambda layers: layers.Conv2D(3, 2, use_bias=False), (2, 4, 4, 2))


@pytest.mark.parametrize("layer, shape, iterations", [(*DENSE, 1), (*CONV, 3)])
def test_spectral_normalization(layer, shape, iterations):
    x = np.random.default_rng(1).normal(size=shape).astype("float32")
    made = [normalized(k, layer, shape, power_iterations=iterations) for k in (keraunos, keras)]
    assert [w.name for w in made[0].weights] == [w.name for w in made[1].weights]

    def slopes(one):
        fixed = [v.value for v in one.non_trainable_variables]

        def total(weights):
            outputs, state = one.stateless_call(weights, fixed, x, training=True)
            return jnp.sum(jnp.sin(outputs)), (outputs, state)

        slope = jax.jit(jax.grad(total, has_aux=True), compiler_options=QUICK)
        return slope([v.value for v in one.trainable_variables])

    close(*map(slopes, made))
    if len(shape) == 2:
        close(*(one(x, training=True) for one in made))
        close(*([np.asarray(w) for w in one.weights] for one in made))
        close(*(one(x) for one in made))


def test_spectral_normalization_leaves_zeros():
    layer = keraunos.layers.SpectralNormalization(
        keraunos.layers.Dense(2, kernel_initializer="zeros")
    )
    assert not np.any(layer(jnp.ones((1, 3)), training=True))


TABLES = [
    {},
    {"tie_weights": False, "logit_soft_cap": 2.0},
    {"reverse_dtype": "float16", "mask_zero": True},
    {"dtype": "mixed_bfloat16"},
    {"dtype": "mixed_bfloat16", "tie_weights": False, "reverse_dtype": "float32"},
]


@pytest.mark.parametrize("options", TABLES, ids=str)
def test_reversible_embedding(options):
    tokens, results = np.array([[1, 0, 3]]), []
    rng = np.random.default_rng(0)
    values = [rng.normal(size=s).astype("float32") for s in ((5, 4), (4, 5))]
    for k in (keraunos, keras):
        layer = k.layers.ReversibleEmbedding(5, 4, name="one", **options)
        vectors = layer(tokens)
        layer.set_weights(values[: len(layer.weights)])
        vectors = layer(tokens)
        logits = layer(vectors, reverse=True)
        results.append([vectors, logits, context.get_mask(vectors), context.get_mask(logits)])
        results[-1].append([np.asarray(w) for w in layer.weights])
        results[-1].append(layer(jnp.ones((2, 4), "float32"), reverse=True))
    close(*results, tolerance=0.02 if "dtype" in options or "reverse_dtype" in options else 1e-5)
    saved = keraunos.layers.serialize(keraunos.layers.ReversibleEmbedding(5, 4, **options))
    again = keras.layers.deserialize(json.loads(json.dumps(saved))).get_config()
    foreign = keras.layers.ReversibleEmbedding(5, 4, **options).get_config()
    assert {k: v for k, v in again.items() if k != "name"} == {
        k: v for k, v in foreign.items() if k != "name"
    }


# -- where the real Keras is wrong -----------------------------------------------------------------


def test_a_query_mask_that_is_given_counts():
    """Keras replaces the argument `query_mask` by the mask of the query, also if there is none."""
    case = Case("MultiHeadAttention", HEADS, [QUERY, KEY])
    mine, theirs = built(case)
    query, value = case.inputs()
    shown = np.array([[True, False, True]] * 2)
    np.testing.assert_array_equal(
        theirs(query, value, query_mask=shown), theirs(query, value, query_mask=None)
    )
    carried = jnp.asarray(query)
    carried._keras_mask = jnp.asarray(shown)
    close(mine(query, value, query_mask=shown), theirs(carried, value))


def test_values_may_have_another_size_than_keys():
    """Keras's fused path fails; asked for the scores as well, it takes one that does not."""
    case = Case("MultiHeadAttention", HEADS | {"value_dim": 5}, [QUERY, KEY], SCORES)
    mine, theirs = built(case)
    with pytest.raises(TypeError, match="reshape"):
        theirs(*case.inputs())
    close(mine(*case.inputs()), theirs(*case.inputs(), **SCORES)[0])


def test_symbolic_scores_have_the_shape_of_the_computed_ones():
    """Keras's symbolic scores are (heads, targets, targets), whatever the number of sources."""
    for k, sources in ((keraunos, 5), (keras, 3)):
        layer = k.layers.MultiHeadAttention(**HEADS)
        inputs = k.Input((3, 4)), k.Input((5, 4))
        assert layer(*inputs, **SCORES)[1].shape == (None, 2, 3, sources)
        assert layer(jnp.ones((1, 3, 4)), jnp.ones((1, 5, 4)), **SCORES)[1].shape == (1, 2, 3, 5)


def test_a_normalized_embedding_stays_a_float():
    """Keras rounds the vectors to the dtype of the integers."""
    for k, dtype in ((keraunos, "float32"), (keras, "int32")):
        layer = k.layers.SpectralNormalization(k.layers.Embedding(5, 3))
        assert layer(np.array([[1, 2]], "int32")).dtype == dtype
