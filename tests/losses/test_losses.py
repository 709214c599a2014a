"""Losses never broadcast, never hide a wrong label, and say which loss would be right."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import losses


@pytest.mark.parametrize(
    "name", ["mse", "mae", "huber", "binary_crossentropy", "hinge", "kl_divergence"]
)
@pytest.mark.parametrize(
    "shapes", [((8, 3), (8, 1)), ((8,), (8, 3)), ((8, 1), (8, 3)), ((4, 1), (8, 1)), ((), (8, 1))]
)
def test_shapes_that_would_broadcast_are_an_error(name, shapes):
    y_true, y_pred = map(np.ones, shapes)
    with pytest.raises(ValueError, match="differ in shape") as error:
        jax.jit(losses.get(name))(y_true, y_pred)
    assert str(shapes[0]) in str(error.value)
    assert str(shapes[1]) in str(error.value)
    assert str(error.value).count("\n") < 6


@pytest.mark.parametrize("shape", [(8,), (8, 1)])
def test_integer_labels_for_one_hot_targets(shape):
    with pytest.raises(ValueError, match="sparse_categorical_crossentropy"):
        losses.CategoricalCrossentropy()(np.zeros(shape, int), np.full((8, 3), 1 / 3))


def test_one_hot_targets_for_integer_labels():
    with pytest.raises(ValueError, match="loss='categorical_crossentropy'"):
        losses.SparseCategoricalCrossentropy()(np.eye(3)[[0, 1]], np.full((2, 3), 1 / 3))


@pytest.mark.parametrize("from_logits", [False, True])
def test_label_out_of_range_is_nan_unless_it_does_not_count(from_logits):
    loss = losses.SparseCategoricalCrossentropy(from_logits=from_logits)
    outputs = np.full((3, 4), 0.25)
    labels = np.array([0, 4, -1])
    assert np.isnan(loss(labels, outputs))
    weights = np.array([1.0, 0.0, 0.0])
    gradient = jax.grad(lambda p: loss(labels, p, weights))(jnp.asarray(outputs))
    assert np.isfinite(gradient).all()
    assert np.isfinite(loss(labels, outputs, weights))


def test_weights_that_do_not_fit():
    with pytest.raises(ValueError, match=r"sample_weight \(3,\)"):
        losses.MeanSquaredError()(np.ones((4, 2)), np.ones((4, 2)), np.ones(3))


def test_one_weight_a_sample_for_values_of_every_step():
    rng = np.random.default_rng(0)
    y_true, y_pred, weight = (rng.normal(size=s) for s in ((4, 4, 2), (4, 4, 2), (4,)))
    loss = losses.MeanSquaredError()
    assert float(loss(y_true, y_pred, weight)) == pytest.approx(
        float(loss(y_true, y_pred, weight[:, None]))
    )


def test_half_precision_outputs_are_computed_in_float32():
    y_pred = jnp.asarray(np.random.default_rng(0).uniform(size=(4, 300)), jnp.bfloat16)
    labels = np.array([299, 257, 258, 0])
    value = losses.SparseCategoricalCrossentropy()(labels, y_pred)
    assert value.dtype == jnp.float32
    assert float(value) == pytest.approx(
        float(losses.SparseCategoricalCrossentropy()(labels, y_pred.astype("float32")))
    )


def test_a_class_made_from_a_function_is_a_class():
    loss = losses.Huber(delta=0.5, name="h", reduction="sum")
    again = pickle.loads(pickle.dumps(loss))
    assert (again.delta, again.name, again.reduction) == (0.5, "h", "sum")
    assert isinstance(again, keras.Loss)
    assert losses.deserialize(losses.serialize(loss)).get_config() == loss.get_config()
    assert losses.Huber.__module__ == "keraunos.losses"

    class Mine(losses.Huber):
        def __init__(self, delta=2.0, **kwargs):
            super().__init__(delta=delta, **kwargs)

    assert Mine().delta == 2.0


def test_unknown_argument_and_name_have_a_suggestion():
    with pytest.raises(TypeError, match="did you mean 'from_logits'"):
        losses.BinaryCrossentropy(from_logit=True)
    with pytest.raises(ValueError, match="did you mean 'mean_squared_error'"):
        losses.get("mean_square_error")
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="average")


def test_symbolic_tensors():
    x = keras.KerasTensor((None, 3))
    assert losses.mean_squared_error(x, x).shape == (None,)


def test_label_range():
    assert losses.label_range(losses.SparseCategoricalCrossentropy(axis=1), (None, 7, 4)) == 7
    assert losses.label_range(losses.binary_crossentropy, (None, 1)) == 2
    assert losses.label_range(lambda a, b: a, (None, 1)) is None
    assert losses.ignored_label(losses.SparseCategoricalCrossentropy(ignore_class=-1)) == -1


def test_gradient_of_a_similarity_with_zeros_is_a_number():
    target = jnp.ones((2, 3))
    slope = jax.grad(lambda y: losses.cosine_similarity(target, y).sum())(jnp.zeros((2, 3)))
    assert jnp.isfinite(slope).all()
