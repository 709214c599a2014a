"""Recurrent layers: what holds by itself, without another library."""

import jax
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops

X = np.random.default_rng(0).normal(size=(3, 5, 2)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
KINDS = ["SimpleRNN", "LSTM", "GRU"]


class Plain(layers.Layer):
    """A user's cell: an Elman step whose output is twice its state."""

    state_size, output_size = 4, 4

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(4, 4), name="recurrent_kernel")

    def call(self, inputs, states):
        h = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(states[0], self.recurrent_kernel))
        return 2 * h, [h]


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("options", [{}, {"unroll": True}, {"go_backwards": True}], ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_layer_equals_its_cell_repeated(kind, masked, options):
    layer = getattr(layers, kind)(4, return_sequences=True, return_state=True, **options)
    mask = MASK if masked else None
    got = layer(X, mask=mask)
    order = range(5)[::-1] if options.get("go_backwards") else range(5)
    states, outputs = layer.cell.get_initial_state(3), []
    for t in order:
        _, new = layer.cell(X[:, t], states)
        keep = MASK[:, t, None] if masked else True
        states = [np.where(keep, n, s) for n, s in zip(new, states)]
        outputs.append(states[0])
    close(got[0], np.stack(outputs, 1))
    for a, b in zip(got[1:], states, strict=True):
        close(a, b)


@pytest.mark.parametrize("unroll", [False, True])
def test_cell_of_a_user(unroll):
    layer = layers.RNN(Plain(), return_sequences=True, return_state=True, unroll=unroll)
    outputs, state = layer(X, mask=MASK)
    close(outputs[:, 1][2], np.zeros(4))  # nothing read yet
    close(outputs[1, 3], outputs[1, 2])  # masked: the output before
    close(outputs[:2, -1], 2 * state[:2])
    zeros = layers.RNN(layer.cell, return_sequences=True, zero_output_for_mask=True)
    close(zeros(X, mask=MASK), np.where(MASK[..., None], outputs, 0))


def test_cell_needs_call_and_state_size():
    with pytest.raises(ValueError, match="`call` and `state_size`"):
        layers.RNN(object())


@pytest.mark.parametrize("kind", KINDS)
def test_stateful_carries_on_and_resets(kind):
    whole = getattr(layers, kind)(4)
    parts = getattr(layers, kind)(4, stateful=True)
    want = whole(X)
    parts(X[:, :2])
    parts.set_weights(whole.get_weights())
    parts.reset_state()
    parts(X[:, :2])
    close(parts(X[:, 2:]), want)
    assert len(parts.weights) == 3


@pytest.mark.parametrize("kind", ["LSTM", "ConvLSTM1D"])
def test_stateful_in_training(kind):
    options = {"units": 4} if kind == "LSTM" else {"filters": 4, "kernel_size": 1}
    layer = getattr(layers, kind)(**options, stateful=True)
    x = X if kind == "LSTM" else X[:, :, None]
    model = keras.Sequential([keras.Input(batch_shape=x.shape), layer, layers.Flatten()])
    model.compile("sgd", "mse")
    model.fit(np.repeat(x, 2, 0), np.zeros((6, 4)), batch_size=3, verbose=0)
    assert all(np.abs(state).max() > 1e-3 for state in layer.states)


def test_stateful_inside_a_model():
    model = keras.Sequential([keras.Input(batch_shape=(3, 5, 2)), layers.GRU(4, stateful=True)])
    first = model(X)
    assert np.abs(model(X) - first).max() > 1e-3
    model.layers[0].reset_state()
    close(model(X), first)


def test_stateful_needs_a_batch_size():
    with pytest.raises(ValueError, match="batch_shape"):
        layers.LSTM(4, stateful=True)(keras.Input((5, 2)))
    layer = layers.LSTM(4, stateful=True)
    layer(X)
    with pytest.raises(ValueError, match=r"(3, 4)"):
        layer(X[:2])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_dropout_in_training_only(kind, name):
    layer = getattr(layers, kind)(64, **{name: 0.5}, seed=1)
    close(layer(X), layer(X, training=False))
    assert np.abs(layer(X, training=True) - layer(X)).max() > 1e-3


def test_dropout_is_the_same_at_each_step():
    identity = {"kernel_initializer": "identity", "recurrent_initializer": "zeros"}
    layer = layers.SimpleRNN(2, activation=None, dropout=0.5, return_sequences=True, **identity)
    dropped = np.asarray(layer(np.ones((8, 5, 2), "float32"), training=True))
    assert set(np.unique(dropped)) == {0, 2}
    close(dropped, dropped[:, :1].repeat(5, 1))


def test_masks_of_a_cell():
    cell = layers.LSTMCell(4, dropout=0.5, recurrent_dropout=0.25)
    given, entering = cell.get_dropout_mask(X[:, 0]), cell.get_recurrent_dropout_mask(X[:, 0])
    assert set(np.unique(given)) <= {0, 2}
    assert given.shape == entering.shape == (3, 2)
    cell.reset_dropout_mask()
    cell.reset_recurrent_dropout_mask()
    assert layers.GRUCell(4).get_dropout_mask(X[:, 0]) is None


def test_a_loop_of_ones_own():
    class Twice(layers.RNN):
        def inner_loop(self, sequences, initial_state, mask, training=False):
            last, outputs, states = super().inner_loop(sequences, initial_state, mask, training)
            return 2 * last, 2 * outputs, states

    cell = layers.GRUCell(4)
    close(Twice(cell)(X), 2 * layers.RNN(cell)(X))


def test_weights_have_the_path_of_their_layer():
    model = keras.Sequential([layers.Bidirectional(layers.GRU(4, name="gru"), name="both")])
    model(X)
    paths = [w.path for w in model.weights]
    assert paths[0].endswith("both/forward_gru/gru_cell/kernel")
    assert paths[-1].endswith("both/backward_gru/gru_cell/bias")


def test_bad_arguments():
    with pytest.raises(ValueError, match=r"(?s)^GRU 'mine', argument 'units'.*at least 1"):
        layers.GRU(0, name="mine")
    for wrong in (layers.Dense(2), "lstm"):
        with pytest.raises(ValueError, match="a recurrent layer"):
            layers.Bidirectional(wrong)
    for wrong in [{"units": 0}, {"units": 4, "dropout": 2}, {"units": 4, "use_cudnn": "maybe"}]:
        with pytest.raises(ValueError, match="expected"):
            layers.LSTM(**wrong)
    with pytest.raises(TypeError, match="'units'"):
        layers.LSTM()
    with pytest.raises(ValueError, match="initial states"):
        layers.LSTM(4)(X, initial_state=[np.zeros((3, 4))])
    with pytest.raises(ValueError, match=r"'mine', mask(?s:.*)\(3, 5\)(?s:.*)\(3, 4\)"):
        layers.LSTM(4, name="mine")(X, mask=MASK[:, 1:])
    with pytest.raises(ValueError, match="opposite go_backwards"):
        layers.Bidirectional(layers.LSTM(4), backward_layer=layers.LSTM(4))
    with pytest.raises(ValueError, match="'concat'"):
        layers.Bidirectional(layers.LSTM(4), merge_mode="add")


def test_encoder_and_decoder():
    source, target = keras.Input((5, 2)), keras.Input((None, 3))
    _, h, c = layers.LSTM(4, return_state=True)(source)
    outputs = layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    model = keras.Model([source, target], outputs)
    assert model.output_shape == (None, None, 4)
    assert model.predict([X, np.ones((3, 7, 3))], verbose=0).shape == (3, 7, 4)


def test_mask_goes_on_with_sequences_only():
    words = np.array([[1, 2, 0], [3, 0, 0]])
    embedded = layers.Embedding(5, 4, mask_zero=True)
    twice = layers.LSTM(4)(layers.LSTM(4, return_sequences=True)(embedded(words)))
    assert twice.shape == (2, 4)
    model = keras.Sequential(
        [embedded, layers.Bidirectional(layers.GRU(4, return_sequences=True)), layers.LSTM(4)]
    )
    shorter = model(words[:, :2])
    close(model(words), shorter)


def test_half_precision():
    layer = layers.LSTM(4, dtype="mixed_bfloat16", return_state=True)
    assert {str(y.dtype) for y in layer(X)} == {"bfloat16"}
    assert layer.cell.kernel.dtype == "float32"


@pytest.mark.parametrize(
    "layer",
    [
        lambda: layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="ave"),
        lambda: layers.RNN([layers.LSTMCell(3), layers.SimpleRNNCell(4)], return_state=True),
        lambda: layers.GRU(4, reset_after=False, unroll=True),
    ],
)
def test_copies_from_config(layer):
    layer = layer()
    copy = type(layer).from_config(layer.get_config())
    layer(X), copy(X)
    copy.set_weights(layer.get_weights())
    jax.tree.map(close, copy(X), layer(X))
