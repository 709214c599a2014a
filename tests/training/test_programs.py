"""What the loop asks of XLA and of the host: few programs, no waiting, small types."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers
from keraunos._training import feed, fitting
from keraunos._training.program import bucket

RNG = np.random.default_rng(0)
X = RNG.normal(size=(64, 6)).astype("float32")
Y = RNG.integers(0, 3, 64)


def made(optimizer="adam"):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(3, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_building_a_model_compiles_nothing(compilations):
    with compilations() as count:
        inputs = x = keras.Input((48, 48, 3))
        for filters in (4, 8, 16):
            x = layers.Conv2D(filters, 3, padding="same")(x)
            x = layers.BatchNormalization()(x)
            x = layers.SeparableConv2D(filters, 3)(layers.MaxPooling2D()(x))
        x = layers.Dense(10)(layers.Flatten()(layers.Activation("relu")(x)))
        keras.Model(inputs, x).summary(print_fn=lambda line: None)
    assert count() == 0


def test_fit_and_validation_compile_two_programs(compilations):
    model = made()
    with compilations() as count:
        model.fit(X, Y, batch_size=16, epochs=3, validation_data=(X[:50], Y[:50]), verbose=0)
    assert count() <= 2
    with compilations() as count:
        model.fit(X, Y, batch_size=16, epochs=3, validation_data=(X[:50], Y[:50]), verbose=0)
    assert count() == 0


def test_an_epoch_waits_for_the_device_once(monkeypatch):
    reads = []
    plain = fitting.plain
    monkeypatch.setattr(fitting, "plain", lambda results: reads.append(1) or plain(results))
    made().fit(X, Y, batch_size=2, epochs=3, verbose=0)
    assert len(reads) == 3


def test_buckets_are_few():
    sizes = {bucket(count, 1000) for count in range(1, 1001)}
    assert sizes == {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000}


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16", "bfloat16"])
def test_half_precision_learns_and_keeps_its_dtypes(policy):
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(0)
        inputs = keras.Input((8, 8, 1))
        x = layers.BatchNormalization()(layers.Conv2D(4, 3, activation="relu")(inputs))
        outputs = layers.Dense(2, "softmax", dtype="float32")(layers.Flatten()(x))
        model = keras.Model(inputs, outputs)
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    images = RNG.normal(size=(64, 8, 8, 1)).astype("float32")
    labels = (images.mean((1, 2, 3)) > 0).astype(int)
    losses = model.fit(images, labels, epochs=8, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    kept = "float32" if policy.startswith("mixed") else policy
    assert model.layers[1].kernel.dtype == kept
    assert model.layers[1].compute_dtype == policy.removeprefix("mixed_")
    assert model.predict(images, verbose=0).dtype == np.float32


def test_a_memory_map_is_streamed_and_trains_as_an_array_does(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, X)
    streamed, whole = made("sgd"), made("sgd")
    streamed.set_weights(whole.get_weights())
    given = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    a = streamed.fit(np.load(path, mmap_mode="r"), Y, **given).history
    b = whole.fit(X, Y, **given).history
    np.testing.assert_allclose(a["loss"], b["loss"], rtol=1e-6)


def test_float64_and_int64_are_narrowed_and_say_so_where_they_cannot_be():
    model = made()
    model.fit(X.astype("float64"), Y.astype("int64"), verbose=0)
    with pytest.raises(ValueError, match="32 bits"):
        model.predict(np.full((2, 6), 2**40), verbose=0)


def test_a_compiled_program_follows_a_seed_set_afterwards():
    model = made("sgd")
    start = model.get_weights()

    def run(seed):
        model.set_weights(start)
        model.optimizer.iterations.assign(0)
        keras.utils.set_random_seed(seed)
        model.fit(X, Y, batch_size=16, verbose=0)
        return model.get_weights()[0]

    one, again, two = run(1), run(1), run(2)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, two)


def test_data_changed_during_fit_does_not_change_what_is_trained_on():
    class Spoil(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            x[:] = np.nan

    a, b = made("sgd"), made("sgd")
    b.set_weights(a.get_weights())
    x = X.copy()
    given = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    spoiled = a.fit(x, Y, callbacks=[Spoil()], **given).history["loss"]
    np.testing.assert_allclose(spoiled, b.fit(X, Y, **given).history["loss"], rtol=1e-6)


@pytest.mark.parametrize("batch_size", [1, 7, 16, 64, 100])
def test_evaluating_in_windows_is_evaluating_the_whole(batch_size, monkeypatch):
    model = made()
    weights = RNG.uniform(size=64).astype("float32")
    want = model.evaluate(X, Y, sample_weight=weights, batch_size=batch_size, verbose=0)
    monkeypatch.setattr(feed, "WINDOW", 900)
    filled = []
    at = feed.Passing.at
    monkeypatch.setattr(feed.Passing, "at", lambda *a: filled.append(a) or at(*a))
    found = model.evaluate(X, Y, sample_weight=weights, batch_size=batch_size, verbose=0)
    np.testing.assert_allclose(found, want, rtol=1e-6)
    assert len(filled) > (batch_size < 64)


def test_evaluating_other_lengths_compiles_few_programs(compilations):
    model = made()
    model.evaluate(X[:33], Y[:33], batch_size=8, verbose=0)  # five batches: a window of eight
    with compilations() as count:
        for rows in range(33, 64):
            model.evaluate(X[:rows], Y[:rows], batch_size=8, verbose=0)
    assert count() <= 1  # whole batches alone make one more
