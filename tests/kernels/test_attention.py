"""The attention kernel equals a plain reference, values and gradients, however it is cut."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from keraunos import layers
from keraunos._kernels import attention as kernels

QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
RNG = np.random.default_rng(0)
BATCH, TARGETS, SOURCES, HEADS, SIZE = 6, 4, 5, 4, 3


def array(*shape):
    return jnp.asarray(RNG.normal(size=shape), "float32")


def reference(query, key, value, bias=None, mask=None, scale=None, is_causal=False, soft_cap=None):
    """Return the definition, with every head's keys written out and nothing cut."""
    key, value = (jnp.repeat(x, HEADS // x.shape[2], axis=2) for x in (key, value))
    scores = jnp.einsum("btnh,bsnh->bnts", query, key) * (scale or SIZE**-0.5)
    scores = scores if soft_cap is None else soft_cap * jnp.tanh(scores / soft_cap)
    scores = scores if bias is None else scores + bias
    scores = scores if mask is None else jnp.where(mask, scores, -1e30)
    scores = jnp.where(jnp.tri(TARGETS, SOURCES) > 0, scores, -1e30) if is_causal else scores
    return jnp.einsum("bnts,bsnh->btnh", jax.nn.softmax(scores), value)


def shown(*shape):
    mask = RNG.random(shape) > 0.4
    mask[..., 0] = True
    return jnp.asarray(mask)


ROWS = {
    "plain": {},
    "causal": {"is_causal": True, "scale": 0.3},
    "masked": {"mask": shown(BATCH, 1, 1, SOURCES), "is_causal": True},
    "shared": {"mask": shown(TARGETS, SOURCES), "bias": array(1, HEADS, 1, SOURCES)},
    "capped": {"soft_cap": 0.5, "bias": array(BATCH, HEADS, TARGETS, SOURCES)},
}


@pytest.mark.parametrize("row, together", [*((row, 2) for row in ROWS), ("capped", BATCH)])
def test_equals_the_reference(row, together, monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK_BYTES", together * HEADS * TARGETS * SOURCES * 4)
    arrays = array(BATCH, TARGETS, HEADS, SIZE), array(BATCH, SOURCES, 2, SIZE)
    arrays = (*arrays, array(BATCH, SOURCES, 2, 7))

    def total(attend):
        def run(*arrays):
            out = attend(*arrays, **ROWS[row])
            return jnp.sum(jnp.sin(out)), out

        return jax.jit(jax.value_and_grad(run, (0, 1, 2), has_aux=True), compiler_options=QUICK)(
            *arrays
        )

    found, expected = total(kernels.dot_product_attention), total(reference)
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-5, atol=1e-5), found, expected
    )


def test_a_target_that_sees_nothing():
    x, mask = array(1, 2, 1, 3), jnp.array([[True, False], [False, False]])
    mean = kernels.dot_product_attention(x, x, x, mask=mask)
    zero = kernels.dot_product_attention(x, x, x, mask=mask, zero_masked=True)
    np.testing.assert_allclose(mean[0, 1], x.mean(1)[0], rtol=1e-6)
    assert not zero[0, 1].any()
    slope = jax.grad(lambda x: kernels.dot_product_attention(x, x, x, mask=mask).sum())
    assert np.isfinite(jax.jit(slope, compiler_options=QUICK)(x)).all()


@pytest.mark.parametrize("together", [1, 8])
@pytest.mark.parametrize("rate", [0.25, 1.0])
def test_dropout_drops_its_rate(rate, together, monkeypatch):
    monkeypatch.setattr(kernels, "BLOCK_BYTES", together * 30 * 40 * 4)
    query, key = jnp.zeros((8, 30, 1, 2)), jnp.zeros((8, 40, 1, 2))
    value = jnp.tile(jnp.eye(40)[None, :, None], (8, 1, 1, 1))
    options = {"dropout": rate, "dropout_key": jax.random.key(0)}
    weights = np.asarray(kernels.dot_product_attention(query, key, value, **options)) * 40
    assert abs((weights == 0).mean() - rate) < 0.02
    np.testing.assert_allclose(weights[weights != 0], 1 / (1 - rate or 1), rtol=1e-5)
    assert rate == 1 or not np.array_equal(weights[0], weights[1])


def test_half_precision_is_summed_in_float32():
    x = array(2, 8, 2, 8)
    half = x.astype("bfloat16")
    found = kernels.dot_product_attention(half, half, half)
    assert found.dtype == "bfloat16"
    expected = kernels.dot_product_attention(*[half.astype("float32")] * 3)
    np.testing.assert_allclose(found.astype("float32"), expected, rtol=1e-2, atol=1e-2)


def test_forward_derivatives():
    x = array(2, 3, 1, 4)
    attend = lambda x: kernels.dot_product_attention(x, x, x).sum()  # noqa: E731
    both = lambda x: (jax.jvp(attend, (x,), (x,))[1], jnp.vdot(jax.grad(attend)(x), x))  # noqa: E731
    np.testing.assert_allclose(*jax.jit(both, compiler_options=QUICK)(x), rtol=1e-5, atol=1e-5)


class FakeGPU:
    platform, compute_capability = "gpu", "8.0"


@pytest.mark.parametrize(
    "dtype, size, word",
    [("float32", 8, "float16"), ("bfloat16", 12, "8"), ("bfloat16", 160, "128")],
)
def test_where_the_fused_kernel_cannot_be_had(dtype, size, word, monkeypatch):
    x = jnp.ones((1, 2, 1, size), dtype)
    with pytest.raises(ValueError, match="compute capability"):
        kernels.dot_product_attention(x, x, x, flash=True)
    monkeypatch.setattr(jax, "devices", lambda: [FakeGPU()])
    monkeypatch.setattr(kernels, "runs_on_cpu", lambda: False)
    with pytest.raises(ValueError, match=word):
        kernels.dot_product_attention(x, x, x, flash=True)


@pytest.mark.parametrize("fails", [False, True])
def test_the_fused_kernel_is_taken_on_a_gpu(fails, monkeypatch):
    """With JAX's own function in the place of cuDNN's: masks are whole, a refusal is no error."""
    asked, own = [], jax.nn.dot_product_attention

    def attend(*args, implementation, **options):
        asked.append((implementation, options["mask"].shape))
        if fails and implementation == "cudnn":
            raise NotImplementedError("this shape")
        return own(*args, implementation="xla", **options)

    monkeypatch.setattr(jax, "devices", lambda: [FakeGPU()])
    monkeypatch.setattr(kernels, "runs_on_cpu", lambda: False)
    monkeypatch.setattr(jax.nn, "dot_product_attention", attend)
    x, mask = array(2, 4, 2, 8).astype("bfloat16"), shown(2, 1, 1, 4)
    found = kernels.dot_product_attention(x, x, x, mask=mask)
    assert [one for one, _ in asked] == (["cudnn", "xla"] if fails else ["cudnn"])
    assert asked[0][1] == (2, 1, 4, 4)
    np.testing.assert_array_equal(
        found, own(x, x, x, mask=jnp.broadcast_to(mask, (2, 1, 4, 4)), implementation="xla")
    )
    if fails:
        with pytest.raises(NotImplementedError):
            kernels.dot_product_attention(x, x, x, mask=mask, flash=True)
    kernels.dot_product_attention(x, x, x, mask=mask, flash=False)
    assert asked[-1][0] == "xla"


@pytest.fixture
def lowered_for_a_gpu(monkeypatch):
    """Return the program that a machine with a GPU would compile, made on one without."""
    cudnn = "jax._src.cudnn.fused_attention_stablehlo."
    monkeypatch.setattr(jax, "devices", lambda: [FakeGPU()])
    monkeypatch.setattr(kernels, "runs_on_cpu", lambda: False)
    # What JAX asks the machine for: these alone are not the real ones.
    monkeypatch.setattr(cudnn + "check_cudnn_version", lambda: 91000)
    monkeypatch.setattr(cudnn + "check_compute_capability", lambda level: float(level) <= 8)
    monkeypatch.setattr(cudnn + "is_cuda_compute_capability_equal", lambda level: False)

    def lower(function, *shapes):
        return jax.jit(function).trace(*shapes).lower(lowering_platforms=("cuda",)).as_text()

    return lower


def fused(text):
    """Return cuDNN's kernels in a program, and which masks they make themselves."""
    return (
        sorted(set(re.findall(r"__cudnn\$fmha(\w+)", text))),
        set(re.findall(r"mask_type\W+22: \W+22(\w+)\\", text)),
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("groups", [4, 2, 1])
@pytest.mark.parametrize(
    "masked, is_causal, forward",
    [(False, False, "Softmax"), (False, True, "Softmax"), (True, True, "ScaleBiasSoftmax")],
)
def test_the_program_for_a_gpu_has_the_fused_kernel(
    dtype, groups, masked, is_causal, forward, lowered_for_a_gpu
):
    query, key = (jax.ShapeDtypeStruct((2, 8, n, 64), dtype) for n in (4, groups))
    masks = [jax.ShapeDtypeStruct((2, 1, 1, 8), bool)] if masked else []

    def attend(query, key, value, mask=None):
        return kernels.dot_product_attention(query, key, value, mask=mask, is_causal=is_causal)

    def slopes(*arrays):
        return jax.grad(lambda *a: attend(*a).astype("float32").sum(), (0, 1, 2))(*arrays)

    kind = {"CAUSAL" if is_causal else "NO_MASK"}
    text = lowered_for_a_gpu(attend, query, key, key, *masks)
    assert fused(text) == ([forward], kind)
    assert "dot_general" not in text  # no score is made outside
    text = lowered_for_a_gpu(slopes, query, key, key, *masks)
    assert fused(text) == ([forward, forward + "Backward"], kind)
    assert "dot_general" not in text


@pytest.mark.parametrize(
    "changed",
    [{"dtype": "float32"}, {"size": 12}, {"size": 160}, {"length": 7}, {"soft_cap": 5.0}],
    ids=lambda changed: next(iter(changed)),
)
def test_the_program_for_a_gpu_without_the_fused_kernel(changed, lowered_for_a_gpu):
    row = {"dtype": "bfloat16", "size": 64, "length": 8, "soft_cap": None} | changed
    shape = (2, row["length"], 2, row["size"])
    x, mask = jax.ShapeDtypeStruct(shape, row["dtype"]), jnp.ones((1, 1, 1, row["length"]), bool)

    def attend(x):
        return kernels.dot_product_attention(x, x, x, mask=mask, soft_cap=row["soft_cap"])

    text = lowered_for_a_gpu(attend, x)
    assert fused(text) == ([], set())
    assert "dot_general" in text


@pytest.mark.parametrize(
    "layer, options",
    [
        ("MultiHeadAttention", {"num_heads": 2, "key_dim": 16}),
        ("GroupQueryAttention", {"head_dim": 16, "num_query_heads": 4, "num_key_value_heads": 2}),
    ],
)
def test_layers_reach_the_fused_kernel(layer, options, lowered_for_a_gpu):
    x = jax.ShapeDtypeStruct((2, 8, 32), "bfloat16")
    made = getattr(layers, layer)(**options, dtype="mixed_bfloat16")
    made.build(x.shape, x.shape)
    text = lowered_for_a_gpu(lambda x: made(x, x, use_causal_mask=True), x)
    assert fused(text) == (["Softmax"], {"CAUSAL"})
    precise = getattr(layers, layer)(**options, flash_attention=True)
    precise.build(x.shape, x.shape)
    with pytest.raises(ValueError, match="float16"):
        lowered_for_a_gpu(lambda x: precise(x, x), x)
