"""Training in float16: the loss is scaled as high as its gradients allow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos._core import registry
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos.optimizers._base import Optimizer, kept_unless, overwritten


@register()
class LossScaleOptimizer(Optimizer):
    """An optimizer that scales the loss up, and down again when a gradient overflows.

    The gradients that `apply` is given are those of `scale_loss(loss)`. A `train_step` of a
    program that does not call it has them taken as they are, with a warning.

    Args:
        inner_optimizer: makes the steps; a step with a gradient that is not finite is left out.
        initial_scale: the first factor.
        dynamic_growth_steps: after so many good steps the factor doubles.
        name: of the optimizer.

    Example:
        >>> optimizer = LossScaleOptimizer("sgd", initial_scale=8.0)
        >>> float(optimizer.scale_loss(0.5))
        4.0
    """

    def __init__(
        self,
        inner_optimizer: Any,
        initial_scale: float = 2.0**15,
        dynamic_growth_steps: int = 2000,
        name: str | None = None,
    ) -> None:
        super().__init__(0.0, name=name)
        self.inner_optimizer = registry.get("optimizers", inner_optimizer)
        self.inner_optimizer.loss_scale_factor = None
        self.initial_scale, self.dynamic_growth_steps = initial_scale, dynamic_growth_steps
        self.asked = False  # whether a loss was scaled
        self.divides = True  # the gradients: they are those of a scaled loss
        self.by_hand = False  # whether a program has scaled and divided by itself

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        scale = self.initial_scale
        self.step_counter = self.add_variable((), dtype="int32", name="step_counter")
        self.dynamic_scale = self.add_variable(
            (), lambda shape, dtype: np.full(shape, scale), "float32", name="dynamic_scale"
        )
        self.inner_optimizer.build(variables)
        super().build(variables)

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *self.inner_optimizer.variables]

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        pairs = self._pairs(list(grads), trainable_variables)
        values, variables = overwritten([g for g, _ in pairs], [v for _, v in pairs])
        finite = self.check_finite(values)
        # The steps that were tried, this one too: the random keys of a step follow from it.
        self._iterations.assign(self._iterations.value + 1)
        count, scale = self.step_counter.value + 1, self.dynamic_scale.value
        if self.divides:
            values = [g / scale.astype(g.dtype) for g in values]
        with kept_unless(finite, [*self.inner_optimizer.variables, *variables]):
            self.inner_optimizer.apply(values, variables)
        grown = count == self.dynamic_growth_steps
        self.step_counter.assign(jnp.where(finite & ~grown, count, 0))
        self.dynamic_scale.assign(jnp.where(finite, jnp.where(grown, scale * 2, scale), scale / 2))

    def check_finite(self, grads: Sequence[Any]) -> Any:
        """Return whether every element of every gradient is a finite number."""
        return jnp.all(jnp.stack([jnp.all(jnp.isfinite(g)) for g in grads if g is not None]))

    @property
    def learning_rate(self) -> Any:
        return self.inner_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.inner_optimizer.learning_rate = value

    @property
    def iterations(self) -> Any:
        return self.inner_optimizer.iterations

    def scale_loss(self, loss: Any) -> Any:
        self.asked = True
        return loss * (self.dynamic_scale.value if self.built else self.initial_scale)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        self.inner_optimizer.finalize_variable_values(var_list)

    def get_config(self) -> dict[str, Any]:
        own = {n: getattr(self, n) for n in ("name", "initial_scale", "dynamic_growth_steps")}
        return own | {"inner_optimizer": registry.serialize(self.inner_optimizer)}
