"""device: arrays are made where it says, and a device that is not there is named."""

import jax.numpy as jnp
import pytest

import keraunos


@pytest.mark.parametrize("name", ["cpu", "CPU:0", "cpu:0", "/device:CPU:0"])
def test_arrays_are_made_on_the_device(name):
    with keraunos.device(name):
        assert jnp.ones(2).device.platform == "cpu"


@pytest.mark.parametrize("name", ["cpu:99", "abacus", "cpu:first"])
def test_a_device_that_is_not_there_is_named(name):
    with pytest.raises(ValueError, match=f"got: *{name}"), keraunos.device(name):
        pass
