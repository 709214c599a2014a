"""Any optax transformation as an optimizer: its state is flattened into variables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
import optax

from keraunos import errors
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos.optimizers._base import Optimizer
from keraunos.optimizers.schedules import LearningRateSchedule


@register()
class OptaxOptimizer(Optimizer):
    """An optimizer whose step is an optax transformation.

    Args:
        transformation: it returns what is added to the variables (with optax, the rate is inside).
        learning_rate: a further factor on the moves, which callbacks may change.
        kwargs: see `Optimizer`.

    Example:
        >>> import keraunos as keras
        >>> weight = keras.Variable([1.0])
        >>> OptaxOptimizer(optax.sgd(0.5)).apply([np.ones(1)], [weight])
        >>> weight.numpy()
        array([0.5], dtype=float32)
    """

    def __init__(
        self, transformation: optax.GradientTransformation, learning_rate: Any = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(learning_rate, **kwargs)
        self.transformation = optax.with_extra_args_support(transformation)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        leaves, self._tree = jax.tree.flatten(
            self.transformation.init([v.value for v in self._trainable_variables])
        )
        self._leaves: list[Variable] = []
        for i, leaf in enumerate(map(np.asarray, leaves)):
            self._leaves.append(
                self.add_variable(
                    leaf.shape, lambda shape, dtype, leaf=leaf: leaf, leaf.dtype, name=f"state_{i}"
                )
            )

    def get_config(self) -> dict[str, Any]:
        raise NotImplementedError(
            errors.report(
                "an optax transformation has no config",
                fix="save the weights and compile again after loading, or use a Keras optimizer",
            )
        )

    def _is_pure(self) -> bool:
        return not callable(self._learning_rate) or isinstance(
            self._learning_rate, LearningRateSchedule
        )

    def _step(self, grads: list[Any], variables: list[Variable], rate: Any) -> None:
        if len(variables) != len(self._trainable_variables):
            raise ValueError(
                errors.report(
                    f"{self.name} needs a gradient for every variable",
                    got=f"{len(variables)} of {len(self._trainable_variables)}",
                )
            )
        before = jax.tree.unflatten(self._tree, [box.value for box in self._leaves])
        grads = [g.astype(v.dtype) for g, v in zip(grads, variables)]
        rule: Any = self.transformation
        moves, after = rule.update(grads, before, [v.value for v in variables])
        for variable, move in zip(variables, moves):
            variable.assign((variable.value + rate * move).astype(variable.dtype))
        for box, leaf in zip(self._leaves, jax.tree.leaves(after)):
            box.assign(leaf)
