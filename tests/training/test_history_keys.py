"""Logs are called what tf.keras 2.15 calls them; outputs in dictionaries go by their keys.

The names beside the cases are those that tf_keras 2.21 prints, all but one: for a graph whose
outputs are a dictionary with other keys than the names of its layers, tf_keras takes the layers'
names, Keras 3 the keys, and so do we.
"""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


def single(i):
    return layers.Dense(1, name="a")(i)


def pair(i):
    return [layers.Dense(1, name="a")(i), layers.Dense(1, name="b")(i)]


def named(i):
    return dict(zip("ba", reversed(pair(i)), strict=True))


def keyed(i):
    return dict(zip("qp", pair(i), strict=True))


def nested(i):
    return {"h": pair(i), "z": layers.Dense(1, name="c")(i)}


class Written(keras.Model):
    """A model without a graph; `outputs` says in which structure its outputs are."""

    def __init__(self, outputs):
        super().__init__()
        self._dense = {name: layers.Dense(1, name=name) for name in "abc"}
        self._arrange = outputs

    def call(self, x):
        return self._arrange(*(dense(x) for dense in self._dense.values()))


def shared(i):
    dense = layers.Dense(1, name="a")
    return [dense(i), dense(2 * i)]


BY_NAME = {"a": Y, "b": Y}
CASES = [
    (single, Y, {"metrics": ["mae"]}, "mae"),
    (single, [Y], {"loss": ["mse"], "metrics": [["mae", "mse"]]}, "mae mse"),
    (single, Y, {"metrics": ["mae"], "weighted_metrics": ["mae"]}, "mae weighted_mae"),
    (pair, [Y, Y], {}, "a_loss b_loss"),
    (pair, [Y, Y], {"metrics": ["mae"]}, "a_loss b_loss a_mae b_mae"),
    (
        pair,
        [Y, Y],
        {"loss": ["mse", "mae"], "metrics": [["mae"], ["mse", "mae"]]},
        "a_loss b_loss a_mae b_mse b_mae",
    ),
    (
        pair,
        BY_NAME,
        {"loss": {"a": "mse", "b": "mae"}, "metrics": {"a": "mae", "b": ["mse"]}},
        "a_loss b_loss a_mae b_mse",
    ),
    (pair, [Y, Y], {"loss": ["mse", None], "metrics": [["mae"], []]}, "a_loss a_mae"),
    (pair, BY_NAME, {"loss": {"a": "mse"}, "metrics": {"b": "mae"}}, "a_loss b_mae"),
    (named, BY_NAME, {"metrics": {"b": ["mae"], "a": "mse"}}, "a_loss b_loss a_mse b_mae"),
    (keyed, {"q": Y, "p": Y}, {"metrics": {"q": "mae"}}, "p_loss q_loss q_mae"),
    (nested, {"h": [Y, Y], "z": Y}, {}, "a_loss b_loss c_loss"),
    (
        nested,
        {"h": [Y, Y], "z": Y},
        {"loss": {"h": ["mse", "mae"], "z": "mse"}, "metrics": {"h": [["mae"], ["mse"]]}},
        "a_loss b_loss c_loss a_mae b_mse",
    ),
    (shared, [Y, Y], {}, "a_loss a_1_loss"),
]


@pytest.mark.parametrize(("outputs", "y", "arguments", "names"), CASES)
def test_names_in_the_history(outputs, y, arguments, names):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, outputs(inputs))
    model.compile("sgd", **({"loss": "mse"} | arguments))
    want = ["loss", *names.split()]
    assert sorted(model.fit(X, y, verbose=0).history) == sorted(want)
    assert model.metrics_names == want


@pytest.mark.parametrize(("outputs", "y", "arguments", "names"), [CASES[1], CASES[5], CASES[12]])
def test_evaluate_lists_them_in_this_order(outputs, y, arguments, names):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, outputs(inputs))
    model.compile("sgd", **({"loss": "mse"} | arguments))
    measured = model.evaluate(X, y, verbose=0, return_dict=True)
    assert list(measured) == ["loss", *names.split()]
    assert model.evaluate(X, y, verbose=0) == list(measured.values())


WRITTEN = [
    (lambda a, b, c: a, Y, {"metrics": ["mae"]}, "mae"),
    (
        lambda a, b, c: (a, b),
        [Y, Y],
        {"metrics": [["mae"], ["mse"]]},
        "output_1_loss output_2_loss output_1_mae output_2_mse",
    ),
    (lambda a, b, c: {"q": a}, {"q": Y}, {"metrics": {"q": ["mae"]}}, "mae"),
    (
        lambda a, b, c: {"q": a, "p": b},
        {"q": Y, "p": Y},
        {"metrics": {"q": ["mae"]}},
        "p_loss q_loss q_mae",
    ),
    (
        lambda a, b, c: {"h": [a, b], "z": c},
        {"h": [Y, Y], "z": Y},
        {},
        "h_1_loss h_2_loss z_loss",
    ),
    (lambda a, b, c: [a, [b, c]], [Y, [Y, Y]], {}, "output_1_loss output_2_1_loss output_2_2_loss"),
]


@pytest.mark.parametrize(("outputs", "y", "arguments", "names"), WRITTEN)
def test_names_of_the_outputs_of_a_model_without_a_graph(outputs, y, arguments, names):
    model = Written(outputs)
    model.compile("sgd", **({"loss": "mse"} | arguments))
    assert sorted(model.fit(X, y, verbose=0).history) == sorted(["loss", *names.split()])


@pytest.mark.parametrize("weights", [[1.0, 0.5], {"a": 1.0, "b": 0.5}])
def test_loss_weights_by_list_and_by_name(weights):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, pair(inputs))
    model.compile("sgd", "mse", loss_weights=weights)
    found = model.evaluate(X, [Y, Y], verbose=0, return_dict=True)
    np.testing.assert_allclose(found["loss"], found["a_loss"] + 0.5 * found["b_loss"], rtol=1e-6)


@pytest.mark.parametrize(
    ("outputs", "y", "arguments", "text"),
    [
        (pair, {"a": Y, "c": Y}, {}, "'c'"),
        (pair, [Y, Y, Y], {}, "2 entries"),
        (nested, {"h": [Y], "z": Y}, {}, "structure like"),
        (pair, [Y, Y], {"metrics": [keras.metrics.MeanSquaredError()]}, "objects among them"),
    ],
)
def test_structures_that_do_not_fit_are_told(outputs, y, arguments, text):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, outputs(inputs))
    model.compile("sgd", **({"loss": "mse"} | arguments))
    with pytest.raises(ValueError, match=text) as caught:
        model.fit(X, y, verbose=0)
    assert len(str(caught.value).split("\n")) <= 6
