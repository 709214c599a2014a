"""GradientTape has TensorFlow's semantics and JAX's gradients, eagerly and inside `jit`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops
from keraunos.training import GradientTape

X = jnp.asarray([0.5, -1.0, 2.0])

FUNCTIONS = {
    "arithmetic": lambda x: jnp.sum(x**3 / (1 + x * x)),
    "jitted": lambda x: jnp.mean(jnp.where(x > 0, jnp.exp(x), jnp.tanh(x))),
    "custom_jvp": lambda x: jnp.sum(jax.nn.relu(x) * jax.nn.softmax(x)),
    "custom_vjp": lambda x: jnp.sum(ops.softmax(clipped(x))),
    "scan": lambda x: jax.lax.scan(lambda c, a: (c * a + jnp.sin(a), c), x[0], x)[0],
    "cond": lambda x: jax.lax.cond(x[0] > 0, jnp.sum, jnp.prod, x * x),
    "gather": lambda x: jnp.sum(x[jnp.asarray([0, 0, 2])] * x[::-1]),
    "sort": lambda x: jnp.dot(jnp.sort(x), jnp.arange(3.0)),
    "remat": lambda x: jax.checkpoint(lambda a: jnp.sum(jnp.sin(a) ** 2))(x),
    "vmapped": lambda x: jnp.sum(jax.vmap(lambda a: a * x)(x)),
    "own gradient": lambda x: jnp.sum(jax.grad(lambda a: jnp.sum(a**4))(x)),
}


@jax.custom_vjp
def clipped(x):
    return x * 2


clipped.defvjp(lambda x: (x * 2, None), lambda _, g: (jnp.clip(g, -0.1, 0.1),))


def taped(function, x):
    with GradientTape() as tape:
        tape.watch(x)
        y = function(x)
    return tape.gradient(y, x)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("how", ["eager", "jit"])
def test_the_gradient_is_that_of_jax(name, how):
    function = FUNCTIONS[name]
    run = (
        (lambda x: taped(function, x)) if how == "eager" else jax.jit(lambda x: taped(function, x))
    )
    np.testing.assert_allclose(run(X), jax.grad(function)(X), rtol=1e-6)


@pytest.mark.parametrize("name", ["arithmetic", "custom_jvp", "jitted", "scan"])
def test_tapes_in_tapes_give_second_derivatives(name):
    function = FUNCTIONS[name]

    def second(x):
        with GradientTape() as outer:
            outer.watch(x)
            with GradientTape() as inner:
                inner.watch(x)
                y = function(x)
            first = inner.gradient(y, x)
        return outer.jacobian(first, x)

    np.testing.assert_allclose(second(X), jax.hessian(function)(X), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(second)(X), jax.hessian(function)(X), rtol=1e-5, atol=1e-6)


def test_a_persistent_tape_differentiates_its_own_gradient():
    with GradientTape(persistent=True) as tape:
        tape.watch(X)
        y = jnp.sum(X**3)
        slope = tape.gradient(y, X)
    np.testing.assert_allclose(tape.gradient(slope, X), 6 * X, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, X), 3 * X**2, rtol=1e-6)


def test_structures_intermediate_values_and_what_is_not_connected():
    with GradientTape(persistent=True) as tape:
        tape.watch({"x": X})
        middle = X * X
        y = jnp.sum(middle * middle)
    found = tape.gradient(y, {"x": X, "middle": [middle], "other": jnp.ones(2)})
    np.testing.assert_allclose(found["x"], 4 * X**3, rtol=1e-6)
    np.testing.assert_allclose(found["middle"][0], 2 * X**2, rtol=1e-6)
    assert found["other"] is None
    zeros = tape.gradient(y, [jnp.ones((2, 2))], unconnected_gradients="zero")
    np.testing.assert_array_equal(zeros[0], np.zeros((2, 2)))
    both = tape.gradient([y, jnp.zeros(())], X)
    np.testing.assert_allclose(both, 4 * X**3, rtol=1e-6)
    weighted = tape.gradient(middle, X, output_gradients=jnp.asarray([1.0, 0.0, 2.0]))
    np.testing.assert_allclose(weighted, 2 * X * jnp.asarray([1.0, 0.0, 2.0]), rtol=1e-6)


def test_variables_are_watched_when_they_are_read():
    v, frozen = keras.Variable([2.0, 3.0]), keras.Variable([1.0, 1.0], trainable=False)
    with GradientTape() as tape:
        y = ops.sum(v * v * frozen)
    assert [box is v for box in tape.watched_variables()] == [True]
    found = tape.gradient(y, [v, frozen])
    np.testing.assert_allclose(found[0], [4.0, 6.0])
    assert found[1] is None
    with GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(frozen)
        y = ops.sum(v * v * frozen)
    found = tape.gradient(y, [v, frozen])
    assert found[0] is None
    np.testing.assert_allclose(found[1], [4.0, 9.0])


def test_a_variable_that_is_assigned_keeps_the_values_it_had():
    v = keras.Variable(2.0)
    with GradientTape(persistent=True) as tape:
        y = v * v
        v.assign(5.0)
        z = y + v * 3
    v.assign(7.0)
    np.testing.assert_allclose(tape.gradient(y, v), 4.0)
    np.testing.assert_allclose(tape.gradient(z, v), 7.0)


def test_a_variable_inside_of_a_compiled_function():
    v = keras.Variable([1.0, 2.0, 3.0])
    compiled = jax.jit(lambda x: jnp.sum(x * v.value**2))
    for _ in range(2):
        with GradientTape() as tape:
            y = compiled(X)
        found = tape.gradient(y, v)
    np.testing.assert_allclose(found, 2 * v.value * X)


def test_jacobians():
    matrix = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), jnp.float32)

    def of(x):
        return jnp.tanh(x @ matrix.T) * x[:, :1]

    x = jnp.asarray(np.random.default_rng(1).normal(size=(5, 3)), jnp.float32)
    with GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = of(x)
    whole = jax.jacrev(of)(x)
    np.testing.assert_allclose(tape.jacobian(y, x), whole, rtol=1e-5, atol=1e-6)
    rows = np.stack([whole[i, :, i] for i in range(5)])
    np.testing.assert_allclose(tape.batch_jacobian(y, x), rows, rtol=1e-5, atol=1e-6)
    assert tape.jacobian(y, {"a": jnp.ones(2)}) == {"a": None}
    with pytest.raises(ValueError, match="first axes"):
        tape.batch_jacobian(y[:2], x)


def test_stop_recording_and_reset():
    with GradientTape(persistent=True) as tape:
        tape.watch(X)
        with tape.stop_recording():
            constant = X * X
        y = jnp.sum(constant * X)
        np.testing.assert_allclose(tape.gradient(y, X), X**2, rtol=1e-6)
        tape.reset()
        tape.watch(X)
        z = jnp.sum(X * 2)
    assert tape.gradient(y, X) is None
    np.testing.assert_allclose(tape.gradient(z, X), [2.0, 2.0, 2.0])


def test_mistakes_are_told():
    with GradientTape() as tape, pytest.raises(TypeError, match="convert_to_tensor"):
        tape.watch(np.ones(2))
    with GradientTape() as tape:
        tape.watch(X)
        y = jnp.sum(X)
    with pytest.raises(ValueError, match="unconnected_gradients"):
        tape.gradient(y, X, unconnected_gradients="no")
    tape.gradient(y, X)
    with pytest.raises(RuntimeError, match="persistent=True"):
        tape.gradient(y, X)
    with pytest.raises(RuntimeError, match="inside"), tape.stop_recording():
        pass
    with pytest.warns(UserWarning, match="int32"), GradientTape() as tape:
        tape.watch(jnp.arange(3))


def test_nothing_of_a_tape_is_left_after_an_error():
    tape = GradientTape()
    with pytest.raises(ZeroDivisionError), tape:
        raise ZeroDivisionError
    assert jax.core.trace_state_clean() if hasattr(jax.core, "trace_state_clean") else True
    assert float(jnp.sum(X)) == 1.5


def test_layers_masks_and_half_precision():
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((4,), dtype="int32"),
            layers.Embedding(9, 5, mask_zero=True),
            layers.LSTM(3, dtype="mixed_bfloat16"),
            layers.BatchNormalization(),
            layers.Dense(1, dtype="float32"),
        ]
    )
    words = np.array([[1, 2, 0, 0], [3, 4, 5, 0]], "int32")
    with GradientTape() as tape:
        loss = ops.mean(model(words, training=True) ** 2)
    found = tape.gradient(loss, model.trainable_variables)
    assert [g.dtype for g in found] == [np.float32] * len(found)
    assert all(np.isfinite(g).all() for g in found)


@pytest.mark.parametrize("kind", ["dense", "conv"])
def test_a_tape_equals_value_and_grad(kind):
    keras.utils.set_random_seed(0)
    if kind == "dense":
        shape, body = (6,), [layers.Dense(4, "gelu"), layers.Dropout(0.0)]
    else:
        shape, body = (6, 6, 2), [layers.Conv2D(3, 3), layers.MaxPooling2D(), layers.Flatten()]
    model = keras.Sequential([keras.Input(shape), *body, layers.Dense(1)])
    x = np.random.default_rng(0).normal(size=(5, *shape)).astype("float32")
    y = np.ones((5, 1), "float32")
    loss, gradients = keras.training.value_and_grad(model, "mse")(x, y)
    with GradientTape() as tape:
        value = keras.losses.MeanSquaredError()(y, model(x, training=True))
    found = tape.gradient(value, model.trainable_variables)
    np.testing.assert_allclose(value, loss, rtol=1e-5)
    for a, b in zip(found, gradients, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
