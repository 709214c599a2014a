"""LoRA: what it trains, what it leaves alone, what a file holds, what is refused."""

import numpy as np
import pytest
from tests.tables.adapting import filled, made
from tests.tables.quantizers import ADAPTED

import keraunos as keras
from keraunos import layers


def data():
    rng = np.random.default_rng(0)
    return rng.normal(size=(32, 4)).astype("float32"), rng.normal(size=(32, 3)).astype("float32")


@pytest.mark.parametrize("case", ADAPTED, ids=lambda case: case.id)
def test_the_large_weight_is_frozen_and_two_small_ones_are_trained(case):
    layer = made(keras, case)
    x = case.inputs()
    before, count = np.asarray(layer(x)), len(layer.trainable_variables)
    layer.enable_lora(2)
    np.testing.assert_allclose(layer(x), before, rtol=1e-5, atol=1e-5)  # b begins with zeros
    names = [v.name for v in layer.trainable_variables]
    assert names[-2:] == [f"lora_{case.large}_a", f"lora_{case.large}_b"]
    assert len(names) == count + 1
    assert [v.name for v in layer.non_trainable_variables] == [case.large]
    assert layer.get_config()["lora_rank"] == 2


@pytest.mark.parametrize("at_construction", [True, False])
def test_training_moves_the_small_weights_alone(at_construction):
    options = {"lora_rank": 2, "lora_alpha": 8} if at_construction else {}
    dense = layers.Dense(3, **options)
    model = keras.Sequential([keras.Input((4,)), dense])
    model.compile("sgd", "mse")
    if not at_construction:
        # Compiled again: an optimizer that has state is that of the variables it has seen.
        model.fit(*data(), verbose=0)
        dense.enable_lora(2, lora_alpha=8)
        model.compile("sgd", "mse")
    kernel, before = dense._kernel.numpy(), model.evaluate(*data(), verbose=0)
    model.fit(*data(), epochs=5, verbose=0)
    assert model.evaluate(*data(), verbose=0) < before
    np.testing.assert_array_equal(dense._kernel.numpy(), kernel)
    assert np.abs(dense.lora_kernel_b.numpy()).max() > 0
    assert dense.lora_alpha == 8  # Keras forgets it when a Dense is made with it
    np.testing.assert_allclose(
        model.predict(data()[0], verbose=0),
        data()[0] @ np.asarray(dense.kernel) + dense.bias.numpy(),
        rtol=1e-5,
        atol=1e-5,
    )


def test_an_optimizer_with_state_says_that_it_does_not_know_the_new_variables():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(*data(), verbose=0)
    model.layers[0].enable_lora(2)
    with pytest.raises(ValueError, match="use a new optimizer"):
        model.fit(*data(), verbose=0)


def test_a_file_holds_the_sum_and_what_was_loaded_can_be_trained_on(tmp_path):
    model = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    model.layers[0].enable_lora(2)
    filled(model)
    model.compile("sgd", "mse")
    expected = model.predict(data()[0], verbose=0)
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    plain = keras.Sequential([keras.Input((4,)), layers.Dense(3)])
    plain.load_weights(tmp_path / "model.weights.h5")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for one in (plain, loaded):
        np.testing.assert_allclose(one.predict(data()[0], verbose=0), expected, rtol=1e-5)
    before = loaded.evaluate(*data(), verbose=0)
    loaded.fit(*data(), epochs=3, verbose=0)
    # Keras loads zeros into both small weights: nothing would be learned by them any more.
    assert np.abs(loaded.layers[0].lora_kernel_b.numpy()).max() > 0
    assert loaded.evaluate(*data(), verbose=0) < before
    model.load_weights(tmp_path / "model.weights.h5")
    np.testing.assert_allclose(model.predict(data()[0], verbose=0), expected, rtol=1e-5)


def test_half_precision_keeps_the_small_weights_in_float32():
    layer = layers.Dense(3, dtype="mixed_bfloat16", lora_rank=2)
    assert layer(np.ones((2, 4), "float32")).dtype == "bfloat16"
    assert layer.lora_kernel_a.dtype == layer.lora_kernel_b.dtype == "float32"


BAD = [
    (lambda: layers.Dense(2, lora_rank=0, name="d"), "Dense 'd', argument 'lora_rank'"),
    (lambda: layers.Conv1D(2, 2, lora_rank=-1, name="c"), "Conv1D 'c', argument 'lora_rank'"),
    (lambda: layers.Dense(2, name="d").enable_lora(2), "Dense 'd'"),
    (lambda: built().enable_lora(0), "Dense 'd', argument 'rank'"),
    (lambda: built(lora_rank=1).enable_lora(2), "it has rank 1 already"),
    (lambda: built(kernel_constraint="non_neg").enable_lora(2), "no kernel_constraint"),
    (
        lambda: layers.Embedding(3, 2, embeddings_constraint="non_neg", lora_rank=1, name="e")(0),
        "Embedding 'e'",
    ),
    (lambda: layers.Dense(2, name="d").kernel, "Dense 'd' has no kernel yet"),
]


def built(**options):
    layer = layers.Dense(2, name="d", **options)
    layer.build((None, 3))
    return layer


@pytest.mark.parametrize("call, text", BAD, ids=range(len(BAD)))
def test_refusals(call, text):
    with pytest.raises((ValueError, AttributeError)) as caught:
        call()
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6
