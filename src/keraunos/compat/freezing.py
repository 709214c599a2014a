"""Which layers are trained: up to tf.keras that was settled by `compile`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from keraunos._core import state


@contextlib.contextmanager
def as_compiled(model: Any) -> Iterator[None]:
    """Let layers be trained or not as they were at `compile`: Keras 2 took it from there."""
    flags = getattr(model, "_flags", ())
    now = [(layer, layer._trainable) for layer, _ in flags]
    if now == list(flags):
        yield
        return
    try:
        _set_flags(flags)
        yield
    finally:
        _set_flags(now)


def _set_flags(flags: Any) -> None:
    for layer, flag in flags:
        layer._trainable = flag
    state.new_version()
