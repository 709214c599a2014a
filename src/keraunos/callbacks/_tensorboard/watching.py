"""Watching the layers of a model while it is traced: their scopes and what they return."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import get_opaque_trace_state

from keraunos._core import context, state
from keraunos._core.layer import Layer

Around = Callable[..., Any]


@contextlib.contextmanager
def watched(layers: Iterable[Layer], around: Around) -> Iterator[None]:
    """Put `around(layer, call, *args, **kwargs)` in the place of the layers' calls in the block."""
    before = [(layer, layer.__dict__.get("call")) for layer in layers]
    for layer, _ in before:
        layer.__dict__["call"] = functools.partial(around, layer, layer.call)
    try:
        yield
    finally:
        for layer, own in before:
            if own is None:
                del layer.__dict__["call"]
            else:
                layer.__dict__["call"] = own


def run(model: Any, values: list[Any], x: Any) -> Any:
    """Call a model on (traced) inputs with the given values of its variables, as `predict` does."""
    key = jax.random.key(0)
    with (
        state.bind(model.variables, values),
        state.sandbox(key),
        context.fresh(training=False),
    ):
        return model(x, training=False)


def current_values(model: Any) -> list[Any]:
    """Return what the variables of a model hold, without a copy: use it before the next step."""
    return [variable._value for variable in model.variables]


class Activations:
    """Computes what each layer of a model returns, in one compiled program.

    A layer that is called several times is told of by its last call; one that runs inside a loop
    of another (the cell of a recurrent layer) has no one output and is left out.

    Args:
        model: whose `layers` are watched.
        x: (samples, ...) its inputs.
    """

    def __init__(self, model: Any, x: Any) -> None:
        self._model = model
        self._x = jax.tree.map(jnp.asarray, model._encode(x))
        self._run = jax.jit(self._outputs)

    def __call__(self) -> dict[str, list[Any]]:
        """Return path of the layer -> its outputs, on the host."""
        return jax.device_get(self._run(current_values(self._model), self._x))

    def _outputs(self, values: list[Any], x: Any) -> dict[str, list[Any]]:
        taken: dict[str, list[Any]] = {}
        level = get_opaque_trace_state()

        def around(layer: Layer, call: Around, *args: Any, **kwargs: Any) -> Any:
            found = call(*args, **kwargs)
            if get_opaque_trace_state() == level:
                taken[place(layer)] = [leaf for leaf in jax.tree.leaves(found) if leaf is not None]
            return found

        with watched(self._model.layers, around):
            run(self._model, values, x)
        return taken


def place(layer: Layer) -> str:
    """Return the path under which TensorBoard has a layer: that of its weights, if it has any."""
    own = [v.path for v in layer._own_variables()]
    return own[0].rpartition("/")[0] if own else layer.path
