"""Which steps may stand in a loop: on a CPU those without XLA's convolution, however deep."""

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from keraunos._kernels import native_conv
from keraunos._kernels.conv import convolution, depthwise_convolution
from keraunos._kernels.loop import steps_may_loop

X, KERNEL = jnp.ones((1, 8, 2)), jnp.ones((3, 2, 2))


def conv(x):
    return lax.conv_general_dilated(
        x, KERNEL, (1,), "SAME", dimension_numbers=("NHC", "HIO", "NHC")
    )


@jax.custom_vjp
def hidden(x):
    return conv(x)


hidden.defvjp(lambda x: (conv(x), None), lambda _, g: (g,))


@pytest.mark.parametrize(
    "step",
    [
        conv,
        jax.jit(conv),
        hidden,
        jax.checkpoint(conv),
        lambda x: lax.scan(lambda x, _: (conv(x), None), x, length=2)[0],
        lambda x: lax.cond(x.sum() > 0, conv, lambda x: x, x),
        lambda x: lax.while_loop(lambda x: x.sum() > 0, conv, x),
        jax.grad(lambda x: conv(x).sum()),
        lambda x: jax.vmap(conv)(x[None]),
    ],
)
def test_convolutions_are_found_at_any_depth(step):
    jaxpr = jax.make_jaxpr(step)(X)
    assert not steps_may_loop(jaxpr, "cpu")
    assert not steps_may_loop(jaxpr.jaxpr, "cpu")
    assert steps_may_loop(jaxpr, "gpu")


def test_others_may_loop():
    depthwise = lambda x: depthwise_convolution(x, jnp.ones((3, 2, 1)))  # noqa: E731
    pointwise = lambda x: convolution(x, jnp.ones((1, 2, 4)))  # noqa: E731
    native = lambda x: native_conv.convolution(x, KERNEL, (1,), ((1, 1),), (1,))  # noqa: E731
    for step in (
        native,
        jnp.sin,
        depthwise,
        pointwise,
        jax.jit(jax.grad(lambda x: pointwise(x).sum())),
    ):
        assert steps_may_loop(jax.make_jaxpr(step)(X), "cpu")
