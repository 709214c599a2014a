"""The table of docs/compat.md, row by row: what each era's Keras did, measured in each era."""

import warnings

import h5py
import numpy as np
import pytest

import keraunos as keras
from keraunos import callbacks, compat, layers, optimizers
from keraunos.compat import methods

ERAS = ("keras1", "keras2", "tf.keras", "keras3")
X, Y = np.arange(8.0).reshape(8, 1), np.ones((8, 1))


def model(*first, outputs=1):
    inputs = keras.Input((1,))
    x = inputs
    for layer in first:
        x = layer(x)
    return keras.Model(inputs, [layers.Dense(1, name=f"d{i}")(x) for i in range(outputs)])


def hard_sigmoid():
    return round(float(keras.activations.hard_sigmoid(np.float32(1))), 4)


def recurrent(name):
    return lambda: getattr(layers, name)(2).recurrent_activation.__name__


def conv_lstm():
    return layers.ConvLSTM2D(2, 3).recurrent_activation.__name__


def reset_after():
    return layers.GRU(2).reset_after


def epsilon(name):
    return lambda: getattr(optimizers, name)().epsilon


def rate(name):
    return lambda: round(float(getattr(optimizers, name)().learning_rate), 6)


def first_accumulator():
    return optimizers.Adagrad().initial_accumulator_value


def first_values():
    return type(layers.Embedding(3, 2).embeddings_initializer).__name__


def two_numbers():
    layer = layers.Conv2D(4, 3, 3)
    return layer.kernel_size, layer.strides


def weights_at_once():
    return len(keras.Sequential([layers.Embedding(3, 2)]).weights)


def frozen_after_compile():
    """Whether a layer that was frozen after `compile` is trained."""
    one = model()
    one.compile("sgd", "mse")
    one.layers[-1].trainable = False
    before = one.get_weights()[0].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one.fit(X, Y, verbose=0)
    return not np.array_equal(before, one.get_weights()[0])


def frozen_normalization():
    """Whether a frozen BatchNormalization takes the batch's mean in training."""
    layer = layers.BatchNormalization(trainable=False)
    out = np.asarray(layer(np.full((4, 1), 5.0, "float32"), training=True))
    return bool(abs(out).max() < 1e-3)


def measures_the_batch():
    """Whether train_on_batch tells the loss of this batch alone."""
    one = model()
    one.layers[-1].set_weights([np.zeros((1, 1)), np.zeros(1)])
    one.compile(optimizers.SGD(0.0), "mse")
    one.train_on_batch(X, 2 * Y)
    return float(np.ravel(one.train_on_batch(X, Y))[0])


def metrics_of_outputs():
    """How many metrics two outputs have of a list of two: all for each, or one each."""
    one = model(outputs=2)
    one.compile("sgd", "mse", metrics=["mae", "mape"])
    return len([n for n in one.fit(X, [Y, Y], verbose=0).history if "ma" in n])


def told_sizes():
    seen = {}

    class Ask(callbacks.Callback):
        def on_batch_end(self, batch, logs=None):
            seen.update(logs)

    one = model()
    one.compile("sgd", "mse")
    one.fit(X, Y, verbose=0, callbacks=[Ask()])
    return "size" in seen


def unknown_monitor():
    methods._warned.clear()
    one = model()
    one.compile("sgd", "mse")
    try:
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            one.fit(X, Y, verbose=0, callbacks=[callbacks.EarlyStopping(monitor="nothing")])
    except (ValueError, KeyError):
        return "error"
    return "warns" if any("nothing" in str(w.message) for w in told) else "silent"


def saved_without_suffix(tmp_path):
    model().save(tmp_path / "name")
    return "folder" if (tmp_path / "name").is_dir() else h5py.is_hdf5(tmp_path / "name")


LOW, HIGH = "hard_sigmoid", "sigmoid"
CONV = [((3, 3), (1, 1)), ((3, 3), (3, 3))]
ROWS = [
    (hard_sigmoid, (0.7, 0.7, 0.7, 0.6667)),
    (recurrent("LSTM"), (LOW, HIGH, HIGH, HIGH)),
    (recurrent("GRU"), (LOW, HIGH, HIGH, HIGH)),
    (conv_lstm, (LOW, LOW, LOW, HIGH)),
    (reset_after, (False, False, True, True)),
    (epsilon("Adam"), (1e-8, 1e-7, 1e-7, 1e-7)),
    (epsilon("RMSprop"), (1e-8, 1e-7, 1e-7, 1e-7)),
    (rate("Adagrad"), (0.01, 0.01, 0.001, 0.001)),
    (first_accumulator, (0.0, 0.0, 0.1, 0.1)),
    (rate("Adadelta"), (1.0, 1.0, 0.001, 0.001)),
    (rate("Adamax"), (0.002, 0.002, 0.001, 0.001)),
    (rate("Nadam"), (0.002, 0.002, 0.001, 0.001)),
    (first_values, ("RandomUniform",) * 4),
    (two_numbers, (CONV[0], CONV[0], CONV[1], CONV[1])),
    (weights_at_once, (1, 1, 1, 0)),
    (frozen_after_compile, (True, True, True, False)),
    (frozen_normalization, (True, True, False, False)),
    (measures_the_batch, (1.0, 1.0, 1.0, 1.0)),
    (metrics_of_outputs, (4, 4, 4, 2)),
    (told_sizes, (True, True, False, False)),
    (unknown_monitor, ("warns", "warns", "warns", "error")),
    (saved_without_suffix, (True, True, "folder", "folder")),
    # The same in all eras.
    (lambda: type(layers.Dense(1).kernel_initializer).__name__, ("GlorotUniform",) * 4),
    (lambda: type(layers.Conv2D(1, 3).kernel_initializer).__name__, ("GlorotUniform",) * 4),
    (lambda: (n := layers.BatchNormalization()).momentum + n.epsilon, (0.99 + 0.001,) * 4),
    (
        lambda: layers.Conv2D(1, 3, strides=2, padding="same")(np.ones((1, 5, 6, 1))).shape,
        ((1, 3, 3, 1),) * 4,
    ),
]


@pytest.mark.parametrize("era", ERAS)
def test_every_row(era, tmp_path):
    compat.install(era)
    try:
        found = [fact(tmp_path) if fact is saved_without_suffix else fact() for fact, _ in ROWS]
    finally:
        compat.uninstall()
    expected = [row[ERAS.index(era)] for _, row in ROWS]
    for (fact, _), one, other in zip(ROWS, found, expected, strict=True):
        assert one == pytest.approx(other) if isinstance(other, float) else one == other, fact


@pytest.mark.parametrize("era", ERAS)
def test_acc_is_chosen_by_the_loss(era):
    chosen = {
        ("binary_crossentropy", 1, "sigmoid"): [[0.9], [0.1]],
        ("categorical_crossentropy", 2, "softmax"): [[1.0, 0.0], [0.0, 1.0]],
        ("sparse_categorical_crossentropy", 2, "softmax"): [[0], [1]],
    }
    x = np.array([[1.0], [-1.0]])
    compat.install(era)
    try:
        for (loss, units, activation), y in chosen.items():
            one = keras.Sequential([keras.Input((1,)), layers.Dense(units, activation=activation)])
            one.layers[-1].set_weights([np.array([[9.0, -9.0][:units]]), np.zeros(units)])
            one.compile("sgd", loss, metrics=["acc"])
            assert one.evaluate(x, np.round(y), verbose=0)[1] == 1.0, loss
    finally:
        compat.uninstall()


def test_a_stateful_layer_keeps_its_state_until_it_is_reset():
    compat.install("keras2")
    try:
        one = keras.Sequential(
            [layers.LSTM(2, stateful=True, batch_input_shape=(1, 3, 1)), layers.Dense(1)]
        )
        x = np.ones((1, 3, 1))
        first, second = one.predict(x, verbose=0), one.predict(x, verbose=0)
        one.reset_states()
        again = one.predict(x, verbose=0)
    finally:
        compat.uninstall()
    assert not np.allclose(first, second)
    np.testing.assert_allclose(first, again, atol=1e-6)


def test_an_unknown_word_to_compile_is_told_once():
    methods._warned.clear()
    compat.install("keras2")
    try:
        one = model()
        with pytest.warns(UserWarning, match="no argument 'optimiser'"):
            one.compile("sgd", "mse", optimiser="adam")
        one.compile("sgd", "mse", optimiser="adam")  # a second warning would be an error
    finally:
        compat.uninstall()


def test_names_of_logs_whichever_was_logged(tmp_path):
    compat.install("keras2")
    try:
        for logged in ("acc", "accuracy"):
            one = keras.Sequential([keras.Input((1,)), layers.Dense(1, activation="sigmoid")])
            one.compile("sgd", "binary_crossentropy", metrics=[logged, "mse"])
            kept = callbacks.ModelCheckpoint(
                str(tmp_path / (logged + "-{val_acc:.2f}.h5")), monitor="val_acc"
            )
            history = one.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[kept]).history
            same = [history[n] for n in ("acc", "accuracy")]
            assert same[0] is same[1]
            assert history["val_acc"] is history["val_accuracy"]
            assert history["mse"] is history["mean_squared_error"]
            value = history["val_acc"][0]
            assert (tmp_path / f"{logged}-{value:.2f}.h5").is_file()
    finally:
        compat.uninstall()
