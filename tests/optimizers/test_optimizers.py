"""Optimizers take any optax rule, build without compiling, and refuse what is wrong."""

import inspect
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from tests.tables.optimizers import CASES

import keraunos as keras
from keraunos import optimizers
from keraunos.optimizers import _rules


def boxes(dtype="float32"):
    return [
        keras.Variable(np.ones((2, 3)), dtype=dtype, name="a"),
        keras.Variable(np.ones(3), dtype=dtype, name="b"),
    ]


GRADIENTS = [np.full((2, 3), 0.5, "float32"), np.full(3, 2.0, "float32")]


@pytest.mark.parametrize(
    "make",
    [lambda: optax.adam(1e-2), lambda: optax.chain(optax.clip(0.1), optax.sgd(0.1, momentum=0.9))],
)
def test_an_optax_transformation_is_an_optimizer(make):
    variables, optimizer = boxes(), optimizers.get(make())
    values = [v.numpy() for v in variables]
    rule = make()
    state = rule.init(values)
    for _ in range(3):
        optimizer.apply(GRADIENTS, variables)
        updates, state = rule.update(GRADIENTS, state, values)
        values = optax.apply_updates(values, updates)
    for variable, value in zip(variables, values):
        np.testing.assert_allclose(variable.numpy(), value, rtol=1e-6)
    assert len(optimizer.variables) == 2 + len(jax.tree.leaves(state))
    with pytest.raises(NotImplementedError, match="no config"):
        optimizer.get_config()


def test_a_rule_is_an_optax_transformation():
    values = [jnp.ones((2, 3)), jnp.ones(3)]
    rule = optax.chain(optax.clip(1.0), _rules.adam())
    updates, _ = rule.update(GRADIENTS, rule.init(values), values, learning_rate=0.1)
    variables, optimizer = boxes(), optimizers.Adam(0.1, clipvalue=1.0)
    optimizer.apply(GRADIENTS, variables)
    np.testing.assert_allclose(variables[1].numpy(), values[1] + updates[1], rtol=1e-6)


def test_the_rate_is_read_at_run_time():
    variables, optimizer = boxes(), optimizers.SGD(1.0)
    optimizer.build(variables)
    step = jax.jit(optimizer.stateless_apply)
    state = [v.value for v in optimizer.variables]
    values, state = step(state, GRADIENTS, [v.value for v in variables])
    state[1] = jnp.asarray(0.0)
    unchanged, _ = step(state, GRADIENTS, values)
    np.testing.assert_array_equal(unchanged[0], values[0])
    optimizer.learning_rate = 0.25
    assert float(optimizer.learning_rate) == optimizer.get_config()["learning_rate"] == 0.25
    optimizer.learning_rate.assign(0.5)
    assert optimizer.get_config()["learning_rate"] == 0.5
    assert optimizers.Adam(0.001).get_config()["learning_rate"] == 0.001


def test_a_schedule_may_replace_the_rate_but_not_the_other_way():
    optimizer = optimizers.SGD(1.0)
    optimizer.learning_rate = optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    assert len(optimizer.variables) == 1
    with pytest.raises(TypeError, match="schedule"):
        optimizer.learning_rate = 0.1


def test_building_compiles_nothing():
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *_, **__: compiled.append(event)
    )
    variables = boxes()
    for name in ("Adam", "RMSprop", "Adafactor", "Adagrad", "Nadam", "Muon"):
        getattr(optimizers, name)(use_ema=True).build(variables)
    assert not [event for event in compiled if "compile" in event]


@pytest.mark.parametrize("name", ["SGD", "Adam", "RMSprop", "AdamW", "Lion"])
def test_half_precision_variables(name):
    variables, wide = boxes("bfloat16"), boxes()
    for boxed in (variables, wide):
        optimizer = getattr(optimizers, name)(0.1)
        for _ in range(3):
            optimizer.apply(GRADIENTS, boxed)
    assert variables[0].dtype == "bfloat16"
    assert {v.dtype for v in optimizer.variables[2:]} <= {"bfloat16", "float32"}
    for narrow, exact in zip(variables, wide):
        np.testing.assert_allclose(narrow.numpy().astype("float32"), exact.numpy(), atol=0.03)


def test_constraints_and_partial_gradients():
    variables, optimizer = boxes(), optimizers.SGD(10.0)
    variables[0].constraint = lambda w: jnp.maximum(w, 0)
    with pytest.warns(UserWarning, match="no gradient for b"):
        optimizer.apply([GRADIENTS[0], None], variables)
    assert variables[0].numpy().min() == 0
    assert variables[1].numpy().tolist() == [1.0, 1.0, 1.0]
    optimizer.apply_gradients([(GRADIENTS[1], variables[1])])
    assert int(optimizer.iterations) == 2


def test_averages_take_the_place_of_the_variables():
    variables, optimizer = boxes(), optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5)
    for _ in range(2):
        optimizer.apply(GRADIENTS, variables)
    optimizer.finalize_variable_values(variables)
    np.testing.assert_allclose(variables[1].numpy(), np.full(3, 0.5 * 0.8 + 0.5 * 0.6), rtol=1e-6)


def test_an_optimizer_of_a_program():
    class Sign(keras.Optimizer):
        def __init__(self, learning_rate=0.5, **kwargs):
            super().__init__(learning_rate=learning_rate, **kwargs)

        def build(self, variables):
            super().build(variables)
            self.seen = self.add_optimizer_variables(variables, "seen")

        def update_step(self, gradient, variable, learning_rate):
            self.assign_add(self.seen[self._get_variable_index(variable)], abs(gradient))
            self.assign_sub(variable, learning_rate * jnp.sign(gradient))

    variables, optimizer = boxes(), Sign(weight_decay=0.1)
    optimizer.apply(GRADIENTS, variables)
    np.testing.assert_allclose(variables[0].numpy(), 0.95 - 0.5)
    assert [v.name for v in optimizer.variables] == [
        "iteration",
        "learning_rate",
        "a_seen",
        "b_seen",
    ]


def test_overflow_halves_the_scale_and_changes_nothing():
    variables, optimizer = boxes(), optimizers.LossScaleOptimizer("adam", initial_scale=8.0)
    optimizer.build(variables)
    optimizer.apply([np.full((2, 3), np.inf), GRADIENTS[1]])
    assert float(optimizer.scale_loss(1.0)) == 4.0
    assert int(optimizer.iterations) == 0
    assert variables[1].numpy().tolist() == [1.0, 1.0, 1.0]
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert type(again.inner_optimizer) is optimizers.Adam


def test_state_is_saved_and_loaded():
    variables, optimizer = boxes(), optimizers.Adam()
    optimizer.apply(GRADIENTS, variables)
    store = {}
    optimizer.save_own_variables(store)
    again = optimizers.Adam()
    with pytest.raises(ValueError, match=r"optimizer.build"):
        again.load_own_variables(store)
    again.build(variables)
    again.load_own_variables(store)
    for mine, other in zip(again.variables, optimizer.variables):
        np.testing.assert_array_equal(mine.numpy(), other.numpy())
    assert pickle.loads(pickle.dumps(optimizers.SGD(0.5, name="p"))).name == "p"


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: optimizers.Adam(lr=0.1), TypeError, "learning_rate"),
        (lambda: optimizers.Adam(beta1=0.1), TypeError, "did you mean 'beta_1'"),
        (lambda: optimizers.get("adm"), ValueError, "did you mean"),
        (lambda: optimizers.SGD("fast"), ValueError, "a number"),
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "clips twice"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, "momentum"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=1), ValueError, "at least 2"),
        (lambda: optimizers.AdamW(weight_decay=None), ValueError, "weight_decay"),
        (
            lambda: optimizers.SGD().apply([None, None], boxes()),
            ValueError,
            "at least one gradient",
        ),
        (lambda: optimizers.SGD().apply([1.0], boxes()), ValueError, "2 gradients"),
        (lambda: optimizers.get(3), TypeError, "optimizer"),
    ],
)
def test_what_is_wrong_is_said(make, error, words):
    with pytest.raises(error, match=words) as caught:
        make()
    assert str(caught.value).count("\n") < 6


def test_new_variables_need_a_new_optimizer():
    optimizer = optimizers.SGD()
    optimizer.build(boxes())
    with pytest.raises(ValueError, match="does not know variable 'a'"):
        optimizer.apply(GRADIENTS, boxes())


@pytest.mark.parametrize("name", sorted({name for name, _ in CASES}))
def test_what_is_no_number_is_refused(name):
    kind = getattr(optimizers, name)
    for argument, parameter in inspect.signature(kind).parameters.items():
        numeric = isinstance(parameter.default, float) and argument != "learning_rate"
        if numeric or argument in ("clipnorm", "weight_decay", "use_ema", "loss_scale_factor"):
            for value in ("wrong", (1,), {"a": 1}, float("nan")):
                with pytest.raises(ValueError, match=argument) as caught:
                    kind(**{argument: value})
                assert name in str(caught.value)


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Nadam", "Adamax", "Lamb", "RMSprop"])
def test_variables_of_bfloat16_move(name):
    """Keras's rules compute powers of 0.999 in bfloat16, where it is 1."""
    moved = []
    for dtype in ("bfloat16", "float32"):
        box = keras.Variable(np.ones(3), dtype=dtype)
        optimizer = getattr(optimizers, name)(0.1)
        optimizer.build([box])
        for _ in range(3):
            optimizer.apply_gradients([(jnp.ones(3, dtype), box)])
        moved.append(np.asarray(box.value, "float32"))
    np.testing.assert_allclose(*moved, rtol=0.02)
