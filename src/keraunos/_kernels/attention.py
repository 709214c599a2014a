"""Dot-product attention: one function, sent to the lowering that is fastest.

What was measured on XLA's CPU backend, and hence the rules:
  - heads before steps: products of contiguous matrices take three quarters of the time;
  - scores that do not fit the cache cost as much as the products: a few examples at a time, and
    their scores made anew for the gradient, take 0.7 of the time (and little memory).
Elsewhere JAX's own attention runs: cuDNN's fused kernel where it may, else XLA's.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from keraunos._core import random

from ._geometry import runs_on_cpu

# Bytes of scores that are worked on together: about the second-level cache of a core.
BLOCK_BYTES = 2**21


class _Rules(NamedTuple):
    """What does not depend on the arrays."""

    scale: float
    is_causal: bool
    soft_cap: float | None
    dropout: float
    zero_masked: bool


def dot_product_attention(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    bias: jax.Array | None = None,
    mask: jax.Array | None = None,
    scale: float | None = None,
    is_causal: bool = False,
    flash: bool | None = None,
    soft_cap: float | None = None,
    dropout: float = 0.0,
    dropout_key: jax.Array | None = None,
    zero_masked: bool = False,
) -> jax.Array:
    """Computes `softmax(query key^T * scale + bias) value` for each head.

    Args:
        query: (batch, targets, heads, features).
        key: (batch, sources, groups, features); heads is a multiple of groups.
        value: (batch, sources, groups, value features).
        bias, mask: broadcast to (batch, heads, targets, sources); False leaves a source out.
        scale: `1 / sqrt(features)` by default.
        is_causal: whether a target sees only sources up to its own place.
        flash: True asks for cuDNN's fused kernel, None takes it where it can be had.
        soft_cap: scores become `soft_cap * tanh(scores / soft_cap)` before the bias.
        dropout, dropout_key: the part of the weights that is dropped, and the key it follows.
        zero_masked: a target that sees nothing gets zeros, not the mean of all values.

    Returns:
        (batch, targets, heads, value features).

    Raises:
        ValueError: `flash` is True where the fused kernel cannot be had.

    Example:
        >>> x = jnp.ones((1, 3, 2, 4))
        >>> dot_product_attention(x, x, x).shape
        (1, 3, 2, 4)
    """
    scale = float(query.shape[-1] ** -0.5) if scale is None else scale
    bias, mask = (
        None if x is None else x.reshape((1,) * (4 - x.ndim) + x.shape) for x in (bias, mask)
    )
    plain = (
        soft_cap is None and not dropout and not zero_masked and value.shape[-1] == query.shape[-1]
    )
    if flash is not False:
        missing = _lacking(query, key, bias is not None or mask is not None, plain)
        if flash and missing:
            raise ValueError("flash attention needs " + ", ".join(missing))
        options = {"scale": scale, "is_causal": is_causal, "must": bool(flash)}
        fused = None if missing else _fused(query, key, value, bias, mask, **options)
        if fused is not None:
            return fused
    if plain and not runs_on_cpu():
        options = {"scale": scale, "is_causal": is_causal, "implementation": "xla"}
        return jax.nn.dot_product_attention(query, key, value, bias=bias, mask=mask, **options)
    rules = _Rules(scale, is_causal, soft_cap, dropout, zero_masked)
    kept = _kept_weights(query, key, dropout, dropout_key)
    return _in_blocks((query, key, value, bias, mask, kept), rules)


def attention_and_weights(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    *,
    mask: jax.Array | None = None,
    scale: float,
    is_causal: bool = False,
    dropout: float = 0.0,
    dropout_key: jax.Array | None = None,
) -> tuple[jax.Array, jax.Array]:
    """Computes what `dot_product_attention` does, and the weights of the sources besides.

    The weights are (batch, heads, targets, sources), from before the dropout; all zeros for a
    target that sees nothing.

    Example:
        >>> x = jnp.ones((1, 3, 2, 4))
        >>> attention_and_weights(x, x, x, scale=0.5)[1].shape
        (1, 2, 3, 3)
    """
    rules = _Rules(scale, is_causal, None, dropout, True)
    kept = _kept_weights(query, key, dropout, dropout_key)
    return _attend((query, key, value, None, mask, kept), rules)


def dropped(x: jax.Array, rate: float, key: jax.Array) -> jax.Array:
    """Sets a part of the elements to 0 and scales up the others."""
    return _scaled(x, rate, random.kept(key, rate, x.shape))


# -- the fused kernel ----------------------------------------------------------------------------


def _lacking(query: jax.Array, key: jax.Array, masked: bool, plain: bool) -> list[str]:
    """Return what the fused kernel needs and does not find."""
    device = jax.devices()[0]
    name = str(getattr(device, "compute_capability", "")) if device.platform == "gpu" else ""
    # AMD's are no numbers.
    level = float(name) if name.replace(".", "").isdigit() else 0
    size, most = query.shape[-1], 256 if level >= 9 else 128
    even = query.shape[1] % 2 == key.shape[1] % 2 == 0
    rows = {
        "a GPU of compute capability 8.0 or later": level >= 8 and not runs_on_cpu(),
        "float16 or bfloat16": query.dtype in (jnp.float16, jnp.bfloat16),
        f"a head size that is a multiple of 8, at most {most}": size % 8 == 0 and size <= most,
        "even lengths, with a mask or bias": even or not masked,
        "no dropout, no soft cap, values of the keys' size": plain,
    }
    return [what for what, met in rows.items() if not met]


def _fused(
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    bias: Any,
    mask: Any,
    must: bool,
    **options: Any,
) -> jax.Array | None:
    """Return what cuDNN computes; None where it refuses and need not."""
    square = (query.shape[1], key.shape[1])
    # It does not broadcast the last two axes.
    bias, mask = (
        None if x is None else jnp.broadcast_to(x, (*x.shape[:2], *square)) for x in (bias, mask)
    )
    attend = functools.partial(jax.nn.dot_product_attention, implementation="cudnn", **options)
    try:
        return attend(query, key, value, bias=bias, mask=mask)
    except (NotImplementedError, RuntimeError, ValueError):
        # Versions differ in the shapes that they take; the plain way gives the same values.
        if must:
            raise
        return None


# -- in blocks -----------------------------------------------------------------------------------


def _in_blocks(arrays: tuple[Any, ...], rules: _Rules) -> jax.Array:
    """Attend for a few examples at a time, on the CPU; for all at once elsewhere."""
    (batch, targets, heads, _), sources = arrays[0].shape, arrays[1].shape[1]
    together = max(BLOCK_BYTES // (heads * targets * sources * 4), 1) if runs_on_cpu() else batch
    together = next(n for n in range(min(batch, together), 0, -1) if batch % n == 0)
    if together == batch:
        return _attend(arrays, rules)[0]

    def cut(x: Any) -> Any:
        if x is None or x.shape[0] == 1:
            return None
        return x.reshape(batch // together, together, *x.shape[1:])

    def block(parts: Any) -> jax.Array:
        # What has no examples is the same for all of them.
        mine = tuple(whole if part is None else part for part, whole in zip(parts, arrays))
        return _attend(mine, rules)[0]

    out = lax.map(jax.checkpoint(block, prevent_cse=False), tuple(map(cut, arrays)))
    return out.reshape(batch, *out.shape[2:])


def _attend(arrays: tuple[Any, ...], rules: _Rules) -> tuple[jax.Array, jax.Array]:
    """Attend in float32 or better: a product, a softmax, a product; the weights come along."""
    query, key, value, bias, mask, kept = arrays
    dtype, (batch, targets, heads, features) = query.dtype, query.shape
    groups, sources = key.shape[2], key.shape[1]
    wide = [x.astype(jnp.promote_types(dtype, "float32")) for x in (query, key, value)]
    query, key, value = (jnp.swapaxes(x, 1, 2) for x in wide)
    # The heads that share a group's keys stand below one another in one matrix.
    query = (query * rules.scale).reshape(batch, groups, -1, features)
    scores = jnp.einsum("bgth,bgsh->bgts", query, key)
    weights = _weights(scores.reshape(batch, heads, targets, sources), bias, mask, rules)
    used = weights if kept is None else _scaled(weights, rules.dropout, kept)
    out = jnp.einsum("bgts,bgsh->bgth", used.reshape(scores.shape), value)
    out = jnp.swapaxes(out.reshape(batch, heads, targets, -1), 1, 2)
    return out.astype(dtype), weights.astype(dtype)


def _weights(scores: jax.Array, bias: Any, mask: Any, rules: _Rules) -> jax.Array:
    """Return what each target takes of each source: (batch, heads, targets, sources)."""
    if rules.soft_cap is not None:
        scores = rules.soft_cap * jnp.tanh(scores / rules.soft_cap)
    scores = scores if bias is None else scores + bias
    if rules.is_causal:
        causal = jnp.tri(*scores.shape[-2:], dtype=bool)
        mask = causal if mask is None else mask & causal
    if mask is None:
        return jax.nn.softmax(scores)
    # Not -inf: a row that is masked altogether must stay free of NaN, in its gradient too.
    weights = jax.nn.softmax(jnp.where(mask, scores, -0.7 * jnp.finfo(scores.dtype).max))
    return jnp.where(mask, weights, 0) if rules.zero_masked else weights


# -- dropout -------------------------------------------------------------------------------------


def _kept_weights(query: jax.Array, key: jax.Array, rate: float, rng: Any) -> jax.Array | None:
    """Return which weights stay; drawn at once, for the gradient needs the same ones again."""
    batch, targets, heads, _ = query.shape
    return random.kept(rng, rate, (batch, heads, targets, key.shape[1])) if rate else None


def _scaled(x: jax.Array, rate: float, kept: jax.Array) -> jax.Array:
    return jnp.zeros_like(x) if rate >= 1 else jnp.where(kept, x / (1 - rate), 0)
