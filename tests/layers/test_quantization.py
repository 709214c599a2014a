"""Quantized layers and models: near the floats, small, trainable with LoRA; what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables.adapting import made
from tests.tables.quantizers import QUANTIZED

import keraunos as keras
from keraunos import layers, quantizers
from keraunos.quantizers import _calibration


def model():
    return keras.Sequential(
        [
            keras.Input((16,)),
            layers.Dense(32, activation="relu", name="one"),
            layers.BatchNormalization(name="norm"),
            layers.Dense(4, name="two"),
        ]
    )


X = np.random.default_rng(0).normal(size=(64, 16)).astype("float32")


@pytest.mark.parametrize("mode, error", [("int8", 0.02), ("int4", 0.3)])
@pytest.mark.parametrize("case", QUANTIZED, ids=lambda case: case.id)
def test_integers_compute_nearly_the_same(case, mode, error):
    layer = made(keras, case)
    x = case.inputs()
    exact = np.asarray(layer(x))
    layer.quantize(mode)
    assert getattr(layer, f"_{case.large}").dtype == "int8"
    assert layer.trainable_variables == ([] if layer.bias is None else [layer.bias])
    assert np.abs(np.asarray(layer(x)) - exact).mean() < error * np.abs(exact).mean()


def test_a_quantized_policy_quantizes():
    layer = layers.Dense(3)
    layer.dtype_policy = "mixed_bfloat16"
    layer(X)
    layer.dtype_policy = "int8_from_mixed_bfloat16"
    assert (layer.kernel.dtype, layer.dtype_policy.name) == ("int8", "int8_from_mixed_bfloat16")
    policies = keras.dtype_policies.DTypePolicyMap("float32", {"one": "int8_from_float32"})
    one, two = (layers.Dense(2, name=name, dtype=policies) for name in ("one", "two"))
    assert [one(X).dtype, two(X).dtype] == ["float32", "float32"]
    two.quantize("int8")
    assert [one.quantization_mode, two.quantization_mode] == ["int8", "int8"]
    assert policies["other"].quantization_mode is None


def test_equations_with_dots():
    layer = layers.EinsumDense("...x,xy->...y", output_shape=5, bias_axes="y")
    x = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
    exact = layer(x)
    layer.quantize("int8")
    assert layer.kernel_scale.shape == (1, 1, 5)
    np.testing.assert_allclose(layer(x), exact, atol=0.05)


def test_the_product_is_one_of_integers():
    layer = layers.Dense(8)
    layer(X)
    layer.quantize("int8")
    text = str(jax.make_jaxpr(lambda x: layer(x))(X))
    assert "preferred_element_type=int32" in text
    assert "i32[64,8] = dot_general" in text


def test_a_model_is_quantized_by_filters_and_says_what_stays():
    with pytest.warns(UserWarning, match="keep their floats: norm"):
        (found := model()).quantize("int8")
    assert [layer.quantization_mode for layer in found.layers] == ["int8", None, "int8"]
    for filters in ("two", ["tw.", "none"], lambda layer: layer.name == "two"):
        found = model()
        found.quantize("int8", filters=filters)
        assert [layer.quantization_mode for layer in found.layers] == [None, None, "int8"]


def test_programs_that_were_compiled_before_see_the_integers():
    found = model()
    before = found.predict(X, verbose=0)
    found.layers[0].quantize("int4", config=quantizers.Int4QuantizationConfig(block_size=None))
    after = found.predict(X, verbose=0)
    np.testing.assert_allclose(after, found(X), rtol=1e-5, atol=1e-6)
    assert np.abs(after - before).max() > 1e-4


def test_training_on_integers_with_lora():
    found = model()
    found.quantize("int8", filters="one|two")
    for name in ("one", "two"):
        found.get_layer(name).enable_lora(2)
    found.compile("adam", "mse")
    y = X[:, :4]
    kernel, before = found.layers[0].kernel_scale.numpy(), found.evaluate(X, y, verbose=0)
    found.fit(X, y, epochs=5, verbose=0)
    assert found.evaluate(X, y, verbose=0) < before
    np.testing.assert_array_equal(found.layers[0].kernel_scale.numpy(), kernel)


def test_the_gradient_of_the_input_is_that_of_the_floats():
    layer = layers.Dense(8, use_bias=False)
    layer(X)
    layer.quantize("int8")
    floats = np.asarray(layer._float_weight())
    slope = jax.grad(lambda x: jnp.sum(layer(x)))(jnp.asarray(X))
    np.testing.assert_allclose(slope, np.broadcast_to(floats.sum(1), X.shape), rtol=1e-5)


@pytest.mark.parametrize(
    "config",
    [
        quantizers.GPTQConfig(None, None, weight_bits=2, group_size=4),
        quantizers.GPTQConfig(None, None, group_size=-1),
        quantizers.AWQConfig(None, None, group_size=4),
    ],
    ids=lambda config: config.dtype_policy_string(),
)
def test_blocks_are_calibrated_on_data(config, tmp_path):
    keras.utils.set_random_seed(1)
    table = layers.Embedding(20, 8)
    heads = layers.EinsumDense("abc,cde->abde", output_shape=(None, 2, 3), bias_axes="de")
    blocks = [
        keras.Sequential([keras.Input((10, 8)), layers.Dense(12, activation="relu")]),
        keras.Sequential([keras.Input((10, 12)), layers.Dense(6), heads], name="heads"),
    ]
    last = layers.Dense(2)
    found = keras.Sequential([keras.Input((10,), dtype="int32"), table, *blocks, last])
    words = {"dataset": ["a", "b"], "tokenizer": Words(), "num_samples": 4, "sequence_length": 10}
    structure = {"pre_block_layers": [table], "sequential_blocks": blocks}
    for name, value in (words | {"quantization_layer_structure": structure}).items():
        setattr(config, name, value)
    tokens = np.random.default_rng(2).integers(0, 20, (16, 10))
    exact = found.predict(tokens, verbose=0)
    found.quantize(config=config, filters=lambda layer: layer is not heads)
    assert [one.quantization_mode for one in (*blocks[0].layers, *blocks[1].layers, last)] == [
        *(config.mode, config.mode, None, None)
    ]
    after = found.predict(tokens, verbose=0)
    assert 0 < np.abs(after - exact).mean() < (0.5 if config.weight_bits == 2 else 0.1)
    found.save_weights(tmp_path / "m.weights.h5")
    for layer in blocks[0].layers:
        layer._kernel.assign(np.zeros(layer._kernel.shape))
    found.load_weights(tmp_path / "m.weights.h5")
    np.testing.assert_array_equal(found.predict(tokens, verbose=0), after)


class Words:
    """A tokenizer that makes the same numbers of the same text."""

    def tokenize(self, text):
        return np.random.default_rng(ord(text)).integers(0, 20, 30)


def test_what_the_data_say_counts():
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(6, 16)).astype("float32")
    # Inputs that lean on each other: an error in one can be made up for by the next.
    x = (rng.normal(size=(200, 4)) @ rng.normal(size=(4, 16))).astype("float32")
    config = quantizers.GPTQConfig(None, None, weight_bits=3, group_size=-1)
    plain = _calibration.grid(weights, 3)
    made = _calibration.gptq(weights, x.T @ x * np.float32(0.01), config)
    candidates = (plain.floats(plain.integers(weights)), (made.integers - made.zero) * made.scale)
    errors = [np.abs(x @ (found - weights).T).mean() for found in candidates]
    assert errors[1] < 0.7 * errors[0]


@pytest.mark.parametrize(
    "options, text",
    [
        ({"dataset": None}, "a dataset"),
        ({"dataset": "text"}, "a dataset"),
        ({"dataset": []}, "with tokens"),
        ({"dataset": ["text"]}, "a tokenizer"),
    ],
)
def test_data_that_cannot_be_calibrated_on(options, text):
    found = model()
    structure = {"sequential_blocks": [found]}
    config = quantizers.GPTQConfig(
        tokenizer=None, quantization_layer_structure=structure, **options
    )
    with pytest.raises(ValueError, match=text) as caught:
        found.quantize(config=config)
    assert len(str(caught.value).splitlines()) <= 6


def built(**options):
    layer = layers.Dense(2, name="d", **options)
    layer.build((None, 3))
    return layer


def table(**options):
    layer = layers.Embedding(3, 2, **options)
    layer.build()
    return layer


class Sub(layers.Dense):
    """A layer that may do something else with its kernel."""


def sub():
    layer = Sub(2, name="s")
    layer.build((None, 3))
    return layer


BAD = [
    (lambda: built().quantize("int9"), "'int9'"),
    (lambda: built().quantize(), "a mode or a config"),
    (lambda: layers.Dense(2, name="d").quantize("int8"), "a layer that is built"),
    (lambda: built(dtype="int8_from_float32").quantize("int4"), "int8_from_float32 already"),
    (lambda: built(dtype="float16").quantize("int8"), "overflows"),
    (lambda: built().quantize("int8", config=quantizers.Int4QuantizationConfig()), "mode 'int8'"),
    (lambda: built().quantize("int8", config=3), "QuantizationConfig"),
    (lambda: built().quantize("gptq"), "GPTQConfig"),
    (lambda: built().quantize(config=quantizers.AWQConfig(None, None)), "calibrates all layers"),
    (lambda: table(dtype="gptq/4/128_from_float32"), "int8, int4 work"),
    (lambda: built(dtype="awq/4/128_from_float32").enable_lora(2), "do not go together"),
    (lambda: table().quantize("float8"), "int8, int4 work"),
    (lambda: built(dtype="float8_from_float32", lora_rank=2)(X[:, :3]), "do not go together"),
    (lambda: layers.Dense(2, name="d", quantization_config="int8"), "Dense 'd'"),
    (lambda: sub().quantize("int8"), "subclass"),
    (lambda: layers.Flatten(name="f").quantize("int8"), "Flatten 'f' cannot be quantized"),
    (
        lambda: layers.Conv1D(2, 2, name="c", dtype="int8_from_float32")(X[:, :, None]),
        "Conv1D 'c' cannot be quantized",
    ),
    (lambda: model().quantize("int8", filters=3), "a pattern"),
    (lambda: model().quantize(config=quantizers.AWQConfig(None, None)), "sequential_blocks"),
    (lambda: keras.Sequential([layers.Dense(2)], name="m").quantize("int8"), "model 'm'"),
]


@pytest.mark.parametrize("call, text", BAD, ids=range(len(BAD)))
def test_refusals(call, text):
    with pytest.raises((ValueError, NotImplementedError)) as caught:
        call()
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6
