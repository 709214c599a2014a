"""bind: mutation becomes purity inside the block, in one thread, and nothing is left behind."""

import threading

import jax
import numpy as np
import pytest

from keraunos._core import random, state
from keraunos._core.variable import Variable


def test_inside_bind_a_box_holds_the_given_value_and_afterwards_its_own():
    box = Variable(np.zeros(2), name="box")

    def double(value):
        with state.bind([box], [value]) as scope:
            box.assign(box.value * 2)
            return scope.updates([box])[0]

    assert jax.jit(double)(np.ones(2, "float32")).tolist() == [2.0, 2.0]
    assert box.numpy().tolist() == [0.0, 0.0]


def test_another_thread_does_not_see_the_bound_value():
    box = Variable(np.zeros(()), name="box")
    seen = []
    with state.bind([box], [jax.numpy.ones(())]):
        thread = threading.Thread(target=lambda: seen.append(float(box.value)))
        thread.start()
        thread.join()
        assert float(box.value) == 1.0
    assert seen == [0.0]


def test_assigning_a_foreign_variable_inside_jit_is_an_error_not_a_leak():
    box = Variable(np.zeros(()), name="box")
    with pytest.raises(RuntimeError, match="does not own"):
        jax.jit(lambda v: box.assign(v))(1.0)
    assert float(box.value) == 0.0


def test_a_sandbox_forgets_what_was_assigned():
    box = Variable(np.zeros(()), name="box")
    with state.sandbox():
        box.assign(5.0)
        assert float(box.value) == 5.0
    assert float(box.value) == 0.0


def test_keys_depend_on_step_and_call_alone():
    key = jax.random.key(1)

    def draws():
        with state.bind([], [], key):
            return [jax.random.key_data(random.next_key()).tolist() for _ in range(3)]

    assert draws() == draws()
    assert len({tuple(d) for d in draws()}) == 3


def test_a_variable_keeps_its_own_copy_of_an_array():
    array = np.zeros(3, "float32")
    box = Variable(array)
    box.assign(array)
    array += 1
    assert box.numpy().tolist() == [0.0, 0.0, 0.0]


def test_assign_of_another_shape_names_both():
    with pytest.raises(ValueError, match=r"(?s)\(3,\).*\(2,\)"):
        Variable(np.zeros(3), name="w").assign(np.zeros(2))


def test_seeds_draw_the_same_initial_values_and_advance():
    random.set_random_seed(7)
    first = [random.host_generator().normal() for _ in range(2)]
    random.set_random_seed(7)
    again = [random.host_generator().normal() for _ in range(2)]
    assert first == again
    assert first[0] != first[1]
