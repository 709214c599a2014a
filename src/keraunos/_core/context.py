"""What a call hands down to the layers inside: training, masks, the path for errors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
from jax.core import Tracer

_local = threading.local()


class CallContext:
    """The outermost call of this thread and everything inside it."""

    def __init__(self) -> None:
        self.training: bool | None = None
        # Shapes are inferred, nothing is computed.
        self.abstract = False
        self.path: list[str] = []
        # Told (path, layer, arguments, outputs) after each call inside.
        self.listener: Callable[..., None] | None = None
        # id -> (tensor, mask): holding the tensor keeps its id from being used again.
        self._masks: dict[int, tuple[Any, Any]] = {}

    def set_mask(self, tensor: Any, mask: Any) -> None:
        self._masks[id(tensor)] = (tensor, mask)

    def mask_of(self, tensor: Any) -> Any:
        found = self._masks.get(id(tensor))
        return found[1] if found is not None else None


@contextmanager
def entered() -> Iterator[tuple[CallContext, bool]]:
    """Yield the running context (or a new one) and whether it is new."""
    context = current()
    if context is not None:
        yield context, False
        return
    _local.context = context = CallContext()
    try:
        yield context, True
    finally:
        _local.context = None


@contextmanager
def fresh(training: bool | None = None) -> Iterator[CallContext]:
    """Yield a new context, whatever is running: for a traced step and for shape inference."""
    before = current()
    _local.context = context = CallContext()
    context.training = training
    try:
        yield context
    finally:
        _local.context = before


@contextmanager
def named(name: str) -> Iterator[None]:
    """Add a layer to the path of the call under way, if there is one."""
    path = [] if (running := current()) is None else running.path
    path.append(name)
    try:
        yield
    finally:
        path.pop()


def current() -> CallContext | None:
    """Return the context of the running call, or None outside of any layer's call."""
    return getattr(_local, "context", None)


def is_abstract() -> bool:
    """Return whether the running call only infers shapes."""
    running = current()
    return running is not None and running.abstract


def get_mask(tensor: Any) -> Any:
    """Return the mask that travels with a tensor, or None."""
    context = current()
    mask = context.mask_of(tensor) if context is not None else None
    return getattr(tensor, "_keras_mask", None) if mask is None else mask


def set_mask(tensor: Any, mask: Any) -> None:
    """Let a mask travel with a tensor."""
    context = current()
    if context is not None:
        context.set_mask(tensor, mask)
    if isinstance(tensor, jax.Array) and not isinstance(tensor, Tracer):
        # Between two calls by hand there is no context: a concrete array carries its own.
        tensor._keras_mask = mask  # pyright: ignore[reportAttributeAccessIssue]
