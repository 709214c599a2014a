"""What is done to gradients before the rule sees them: they are shown to who asks, and clipped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp


def clip_norm(gradients: list[Any], limit: float) -> list[Any]:
    """Shorten each gradient to a norm of at most `limit`."""
    return [
        g * (limit / jnp.maximum(jnp.sqrt(jnp.sum(g * g)), limit)).astype(g.dtype)
        for g in gradients
    ]


def clip_value(gradients: list[Any], limit: float) -> list[Any]:
    """Clip each element to -limit .. limit."""
    return [jnp.clip(g, -limit, limit) for g in gradients]


def clip_global_norm(gradients: list[Any], limit: float) -> list[Any]:
    """Shorten all gradients together to a norm of at most `limit`; not finite ones stay so."""
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g.astype(jnp.float32))) for g in gradients))
    scale = jnp.where(jnp.isfinite(norm), limit / jnp.maximum(norm, limit), jnp.nan)
    return [g * scale.astype(g.dtype) for g in gradients]


CLIPS = {"clipnorm": clip_norm, "clipvalue": clip_value, "global_clipnorm": clip_global_norm}

_local = threading.local()


@contextmanager
def watched(note: Callable[[Any, Any], None] | None) -> Iterator[None]:
    """Within this block `note(variable, gradient)` is called for what an optimizer is to apply."""
    before = getattr(_local, "note", None)
    _local.note = note
    try:
        yield
    finally:
        _local.note = before


def show(pairs: list[tuple[Any, Any]]) -> None:
    """Show pairs (gradient, variable) to who watches in this thread."""
    note = getattr(_local, "note", None)
    if note is not None:
        for gradient, variable in pairs:
            note(variable, gradient)
