"""Integers that do not fit raise, wherever numbers of the host become arrays of the device."""

import numpy as np
import pytest

import keraunos
from keraunos import ops
from keraunos._core import dtypes

BIG = np.array([2**40 + 7, 1])
THIRDS = np.full((2, 3), 1 / 3, "float32")
BYTES = np.zeros(2, "uint8")

TOO_LARGE = {
    "convert_to_tensor": lambda: ops.convert_to_tensor(BIG),
    "convert_to_tensor, unsigned": lambda: ops.convert_to_tensor(BIG.astype("uint64")),
    "convert_to_tensor, a list": lambda: ops.convert_to_tensor([[1, 2**31]]),
    "convert_to_tensor, a number": lambda: ops.convert_to_tensor(-(2**31) - 1),
    "convert_to_tensor, 70 bits": lambda: ops.convert_to_tensor(2**70),
    "an operand": lambda: ops.add(BIG, 1),
    "a list of operands": lambda: ops.stack([BIG, BIG]),
    "arange": lambda: ops.arange(2**40, 2**40 + 2),
    "full": lambda: ops.full((2,), 2**40),
    "one_hot": lambda: ops.one_hot(BIG, 3),
    "Variable": lambda: keraunos.Variable(BIG),
    "assign": lambda: keraunos.Variable(np.zeros(2, "int32")).assign(BIG),
    "a layer's input": lambda: keraunos.layers.Embedding(5, 2)(BIG),
    "labels of a loss": lambda: keraunos.losses.SparseCategoricalCrossentropy()(BIG, THIRDS),
    "labels of a function": lambda: keraunos.losses.sparse_categorical_crossentropy(BIG, THIRDS),
    "labels of a metric": lambda: keraunos.metrics.SparseCategoricalAccuracy()(BIG, THIRDS),
    "labels to count": lambda: keraunos.metrics.MeanIoU(3)(BIG, np.array([0, 1])),
    "labels to compare": lambda: keraunos.losses.Circle()(BIG, THIRDS),
    "pad_sequences": lambda: keraunos.utils.pad_sequences([BIG]),
}
FOR_BYTES = {
    "convert_to_tensor": lambda n: ops.convert_to_tensor(n, "uint8"),
    "convert_to_tensor, a list": lambda n: ops.convert_to_tensor([n], "uint8"),
    "convert_to_tensor, an array": lambda n: ops.convert_to_tensor(np.array([n]), "uint8"),
    "cast": lambda n: ops.cast(n, "uint8"),
    "cast, a list": lambda n: ops.cast([0, n], "uint8"),
    "array": lambda n: ops.array([n], dtype="uint8"),
    "full": lambda n: ops.full((2,), n, dtype="uint8"),
    "full_like": lambda n: ops.full_like(BYTES, n),
    "arange": lambda n: ops.arange(n, n + 1, dtype="uint8"),
    "Variable": lambda n: keraunos.Variable(n, dtype="uint8"),
    "assign": lambda n: keraunos.Variable(BYTES).assign(np.array([0, n])),
    "Constant": lambda n: keraunos.initializers.Constant(n)((2,), "uint8"),
    "pad_sequences": lambda n: keraunos.utils.pad_sequences([np.array([n])], dtype="uint8"),
}


def refused(call, *words):
    with pytest.raises(ValueError, match="does not fit") as caught:
        call()
    message = str(caught.value)
    assert all(word in message for word in words)
    assert len(message.splitlines()) <= 6


@pytest.mark.parametrize("where", TOO_LARGE)
def test_integers_of_more_than_32_bits(where):
    refused(TOO_LARGE[where], "int32", "set_floatx('float64')")


@pytest.mark.parametrize("number", [256, -1])
@pytest.mark.parametrize("where", FOR_BYTES)
def test_integers_that_are_no_bytes(where, number):
    refused(lambda: FOR_BYTES[where](number), "uint8", "0 to 255", f"got:      {number}")


def test_what_fits_goes_through():
    edge = np.array([-(2**31), 2**31 - 1])
    np.testing.assert_array_equal(ops.convert_to_tensor(edge), edge)
    assert ops.convert_to_tensor(2**31 - 1).dtype == "int32"
    np.testing.assert_array_equal(ops.cast([0, 255], "uint8"), [0, 255])
    np.testing.assert_array_equal(ops.arange(250, 256, dtype="uint8"), np.arange(250, 256))
    assert dtypes.as_array([]).shape == (0,)
    assert ops.convert_to_tensor([True, False]).dtype == bool


def test_arrays_are_cast_as_arrays_are():
    np.testing.assert_array_equal(ops.cast(np.array([300, -1]), "uint8"), [44, 255])


def test_large_integers_as_floats_are_not_cut_off():
    loss = keraunos.losses.mean_squared_error(np.array([[2**40]]), np.array([[2.0**40 - 2**30]]))
    np.testing.assert_allclose(loss, [2.0**60])
    assert float(ops.convert_to_tensor(BIG, "float32")[0]) == 2.0**40


def test_the_dtype_named_int_has_32_bits():
    assert dtypes.standardize_dtype("int") == "int32"
    assert keraunos.Input((3,), dtype="int").dtype == "int32"
