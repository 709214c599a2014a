"""Several devices train to the numbers of one; meshes and layouts say what does not fit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keraunos as keras
from keraunos import distribution

SCRIPT = Path(__file__).with_name("on_four_devices.py")


@pytest.fixture(scope="module")
def found():
    """What four devices gave: their number is settled when JAX starts, so in a process apart."""
    four = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run(
        [sys.executable, SCRIPT], env=four, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", ["arrays", "batches", "own step"])
def test_four_devices_give_the_numbers_of_one(found, kind):
    assert found["apart"][kind] < 1e-5


def test_each_device_has_a_part_of_the_batch(found):
    assert found["devices"] == ["cpu:0", "cpu:1", "cpu:2", "cpu:3"]
    assert 4 in found["seen"]


def test_kernels_for_one_device_are_off(found):
    assert found["native"] is False


def test_weights_in_parts_give_the_numbers_of_one(found):
    assert found["in parts"]["apart"] < 1e-5
    # A kernel (8, 16) and its momentum, cut in two along the units, each half on two devices.
    assert found["in parts"]["layouts"] == [[[8, 8]] * 4] * 2


def test_a_mirrored_strategy_trains_on_all_devices(found):
    old = found["old program"]
    assert (old["replicas"], old["inside"], old["outside"]) == (4, True, False)
    assert old["devices"] == [4, 2]


def test_a_plan_counts_where_a_model_is_compiled():
    plan = distribution.DataParallel(devices=["cpu:0"])
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with plan.scope():
        model.compile("sgd", "mse")
    assert distribution.distribution() is None
    assert model._plan is plan
    model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
    assert plan.get_variable_layout(model.layers[0].kernel).axes == (None, None)


def test_distribute_tensor_also_within_a_step():
    import jax

    mesh = distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
    layout = distribution.TensorLayout(["batch", None], mesh)
    outside = distribution.distribute_tensor(np.ones((2, 3)), layout)
    inside = jax.jit(lambda x: distribution.distribute_tensor(x, layout) * 1)(np.ones((2, 3)))
    assert outside.sharding == layout.sharding()
    assert inside.sharding.is_equivalent_to(layout.sharding(), 2)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: distribution.DeviceMesh((2, 2), ["a", "b"], ["cpu:0"]), "4 devices"),
        (lambda: distribution.DeviceMesh((1,), ["a", "b"], ["cpu:0"]), "a name for each axis"),
        (lambda: distribution.DeviceMesh((1,), ["a"], ["cpu:99"]), "one of .*cpu:0"),
        (lambda: distribution.TensorLayout(["x"], _mesh()), "axes of the mesh"),
        (lambda: distribution.TensorLayout(["x"]).sharding(), "a device_mesh"),
        (lambda: distribution.ModelParallel(layout_map={}), "a LayoutMap"),
        (
            lambda: distribution.ModelParallel(
                layout_map=distribution.LayoutMap(_mesh()), batch_dim_name="data"
            ),
            "an axis of the mesh",
        ),
    ],
)
def test_what_does_not_fit_says_so(make, message):
    with pytest.raises(ValueError, match=message) as error:
        make()
    assert len(str(error.value).splitlines()) <= 6


def test_a_layout_map_is_a_dictionary_of_expressions():
    layouts = distribution.LayoutMap(_mesh())
    layouts["dense"] = ("batch",)
    layouts["kernel"] = distribution.TensorLayout([None])
    assert layouts["a/dense/bias"].axes == ("batch",)
    assert layouts["kernel"].device_mesh is layouts.device_mesh
    assert list(layouts) == ["dense", "kernel"]
    with pytest.raises(ValueError, match="several layouts"):
        layouts["dense/kernel"]
    with pytest.raises(ValueError, match="already"):
        layouts["dense"] = ("batch",)
    del layouts["dense"]
    assert layouts["a/dense/bias"] is None


def _mesh():
    return distribution.DeviceMesh((1,), ["batch"], ["cpu:0"])
