"""Training equals the real Keras: the same weights, the same data, ten steps, the same numbers."""

import keras as real
import numpy as np
import pytest

import keraunos

RNG = np.random.default_rng(0)
IMAGES = RNG.random((60, 12, 12, 2), dtype="float32")
TOKENS = RNG.integers(0, 20, (60, 9)).astype("int32")
VECTORS = RNG.normal(size=(60, 7)).astype("float32")
LABELS = RNG.integers(0, 4, 60).astype("int32")  # Keras warns of 64 bits under jax 0.12
SIZES = VECTORS.sum(1)


def perceptron(k):
    model = k.Sequential([k.Input((7,)), k.layers.Dense(8, "relu"), k.layers.Dense(4, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, VECTORS, LABELS


def convnet(k):
    model = k.Sequential(
        [
            k.Input((12, 12, 2)),
            k.layers.Conv2D(6, 3, activation="relu"),
            k.layers.MaxPooling2D(),
            k.layers.Conv2D(8, 3, padding="same", strides=2, activation="relu"),
            k.layers.Flatten(),
            k.layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("rmsprop", "categorical_crossentropy", metrics=["accuracy"])
    return model, IMAGES, np.eye(4, dtype="float32")[LABELS]


def xception(k):
    inputs = x = k.Input((12, 12, 2))
    x = k.layers.Conv2D(4, 3, use_bias=False)(x)
    before = x
    x = k.layers.BatchNormalization()(x)
    x = k.layers.Activation("relu")(x)
    x = k.layers.SeparableConv2D(6, 3, padding="same", use_bias=False)(x)
    x = k.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    x = k.layers.add([x, k.layers.Conv2D(6, 1, strides=2, padding="same", use_bias=False)(before)])
    x = k.layers.GlobalAveragePooling2D()(x)
    model = k.Model(inputs, k.layers.Dense(1, activation="sigmoid")(x))
    model.compile(k.optimizers.SGD(0.01, momentum=0.9), "binary_crossentropy", metrics=["accuracy"])
    return model, IMAGES, (LABELS > 1).astype("float32")


def lstm(k):
    model = k.Sequential(
        [
            k.Input((9,), dtype="int32"),
            k.layers.Embedding(20, 5, mask_zero=True),
            k.layers.Bidirectional(k.layers.LSTM(4, return_sequences=True)),
            k.layers.GRU(5),
            k.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy", metrics=["acc"])
    return model, TOKENS, (LABELS > 1).astype("float32")


def conv1d(k):
    model = k.Sequential(
        [
            k.Input((9,), dtype="int32"),
            k.layers.Embedding(20, 6),
            k.layers.Conv1D(5, 3, activation="relu", padding="causal"),
            k.layers.MaxPooling1D(2),
            k.layers.GlobalMaxPooling1D(),
            k.layers.Dense(1),
        ]
    )
    loss = k.losses.BinaryCrossentropy(from_logits=True)
    model.compile("adagrad", loss, metrics=[k.metrics.BinaryAccuracy(threshold=0.0)])
    return model, TOKENS, (LABELS > 1).astype("float32")


def several(k):
    inputs = k.Input((7,))
    hidden = k.layers.Dense(6, "tanh", kernel_regularizer="l2")(inputs)
    kind = k.layers.Dense(4, "softmax", name="kind")(hidden)
    size = k.layers.Dense(1, name="size")(hidden)
    model = k.Model(inputs, [kind, size])
    model.compile(
        k.optimizers.AdamW(0.01, clipnorm=1.0),
        ["sparse_categorical_crossentropy", "mse"],
        loss_weights=[1.0, 0.3],
        metrics=[["accuracy"], ["mae"]],
    )
    return model, VECTORS, [LABELS, SIZES]


def schedule(k):
    model = k.Sequential([k.Input((7,)), k.layers.Dense(1)])
    rate = k.optimizers.schedules.ExponentialDecay(0.05, 3, 0.5)
    model.compile(k.optimizers.SGD(rate, momentum=0.5, nesterov=True), "mse", metrics=["mae"])
    return model, VECTORS, SIZES


MODELS = [perceptron, convnet, xception, lstm, conv1d, several, schedule]


def both(build):
    ours, x, y = build(keraunos)
    theirs, _, _ = build(real)
    ours.set_weights(theirs.get_weights())
    return ours, theirs, x, y


def assert_equal_histories(ours, theirs):
    assert list(ours.history) == list(theirs.history)
    for name, row in theirs.history.items():
        np.testing.assert_allclose(ours.history[name], row, rtol=2e-5, atol=1e-5, err_msg=name)


def assert_equal_weights(ours, theirs):
    for a, b, w in zip(ours.get_weights(), theirs.get_weights(), ours.weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5, err_msg=w.path)


@pytest.mark.parametrize("build", MODELS)
def test_ten_steps(build):
    ours, theirs, x, y = both(build)
    arguments = {"epochs": 3, "batch_size": 16, "shuffle": False, "verbose": 0}
    a, b = ours.fit(x, y, **arguments), theirs.fit(x, y, **arguments)
    assert_equal_histories(a, b)
    assert_equal_weights(ours, theirs)


@pytest.mark.parametrize("build", [perceptron, several, lstm])
def test_predict_and_evaluate(build):
    ours, theirs, x, y = both(build)
    for a, b in zip(
        _listed(ours.predict(x, verbose=0)), _listed(theirs.predict(x, verbose=0)), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=1e-5)
    want = theirs.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    found = ours.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    assert set(found) == set(want)
    for name in want:
        np.testing.assert_allclose(found[name], want[name], rtol=2e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize(
    "arguments",
    [
        {"validation_split": 0.25},
        {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5, 3: 1.5}},
        {"sample_weight": RNG.random(60).astype("float32")},
        {"validation_data": (VECTORS[:10], LABELS[:10]), "validation_freq": 2},
        {
            "validation_data": (VECTORS[:10], LABELS[:10], np.arange(10.0)),
            "validation_batch_size": 4,
        },
        {"initial_epoch": 2},
    ],
    ids=lambda a: next(iter(a)),
)
def test_arguments_of_fit(arguments):
    ours, theirs, x, y = both(perceptron)
    given = {"epochs": 4, "batch_size": 16, "shuffle": False, "verbose": 0} | arguments
    assert_equal_histories(ours.fit(x, y, **given), theirs.fit(x, y, **given))
    assert_equal_weights(ours, theirs)


def test_weighted_metrics_and_unweighted_ones():
    def build(k):
        model = k.Sequential([k.Input((7,)), k.layers.Dense(1)])
        model.compile("sgd", "mse", metrics=["mae"], weighted_metrics=["mse"])
        return model, VECTORS, SIZES

    ours, theirs, x, y = both(build)
    weights = np.linspace(0, 2, 60).astype("float32")
    given = {"sample_weight": weights, "batch_size": 16, "verbose": 0, "return_dict": True}
    found, want = ours.evaluate(x, y, **given), theirs.evaluate(x, y, **given)
    assert found == pytest.approx(want, rel=1e-5)


def _listed(value):
    return value if isinstance(value, list) else [value]
