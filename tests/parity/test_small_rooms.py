"""Activations, initializers, regularizers, constraints and random numbers equal the real Keras."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.ops import CUBE, SQUARE, F
from tests.tables.small_rooms import ACTIVATIONS, CONSTRAINTS, DRAWN, FIXED, RANDOM, REGULARIZERS

import keraunos


@pytest.mark.parametrize("name, args", ACTIVATIONS)
def test_activation(name, args):
    x = np.linspace(-4, 4, 48).reshape(4, 12).astype("float32")
    wave = np.cos(np.arange(48)).reshape(4, 12).astype("float32")
    found = []
    for api in (keraunos, keras):
        function = getattr(api.activations, name)
        y, back = jax.vjp(lambda x, f=function: f(x, *args), jnp.asarray(x))
        found.append((y, back(jnp.asarray(wave[:, : y.shape[1]]))[0]))
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
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


@pytest.mark.parametrize("name, arguments, shape", FIXED, ids=str)
def test_fixed_initializer(name, arguments, shape):
    ours, theirs = (getattr(k.initializers, name)(**arguments)(shape) for k in (keraunos, keras))
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)
    assert isinstance(ours, np.ndarray)
    assert ours.dtype == np.float32


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
