"""LoRA and quantization equal the real Keras: integers, outputs, gradients, files both ways."""

import json

import jax
import keras
import numpy as np
import pytest
from tests.tables.adapting import close, filled, made, outputs_and_slopes, same_weights
from tests.tables.quantizers import ADAPTED, QUANTIZED

import keraunos

APIS = (keraunos, keras)
# The real Keras warns of every layer that has nothing to quantize.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("case", ADAPTED, ids=lambda case: case.id)
def test_lora(case):
    layers = [made(api, case) for api in APIS]
    for layer in layers:
        layer.enable_lora(2, lora_alpha=6)
        filled(layer, seed=2)
    same_weights(*layers)
    assert [len(layer.trainable_weights) for layer in layers[:1]] == [
        len([w for w in layer.trainable_weights if w.trainable]) for layer in layers[1:]
    ]
    close(*(outputs_and_slopes(layer, case.inputs()) for layer in layers))
    close(*([np.asarray(getattr(layer, case.large))] for layer in layers))


EVERYWHERE, FIRST_AND_LAST = ("int8", "int4 in blocks"), ("int4", "int8 weights alone")
MODES = [
    *((case, mode) for case in QUANTIZED for mode in EVERYWHERE),
    *((case, mode) for case in (QUANTIZED[0], QUANTIZED[-1]) for mode in FIRST_AND_LAST),
]


@pytest.mark.parametrize("case, mode", MODES, ids=lambda value: getattr(value, "id", value))
def test_quantized_and_then_adapted(case, mode):
    layers = [made(api, case) for api in APIS]
    for api, layer in zip(APIS, layers):
        configs = {
            "int8": None,
            "int4": api.quantizers.Int4QuantizationConfig(block_size=None),
            "int4 in blocks": api.quantizers.Int4QuantizationConfig(block_size=4),
            "int8 weights alone": api.quantizers.Int8QuantizationConfig(activation_quantizer=None),
        }
        layer.quantize(mode[:4], config=configs[mode])
    mine, theirs = layers
    same_weights(mine, theirs)
    assert mine.dtype_policy.name == theirs.dtype_policy.name
    for layer in layers:
        layer.enable_lora(2)
        filled(layer, seed=2)
    same_weights(mine, theirs)
    close(*(outputs_and_slopes(layer, case.inputs()) for layer in layers))
    stored = [{}, {}]  # the sum is rounded to integers again
    for layer, store in zip(layers, stored):
        layer.save_own_variables(store)
    for key, value in stored[1].items():
        np.testing.assert_allclose(stored[0][key], np.asarray(value), rtol=1e-5, atol=1e-6)
    assert stored[0].keys() == stored[1].keys()


@pytest.mark.parametrize("policy", ["int8_from_float32", "int4/4_from_float32"])
@pytest.mark.parametrize("case", QUANTIZED, ids=lambda case: case.id)
def test_made_by_policy_and_config_goes_both_ways(case, policy):
    mine, theirs = (made(api, case, dtype=policy, name="one") for api in APIS)
    same_weights(mine, theirs)
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    again = json.loads(json.dumps(keras.layers.serialize(keras.layers.deserialize(saved))))
    assert again == foreign
    assert keraunos.layers.deserialize(foreign).quantization_mode == mine.quantization_mode


def test_training_in_eight_bit_floats_and_its_files(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 6)).astype("float32"), rng.normal(size=(24, 3)).astype("float32")
    models = []
    for api in APIS:
        found = api.Sequential(
            [
                api.Input((6,)),
                api.layers.Dense(5, activation="relu"),
                api.layers.EinsumDense("ab,bc->ac", output_shape=3, bias_axes="c"),
            ]
        )
        filled(found)
        found.quantize("float8")
        found.compile("adam", "mse")
        found.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0)
        found.save(tmp_path / f"{api.__name__}.keras")
        models.append(found)
    same_weights(*models)
    assert len(models[0].optimizer.variables) == len(models[1].optimizer.variables)
    expected = models[1].predict(x, verbose=0)
    for name in ("keraunos", "keras"):
        for api in APIS:
            loaded = api.saving.load_model(str(tmp_path / f"{name}.keras"))
            np.testing.assert_allclose(loaded.predict(x, verbose=0), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "case, policy",
    [(QUANTIZED[0], "gptq/4/3"), (QUANTIZED[1], "gptq/8/-1"), (QUANTIZED[1], "awq/4/2")],
    ids=lambda value: getattr(value, "id", value),
)
def test_calibrated_weights_are_read(case, policy, tmp_path):
    # Keras 3.15 forgets the zero points when it saves such a layer, and cannot load it again: what
    # it would have to write is what keraunos writes, and what it loads.
    models = []
    for api in APIS:
        layer = getattr(api.layers, case.layer)(**case.options, dtype=f"{policy}_from_float32")
        models.append(api.Sequential([api.Input(batch_shape=case.shape), layer]))
    rng, values, (mine, theirs) = np.random.default_rng(4), [], models
    size = int(policy.split("/")[-1])
    for weight in theirs.weights:
        whole = str(weight.dtype) == "uint8"
        draw = rng.integers(0, 256, weight.shape) if whole else rng.uniform(0.1, 1.0, weight.shape)
        groups = np.arange(weight.shape[0]) // (size if size > 0 else 100)
        values.append((groups if weight.name == "g_idx" else draw).astype(str(weight.dtype)))
    for found in models:
        found.set_weights(values)
    theirs.layers[0].is_gptq_calibrated = theirs.layers[0].is_awq_calibrated = True
    expected = np.asarray(theirs(case.inputs()))
    mine.save(tmp_path / "mine.keras")
    for api in APIS:
        again = api.saving.load_model(tmp_path / "mine.keras")
        np.testing.assert_allclose(again(case.inputs()), expected, rtol=1e-5, atol=1e-4)


def model(api, lora):
    layers = api.layers
    found = api.Sequential(
        [
            api.Input((4,), dtype="int32"),
            layers.Embedding(9, 6, name="table"),
            layers.Dense(5, activation="relu", name="first"),
            layers.Flatten(),
            layers.Dense(3, name="last"),
        ]
    )
    filled(found)
    if lora:
        for name in ("table", "last"):
            found.get_layer(name).enable_lora(2, lora_alpha=4)
        filled(found, seed=3)
    return found


@pytest.mark.parametrize("mode, lora", [(None, True), ("int8", False), ("int4", True)])
def test_files_both_ways(mode, lora, tmp_path):
    x = np.random.default_rng(0).integers(0, 9, (2, 4)).astype("int32")
    saved = []
    for api in APIS:
        found = model(api, lora)
        if mode:
            found.quantize(mode, filters="table|first")
        path = str(tmp_path / f"{api.__name__}.keras")
        found.save(path)
        saved.append((api, found, path))
    expected = np.asarray(saved[1][0].saving.load_model(saved[1][2])(x))
    for _, _, path in saved:
        for api in APIS:
            loaded = api.saving.load_model(path)
            np.testing.assert_allclose(np.asarray(loaded(x)), expected, rtol=1e-5, atol=2e-5)
    if lora and mode is None:  # nothing is rounded: the sum is what was computed
        np.testing.assert_allclose(np.asarray(saved[0][1](x)), expected, rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("mode", ["int8", "int4", "int4 in blocks", "int8 weights alone"])
def test_a_table_and_its_way_back(tied, mode, tmp_path):
    x = np.array([[1, 2, 3, 0]], "int32")
    vectors = np.random.default_rng(0).normal(size=(2, 3, 5)).astype("float32")
    layers = []
    for api in APIS:
        configs = {
            "int8": None,
            "int4": api.quantizers.Int4QuantizationConfig(block_size=None),
            "int4 in blocks": api.quantizers.Int4QuantizationConfig(block_size=2),
            "int8 weights alone": api.quantizers.Int8QuantizationConfig(activation_quantizer=None),
        }
        layer = api.layers.ReversibleEmbedding(9, 5, tie_weights=tied, logit_soft_cap=3.0, name="t")
        layer(x)
        filled(layer).quantize(mode[:4], config=configs[mode])
        layers.append(layer)
    mine, theirs = layers
    same_weights(mine, theirs)
    assert mine.dtype_policy.name == theirs.dtype_policy.name
    close(*([np.asarray(one(x)), np.asarray(one(vectors, reverse=True))] for one in layers))
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = keras.layers.deserialize(saved)
    foreign.build((None, 4))
    stored = {}
    mine.save_own_variables(stored)
    foreign.load_own_variables(stored)
    close(*([np.asarray(one(vectors, reverse=True))] for one in (mine, foreign)))


def test_the_way_back_is_learned_through_with_lora():
    # Keras's integers on the way back have neither LoRA nor a gradient: floats are what is right.
    table = filled(keraunos.layers.ReversibleEmbedding(9, 5, name="t"))
    table.build()
    filled(table)
    vectors = np.random.default_rng(0).normal(size=(2, 5)).astype("float32")
    table.quantize("int8")
    table.enable_lora(2)
    filled(table, seed=2)
    whole = np.asarray(table._merged())
    np.testing.assert_allclose(table(vectors, reverse=True), vectors @ whole.T, atol=0.1)
    slope = jax.grad(lambda v: table(v, reverse=True).sum())(vectors)
    np.testing.assert_allclose(slope, np.broadcast_to(whole.sum(0), (2, 5)), rtol=1e-5, atol=1e-5)
