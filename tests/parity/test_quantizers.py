"""`keras.quantizers` equals the real one: integers exactly, floats at 1e-6, configs both ways."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import keraunos
from keraunos.quantizers import _calibration

MINE, THEIRS = keraunos.quantizers, keras.quantizers
RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 5)).astype("float32")
ZERO = np.zeros((3, 2), "float32")

CALLS = [
    ("abs_max_quantize", (X, -1), {}),
    ("abs_max_quantize", (X, (0, 1)), {"value_range": (-8, 7), "to_numpy": True}),
    ("abs_max_quantize", (ZERO, 0), {"dtype": "int16"}),
    *(
        ("abs_max_quantize_grouped_with_zero_point", (x, size), {"to_numpy": host})
        for x, size, host in ((X, 4, False), (X, 8, True), (X, 8, False), (ZERO, 2, True))
    ),
    ("compute_float8_scale", (jnp.array([0.0, 3.0, np.inf]), 2.0, 448.0), {"margin": 1}),
    ("compute_float8_amax_history", (X, jnp.arange(4.0)), {}),
    ("quantize_and_dequantize", (X * 300, 0.5, "float8_e4m3fn", "float32"), {}),
    ("quantize_and_dequantize", (X, 2.0, "float8_e5m2", "bfloat16"), {}),
    *(
        ("pack_int4", (RNG.integers(-8, 8, shape).astype("int8"),), {"axis": axis})
        for shape, axis in (((5, 3), 0), ((4, 3), -1), ((2, 3, 5), 1), ((7,), 0))
    ),
    ("pack_int4", (RNG.integers(0, 16, (4, 3)).astype("uint8"),), {"dtype": "uint8"}),
    *(
        ("unpack_int4", (RNG.integers(-128, 128, shape).astype("int8"), size), {"axis": axis})
        for shape, axis, size in (((2, 3), 0, 3), ((2, 3), -1, 6), ((2, 3, 5), 1, 5))
    ),
    ("unpack_int4", (RNG.integers(0, 256, (2, 3)).astype("uint8"), 4), {"dtype": "uint8"}),
]


@pytest.mark.parametrize("name, args, options", CALLS, ids=lambda value: str(value)[:40])
def test_function(name, args, options):
    found, expected = (getattr(api, name)(*args, **options) for api in (MINE, THEIRS))
    for own, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        own, other = np.asarray(own), np.asarray(other)
        assert (own.dtype, own.shape) == (other.dtype, other.shape)
        np.testing.assert_allclose(own.astype("float32"), other.astype("float32"), rtol=1e-6)


@pytest.mark.parametrize(
    "low, high, options",
    [
        (-1.0, 1.3, {}),
        (0.1, 1.0, {"num_bits": 3}),
        (-2.0, -0.5, {"num_bits": 4, "narrow_range": True}),
        ([-1.0, -0.5, 0.0, -3.0, -0.1], [1.0, 0.5, 1.0, 0.5, 0.2], {"axis": 1, "num_bits": 4}),
    ],
)
def test_fake_quantization_and_its_gradients(low, high, options):
    results = []
    for api in (MINE, THEIRS):

        def total(x, low, high, api=api):
            y = api.fake_quant_with_min_max_vars(x, low, high, **options)
            return jnp.sum(y * jnp.arange(y.size).reshape(y.shape)), y

        ends = (jnp.asarray(low), jnp.asarray(high))
        results.append(jax.grad(total, (0, 1, 2), has_aux=True)(jnp.asarray(X), *ends))
    for own, other in zip(*map(jax.tree.leaves, results), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-6, atol=1e-6)


def test_fake_quantization_of_a_symbolic_tensor():
    x = keraunos.Input((5,))
    assert MINE.fake_quant_with_min_max_vars(x, -1.0, 1.0).shape == (None, 5)


OBJECTS = [
    lambda api: api.AbsMaxQuantizer(),
    lambda api: api.AbsMaxQuantizer(axis=0, value_range=(-8, 7)),
    lambda api: api.Int8QuantizationConfig(),
    lambda api: api.Int8QuantizationConfig(api.AbsMaxQuantizer(axis=0), None),
    lambda api: api.Int4QuantizationConfig(),
    lambda api: api.Int4QuantizationConfig(block_size=-1),
    lambda api: api.Float8QuantizationConfig(),
    lambda api: api.GPTQConfig(None, None, weight_bits=8, group_size=-1),
    lambda api: api.AWQConfig(None, None, num_grid_points=5),
]


@pytest.mark.parametrize("make", OBJECTS, ids=range(len(OBJECTS)))
def test_config_goes_both_ways(make):
    mine, theirs = make(MINE), make(THEIRS)
    saved, foreign = (
        json.loads(json.dumps(api.serialize(o))) for api, o in ((MINE, mine), (THEIRS, theirs))
    )
    assert saved == foreign
    # Its own quantizers.deserialize does not know GPTQConfig.
    again = keras.saving.deserialize_keras_object(saved)
    assert json.loads(json.dumps(THEIRS.serialize(again))) == foreign
    assert json.loads(json.dumps(MINE.serialize(MINE.deserialize(foreign)))) == saved
    assert getattr(mine, "mode", None) == getattr(theirs, "mode", None)


POLICIES = [
    *("int8_from_float32", "int8_from_mixed_bfloat16", "int4_from_float32", "int4/64_from_float32"),
    *("gptq/4/128_from_bfloat16", "awq/4/-1_from_float32", "float8_from_mixed_bfloat16"),
]


@pytest.mark.parametrize("name", POLICIES)
def test_policy(name):
    mine, theirs = keraunos.dtype_policies.get(name), keras.dtype_policies.get(name)
    for attribute in ("name", "compute_dtype", "variable_dtype", "quantization_mode"):
        assert getattr(mine, attribute) == getattr(theirs, attribute)
    assert type(mine).__name__ == type(theirs).__name__
    saved = keraunos.dtype_policies.serialize(mine)
    assert saved == keras.dtype_policies.serialize(theirs)
    assert keraunos.dtype_policies.deserialize(saved) == mine
    assert mine != keraunos.dtype_policies.get("int4/32_from_float32")


def test_policy_map():
    rows = {"encoder/.*": "bfloat16", "head": "mixed_float16"}
    maps = []
    for api in (keraunos, keras):
        policies = api.dtype_policies.DTypePolicyMap("float32")
        for path, policy in rows.items():
            policies[path] = policy
        maps.append(policies)
    for path in ("encoder/dense", "head", "head/dense", "encoder"):
        assert maps[0][path].name == maps[1][path].name
    saved = [
        json.loads(json.dumps(api.dtype_policies.serialize(policies)))
        for api, policies in zip((keraunos, keras), maps)
    ]
    assert saved[0] == saved[1]
    again = keraunos.dtype_policies.deserialize(saved[1])
    assert again["encoder/x"].name == "bfloat16"
    layer = keraunos.layers.Dense(2, name="head", dtype=again)
    assert layer(np.ones((1, 2), "float32")).dtype == "float16"


# (outputs, inputs); each group has weights of both signs: for others Keras's zero point, which
# would be negative, is cut off by its byte.
WEIGHTS = np.abs(RNG.normal(size=(4, 6))).astype("float32") * np.array([1, -1] * 3, "float32")
INPUTS = RNG.normal(size=(30, 6)).astype("float32") * np.array([1, 5, 1, 0, 2, 1], "float32")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "options",
    [
        {"group_size": 3},
        {"group_size": -1, "weight_bits": 3, "activation_order": True, "hessian_damping": 0.1},
    ],
    ids=str,
)
def test_gptq(options):
    # By its inner class: model.quantize of Keras 3.15 looks at no data (the hooks that should see
    # them stand where quantized layers do not pass).
    from keras.src.quantizers.gptq import GPTQ

    config = THEIRS.GPTQConfig(None, None, **options)
    layer = keras.layers.Dense(4)
    layer.build((None, 6))
    layer._kernel.assign(WEIGHTS.T)
    layer.quantize("gptq", config=config)
    theirs = GPTQ(layer, config)
    theirs.update_hessian_with_batch(INPUTS)
    theirs.quantize_and_correct_layer()
    integers = layer.quantized_kernel
    if config.weight_bits == 4:
        integers = THEIRS.unpack_int4(integers, 4, axis=0, dtype="uint8")
    hessian = INPUTS.T @ INPUTS * np.float32(2 / 30)
    mine = _calibration.gptq(WEIGHTS, hessian, MINE.GPTQConfig(None, None, **options))
    np.testing.assert_array_equal(mine.integers, np.asarray(integers))
    np.testing.assert_allclose(mine.scale, np.asarray(layer.kernel_scale), rtol=1e-5)
    np.testing.assert_array_equal(mine.zero, np.asarray(layer.kernel_zero))
    np.testing.assert_array_equal(mine.groups, np.floor(np.asarray(layer.g_idx)))


@pytest.mark.parametrize("size", [-1, 4])
def test_awq(size):
    from keras.src.quantizers.awq import awq_quantize_matrix

    magnitudes = np.abs(INPUTS).max(0)
    theirs = awq_quantize_matrix(WEIGHTS, magnitudes, num_grid_points=5, group_size=size)
    config = MINE.AWQConfig(None, None, num_grid_points=5, group_size=size)
    mine = _calibration.awq(WEIGHTS, magnitudes, config)
    wanted = (mine.integers, mine.scale, mine.zero, mine.input_scales, mine.groups)
    for own, other in zip(wanted, theirs, strict=True):
        np.testing.assert_allclose(own, np.asarray(other, "float32"), rtol=1e-5)
