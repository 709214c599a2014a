"""to_categorical, normalize, pad_sequences: as the real Keras, bad labels apart."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from keraunos import utils

SEQUENCES = [[1], [2, 3], [4, 5, 6], []]


@pytest.mark.parametrize(
    "labels, classes",
    [
        ([0, 2, 1], None),
        ([0, 2, 1], 5),
        ([[0], [1]], None),
        ([[0, 1], [1, 2]], None),
        (3, None),
        ([1.0, 0.0], 2),
    ],
)
def test_to_categorical_equals_keras(labels, classes):
    ours, theirs = (u.to_categorical(labels, classes) for u in (utils, keras.utils))
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


def test_to_categorical_of_a_jax_array_is_one():
    rows = utils.to_categorical(jnp.array([0, 1]), 3)
    assert isinstance(rows, jnp.ndarray)
    assert rows.tolist() == [[1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("labels, classes", [([-1, 0], None), ([0, 3], 3)])
def test_to_categorical_refuses_labels_out_of_range(labels, classes):
    with pytest.raises(ValueError, match="to_categorical"):
        utils.to_categorical(labels, classes)


@pytest.mark.parametrize("axis, order", [(-1, 2), (1, 1), (0, 2), (0, np.inf)])
def test_normalize_divides_by_the_norm(axis, order):
    x = np.array([[1.0, -2.0, 0.0], [3.0, 0.0, 0.0]])
    unit = utils.normalize(x, axis, order)
    norms = np.linalg.norm(unit, order, axis)
    np.testing.assert_allclose(norms, np.where(np.abs(x).sum(axis) == 0, 0, 1))
    if axis != 0:  # there the real Keras spreads the norms along the last axis
        np.testing.assert_allclose(unit, keras.utils.normalize(x, axis, order))


@pytest.mark.parametrize("maxlen", [None, 1, 2, 5])
@pytest.mark.parametrize("padding", ["pre", "post"])
@pytest.mark.parametrize("truncating", ["pre", "post"])
def test_pad_sequences_equals_keras(maxlen, padding, truncating):
    arguments = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": -1}
    ours, theirs = (u.pad_sequences(SEQUENCES, **arguments) for u in (utils, keras.utils))
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "sequences, arguments",
    [
        ([np.ones((2, 3)), np.zeros((1, 3))], {"dtype": "float32"}),
        ([["a"], ["b", "c"]], {"dtype": object, "value": "pad"}),
        (np.arange(6).reshape(2, 3), {"maxlen": 2}),
        ([], {"maxlen": 3}),
    ],
    ids=["vectors", "strings", "array", "none"],
)
def test_pad_sequences_of_other_things_equals_keras(sequences, arguments):
    ours, theirs = (u.pad_sequences(sequences, **arguments) for u in (utils, keras.utils))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "sequences, arguments, message",
    [
        ([1, 2], {}, "a list of lists"),
        ([[1]], {"padding": "left"}, "padding='pre' or 'post'"),
        ([[1]], {"truncating": "left"}, "truncating='pre' or 'post'"),
        ([["a"]], {"value": "pad"}, "dtype=object"),
        ([[[1, 2]], [[1]]], {}, "steps of shape"),
    ],
)
def test_pad_sequences_names_the_mistake(sequences, arguments, message):
    with pytest.raises(ValueError, match=message):
        utils.pad_sequences(sequences, **arguments)
