"""Activations, initializers, regularizers, constraints and random numbers equal the real Keras."""

import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.ops import CUBE, SQUARE, F

import keraunos

ACTIVATIONS = sorted(set(dir(keras.activations)) - {"deserialize", "get", "serialize", "sparsemax"})
ACTIVATIONS = [name for name in ACTIVATIONS if not name.startswith("_")]
EXTRA = {"threshold": (0.5, 1.0)}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name):
    x = np.linspace(-4, 4, 48).reshape(4, 12).astype("float32")
    args = EXTRA.get(name, ())
    ours, theirs = (getattr(k.activations, name)(x, *args) for k in (keraunos, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    assert keraunos.activations.serialize(
        keraunos.activations.get(name)
    ) == keras.activations.serialize(getattr(keras.activations, name))


@pytest.mark.parametrize(
    "arguments",
    [
        {"negative_slope": 0.2},
        {"max_value": 6},
        {"max_value": 1.5, "negative_slope": 0.1},
        {"threshold": 1.0},
        {"threshold": 1.0, "negative_slope": 0.5, "max_value": 2.0},
    ],
    ids=str,
)
def test_relu_arguments(arguments):
    x = np.linspace(-4, 4, 41).astype("float32")
    ours, theirs = (k.activations.relu(x, **arguments) for k in (keraunos, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    symbolic = keraunos.activations.relu(keraunos.KerasTensor((None, 3)), **arguments)
    assert symbolic.shape == (None, 3)


FIXED = [
    ("Zeros", {}, (3, 2)),
    ("Ones", {}, (3, 2)),
    ("Constant", {"value": 2.5}, (3, 2)),
    ("Identity", {"gain": 2.0}, (3, 4)),
    ("STFT", {"side": "real"}, (8, 1, 5)),
    (
        "STFT",
        {"side": "imag", "window": "hamming", "scaling": "spectrum", "periodic": True},
        (8, 1, 5),
    ),
    ("STFT", {"side": "imag", "window": None}, (8, 1, 5)),
]


@pytest.mark.parametrize("name, arguments, shape", FIXED, ids=str)
def test_fixed_initializer(name, arguments, shape):
    ours, theirs = (getattr(k.initializers, name)(**arguments)(shape) for k in (keraunos, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert isinstance(ours, np.ndarray)
    assert ours.dtype == np.float32


DRAWN = [
    ("RandomNormal", {"mean": 0.5}),
    ("TruncatedNormal", {"stddev": 0.5}),
    ("RandomUniform", {"minval": -1.0, "maxval": 3.0}),
    *((f"{who}{how}", {}) for who in ("Glorot", "He", "Lecun") for how in ("Normal", "Uniform")),
    ("GlorotUniform", {"input_axes": [0, 1], "output_axes": [2]}),
    ("VarianceScaling", {"scale": 2.0, "mode": "fan_out", "distribution": "untruncated_normal"}),
    ("VarianceScaling", {"mode": "fan_avg", "distribution": "uniform"}),
    ("Orthogonal", {"gain": 1.5}),
]


@pytest.mark.parametrize("name, arguments", DRAWN, ids=str)
def test_drawn_initializer(name, arguments):
    """Same distribution: the deciles of 60,000 numbers, and the same config."""
    ours, theirs = (getattr(k.initializers, name)(seed=1, **arguments) for k in (keraunos, keras))
    one, other = (np.asarray(i((20, 30, 100))) for i in (ours, theirs))
    steps = np.linspace(0.1, 0.9, 9)
    np.testing.assert_allclose(
        np.quantile(one, steps), np.quantile(other, steps), atol=0.03 * other.std()
    )
    np.testing.assert_allclose(one.std(), other.std(), rtol=0.02)
    assert ours.get_config() == theirs.get_config()
    np.testing.assert_array_equal(one, ours((20, 30, 100)))


def test_orthogonal_columns():
    q = keraunos.initializers.Orthogonal()((4, 5, 3)).reshape(20, 3)
    np.testing.assert_allclose(q.T @ q, np.eye(3), atol=1e-5)


def test_seedless_initializer_draws_anew_and_follows_the_global_seed():
    draw = keraunos.initializers.GlorotUniform()
    keraunos.utils.set_random_seed(3)
    first, second = draw((3, 3)), draw((3, 3))
    keraunos.utils.set_random_seed(3)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, draw((3, 3)))


# By name the real Keras cannot make a Constant, and it forgets the gain of an Identity.
_LEFT_OUT = {"Constant", "constant", "Identity", "identity", "IdentityInitializer", "Initializer"}
NAMES = sorted(
    {n for n in dir(keras.initializers) if not n.startswith("_")}
    - _LEFT_OUT
    - {"get", "serialize", "deserialize"}
)


@pytest.mark.parametrize("name", NAMES)
def test_initializer_names(name):
    ours, theirs = keraunos.initializers.get(name), keras.initializers.get(name)
    assert keraunos.initializers.serialize(ours) == keras.initializers.serialize(theirs)


REGULARIZERS = [
    ("L1", {"l1": 0.3}),
    ("L2", {"l2": 0.2}),
    ("L1L2", {"l1": 0.3, "l2": 0.2}),
    ("L1L2", {}),
    ("OrthogonalRegularizer", {"factor": 0.3}),
    ("OrthogonalRegularizer", {"mode": "columns"}),
]
CONSTRAINTS = [
    ("MaxNorm", {"max_value": 1.0}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {"min_value": 0.5, "max_value": 1.0, "rate": 0.7}),
]


@pytest.mark.parametrize(
    "room, name, arguments",
    [("regularizers", *row) for row in REGULARIZERS]
    + [("constraints", *row) for row in CONSTRAINTS],
    ids=str,
)
def test_regularizer_or_constraint(room, name, arguments):
    ours, theirs = (getattr(getattr(k, room), name)(**arguments) for k in (keraunos, keras))
    for x in (F, SQUARE) if name.startswith("Orth") else (F, CUBE):
        np.testing.assert_allclose(ours(x), theirs(jnp.asarray(x)), rtol=1e-5, atol=1e-6)
    ours_config = {k: pytest.approx(v) for k, v in ours.get_config().items()}
    assert theirs.get_config() == ours_config
    again = getattr(keraunos, room).deserialize(getattr(keraunos, room).serialize(ours))
    np.testing.assert_array_equal(again(F), ours(F))


@pytest.mark.parametrize(
    "room, bad",
    [
        ("initializers", "glorot_unifrom"),
        ("regularizers", "l3"),
        ("constraints", "max_nrm"),
        ("activations", "rellu"),
    ],
)
def test_unknown_name_has_the_nearest(room, bad):
    with pytest.raises(ValueError, match=r"did you mean|valid names"):
        getattr(keraunos, room).get(bad)


@pytest.mark.parametrize("bad", [{"l1": -1.0}, {"l1": float("nan")}, {"l1": "x"}], ids=str)
def test_bad_factor(bad):
    with pytest.raises(ValueError, match="number >= 0"):
        keraunos.regularizers.L1(**bad)


RANDOM = [
    ("normal", ((3, 2),), {"mean": 1.0, "stddev": 2.0}),
    ("truncated_normal", ((3, 2),), {}),
    ("uniform", ((3, 2),), {"minval": -1.0, "maxval": 2.0}),
    ("randint", ((3, 2), 1, 9), {}),
    ("gamma", ((3,), 2.0), {}),
    ("beta", ((3,), 2.0, 3.0), {}),
    ("binomial", ((3,), 5.0, 0.4), {}),
    ("categorical", (F, 6), {}),
    ("dropout", (F, 0.4), {"noise_shape": (None, 1)}),
    ("shuffle", (F,), {}),
]


@pytest.mark.parametrize("name, args, kwargs", RANDOM, ids=[row[0] for row in RANDOM])
def test_random_numbers_of_a_seed(name, args, kwargs):
    """An integer seed gives the very numbers of the real Keras on JAX, at every call."""
    ours, theirs = (getattr(k.random, name)(*args, seed=7, **kwargs) for k in (keraunos, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    again = getattr(keraunos.random, name)(*args, seed=7, **kwargs)
    np.testing.assert_array_equal(ours, again)


def test_seed_generator_gives_the_numbers_of_keras():
    ours, theirs = keraunos.random.SeedGenerator(5), keras.random.SeedGenerator(5)
    for _ in range(3):
        one, other = (
            k.random.uniform((4,), seed=s) for k, s in ((keraunos, ours), (keras, theirs))
        )
        np.testing.assert_allclose(one, other, rtol=1e-6)
    np.testing.assert_array_equal(ours.next(), theirs.next())
