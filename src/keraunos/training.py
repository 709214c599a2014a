"""Training by hand: gradients, tapes and steps for those who write the loop themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors, losses
from keraunos._core import calling, context, random, state
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.tape import GradientTape
from keraunos._core.variable import held

__all__ = ["GradientTape", "value_and_grad"]


def value_and_grad(model: Any, loss: Any) -> Callable[..., tuple[jax.Array, list[jax.Array]]]:
    """Return a function of a batch that gives the loss and its gradients.

    The function is `(x, y, sample_weight=None) -> (loss, gradients)`, compiled once for each shape
    of a batch; the gradients are in the order of `model.trainable_variables`, as
    `optimizer.apply(gradients, model.trainable_variables)` wants them. The model is called with
    `training=True`: moving means and seeds go on, and losses that layers add are in the sum.

    Args:
        model: a built model or layer, or one that the first batch can build.
        loss: a name, a `Loss`, or a function `(y_true, y_pred) -> (batch,)`.

    Raises:
        ValueError: a model without trainable variables.

    Example:
        >>> import keraunos as keras, numpy as np
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> step = value_and_grad(model, "mse")
        >>> loss, gradients = step(np.ones((4, 2)), np.ones((4, 1)))
        >>> [g.shape for g in gradients]
        [(2, 1), (1,)]
    """
    function = losses.get(loss)
    if not isinstance(function, losses.Loss):
        function = losses.LossFunctionWrapper(function)
    compiled: dict[int, tuple[Any, list[Any], list[Any]]] = {}

    def step(x: Any, y: Any, sample_weight: Any = None) -> tuple[jax.Array, list[jax.Array]]:
        x, y, sample_weight = jax.tree.map(jnp.asarray, (x, y, sample_weight))
        if not model.built or state.version() not in compiled:
            _build(model, x)
            compiled.clear()
            compiled[state.version()] = _program(model, function)
        run, trainable, other = compiled[state.version()]
        given = [held(box) for box in trainable], [held(box) for box in other]
        value, gradients, new = run(*given, x, y, sample_weight, random.next_key())
        for box, after in zip(other, new, strict=True):
            box.assign(after)
        return value, gradients

    return step


def _build(model: Any, x: Any) -> None:
    if not model.built:
        calling.infer(model, (jax.tree.map(lambda a: SymbolicTensor(a.shape, a.dtype), x),), {})
    if not model.trainable_variables:
        raise ValueError(
            errors.report(f"value_and_grad: {model.name!r} has no trainable variables")
        )


def _program(model: Any, loss: Any) -> tuple[Any, list[Any], list[Any]]:
    """Return the compiled function of the values, and the variables: trainable and other."""
    trainable, other = model.trainable_variables, model.non_trainable_variables

    def run(values: Any, rest: Any, x: Any, y: Any, weight: Any, key: Any) -> Any:
        def loss_of(values: Any) -> Any:
            boxes = [*trainable, *other]
            with state.bind(boxes, [*values, *rest], key) as scope, context.fresh(training=True):
                outputs = model(x, training=True)
                total = loss(y, outputs, sample_weight=weight)
                for extra in model.losses:
                    total = total + extra.astype(total.dtype)
                return total, scope.updates(other)

        (total, new), gradients = jax.value_and_grad(loss_of, has_aux=True)(values)
        return total, gradients, new

    return jax.jit(run), trainable, other
