"""The compiled kernels give what JAX's own operations give, and differentiate as they do."""

import functools
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos
from keraunos._kernels import conv, library, native, native_recurrent, pooling, recurrent, rows
from keraunos.compat.keras_backend.arrays import hard_sigmoid as hard_sigmoid_of_keras_2

# Where there is a compiler, kernels that were not built are a failure.
pytestmark = pytest.mark.skipif(
    native.instruction_set() is None
    and (shutil.which("c++") is None or os.environ.get("KERAUNOS_NATIVE") == "0"),
    reason="the package was installed without a compiler",
)


def normal(seed, *shape, scale=0.3):
    values = np.random.default_rng(seed).normal(size=shape) * scale
    return jnp.asarray(values, jnp.float32)


def both_ways(function, *arguments, monkeypatch):
    """The results by the kernels, which must be in the program, and by XLA."""
    program = jax.jit(function).lower(*arguments)
    assert "keraunos_" in program.as_text()
    mine = program.compile()(*arguments)
    with monkeypatch.context() as patch:
        patch.setattr(native, "usable", lambda *arrays: False)
        program = jax.jit(lambda *a: function(*a)).lower(*arguments)
        assert "keraunos_" not in program.as_text()
        return mine, program.compile()(*arguments)


def assert_equal(mine, theirs, tolerance=1e-5):
    for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(theirs), strict=True):
        size = max(1.0, float(jnp.abs(b).max(initial=0)))
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance * size)


RECURRENT = [
    ("lstm", False, False, False),
    ("lstm", True, True, True),
    ("gru", False, False, True),
    ("gru", True, True, False),
    ("simple_rnn", True, False, False),
    ("simple_rnn", False, True, True),
]


def recurrent_case(name, masked, dropped, backwards):
    batch, time, features, units = 13, 6, 5, 9
    gates = {"lstm": 4, "gru": 3, "simple_rnn": 1}[name] * units
    bias = normal(5, 2, gates) if name == "gru" else normal(5, gates)
    arrays = [normal(0, batch, time, features), normal(1, batch, units)]
    arrays += [normal(2, batch, units)] if name == "lstm" else []
    arrays += [normal(3, features, gates), normal(4, units, gates), bias]
    options = {
        "mask": jnp.asarray(np.random.default_rng(6).random((batch, time)) > 0.3),
        "recurrent_dropout_mask": jnp.asarray(normal(7, batch, units) > 0, jnp.float32) * 2,
        "go_backwards": backwards,
    }
    if not masked:
        del options["mask"]
    if not dropped:
        del options["recurrent_dropout_mask"]

    def loss(*arrays):
        outputs, states = getattr(recurrent, name)(*arrays, **options)
        return jnp.sin(outputs).mean() + sum(jnp.cos(state).mean() for state in states)

    return loss, arrays


@pytest.mark.parametrize("case", RECURRENT, ids=str)
def test_a_recurrence_and_its_gradients(case, monkeypatch):
    loss, arrays = recurrent_case(*case)
    every = tuple(range(len(arrays)))
    assert_equal(
        *both_ways(jax.value_and_grad(loss, every), *arrays, monkeypatch=monkeypatch), 1e-6
    )


def test_the_second_derivative_of_a_recurrence(monkeypatch):
    loss, arrays = recurrent_case("lstm", True, True, False)

    def penalty(*arrays):
        return sum(jnp.sum(g * g) for g in jax.grad(loss, (0, 4))(*arrays))

    gradient = jax.grad(penalty, (0, 1, 3, 5))
    assert_equal(*both_ways(gradient, *arrays, monkeypatch=monkeypatch), 1e-6)


GATES = {
    "Keras 3": (keraunos.activations.hard_sigmoid, 1 / 6),
    "Keras 2": (hard_sigmoid_of_keras_2, 0.2),
    "the user": (lambda z: jnp.minimum(1.0, jnp.maximum(0.0, z / 4 + 0.5)), 0.25),
    "logistic": (lambda z: jax.nn.sigmoid(z), 0.0),
    "through another point": (lambda z: jnp.clip(0.2 * z + 0.4, 0, 1), None),
    "not cut off": (lambda z: 0.2 * z + 0.5, None),
    "bent": (lambda z: jnp.clip(0.2 * z * jnp.abs(z) + 0.5, 0, 1), None),
    "twice": (lambda z: jax.nn.sigmoid(jax.nn.sigmoid(z)), None),
}


@pytest.mark.parametrize("gate", GATES)
def test_gates_are_known_by_what_they_compute(gate):
    function, slope = GATES[gate]
    found = native_recurrent.known("gru", [jnp.tanh, function], jnp.ones((2, 3)))
    assert found == (None if slope is None else ("gru", pytest.approx(slope, rel=1e-5)))


def test_a_gate_that_depends_on_what_is_traced_is_not_known():
    def seen(slope):
        gate = lambda z: jnp.clip(slope * z + 0.5, 0, 1)  # noqa: E731
        assert native_recurrent.known("lstm", [jnp.tanh, gate], jnp.ones((2, 3))) is None
        return slope

    jax.jit(seen)(0.2)


@pytest.mark.parametrize(
    "name, activations",
    [("lstm", {"activation": jax.nn.relu}), ("gru", {"reset_after": False})],
)
def test_what_the_kernels_do_not_know_goes_to_xla(name, activations):
    _, (x, h, *_, kernel, recurrent_kernel, _) = recurrent_case(name, False, False, False)
    states = [h, h] if name == "lstm" else [h]
    run = jax.jit(
        lambda x: getattr(recurrent, name)(x, *states, kernel, recurrent_kernel, **activations)
    )
    assert "keraunos_" not in run.lower(x).as_text()


TRANSPOSED = [
    ((7,), (3,), {"strides": 2, "padding": "same"}),
    ((7,), (2,), {"strides": 3, "padding": "valid"}),  # gaps that no window reaches
    ((4, 5), (4, 4), {"strides": 2, "padding": "same"}),
    ((4, 5), (3, 2), {"strides": (2, 3), "output_padding": (1, 2), "padding": "valid"}),
    ((4, 5), (3, 3), {"dilation": 2, "padding": "same", "data_format": "channels_first"}),
    ((3, 2, 4), (3, 3, 3), {"strides": 2, "output_padding": 1, "padding": "same"}),
]


@pytest.mark.parametrize("sizes, window, options", TRANSPOSED, ids=str)
def test_a_transposed_convolution_and_its_gradients(sizes, window, options, monkeypatch):
    x, kernel = normal(0, 3, *sizes, 4), normal(1, *window, 6, 4)
    x = jnp.moveaxis(x, -1, 1) if options.get("data_format") == "channels_first" else x
    enlarge = functools.partial(conv.transposed_convolution, **options)

    def loss(x, kernel):
        y = enlarge(x, kernel)
        return jnp.sin(y).sum(), y

    gradient = jax.value_and_grad(loss, (0, 1), has_aux=True)
    assert_equal(*both_ways(gradient, x, kernel, monkeypatch=monkeypatch), 1e-5)
    assert "keraunos_convolution_input" in jax.jit(enlarge).lower(x, kernel).as_text()


CONVOLUTIONS = [
    # sizes, window, channels, filters, strides, dilation, padding, data_format
    ((17,), (5,), 3, 7, 2, 1, "same", "channels_last"),
    ((17,), (3,), 16, 40, 1, 2, "causal", "channels_last"),
    ((9, 8), (3, 2), 4, 33, 1, 1, "valid", "channels_last"),
    ((28, 28), (3, 3), 1, 32, 1, 1, "same", "channels_last"),
    ((9, 11), (3, 3), 6, 5, 1, 2, "same", "channels_first"),
    ((9, 11), (3, 3), 20, 64, 2, 1, "same", "channels_last"),
    ((5, 6, 7), (2, 3, 2), 3, 5, 2, 1, "same", "channels_last"),
    ((2, 2), (3, 3), 2, 3, 1, 1, "valid", "channels_last"),  # no output at all
    ((9, 7), (5, 5), 16, 3, 1, 1, "same", "channels_last"),  # few filters
    ((19,), (9,), 11, 1, 2, 1, "valid", "channels_first"),
    ((9, 7), (1, 1), 64, 2, 1, 1, "valid", "channels_last"),
    ((9, 7), (1, 1), 72, 4, 1, 1, "valid", "channels_last"),
    ((9, 7), (3, 3), 5, 16, 1, 1, "same", "channels_last"),  # half a panel of them
    ((8, 7), (3, 2), 40, 48, 1, 2, "valid", "channels_last"),
]


def convolution_case(sizes, window, channels, filters, strides, dilation, padding, data_format):
    x = normal(0, 3, *sizes, channels)
    x = x if data_format == "channels_last" else jnp.moveaxis(x, -1, 1)
    options = {"strides": strides, "dilation": dilation, "padding": padding}

    def convolve(x, kernel):
        return conv.convolution(x, kernel, data_format=data_format, **options)

    return convolve, (x, normal(1, *window, channels, filters, scale=0.1))


@pytest.mark.parametrize("case", CONVOLUTIONS, ids=str)
def test_a_convolution_and_its_gradients(case, monkeypatch):
    convolve, arrays = convolution_case(*case)

    def results(x, kernel):
        y, pull = jax.vjp(convolve, x, kernel)
        return y, pull(jnp.sin(3 * y))

    assert_equal(*both_ways(results, *arrays, monkeypatch=monkeypatch), 1e-6)


def test_a_convolution_is_differentiated_forwards_and_twice(monkeypatch):
    convolve, (x, kernel) = convolution_case(*CONVOLUTIONS[2])

    def penalty(x, kernel):
        gradients = jax.grad(lambda x, k: jnp.sin(convolve(x, k)).sum(), (0, 1))(x, kernel)
        return sum(jnp.sum(g * g) for g in gradients)

    def results(x, kernel):
        return jax.jvp(jax.grad(penalty, (0, 1)), (x, kernel), (x / 2, kernel / 3))

    assert_equal(*both_ways(results, x, kernel, monkeypatch=monkeypatch))


@pytest.mark.parametrize("axes", [(0, None), (None, 0), (0, 0), (1, None)])
def test_a_convolution_is_mapped(axes, monkeypatch):
    convolve, arrays = convolution_case(*CONVOLUTIONS[2])
    many = [a if axis is None else jnp.stack([a, 2 * a, -a], axis) for a, axis in zip(arrays, axes)]
    assert_equal(*both_ways(jax.vmap(convolve, axes), *many, monkeypatch=monkeypatch), 1e-6)


def test_a_convolution_is_the_slow_reference_in_float64():
    convolve, (x, kernel) = convolution_case(*CONVOLUTIONS[5])
    wide, k = np.pad(np.asarray(x, np.float64), ((0, 0), (1, 1), (1, 1), (0, 0))), kernel
    y = [
        [np.einsum("nhwc,hwcf->nf", wide[:, i : i + 3, j : j + 3], k) for j in range(0, 11, 2)]
        for i in range(0, 9, 2)
    ]
    np.testing.assert_allclose(convolve(x, kernel), np.moveaxis(np.array(y), 2, 0), atol=1e-6)


def test_several_threads_may_call_at_once():
    convolve, (x, kernel) = convolution_case(*CONVOLUTIONS[5])
    one = np.asarray(convolve(x, kernel))
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: np.asarray(convolve(x, kernel)), range(64)):
            np.testing.assert_array_equal(result, one)


DEPTHWISE = [
    # sizes, window, channels, multiplier, strides, dilation, padding
    ((17,), (5,), 3, 1, 2, 1, "same"),
    ((17,), (3,), 35, 2, 1, 2, "causal"),
    ((9, 8), (3, 2), 40, 1, 1, 1, "valid"),
    ((9, 11), (3, 3), 33, 1, 2, 1, "same"),
    ((9, 11), (3, 3), 20, 1, 1, 3, "same"),
    ((5, 6, 7), (2, 3, 2), 17, 1, 2, 1, "same"),
]


def depthwise_case(sizes, window, channels, multiplier, strides, dilation, padding):
    def convolve(x, kernel):
        return conv.depthwise_convolution(
            x, kernel, strides=strides, dilation=dilation, padding=padding
        )

    kernel = normal(1, *window, channels, multiplier, scale=0.1)
    return convolve, (normal(0, 3, *sizes, channels), kernel)


@pytest.mark.parametrize("case", DEPTHWISE, ids=str)
def test_a_depthwise_convolution_and_its_gradients(case, monkeypatch):
    convolve, arrays = depthwise_case(*case)

    def results(x, kernel):
        y, pull = jax.vjp(convolve, x, kernel)
        return y, pull(jnp.sin(3 * y))

    assert_equal(*both_ways(results, *arrays, monkeypatch=monkeypatch), 1e-6)


def test_a_depthwise_convolution_is_differentiated_forwards():
    convolve, (x, kernel) = depthwise_case(*DEPTHWISE[3])
    got = jax.jvp(convolve, (x, kernel), (x / 2, kernel / 3))[1]
    assert_equal(got, convolve(x, kernel) * (1 / 2 + 1 / 3), 1e-6)


@pytest.mark.parametrize("strides", [1, 2])
def test_a_convolution_of_single_pixels(strides, monkeypatch):
    def results(x, kernel):
        y, pull = jax.vjp(lambda x, k: conv.convolution(x, k, strides=strides), x, kernel)
        return y, pull(jnp.sin(3 * y))

    arrays = normal(0, 3, 9, 40, 6), normal(1, 1, 1, 6, 33)
    assert_equal(*both_ways(results, *arrays, monkeypatch=monkeypatch), 1e-6)


OVERLAPPING = [
    # shape, window, strides, padding
    ((3, 9, 7, 35), 3, 2, "same"),
    ((3, 9, 7, 16), (2, 3), 1, "valid"),
    ((2, 17, 8), 5, 2, "same"),
    ((2, 4, 5, 6, 16), 3, 2, "same"),
]


@pytest.mark.parametrize("shape, window, strides, padding", OVERLAPPING, ids=str)
def test_max_pooling_and_its_derivatives(shape, window, strides, padding, monkeypatch):
    x = jnp.round(3 * normal(0, *shape))  # many are equal: the first of them is chosen

    def pool(x):
        return pooling.max_pool(x, window, strides=strides, padding=padding)

    def results(x):
        y, pull = jax.vjp(pool, x)
        tangent = jax.jvp(pool, (x,), (jnp.cos(x + jnp.arange(x.shape[-1])),))
        distinct = x + jnp.arange(x.size).reshape(x.shape) / x.size / 4
        twice = jax.hessian(lambda s: (pool(s * distinct) ** 3).sum())(1.5)
        return y, pull(jnp.sin(3 * y)), tangent, twice, jax.vmap(pool)(jnp.stack([x, -x]))

    assert_equal(*both_ways(results, x, monkeypatch=monkeypatch), 1e-6)


def test_max_pooling_keeps_what_is_not_a_number():
    x = jnp.ones((1, 5, 16)).at[0, 2, 3].set(jnp.nan)
    y = pooling.max_pool(x, 3, strides=1, padding="same")
    assert np.isnan(y[0, :, 3]).tolist() == [False, True, True, True, False]
    assert not np.isnan(y[0, :, :3]).any()


PRINTED = """
import numpy as np
from tests.kernels.test_native import *
loss, arrays = recurrent_case("gru", True, True, False)
convolve, (x, kernel) = convolution_case(*CONVOLUTIONS[5])
print(native.instruction_set())
print(float(loss(*arrays)), *np.asarray(convolve(x, kernel)).ravel()[:50].tolist())
"""


@pytest.mark.parametrize("name", ["0", "baseline", *library.INSTRUCTION_SETS[:-1]])
def test_each_instruction_set_gives_the_same(name):
    environment = {**os.environ, "KERAUNOS_NATIVE": name, "PYTHONPATH": os.pathsep.join(sys.path)}
    printed = subprocess.run(
        [sys.executable, "-c", PRINTED], env=environment, capture_output=True, text=True, check=True
    )
    loaded, values = printed.stdout.splitlines()
    assert loaded in (name, "None")
    assert loaded == "baseline" or name != "baseline"  # runs on every processor
    assert loaded == "None" or name != "0"
    loss, arrays = recurrent_case("gru", True, True, False)
    convolve, (x, kernel) = convolution_case(*CONVOLUTIONS[5])
    expected = [float(loss(*arrays)), *np.asarray(convolve(x, kernel)).ravel()[:50]]
    np.testing.assert_allclose([float(v) for v in values.split()], expected, atol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float16", "uint8", "int32", "bool"])
@pytest.mark.parametrize("shape", [(300,), (17, 31, 2)])
def test_rows_are_those_of_the_array(dtype, shape):
    array = jnp.asarray(np.random.default_rng(0).integers(0, 255, (90, *shape))).astype(dtype)
    for places in ([3], [89, 0, 41, 7], np.random.default_rng(1).permutation(90)):
        places = jnp.asarray(places, jnp.int32)
        program = jax.jit(rows.take_rows).lower(array, places)
        assert "keraunos_rows" in program.as_text()
        found = program.compile()(array, places)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, np.asarray(array)[np.asarray(places)])
        np.testing.assert_array_equal(jax.jit(rows.take_rows)(array[:, :2], places), found[:, :2])


def test_a_library_that_jaxlib_refuses_is_left_out_with_a_warning(monkeypatch):
    def refuse(*args, **kwargs):
        raise RuntimeError("the handler's API version is incompatible\nand more")

    monkeypatch.setattr(jax.ffi, "register_ffi_target", refuse)
    with pytest.warns(UserWarning, match="API version is incompatible") as caught:
        assert native.instruction_set.__wrapped__() is None
    assert len(str(caught[0].message).splitlines()) <= 6
