"""The commonest mistakes: at most six lines: where, expected, got, what to do."""

import json
import traceback
import warnings

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops
from keraunos._training import trainer

X = np.ones((8, 4), "float32")
Y = np.arange(8) % 3


def classifier(loss="sparse_categorical_crossentropy", units=3, **arguments):
    model = keras.Sequential(
        [keras.Input((4,), name="pixels"), layers.Dense(units, "softmax", name="out")], name="net"
    )
    model.compile("adam", loss, **arguments)
    return model


def two_inputs():
    a, b = keras.Input((2,), name="left"), keras.Input((3,), name="right")
    model = keras.Model([a, b], layers.Dense(1)(layers.concatenate([a, b])), name="net")
    model.compile("sgd", "mse")
    return model


class Branching(layers.Layer):
    def call(self, x):
        if ops.sum(x) > 0:
            return x
        return -x


class Silent(layers.Layer):
    def call(self, x):
        ops.exp(x)


class Forgetful(keras.Model):
    def __init__(self):
        self.dense = layers.Dense(2)

    def call(self, x):
        return self.dense(x)


def fit_branching():
    model = keras.Sequential([keras.Input((4,)), Branching(name="fork")])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)


# name -> what to do, the error, words that the message has to contain
CASES = {
    "wrong input shape": (
        lambda: classifier().fit(np.ones((8, 5)), Y, verbose=0),
        ValueError,
        ["out", "4", "5"],
    ),
    "wrong input shape of predict": (
        lambda: classifier().predict(np.ones((8, 5)), verbose=0),
        ValueError,
        ["out", "4", "5"],
    ),
    "dates": (
        lambda: classifier().fit(np.array(["2020-01-01"] * 8, "datetime64[D]"), Y, verbose=0),
        ValueError,
        ["x", "numbers", "datetime64[D]", "astype"],
    ),
    "numbers as objects": (
        lambda: classifier().fit(np.ones((8, 4), object), Y, verbose=0),
        ValueError,
        ["x", "Python objects", "astype"],
    ),
    "wrong rank": (
        lambda: layers.Conv2D(2, 3, name="conv")(np.ones((2, 8, 8))),
        ValueError,
        ["conv", "4", "(2, 8, 8)"],
    ),
    "wrong number of inputs": (
        lambda: two_inputs().fit([X], Y, verbose=0),
        ValueError,
        ["net", "2", "left", "right", "1"],
    ),
    "unknown input name": (
        lambda: two_inputs().predict({"lft": X, "right": X}, verbose=0),
        ValueError,
        ["net", "left", "lft"],
    ),
    "integer labels": (
        lambda: classifier("categorical_crossentropy").fit(X, Y, verbose=0),
        ValueError,
        ["sparse_categorical_crossentropy"],
    ),
    "labels out of range": (
        lambda: classifier().fit(X, Y + 1, verbose=0),
        ValueError,
        ["labels", "0 to 2", "3"],
    ),
    "negative labels": (
        lambda: classifier().fit(X, Y - 1, verbose=0),
        ValueError,
        ["labels", "-1"],
    ),
    "validation labels out of range": (
        lambda: classifier().fit(X, Y, validation_data=(X, Y + 7), verbose=0),
        ValueError,
        ["labels", "9"],
    ),
    "targets of another shape": (
        lambda: classifier("mse").fit(X, np.ones((8, 5)), verbose=0),
        ValueError,
        ["(8, 5)", "(8, 3)"],
    ),
    "numbers of samples differ": (
        lambda: classifier().fit(X, Y[:5], verbose=0),
        ValueError,
        ["x: 8", "y: 5"],
    ),
    "strings": (
        lambda: classifier().fit(X, np.array(list("abcabcab")), verbose=0),
        ValueError,
        ["y", "numbers", "strings"],
    ),
    "ragged": (lambda: classifier().fit([[1, 2], [3]], Y[:2], verbose=0), ValueError, ["x"]),
    "empty": (lambda: classifier().fit(X[:0], Y[:0], verbose=0), ValueError, ["x", "sample"]),
    "unknown loss": (
        lambda: classifier("sparse_categorical_crossentrpy"),
        ValueError,
        ["sparse_categorical_crossentropy"],
    ),
    "unknown metric": (
        lambda: classifier(metrics=["acuracy"]),
        ValueError,
        ["acuracy", "accuracy"],
    ),
    "unknown optimizer": (
        lambda: keras.Sequential([layers.Dense(1)]).compile("adm", "mse"),
        ValueError,
        ["adm", "adam"],
    ),
    "unknown activation": (lambda: layers.Dense(3, "rleu"), ValueError, ["rleu", "relu"]),
    "unknown layer": (lambda: layers.Dens(3), AttributeError, ["Dens", "Dense"]),
    "unknown argument": (
        lambda: layers.Dense(3, activaton="relu"),
        TypeError,
        ["activaton", "activation"],
    ),
    "python if on a tensor": (fit_branching, TypeError, ["fork", "ops.where", "run_eagerly"]),
    "never compiled": (
        lambda: keras.Sequential([layers.Dense(1)]).fit(X, Y, verbose=0),
        RuntimeError,
        ["compile"],
    ),
    "never built": (
        lambda: keras.Sequential([layers.Dense(1)]).output_shape,
        AttributeError,
        ["Input", "build"],
    ),
    "keys that no output has": (
        lambda: classifier(loss={"outt": "mse"}).fit(X, Y, verbose=0),
        ValueError,
        ["outt", "out"],
    ),
    "a disconnected graph": (
        lambda: keras.Model(keras.Input((2,)), keras.Input((2,), name="b")),
        ValueError,
        ["connected", "b"],
    ),
    "symbolic in numpy": (lambda: np.exp(keras.Input((2,))), TypeError, []),
    "no targets": (
        lambda: classifier().fit(X, verbose=0),
        ValueError,
        ["y: the targets are missing", "loss"],
    ),
    "no targets, one batch": (
        lambda: classifier().train_on_batch(X),
        ValueError,
        ["y: the targets are missing"],
    ),
    "classes for a binary loss": (
        lambda: classifier("binary_crossentropy").fit(X, Y, verbose=0),
        ValueError,
        ["0 and 1", "0 to 2", "sparse_categorical_crossentropy"],
    ),
    "class_weight as a list": (
        lambda: classifier().fit(X, Y, class_weight=[1.0, 2.0, 3.0], verbose=0),
        ValueError,
        ["class_weight", "dict(enumerate(class_weight))"],
    ),
    "class_weight for several labels a sample": (
        lambda: classifier().fit(X, np.zeros((8, 2, 2), int), class_weight={0: 2.0}, verbose=0),
        ValueError,
        ["class_weight", "(8, 2, 2)", "sample_weight"],
    ),
    "learning rate in words": (
        lambda: keras.optimizers.Adam("0.1"),
        ValueError,
        ["learning_rate", "'0.1'"],
    ),
    "a dictionary for a Sequential": (
        lambda: classifier().predict({"pixels": X}, verbose=0),
        ValueError,
        ["Sequential 'net'", "one input", "pixels"],
    ),
    "two arrays for a Sequential": (
        lambda: classifier().predict([X, X], verbose=0),
        ValueError,
        ["Sequential 'net'", "one input", "list of 2"],
    ),
    "no super().__init__()": (
        lambda: Forgetful()(X),
        AttributeError,
        ["Forgetful", "super().__init__()"],
    ),
    "a call that returns nothing": (
        lambda: keras.Sequential([keras.Input((4,)), Silent(name="mute")]),
        TypeError,
        ["Silent 'mute'", "return the outputs"],
    ),
    "inputs alone": (
        lambda: keras.Model(inputs=keras.Input((4,))),
        TypeError,
        ["inputs=", "outputs"],
    ),
    "parameters of what is not built": (
        lambda: keras.Sequential([layers.Dense(1)], name="net").count_params(),
        ValueError,
        ["net", "build"],
    ),
    "a window larger than the input": (
        lambda: layers.Conv2D(3, 9)(keras.Input((8, 8, 4))),
        ValueError,
        ["(9, 9)", "(None, 8, 8, 4)"],
    ),
    "batch_size": (
        lambda: classifier().fit(X, Y, batch_size=-5, verbose=0),
        ValueError,
        ["batch_size", "-5"],
    ),
    "batch_size of predict": (
        lambda: classifier().predict(X, batch_size=2.5, verbose=0),
        ValueError,
        ["batch_size", "2.5"],
    ),
    "epochs": (lambda: classifier().fit(X, Y, epochs=2.5), ValueError, ["epochs", "2.5"]),
    "validation_freq": (
        lambda: classifier().fit(X, Y, validation_data=(X, Y), validation_freq=0, verbose=0),
        ValueError,
        ["validation_freq", "0"],
    ),
    "validation_data of four": (
        lambda: classifier().fit(X, Y, validation_data=(X, Y, X, Y), verbose=0),
        ValueError,
        ["validation_data", "4 entries"],
    ),
    "validation_split of nothing": (
        lambda: classifier().fit(X[:1], Y[:1], validation_split=0.5, verbose=0),
        ValueError,
        ["split"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_error(name):
    action, kind, words = CASES[name]
    with pytest.raises(kind) as caught:
        action()
    text = str(caught.value)
    assert len(text.splitlines()) <= 6, text
    for word in words:
        assert word in text, text


def test_targets_of_rank_one_against_outputs_of_one_unit_do_not_broadcast():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae", lambda y, p: ops.abs(y - p)])
    y = np.arange(8.0)
    loss = model.evaluate(X, y, verbose=0)[0]
    prediction = model.predict(X, verbose=0)[:, 0]
    np.testing.assert_allclose(loss, ((prediction - y) ** 2).mean(), rtol=1e-5)


def test_targets_that_were_forgotten_once_count_when_they_come():
    model = classifier()
    with pytest.raises(ValueError, match="missing"):
        model.evaluate(X, verbose=0)
    assert model.evaluate(X, Y, verbose=0) > 0


def test_a_list_of_one_array_is_that_array():
    model = classifier()
    np.testing.assert_array_equal(model.predict([X], verbose=0), model.predict(X, verbose=0))
    model.fit([X], [Y], verbose=0)


def test_validation_data_may_be_x_alone():
    class Adding(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(x))
            return x

    model = keras.Sequential([keras.Input((4,)), Adding()])
    model.compile("sgd")
    assert model.fit(X, validation_data=X, verbose=0).history["val_loss"] == [1.0]


def test_nan_in_the_data_is_named_and_not_fatal():
    x = X.copy()
    x[5, 2] = np.nan
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier().fit(x, Y, verbose=0)
    text = "\n".join(str(w.message) for w in caught)
    assert "x has values that are not finite" in text
    assert "number 5" in text


def test_lists_of_lists_are_arrays():
    classifier().fit([[1.0, 2, 3, 4]] * 6, [0, 1, 2] * 2, verbose=0)


def test_large_integers_are_not_cut():
    with pytest.raises(ValueError, match="32 bits"):
        classifier().fit(X, np.full(8, 2**40), verbose=0)


def test_an_eager_run_may_branch_on_values():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(4)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(X, X, verbose=0)


# -- tracebacks -----------------------------------------------------------------------------------


def frames(call):
    """Return the files of the frames of the error that a call raises, but for the test's own."""
    with pytest.raises(Exception) as caught:
        call()
    error, found = caught.value, []
    while error is not None:
        found += [frame.filename for frame in traceback.extract_tb(error.__traceback__)]
        error = error.__cause__
    return [name for name in found if name != __file__]


class Broken(layers.Layer):
    def call(self, inputs):
        return inputs + missing_name  # noqa: F821


MISTAKES = {
    "fit": lambda model: model.fit(np.zeros((4, 7)), np.zeros((4, 1))),
    "lengths": lambda model: model.fit(np.zeros((4, 6)), np.zeros((3, 1))),
    "evaluate": lambda model: model.evaluate(np.zeros((4, 7)), np.zeros((4, 1))),
    "predict": lambda model: model.predict(np.zeros((4, 7))),
    "call": lambda model: model(np.zeros((4, 7))),
    "graph": lambda model: layers.Conv2D(3, 3)(keras.Input((4, 4))),
    "argument": lambda model: layers.Dense(-1),
    "compile": lambda model: model.compile("adm", "mse"),
    "layer": lambda model: model.get_layer("none"),
    "file": lambda model: keras.models.load_model("none.keras"),
    "in a layer of one's own": lambda model: keras.Sequential([Broken()])(np.zeros((4, 7))),
    "in its training": lambda model: fitted(keras.Sequential([Broken(), layers.Dense(1)])),
}


def fitted(model):
    model.compile("sgd", "mse")
    model.fit(np.zeros((4, 6)), np.zeros((4, 1)), verbose=0)


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_traceback_has_the_programs_own_lines_alone(mistake):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert frames(lambda: MISTAKES[mistake](model)) == []


def test_what_nobody_foresaw_keeps_its_frames(monkeypatch):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    monkeypatch.setattr(trainer, "bucket", None)
    found = frames(lambda: model.predict_on_batch(np.zeros((1, 6))))
    assert any(name == trainer.__file__ for name in found)


def test_what_another_library_raises_inside_keeps_its_frames(monkeypatch):
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    monkeypatch.setattr(trainer, "bucket", lambda *args: json.loads("{"))
    found = frames(lambda: model.predict_on_batch(np.zeros((1, 6))))
    assert any(name == trainer.__file__ for name in found)


def test_all_frames_are_shown_on_request():
    model = keras.Sequential([keras.Input((6,)), layers.Dense(1)])
    keras.config.disable_traceback_filtering()
    try:
        assert not keras.config.is_traceback_filtering_enabled()
        assert len(frames(lambda: model(np.zeros((4, 7))))) > 3
    finally:
        keras.config.enable_traceback_filtering()


def test_an_error_may_be_its_own_cause():
    class Circular(layers.Layer):
        def call(self, inputs):
            error = ValueError("round")
            raise error from error

    with pytest.raises(ValueError, match="round"):
        Circular()(np.zeros((4, 7)))


def test_a_warning_is_told_at_the_line_of_the_program():
    x = np.full_like(X, np.nan)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        classifier().fit(x, Y, verbose=0)
        classifier().predict(x, verbose=0)
    assert {warning.filename for warning in caught} == {__file__}
