"""Windows side by side, and the convolution that is made of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos._kernels import conv, loop
from keraunos.layers._windows import convolution_in_loop, windows

RNG = np.random.default_rng(0)


def test_windows_are_slices():
    x = RNG.normal(size=(2, 7, 6, 3)).astype("float32")
    found = np.asarray(windows(jnp.asarray(x), (3, 2), (2, 1), dilation=(1, 2)))
    assert found.shape == (2, 3, 4, 18)
    for row, column in np.ndindex(3, 4):
        part = x[:, 2 * row : 2 * row + 3, column : column + 3 : 2]
        np.testing.assert_array_equal(found[:, row, column], part.reshape(2, 18))


@pytest.mark.parametrize("options", [
    {"strides": 2, "padding": "same"},
    {"dilation": (2, 1), "padding": "valid"},
    {"padding": "same", "data_format": "channels_first"},
])  # fmt: skip
def test_matmul_equals_convolution(options, monkeypatch):
    options = {"strides": 1, "dilation": 1, "data_format": "channels_last"} | options
    shape = (2, 3, 6, 5) if options["data_format"] == "channels_first" else (2, 6, 5, 3)
    x, kernel = (RNG.normal(size=s).astype("float32") for s in (shape, (2, 3, 3, 4)))
    monkeypatch.setattr(loop, "steps_may_loop", lambda program: False)

    def slopes(function):
        def total(x, kernel):
            return jnp.sum(jnp.sin(function(x, kernel, **options)))

        return jax.value_and_grad(total, (0, 1))(x, kernel)

    assert "conv_general_dilated" not in str(
        jax.make_jaxpr(lambda x: convolution_in_loop(x, kernel, **options))(x)
    )
    for found, expected in zip(
        jax.tree.leaves(slopes(convolution_in_loop)), jax.tree.leaves(slopes(conv.convolution))
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
