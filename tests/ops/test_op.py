"""`op` takes arrays, lists, variables and symbolic tensors; its names are those of saved graphs."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos
from keraunos import ops
from keraunos._core.graph import Function
from keraunos._core.op import OPERATIONS
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable


@pytest.mark.parametrize(
    "name", [n for n, f in OPERATIONS.items() if f.__module__.startswith("keraunos.ops")]
)
def test_an_operation_is_found_under_its_name(name):
    """A saved graph holds module and name; both must lead back to the same function."""
    function = OPERATIONS[name]
    module = getattr(ops, function.__module__.rpartition(".")[2], None)
    if function.__module__ != "keraunos.ops.einops":
        assert getattr(module, name) is function
    assert function.__doc__
    assert not function.__doc__.startswith(" ")


def test_signature_is_keras_s():
    assert str(inspect.signature(ops.mean)) == "(x, axis=None, keepdims=False)"
    assert str(inspect.signature(ops.conv_transpose)).startswith("(inputs")


def test_lists_variables_and_keywords():
    v = Variable(np.ones(2, "float32"))
    assert ops.add([1, 2], v).tolist() == [2.0, 3.0]
    assert ops.add(x1=1.0, x2=v).tolist() == [2.0, 2.0]
    assert ops.concatenate([v, [3.0]]).tolist() == [1.0, 1.0, 3.0]
    assert ops.sum(v, axis=[0]).item() == 2.0
    assert ops.leaky_relu([-1.0]).tolist() == pytest.approx([-0.2])
    assert ops.soft_shrink(2.0).item() == 1.5


def test_operators_of_symbolic_tensors():
    x = SymbolicTensor((None, 3))
    y = ((2 * x + 1 - x / 2) ** 2 // 1 % 7 @ jnp.ones((3, 3))) * (x > 0).reshape((-1, 3)) - abs(-x)
    z = np.float32([[1, -2, 3]])
    wanted = ((2 * z + 1 - z / 2) ** 2 // 1 % 7 @ np.ones((3, 3))) * (z > 0) - abs(-z)
    np.testing.assert_allclose(Function(x, y)(jnp.asarray(z)), wanted, rtol=1e-6)
    assert (x == x) is True
    assert [y, x].index(x) == 1


def test_shape_of_a_symbolic_tensor():
    x = SymbolicTensor((None, 3))
    assert ops.shape(x) == (None, 3)
    assert ops.size(SymbolicTensor((2, 3))) == 6
    assert Function(x, ops.size(x) * 2)(jnp.ones((5, 3))).item() == 30
    assert ops.reshape(x, (ops.shape(x)[0], 3, 1)).shape == (None, 3, 1)


def test_control_flow():
    assert ops.cond(jnp.array(True), lambda: 1.0, lambda: 2.0).item() == 1.0
    assert ops.switch(1, [lambda x: x, lambda x: 2 * x], 3.0).item() == 6.0
    assert ops.while_loop(lambda i: i < 10, lambda i: i + 3, 0).item() == 12
    assert (
        ops.while_loop(lambda i, j: i < 10, lambda i, j: (i + 1, j), (0, 5), maximum_iterations=4)[
            0
        ].item()
        == 4
    )
    assert ops.fori_loop(0, 4, lambda i, total: total + i, 0).item() == 6
    total, parts = ops.scan(lambda s, x: (s + x, s), 0.0, jnp.arange(3.0))
    assert (total.item(), parts.tolist()) == (3.0, [0.0, 0.0, 1.0])
    assert ops.associative_scan(jnp.add, jnp.arange(4)).tolist() == [0, 1, 3, 6]
    assert ops.map(lambda x: x + 1, jnp.arange(2)).tolist() == [1, 2]
    assert ops.vectorized_map(lambda x: x @ x, jnp.ones((2, 3))).tolist() == [3.0, 3.0]
    assert ops.vectorized_map(lambda x: x @ x, SymbolicTensor((None, 3))).shape == (None,)


def test_sparsemax_is_on_the_simplex():
    """Equals the paper's closed form; the real Keras mixes the rows of a batch."""
    x = np.array([[0.1, 0.2, 0.3], [3.0, 0.0, 0.0], [1.0, 0.9, -5.0]], "float32")
    found = np.asarray(ops.sparsemax(x))
    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(
        found, [[0.7 / 3, 1 / 3, 1.3 / 3], [1, 0, 0], [0.55, 0.45, 0]], rtol=1e-5, atol=1e-6
    )


def test_custom_gradient():
    @ops.custom_gradient
    def flat(x):
        return x**2, lambda upstream: upstream * 5

    assert jax.grad(flat)(3.0).item() == 5.0


@pytest.mark.parametrize(
    "call",
    [
        lambda: ops.conv(jnp.ones((1, 5, 5, 3)), jnp.ones((2, 2, 2, 4))),
        lambda: ops.categorical_crossentropy(jnp.ones((2, 3)), jnp.ones((2, 4))),
        lambda: ops.rearrange(jnp.ones((2, 3)), "a b -> b c"),
        lambda: ops.segment_sum(jnp.ones(3), jnp.zeros(3, "int32")),
        lambda: ops.scatter_update(jnp.ones(3), [[0]], [1.0], reduction="ad"),
        lambda: ops.cholesky(-jnp.eye(2)),
        lambda: ops.cholesky(jnp.ones((2, 1, 3))),
        lambda: ops.eigh(jnp.ones((2, 1, 3))),
        lambda: ops.image.resize(jnp.ones((2, 2)), (1, 1)),
        lambda: ops.qr(jnp.eye(2), mode="full"),
    ],
)
def test_bad_input_ends_in_a_short_message(call):
    with pytest.raises(ValueError) as caught:
        call()
    assert len(str(caught.value).split("\n")) <= 6


def test_tree_keeps_none():
    assert keraunos.tree.flatten({"b": [1, None], "a": 2}) == [2, 1, None]
    assert keraunos.tree.map_structure(lambda x: x, (None, [1])) == (None, [1])


def test_a_zero_in_half_precision_is_normalized_to_zero():
    np.testing.assert_array_equal(ops.normalize(np.zeros((2, 3), "float16")), 0)


def test_saturated_to_a_dtype_that_has_32_bits_here():
    assert ops.saturate_cast(jnp.array([-1e20, 2.5]), "int64").tolist() == [-(2**31), 2]


def test_complex_numbers_of_half_precision():
    half = jnp.ones(2, "float16")
    assert ops.polar(half, half).dtype == ops.polar(half, 2).dtype == "complex64"


@pytest.mark.parametrize("pool", [ops.max_pool, ops.adaptive_max_pool])
def test_one_of_equal_elements_gets_the_gradient(pool):
    slope = jax.grad(lambda x: pool(x, 2).sum())(jnp.zeros((1, 4, 4, 1)))
    assert slope[0, ..., 0].tolist() == [[1, 0, 1, 0], [0] * 4, [1, 0, 1, 0], [0] * 4]
