"""What quantizers and dtype policies refuse, in six lines at the most; packing is lossless."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import keraunos
from keraunos import dtype_policies, quantizers

BAD = [
    (lambda: quantizers.AbsMaxQuantizer(value_range=(-200, 7)), "-128 .. 127"),
    (lambda: quantizers.Int4QuantizationConfig(block_size=0), "positive integer"),
    (
        lambda: quantizers.Int4QuantizationConfig(activation_quantizer="abs_max_quantizer"),
        "block_size=None",
    ),
    (
        lambda: quantizers.Int4QuantizationConfig("abs_max_quantizer", block_size=None),
        "value_range=(-8, 7)",
    ),
    (lambda: quantizers.GPTQConfig(None, None, weight_bits=5), "one of (2, 3, 4, 8)"),
    (lambda: quantizers.GPTQConfig(None, None, hessian_damping=2.0), "0 to 1"),
    (lambda: quantizers.AWQConfig(None, None, weight_bits=8), "one of (4,)"),
    (lambda: quantizers.AWQConfig(None, None, group_size=0), "positive integer"),
    (lambda: quantizers.AWQConfig(None, None, num_samples=0), "positive integer"),
    (lambda: quantizers.get("abs_max"), "abs_max_quantizer"),
    (lambda: quantizers.get(3), "not a quantizer"),
    (lambda: quantizers.QuantizationConfig().mode, "subclasses"),
    (lambda: quantizers.pack_int4(np.zeros(3, "int32")), "int8 values"),
    (lambda: quantizers.pack_int4(np.zeros(3, "int8"), dtype="int32"), "'int8' or 'uint8'"),
    (lambda: quantizers.unpack_int4(np.zeros(3, "int32"), 6), "int8 or uint8"),
    (
        lambda: quantizers.fake_quant_with_min_max_vars(np.ones((2, 2)), 0.0, 1.0, axis=2),
        "axis below 2",
    ),
    (lambda: dtype_policies.get("int8"), None),
    (lambda: dtype_policies.get("int8x_from_float32"), "one of ('int8'"),
    (lambda: dtype_policies.get("int8_from_float16"), "but float16"),
    (lambda: dtype_policies.get("gptq/4"), "_from_"),
    (lambda: dtype_policies.GPTQDTypePolicy("gptq/4", "float32"), "gptq/<weight_bits>"),
    (lambda: dtype_policies.GPTQDTypePolicy("gptq/5/8", "float32"), "one of (2, 3, 4, 8)"),
    (lambda: dtype_policies.Int4DTypePolicy("int4/0", "float32"), "positive integer"),
    (lambda: dtype_policies.AWQDTypePolicy("awq/4/x", "float32"), "awq/<weight_bits>"),
    (lambda: dtype_policies.QuantizedFloat8DTypePolicy("float8", None, 0.5), "an integer"),
    (lambda: dtype_policies.DTypePolicyMap(policy_map=3), "dictionary"),
    (
        lambda: dtype_policies.DTypePolicyMap(policy_map={"a.*": "int8", ".*b": "int8"})["ab"],
        "at most one",
    ),
]


@pytest.mark.parametrize("call, text", BAD, ids=range(len(BAD)))
def test_refusals(call, text):
    if text is None:
        call()  # int8 alone is a plain dtype
        return
    with pytest.raises((ValueError, TypeError, NotImplementedError)) as caught:
        call()
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6


@settings(max_examples=15)
@given(
    arrays.arrays("int8", arrays.array_shapes(max_dims=3, max_side=5), elements=st.integers(-8, 7)),
    st.data(),
)
def test_packing_loses_nothing(values, data):
    axis = data.draw(st.integers(-values.ndim, values.ndim - 1))
    packed, shape, length = quantizers.pack_int4(values, axis)
    assert packed.shape == shape
    assert length == values.shape[axis]
    unpacked = jax.jit(quantizers.unpack_int4, static_argnums=(1, 2))(packed, length, axis)
    np.testing.assert_array_equal(unpacked, values)


def test_a_quantizer_is_found_by_name_class_and_config():
    one = quantizers.get("abs_max_quantizer", axis=0)
    assert quantizers.get(quantizers.AbsMaxQuantizer).axis is None
    assert quantizers.get(quantizers.serialize(one)).axis == (0,)
    assert quantizers.get(one) is one
    assert quantizers.get(None) is None
    assert keraunos.Quantizer is quantizers.Quantizer


def test_a_policy_casts_floats_and_leaves_the_rest():
    policy = keraunos.DTypePolicy("float32")
    assert policy.convert_input(np.ones(2, "float16"), True, "float32").dtype == "float32"
    assert policy.convert_input(np.ones(2, "float16"), False, "float32").dtype == "float16"
    assert policy.convert_input(np.ones(2, "int32"), True, "float32").dtype == "int32"
    assert policy.convert_input("text", True, "float32") == "text"
