"""Rematerialization: what a layer computed is computed again for the gradient, to save memory."""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from keraunos import errors
from keraunos._core import context, state

if TYPE_CHECKING:
    from keraunos._core.layer import Layer

_MODES = ("full", "activations", "larger_than", "list_of_layers", None)
_local = threading.local()


class RematScope:
    """Layers made inside of this block keep less for the backward pass, and compute it again.

    Args:
        mode: `"full"`: every layer; `"activations"`: their activation alone; `"larger_than"`: those
            with more output elements than the threshold (an unknown batch size counts as it
            comes); `"list_of_layers"`: those named; None: none.
        output_size_threshold: in elements.
        layer_names: names of layers.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> import keraunos as keras
        >>> with RematScope("full"):
        ...     layer = keras.layers.Dense(2)
        >>> layer(jax.numpy.ones((1, 3))).shape
        (1, 2)
    """

    def __init__(
        self,
        mode: str | None = "full",
        output_size_threshold: int = 1024,
        layer_names: list[str] | None = None,
    ) -> None:
        if mode not in _MODES:
            raise ValueError(
                errors.report("mode of RematScope", expected=f"one of {_MODES}", got=repr(mode))
            )
        self.mode, self.output_size_threshold = mode, output_size_threshold
        self.layer_names = list(layer_names or [])

    def __enter__(self) -> RematScope:
        _scopes().append(self)
        return self

    def __exit__(self, *_: object) -> None:
        _scopes().pop()


def current() -> RematScope | None:
    """Return the innermost scope of this thread."""
    scopes = _scopes()
    return scopes[-1] if scopes else None


def remat(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of arrays whose inner values are computed again for the gradient.

    Args:
        f: a function; arguments that are not arrays are passed to it as they are.

    Example:
        >>> float(jax.grad(remat(lambda x: jax.numpy.sin(x) ** 2))(0.0))
        0.0
    """

    @functools.wraps(f)
    def again(*args: Any, **kwargs: Any) -> Any:
        leaves, tree = jax.tree.flatten((args, kwargs))
        moving = [i for i, leaf in enumerate(leaves) if isinstance(leaf, jax.Array)]

        def pure(arrays: list[Any]) -> Any:
            whole = list(leaves)
            for i, array in zip(moving, arrays):
                whole[i] = array
            inner_args, inner_kwargs = jax.tree.unflatten(tree, whole)
            return f(*inner_args, **inner_kwargs)

        return jax.checkpoint(pure)([leaves[i] for i in moving])

    return again


def call(layer: Layer, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a layer's `call`, rematerialized as the scope in which the layer was made says."""
    scope = layer._remat
    mode = None if scope is None else scope.mode
    if scope is None or mode is None:
        return function
    if mode == "activations":
        return _activation_again(layer, function)
    if mode == "list_of_layers":
        return _again(layer, function) if layer.name in scope.layer_names else function
    return _again(layer, function, scope.output_size_threshold if mode == "larger_than" else None)


def _activation_again(layer: Layer, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        activation = layer.__dict__.get("activation")
        if not callable(activation):
            return function(*args, **kwargs)
        layer.__dict__["activation"] = remat(activation)
        try:
            return function(*args, **kwargs)
        finally:
            layer.__dict__["activation"] = activation

    return run


def _again(
    layer: Layer, function: Callable[..., Any], threshold: int | None = None
) -> Callable[..., Any]:
    """Return the call as a pure function under `jax.checkpoint`; what it changed comes out."""

    def run(*args: Any, **kwargs: Any) -> Any:
        boxes = layer.non_trainable_variables
        changed: list[Any] = []

        def pure(values: list[Any], args: Any, kwargs: Any) -> Any:
            with state.bind(boxes, values) as scope:
                outputs = function(*args, **kwargs)
                changed[:] = [b for b, v in zip(boxes, values) if scope.read(b) is not v]
                masks = [context.get_mask(leaf) for leaf in jax.tree.leaves(outputs)]
                return outputs, scope.updates(changed), scope.losses, masks

        before = [_raw(box) for box in boxes]
        if threshold is not None:
            # In a sandbox, so that looking draws no random numbers of the step.
            with state.sandbox(jax.random.key(0)):
                outputs = jax.eval_shape(lambda: pure(before, args, kwargs)[0])
            if sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(outputs)) <= threshold:
                return function(*args, **kwargs)
        outputs, after, losses, masks = remat(pure)(before, args, kwargs)
        for box, value in zip(changed, after):
            box.assign(value)
        for loss in losses:
            layer.add_loss(loss)
        for leaf, mask in zip(jax.tree.leaves(outputs), masks):
            if mask is not None:
                context.set_mask(leaf, mask)
        return outputs

    return run


def _raw(box: Any) -> Any:
    """Return a variable's value as it is kept, whatever dtype the layer computes in."""
    scope = state.current()
    return box._value if scope is None else scope.read(box)


def _scopes() -> list[RematScope]:
    if not hasattr(_local, "scopes"):
        _local.scopes = []
    return _local.scopes
