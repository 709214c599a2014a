"""Recurrent layers equal the real Keras, values and gradients, with the same weights."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import keraunos

UNITS, SHAPE = 4, (3, 5, 2)
MASK = np.array([[1, 1, 0, 1, 1], [0, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
SEQUENCES = {"return_sequences": True}

# arguments of the layer, whether it gets a mask, whether it gets initial states
CASES = [
    ({}, False, False),
    ({"return_sequences": True, "return_state": True}, True, True),
    ({"go_backwards": True}, True, False),
    ({"return_sequences": True, "go_backwards": True}, True, True),
    ({"return_sequences": True, "zero_output_for_mask": True}, True, False),
    ({"zero_output_for_mask": True, "go_backwards": True}, True, True),
    ({"use_bias": False, "activation": "relu"}, False, True),
    ({"stateful": True, "return_sequences": True}, True, False),
]
LAYERS = [
    ("SimpleRNN", {}),
    ("LSTM", {"recurrent_activation": "hard_sigmoid"}),
    ("LSTM", {"unit_forget_bias": False}),
    ("GRU", {}),
    ("GRU", {"reset_after": False}),
]


def inputs(states):
    rng = np.random.default_rng(0)
    x = rng.normal(size=SHAPE).astype("float32")
    return x, [rng.normal(size=(SHAPE[0], UNITS)).astype("float32") for _ in range(states)]


def same_weights(ours, theirs):
    """Give both layers the same random weights; their order and shapes must agree."""
    shapes = [w.shape for w in theirs.weights]
    assert [tuple(w.shape) for w in ours.weights] == shapes
    assert [w.path.split("/")[-2:] for w in ours.weights] == [
        w.path.split("/")[-2:] for w in theirs.weights
    ]
    rng = np.random.default_rng(1)
    values = [0.5 * rng.normal(size=shape).astype("float32") for shape in shapes]
    ours.set_weights(values)
    theirs.set_weights(values)


def run(layer, x, masked, starts):
    """Return outputs, and gradients with respect to the weights and the input."""
    options = {"mask": jnp.array(MASK)} if masked else {}
    if starts:
        options["initial_state"] = [jnp.array(start) for start in starts]

    def total(weights, x):
        rest = [v.value for v in layer.non_trainable_variables]
        outputs = jax.tree.leaves(layer.stateless_call(weights, rest, x, **options)[0])
        return sum(
            jnp.sum(y * jnp.cos(jnp.arange(y.size)).reshape(y.shape)) for y in outputs
        ), outputs

    weights = [v.value for v in layer.trainable_variables]
    return jax.tree.leaves(jax.jit(jax.grad(total, (0, 1), has_aux=True))(weights, x))


def assert_same(ours, theirs, masked, states, given):
    x, starts = inputs(states)
    for layer in (ours, theirs):
        layer(x)
    same_weights(ours, theirs)
    starts = starts if given else []
    if getattr(ours, "stateful", False):
        # The second batch starts from the first one's states.
        mask = {"mask": MASK} if masked else {}
        ours.reset_state(), theirs.reset_state()
        got, want = ([layer(x, **mask), layer(x, **mask)] for layer in (ours, theirs))
        np.testing.assert_allclose(got[1], want[1], rtol=1e-5, atol=1e-5)
        ours.reset_state(), theirs.reset_state()
        np.testing.assert_allclose(ours(x, **mask), theirs(x, **mask), rtol=1e-5, atol=1e-5)
        return
    got, want = run(ours, x, masked, starts), run(theirs, x, masked, starts)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "extra", "options", "masked", "given"),
    # The first of its kind meets every case, its variants the two with most in them.
    [
        (name, extra, *case)
        for i, (name, extra) in enumerate(LAYERS)
        for case in (CASES if i in (0, 1, 3) else [CASES[1], CASES[3]])
    ],
)
def test_layer(name, extra, options, masked, given):
    ours, theirs = (getattr(m.layers, name)(UNITS, **extra, **options) for m in (keraunos, keras))
    assert_same(ours, theirs, masked, 2 if name == "LSTM" else 1, given)


@pytest.mark.parametrize(
    ("merge_mode", "options", "masked", "given"),
    [
        ("concat", SEQUENCES, True, True),
        ("ave", {"return_state": True}, False, False),
        (None, SEQUENCES | {"return_state": True}, True, False),
    ],
)
def test_bidirectional(merge_mode, options, masked, given):
    ours, theirs = (
        m.layers.Bidirectional(m.layers.LSTM(UNITS, **options), merge_mode=merge_mode)
        for m in (keraunos, keras)
    )
    assert_same(ours, theirs, masked, 4, given)


def test_other_backward_layer():
    ours, theirs = (
        m.layers.Bidirectional(
            m.layers.GRU(UNITS, return_sequences=True),
            backward_layer=m.layers.SimpleRNN(UNITS, return_sequences=True, go_backwards=True),
        )
        for m in (keraunos, keras)
    )
    assert_same(ours, theirs, True, 2, False)


def test_stacked_cells():
    ours, theirs = (
        m.layers.RNN(
            [m.layers.LSTMCell(3, name="lower"), m.layers.GRUCell(UNITS, name="upper")],
            return_sequences=True,
            return_state=True,
        )
        for m in (keraunos, keras)
    )
    assert_same(ours, theirs, False, 2, False)


@pytest.mark.parametrize("name", ["SimpleRNN", "LSTM", "GRU", "Bidirectional"])
def test_configs_go_both_ways(name):
    def make(m):
        layers = m.layers
        if name == "Bidirectional":
            return layers.Bidirectional(layers.LSTM(UNITS, dropout=0.1), merge_mode="sum")
        return getattr(layers, name)(
            UNITS, kernel_regularizer="l2", go_backwards=True, recurrent_dropout=0.2
        )

    ours, theirs = make(keraunos), make(keras)
    there = getattr(keras.layers, name).from_config(ours.get_config()).get_config()
    back = getattr(keraunos.layers, name).from_config(theirs.get_config()).get_config()
    for config, want in [(there, theirs.get_config()), (back, ours.get_config())]:
        for given in (config, want):
            [given.pop(n, None) for n in ("name", "layer", "backward_layer")]
        assert config == want


@pytest.mark.parametrize(("name", "extra"), LAYERS)
def test_first_bias(name, extra):
    ours, theirs = (getattr(m.layers, name)(UNITS, **extra) for m in (keraunos, keras))
    for layer in (ours, theirs):
        layer.build(SHAPE)
    np.testing.assert_array_equal(ours.cell.bias, theirs.cell.bias)
