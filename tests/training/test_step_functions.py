"""Functions of an iterator around a step, and what steps of a program's own do to scaled losses."""

import warnings

import jax
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers
from keraunos.training import GradientTape

RNG = np.random.default_rng(0)
X = RNG.normal(size=(32, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


class JaxFunctions(keras.Model):
    """The way of Keras 3 on JAX: functions of the state and an iterator, compiled by themselves."""

    def make_train_function(self, force=False):
        if self.train_function is not None and not force:
            return
        step = jax.jit(self.train_step, donate_argnums=0)

        def function(state, iterator):
            logs, state = step(state, next(iterator))
            return logs | {"twice": 2 * logs["loss"]}, state

        self.train_function = function

    def make_test_function(self, force=False):
        self.test_function = lambda state, iterator: self.test_step(state, next(iterator))

    def make_predict_function(self, force=False):
        def function(state, iterator):
            outputs, state = self.predict_step(state, next(iterator))
            return outputs + 1, state

        self.predict_function = function


class OldFunctions(keras.Model):
    """The way of tf.keras: functions of an iterator, returned as well."""

    def make_train_function(self):
        inner = super().make_train_function()

        def function(iterator):
            logs = inner(iterator)
            return logs | {"twice": 2 * logs["loss"]}

        self.train_function = function
        return function

    def make_predict_function(self):
        return lambda iterator: self.predict_step(next(iterator)) + 1


class Around(JaxFunctions):
    """A function around the one of Keras, of the state."""

    def make_train_function(self, force=False):
        keras.Model.make_train_function(self, force)
        inner = self.train_function

        def function(state, iterator):
            logs, state = inner(state, iterator)
            return logs | {"twice": 2 * logs["loss"]}, state

        self.train_function = function


def trained(cls, **given):
    keras.utils.set_random_seed(1)
    inputs = keras.Input((4,))
    hidden = layers.Dropout(0.2)(layers.Dense(3, "relu")(inputs))
    model = cls(inputs, layers.Dense(1)(hidden))
    model.compile("adam", "mse", **given)
    history = model.fit(X, Y, batch_size=16, epochs=2, verbose=0, validation_data=(X, Y)).history
    return history, model.predict(X, batch_size=32, verbose=0)


@pytest.fixture(scope="module")
def builtin():
    return trained(keras.Model)


@pytest.mark.parametrize(
    ("cls", "eagerly"),
    [(JaxFunctions, False), (OldFunctions, False), (Around, False), (JaxFunctions, True)],
)
def test_functions_that_a_program_makes_are_what_runs(cls, eagerly, builtin):
    history, outputs = trained(cls, run_eagerly=eagerly)
    want, others = builtin
    assert len(history.pop("twice")) == 2
    for name, values in want.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4)
    np.testing.assert_allclose(outputs, others + 1, rtol=1e-4, atol=1e-5)


def test_what_make_train_function_returns_takes_a_step():
    model = keras.Sequential([keras.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.get_weights()[0]
    logs = model.make_train_function()(iter([(X, Y)]))
    assert float(logs["loss"]) > 0
    assert not np.array_equal(before, model.get_weights()[0])
    assert int(model.optimizer.iterations.numpy()) == 1


def second_batch(self, force=False):
    def function(state, iterator):
        next(iterator)
        return self.train_step(state, next(iterator))

    self.train_function = function


@pytest.mark.parametrize(
    ("make", "text"),
    [(second_batch, "asks for a second batch"), (lambda self: None, "sets self.train_function")],
)
def test_functions_that_cannot_be_run_are_told(make, text):
    cls = type("Own", (keras.Model,), {"make_train_function": make})
    with pytest.raises(TypeError, match=text) as caught:
        trained(cls)
    assert str(caught.value).count("\n") < 6


# -- scaled losses ---------------------------------------------------------------------------------


class Steps(keras.Model):
    scales = False

    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            loss = self.compute_loss(x, y, self(x, training=True))
            scaled = self.optimizer.scale_loss(loss) if self.scales else loss
        self.optimizer.apply(
            tape.gradient(scaled, self.trainable_variables), self.trainable_variables
        )
        return {"loss": loss}


class Scaling(Steps):
    scales = True


class State(keras.Model):
    scales = False

    def train_step(self, state, data):
        trainable, other, optimizer, metrics = state

        def of(trainable):
            outputs, new = self.stateless_call(trainable, other, data[0], training=True)
            loss = self.compute_loss(*data, outputs)
            return (self.optimizer.scale_loss(loss) if self.scales else loss), (loss, new)

        (_, (loss, new)), gradients = jax.value_and_grad(of, has_aux=True)(trainable)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return {"loss": loss}, (trainable, new, optimizer, metrics)


class StateScaling(State):
    scales = True


@pytest.mark.parametrize(
    ("cls", "arguments"),
    [
        *((cls, {}) for cls in (Steps, Scaling, State, StateScaling)),
        (Steps, {"gradient_accumulation_steps": 2}),
        (State, {"use_ema": True}),
    ],
)
def test_a_float16_step_learns_as_in_float32_whether_or_not_it_scales_its_loss(cls, arguments):
    """Keras divides by the scale in any case: what is not scaled learns 32,768 times less."""

    def weights(policy, cls):
        keras.utils.set_random_seed(1)
        inputs = keras.Input((4,), dtype="float32")
        model = cls(inputs, layers.Dense(1, dtype=policy)(inputs))
        model.dtype_policy = policy
        model.compile(keras.optimizers.SGD(0.05, **arguments), "mse")
        if isinstance(model.optimizer, keras.optimizers.LossScaleOptimizer):
            model.optimizer.initial_scale = 1024.0  # no step is left out
        model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
        return model.get_weights()

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = weights("mixed_float16", cls)
    assert any("scale_loss" in str(w.message) for w in caught) != cls.scales
    for a, b in zip(found, weights("float32", keras.Model), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-2, atol=2e-3)
