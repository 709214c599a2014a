"""Convolution kernels equal XLA's convolution, in values and in gradients, on every road."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from keraunos._kernels import conv

# x with the channels last, kernel, options
CASES = [
    ((2, 9, 3), (3, 3, 4), {}),
    ((2, 9, 3), (3, 3, 4), {"padding": "causal", "dilation": 2}),
    ((2, 9, 4), (1, 4, 5), {"strides": 2}),
    ((2, 8, 7, 3), (3, 3, 3, 4), {"strides": (2, 1), "padding": "same"}),
    ((2, 8, 7, 3), (3, 2, 3, 4), {"dilation": (1, 2), "padding": "same"}),
    ((2, 8, 7, 3), (1, 1, 3, 4), {"strides": (2, 3), "padding": "same"}),
    ((2, 8, 7, 3), (1, 1, 3, 4), {}),
    ((2, 8, 7, 1), (3, 3, 1, 4), {}),
    ((2, 8, 7, 4), (3, 3, 2, 6), {"groups": 2}),
    ((1, 8, 7, 66), (3, 3, 2, 66), {"groups": 33}),
    ((2, 8, 7, 4), (1, 1, 2, 6), {"groups": 2}),
    ((2, 8, 7, 4), (3, 3, 1, 8), {"groups": 4, "padding": "same"}),
    ((1, 4, 5, 6, 2), (2, 3, 2, 2, 3), {"strides": 2, "padding": "same"}),
]

DEPTHWISE_CASES = [
    ((2, 9, 3), (3, 3, 1), {}),
    ((2, 9, 3), (4, 3, 2), {"padding": "causal", "dilation": 2}),
    ((2, 23, 7, 3), (3, 3, 3, 1), {"padding": "same"}),
    ((2, 8, 7, 3), (3, 3, 3, 2), {"strides": 2, "padding": "same"}),
    ((2, 8, 9, 3), (3, 2, 3, 1), {"strides": (3, 2)}),
    ((2, 8, 9, 2), (3, 2, 2, 1), {"dilation": (2, 3)}),
    ((1, 15, 9, 2), (7, 7, 2, 1), {"padding": "same"}),
    ((2, 8, 9, 2), (1, 1, 2, 3), {"strides": 2}),
    ((1, 6, 5, 6, 2), (3, 2, 2, 2, 2), {"strides": 2, "padding": "same"}),
]


def reference(x, kernel, strides=1, padding="valid", dilation=1, groups=1, data_format=None):
    rank = kernel.ndim - 2
    axes = "DHW"[-rank:]
    features = f"N{axes}C" if data_format == "channels_last" else f"NC{axes}"
    if padding == "causal":
        padding = [((kernel.shape[0] - 1) * dilation, 0)]
    return lax.conv_general_dilated(
        x,
        kernel,
        (strides,) * rank if isinstance(strides, int) else strides,
        padding.upper() if isinstance(padding, str) else padding,
        rhs_dilation=(dilation,) * rank if isinstance(dilation, int) else dilation,
        dimension_numbers=(features, f"{axes}IO", features),
        feature_group_count=groups,
    )


def depthwise_reference(x, kernel, **options):
    *window, channels, multiplier = kernel.shape
    kernel = kernel.reshape(*window, 1, channels * multiplier)
    return reference(x, kernel, groups=channels, **options)


def arrays(shape, kernel_shape, data_format):
    x = jax.random.normal(jax.random.key(0), shape)
    x = x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)
    return x, jax.random.normal(jax.random.key(1), kernel_shape)


def assert_same(function, plain, *args):
    def both(*args):
        got, pull = jax.vjp(function, *args)
        want, pull_plain = jax.vjp(plain, *args)
        cotangent = jax.random.normal(jax.random.key(2), want.shape)
        return (got, *pull(cotangent)), (want, *pull_plain(cotangent))

    for got, want in zip(*jax.jit(both)(*args)):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-5)


def each_way(cases):
    """All cases in the usual layout on a CPU, every third one in the others."""
    ways = [(True, "channels_last"), (True, "channels_first"), (False, "channels_last")]
    ways.append((False, "channels_first"))
    return [
        (*case, cpu, data_format)
        for n, (cpu, data_format) in enumerate(ways)
        for i, case in enumerate(cases)
        if n == 0 or i % 3 == n % 3
    ]


@pytest.mark.parametrize(
    ("shape", "kernel_shape", "options", "cpu", "data_format"), each_way(CASES)
)
def test_convolution(shape, kernel_shape, options, cpu, data_format, monkeypatch):
    monkeypatch.setattr(conv, "runs_on_cpu", lambda: cpu)
    options = {**options, "data_format": data_format}
    assert_same(
        lambda x, kernel: conv.convolution(x, kernel, **options),
        lambda x, kernel: reference(x, kernel, **options),
        *arrays(shape, kernel_shape, data_format),
    )


@pytest.mark.parametrize(
    ("shape", "kernel_shape", "options", "cpu", "data_format"), each_way(DEPTHWISE_CASES)
)
def test_depthwise_convolution(shape, kernel_shape, options, cpu, data_format, monkeypatch):
    monkeypatch.setattr(conv, "runs_on_cpu", lambda: cpu)
    options = {**options, "data_format": data_format}
    assert_same(
        lambda x, kernel: conv.depthwise_convolution(x, kernel, **options),
        lambda x, kernel: depthwise_reference(x, kernel, **options),
        *arrays(shape, kernel_shape, data_format),
    )


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_separable_convolution(data_format):
    options = {"strides": 2, "padding": "same", "data_format": data_format}
    x, depthwise = arrays((2, 8, 7, 3), (3, 3, 3, 2), data_format)
    pointwise = jax.random.normal(jax.random.key(3), (1, 1, 6, 5))
    assert_same(
        lambda *args: conv.separable_convolution(*args, **options),
        lambda x, depthwise, pointwise: reference(
            depthwise_reference(x, depthwise, **options), pointwise, data_format=data_format
        ),
        x,
        depthwise,
        pointwise,
    )


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("function", [conv.convolution, conv.depthwise_convolution])
def test_low_precision(function, dtype):
    x, kernel = arrays((2, 8, 7, 3), (3, 3, 3, 1), "channels_last")
    gradient = jax.grad(lambda kernel, x: function(x, kernel).astype("float32").sum())
    got = gradient(kernel.astype(dtype), x.astype(dtype))
    assert got.dtype == dtype
    np.testing.assert_allclose(got.astype("float32"), gradient(kernel, x), rtol=0.1, atol=0.3)


def test_unknown_padding():
    with pytest.raises(ValueError, match="'reflect'"):
        conv.convolution(jnp.ones((1, 4, 1)), jnp.ones((2, 1, 1)), padding="reflect")
