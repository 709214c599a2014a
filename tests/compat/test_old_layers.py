"""Layers that Keras 3 has no more equal slow references written from their definitions."""

import itertools
import json
import math

import numpy as np
import pytest

import keraunos as keras
from keraunos import compat, layers
from keraunos.compat.old_layers import from_cudnn

RNG = np.random.default_rng(0)
X = RNG.normal(size=(5, 4)).astype("float32")
NAMES = "CuDNNGRU CuDNNLSTM Highway LocallyConnected1D LocallyConnected2D MaxoutDense"
NAMES = [*NAMES.split(), "ThresholdedReLU"]


def close(found, expected):
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def randomized(layer, x):
    """Give a layer random weights, which are returned."""
    if not layer.built:
        layer.build(x.shape)
    layer.set_weights([RNG.normal(size=w.shape) for w in layer.weights])
    return layer.get_weights()


@pytest.mark.parametrize("name", NAMES)
def test_found_in_layers_and_through_the_hook(name):
    ours = getattr(layers, name)
    compat.install()
    try:
        import keras.layers as old
        from tensorflow.keras.layers import Dense  # noqa: F401

        assert getattr(old, name) is ours
    finally:
        compat.uninstall()


def test_unknown_names_are_errors_still():
    with pytest.raises(AttributeError, match="has no 'MaxoutDence'"):
        layers.MaxoutDence  # noqa: B018
    assert not hasattr(layers, "__wrapped__")


def test_thresholded_relu():
    close(layers.ThresholdedReLU(0.5)(X), np.where(X > 0.5, X, 0))


@pytest.mark.parametrize("bias", [True, False])
def test_maxout(bias):
    layer = layers.MaxoutDense(3, nb_feature=2, bias=bias)
    kernel, *biases = randomized(layer, X)
    rows = X @ kernel
    rows = rows + biases[0][:, None] if bias else rows
    close(layer(X), rows.max(0))
    assert kernel.shape == (2, 4, 3)
    assert not bias or biases[0].shape == (2, 3)


@pytest.mark.parametrize("bias", [True, False])
def test_highway(bias):
    layer = layers.Highway(activation="tanh", bias=bias)
    layer.build(X.shape)
    assert not bias or layer.get_weights()[3].tolist() == [1] * 4
    kernel, gate, b, b_gate = [*randomized(layer, X), 0, 0][:4]
    gate = 1 / (1 + np.exp(-(X @ gate + b_gate)))
    close(layer(X), gate * np.tanh(X @ kernel + b) + (1 - gate) * X)


def test_first_weights_and_input_dim():
    given = [RNG.normal(size=(4, 4, 2)), RNG.normal(size=(4, 2))]
    model = keras.Sequential([layers.MaxoutDense(2, weights=given, input_dim=4)])
    close(model(X), (X @ given[0] + given[1][:, None]).max(0))


# -- locally connected ---------------------------------------------------------------------------

SAME = {"padding": "same"}
FIRST = {"data_format": "channels_first"}
PLACED = [
    (1, {}),
    (1, {"strides": 2, "implementation": 3, **SAME}),
    (1, {"implementation": 2, **FIRST}),
    (2, {"strides": (2, 1), "activation": "tanh", "use_bias": False}),
    (2, {"implementation": 2, "strides": 2, **SAME}),
    (2, {"implementation": 3, "kernel_size": (3, 2), **SAME, **FIRST}),
]


def links(sizes, options, rank):
    """Yield (place, offset in the window, input's place) of all links, by Keras 2's rule."""
    window = options["kernel_size"]
    window = (window,) * rank if isinstance(window, int) else window
    steps = options.get("strides", 1)
    steps = (steps,) * rank if isinstance(steps, int) else steps
    same = options.get("padding") == "same"
    counts = [
        math.ceil(n / s) if same else (n - k) // s + 1 for n, k, s in zip(sizes, window, steps)
    ]
    for place in itertools.product(*map(range, counts)):
        for offset in itertools.product(*map(range, window)):
            at = tuple(
                p * s + w - (k // 2 if same else 0)
                for p, s, w, k in zip(place, steps, offset, window)
            )
            if all(0 <= a < n for a, n in zip(at, sizes)):
                yield place, offset, at, counts, window


@pytest.mark.parametrize("rank, options", PLACED)
def test_locally_connected(rank, options):
    options = {"filters": 2, "kernel_size": 2} | options
    sizes, first = (6, 5)[:rank], "data_format" in options
    x = RNG.normal(size=(3, *sizes, 4)).astype("float32")
    given = np.moveaxis(x, -1, 1) if first else x
    layer = getattr(layers, f"LocallyConnected{rank}D")(**options)
    kernel, *bias = randomized(layer, given)
    counts, window = next((c, w) for _, _, _, c, w in links(sizes, options, rank))
    parts = (4, *window) if first else (*window, 4)
    placed = kernel.reshape(*counts, *parts, 2)
    expected = np.zeros((3, *counts, 2))
    for place, offset, at, _, _ in links(sizes, options, rank):
        here = placed[place][(slice(None), *offset) if first else offset]
        expected[(slice(None), *place)] += x[(slice(None), *at)] @ here
    expected = expected + bias[0] if bias else expected
    expected = np.tanh(expected) if options.get("activation") else expected
    close(layer(given), np.moveaxis(expected, -1, 1) if first else expected)
    assert layer.compute_output_shape(given.shape) == tuple(layer(given).shape)


@pytest.mark.parametrize("rank, options", [row for row in PLACED if "implementation" in row[1]])
def test_files_hold_the_kernel_as_keras_2_does(rank, options):
    options = {"filters": 2, "kernel_size": 2} | options
    sizes, first = (6, 5)[:rank], "data_format" in options
    x = RNG.normal(size=(3, *((4, *sizes) if first else (*sizes, 4)))).astype("float32")
    layer = getattr(layers, f"LocallyConnected{rank}D")(**options)
    randomized(layer, x)
    store = {}
    layer.save_own_variables(store)
    flat, shape = x.reshape(3, -1), tuple(layer(x).shape[1:])
    matrix = np.zeros((flat.shape[1], math.prod(shape)), "float32")
    pairs = []
    for place, _, at, counts, _ in links(sizes, options, rank):
        for c, f in itertools.product(range(4), range(2)):
            source = ((c, *at), (4, *sizes)) if first else ((*at, c), (*sizes, 4))
            target = ((f, *place), (2, *counts)) if first else ((*place, f), (*counts, 2))
            pairs.append((np.ravel_multi_index(*target), np.ravel_multi_index(*source)))
    if options["implementation"] == 3:
        for (target, source), value in zip(sorted(pairs), store["0"], strict=True):
            matrix[source, target] = value
    else:
        matrix = store["0"].reshape(matrix.shape)
        assert np.count_nonzero(matrix) == len(pairs)
    places = np.moveaxis(store["1"], -1, 0) if first else store["1"]
    close(layer(x), (flat @ matrix).reshape(3, *shape) + places)
    again = getattr(layers, f"LocallyConnected{rank}D")(**options)
    again.build(x.shape)
    again.load_own_variables(store)
    close(again(x), layer(x))


# -- cuDNN ---------------------------------------------------------------------------------------


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def cudnn(gates, x, kernel, recurrent, bias):
    """Run cuDNN's LSTM (4 gates) or GRU (3) on the weights as Keras 2 handed them over."""
    units = len(recurrent)
    w, r = (
        [part.reshape(part.shape[1], part.shape[0]) for part in np.split(m, gates, 1)]
        for m in (kernel, recurrent)
    )
    bw, br = np.split(bias[: gates * units], gates), np.split(bias[gates * units :], gates)
    h = c = np.zeros((len(x), units))
    for t in range(x.shape[1]):
        of_x = [x[:, t] @ w[g].T + bw[g] for g in range(gates)]
        of_h = [h @ r[g].T + br[g] for g in range(gates)]
        if gates == 4:
            i, f, new, o = (a + b for a, b in zip(of_x, of_h))
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(new)
            h = sigmoid(o) * np.tanh(c)
        else:
            z, reset = sigmoid(of_x[0] + of_h[0]), sigmoid(of_x[1] + of_h[1])
            h = z * h + (1 - z) * np.tanh(of_x[2] + reset * of_h[2])
    return h


@pytest.mark.parametrize("name, gates", [("CuDNNLSTM", 4), ("CuDNNGRU", 3)])
def test_cudnn(name, gates):
    x = RNG.normal(size=(2, 5, 3)).astype("float32")
    shapes = (3, 2 * gates), (2, 2 * gates), (4 * gates,)
    weights = [RNG.normal(size=shape).astype("float32") for shape in shapes]
    layer = getattr(layers, name)(2, name="old")
    layer.build(x.shape)
    layer.set_weights(from_cudnn(weights))
    close(layer(x), cudnn(gates, x, *weights))
    plain = (layers.LSTM if gates == 4 else layers.GRU)(2, name="old")
    assert type(layer) is type(plain)
    assert layer.get_config() == plain.get_config()


def test_arguments_that_cudnn_knew():
    layer = layers.CuDNNGRU(2, "ones", return_sequences=True, go_backwards=True)
    assert type(layer.kernel_initializer).__name__ == "Ones"
    assert layer.go_backwards
    with pytest.raises(TypeError, match=r"CuDNNLSTM has no argument 'activation'(?s:.*)use LSTM"):
        layers.CuDNNLSTM(2, activation="relu")


def test_cudnn_from_a_config_of_keras_2():
    config = {"name": "l", "units": 4, "unit_forget_bias": True, "return_sequences": True}
    saved = {"class_name": "CuDNNLSTM", "config": config | {"batch_input_shape": [None, 5, 3]}}
    layer = keras.layers.deserialize(saved)
    assert type(layer) is layers.LSTM
    assert layer.return_sequences


# -- configs and errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, options, shape",
    [
        ("ThresholdedReLU", {"theta": 0.5}, (4,)),
        ("MaxoutDense", {"output_dim": 3, "W_regularizer": "l2", "init": "normal"}, (4,)),
        ("Highway", {"activation": "relu", "W_constraint": "non_neg"}, (4,)),
        ("LocallyConnected1D", {"filters": 2, "kernel_size": 2, "implementation": 2}, (6, 4)),
        ("LocallyConnected2D", {"filters": 2, "kernel_size": (1, 2)}, (3, 4, 2)),
        ("CuDNNGRU", {"units": 2, "stateful": False}, (6, 4)),
    ],
)
def test_saved_and_loaded(name, options, shape, tmp_path):
    layer = getattr(layers, name)(**options)
    saved = json.loads(json.dumps(keras.layers.serialize(layer)))
    assert saved["module"] == "keras.layers"
    assert keras.layers.deserialize(saved).get_config() == layer.get_config()
    model = keras.Sequential([keras.Input(shape), layer])
    model.save(tmp_path / "model.keras")
    x = RNG.normal(size=(2, *shape)).astype("float32")
    close(keras.saving.load_model(tmp_path / "model.keras")(x), model(x))


@pytest.mark.parametrize(
    "name, options, says",
    [
        ("ThresholdedReLU", {"theta": -1}, "'theta'.*0 to inf"),
        ("ThresholdedReLU", {"theta": None}, "'theta'.*0 to inf"),
        ("MaxoutDense", {"output_dim": 0}, "'output_dim'.*at least 1"),
        ("MaxoutDense", {"output_dim": 2, "nb_feature": 0}, "'nb_feature'.*at least 1"),
        ("LocallyConnected1D", {"filters": 2, "kernel_size": (1, 2)}, "'kernel_size'"),
        ("LocallyConnected2D", {"filters": 2, "kernel_size": 2, "implementation": 4}, "1, 2 or 3"),
        ("LocallyConnected2D", {"filters": 2, "kernel_size": 2, **SAME}, "'padding'.*'valid'"),
        ("CuDNNLSTM", {"units": -1}, "'units'.*at least 1"),
    ],
)
def test_bad_arguments(name, options, says):
    with pytest.raises(ValueError, match=f"(?s){name.replace('CuDNN', '')}.*{says}") as caught:
        getattr(layers, name)(**options)
    assert len(str(caught.value).splitlines()) <= 6


def test_bad_inputs():
    with pytest.raises(ValueError, match="known size"):
        layers.LocallyConnected1D(2, 2)(keras.Input((None, 3)))
    with pytest.raises(ValueError, match="at least as large"):
        layers.LocallyConnected1D(2, 9)(np.ones((1, 5, 3)))
    layer = layers.LocallyConnected1D(2, 2)
    layer(np.ones((1, 5, 3)))
    with pytest.raises(ValueError, match=r"\(None, 5, 3\)"):
        layer(np.ones((1, 6, 3)))
    with pytest.raises(ValueError, match="3 or 4 gates"):
        from_cudnn([np.ones((3, 8)), np.ones((2, 8)), np.ones(8)])
