"""The learning rate schedules: each is its arguments and a formula of the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from keraunos import errors
from keraunos._core import signature
from keraunos._core.registry import register


@register()
class LearningRateSchedule(signature.Configurable):
    """Base of the schedules: a subclass writes `__call__(step)`.

    Example:
        >>> class Half(LearningRateSchedule):
        ...     def __call__(self, step):
        ...         return 0.5 / (step + 1)
        >>> Half()(1)
        0.25
    """

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        raise NotImplementedError(
            errors.report(
                f"{type(self).__name__} has no __call__()", fix="write __call__(self, step)"
            )
        )


@register()
class ExponentialDecay(LearningRateSchedule):
    """`initial_learning_rate * decay_rate ^ (step / decay_steps)`.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: in which the rate falls by the factor `decay_rate`, above 0.
        decay_rate: the factor.
        staircase: whether it falls at whole multiples of `decay_steps` only.
        name: of the schedule.

    Example:
        >>> float(ExponentialDecay(1.0, decay_steps=10, decay_rate=0.5)(20))
        0.25
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "ExponentialDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_rate = initial_learning_rate, decay_rate
        self.decay_steps, self.staircase, self.name = _positive(decay_steps), staircase, name

    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate * jnp.power(self.decay_rate, _progress(self, step))


@register()
class InverseTimeDecay(LearningRateSchedule):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`.

    Args:
        initial_learning_rate, decay_steps, decay_rate, staircase, name: see `ExponentialDecay`.

    Example:
        >>> float(InverseTimeDecay(1.0, decay_steps=10, decay_rate=1.0)(10))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        decay_rate: float,
        staircase: bool = False,
        name: str = "InverseTimeDecay",
    ) -> None:
        self.initial_learning_rate, self.decay_rate = initial_learning_rate, decay_rate
        self.decay_steps, self.staircase, self.name = _positive(decay_steps), staircase, name

    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate / (1 + self.decay_rate * _progress(self, step))


@register()
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` up to and including step `boundaries[i]`, then the next.

    Args:
        boundaries: rising steps.
        values: one more than boundaries.
        name: of the schedule.

    Example:
        >>> rate = PiecewiseConstantDecay([100, 200], [1.0, 0.5, 0.25])
        >>> [float(rate(step)) for step in (100, 101, 300)]
        [1.0, 0.5, 0.25]
    """

    def __init__(
        self, boundaries: Sequence[float], values: Sequence[float], name: str = "PiecewiseConstant"
    ) -> None:
        if len(boundaries) != len(values) - 1:
            raise ValueError(
                errors.report(
                    name,
                    expected="one boundary fewer than values",
                    got=f"{len(boundaries)} boundaries, {len(values)} values",
                )
            )
        self.boundaries, self.values, self.name = boundaries, values, name

    def __call__(self, step: Any) -> Any:
        passed = jnp.sum(jnp.asarray(step) > jnp.asarray(self.boundaries))
        return jnp.asarray(self.values, jnp.float32)[passed]


@register()
class PolynomialDecay(LearningRateSchedule):
    """`(initial - end) * (1 - step / decay_steps) ^ power + end`, and `end` after that.

    Args:
        initial_learning_rate: at step 0.
        decay_steps: in which `end_learning_rate` is reached, above 0.
        end_learning_rate: the last.
        power: 1 is a straight line.
        cycle: whether `decay_steps` doubles, triples ... each time it is reached.
        name: of the schedule.

    Example:
        >>> float(PolynomialDecay(1.0, decay_steps=10, end_learning_rate=0.0)(5))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        end_learning_rate: float = 0.0001,
        power: float = 1.0,
        cycle: bool = False,
        name: str = "PolynomialDecay",
    ) -> None:
        self.initial_learning_rate, self.end_learning_rate = (
            initial_learning_rate,
            end_learning_rate,
        )
        self.decay_steps, self.power, self.cycle, self.name = (
            _positive(decay_steps),
            power,
            cycle,
            name,
        )

    def __call__(self, step: Any) -> Any:
        step, steps = _float(step), self.decay_steps
        if self.cycle:
            steps = steps * jnp.maximum(jnp.ceil(step / steps), 1)
        part = jnp.minimum(step, steps) / steps
        span = self.initial_learning_rate - self.end_learning_rate
        return span * jnp.power(1 - part, self.power) + self.end_learning_rate


@register()
class CosineDecay(LearningRateSchedule):
    """Half a cosine from the first rate down to `alpha` times it (Loshchilov and Hutter 2016).

    Args:
        initial_learning_rate: at step 0.
        decay_steps: the length of the fall, above 0.
        alpha: the last rate, as a part of the highest.
        name: of the schedule.
        warmup_target: the rate that a straight rise reaches first; None: no rise.
        warmup_steps: the length of the rise.

    Example:
        >>> float(CosineDecay(1.0, decay_steps=10)(5))
        0.5
    """

    def __init__(
        self,
        initial_learning_rate: float,
        decay_steps: int,
        alpha: float = 0.0,
        name: str = "CosineDecay",
        warmup_target: float | None = None,
        warmup_steps: int = 0,
    ) -> None:
        self.initial_learning_rate, self.decay_steps, self.alpha = (
            initial_learning_rate,
            _positive(decay_steps),
            alpha,
        )
        self.name, self.warmup_target, self.warmup_steps = name, warmup_target, warmup_steps

    def __call__(self, step: Any) -> Any:
        step, top, rise = _float(step), self.initial_learning_rate, 0
        if self.warmup_target is not None:
            top, rise = self.warmup_target, self.warmup_steps
        part = jnp.minimum(step - rise, self.decay_steps) / self.decay_steps
        fall = top * ((1 - self.alpha) * 0.5 * (1 + jnp.cos(math.pi * part)) + self.alpha)
        if not rise:
            return fall
        start = self.initial_learning_rate
        return jnp.where(step < rise, start + (top - start) * step / rise, fall)


@register()
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each longer and lower (SGDR, Loshchilov and Hutter 2016).

    Args:
        initial_learning_rate: at step 0.
        first_decay_steps: the length of the first, above 0.
        t_mul: the length of each, in lengths of the one before.
        m_mul: the height of each, in heights of the one before.
        alpha: the lowest rate, as a part of the first.
        name: of the schedule.

    Example:
        >>> float(CosineDecayRestarts(1.0, first_decay_steps=10)(10))
        1.0
    """

    def __init__(
        self,
        initial_learning_rate: float,
        first_decay_steps: int,
        t_mul: float = 2.0,
        m_mul: float = 1.0,
        alpha: float = 0.0,
        name: str = "SGDRDecay",
    ) -> None:
        self.initial_learning_rate, self.first_decay_steps = (
            initial_learning_rate,
            _positive(first_decay_steps),
        )
        self.t_mul, self.m_mul, self.alpha, self.name = t_mul, m_mul, alpha, name

    def __call__(self, step: Any) -> Any:
        part = _float(step) / self.first_decay_steps
        if self.t_mul == 1:
            turn = jnp.floor(part)
            part = part - turn
        else:
            turn = jnp.floor(jnp.log(1 - part * (1 - self.t_mul)) / math.log(self.t_mul))
            length = jnp.power(self.t_mul, turn)
            part = (part - (1 - length) / (1 - self.t_mul)) / length
        height = 0.5 * jnp.power(self.m_mul, turn) * (1 + jnp.cos(math.pi * part))
        return self.initial_learning_rate * ((1 - self.alpha) * height + self.alpha)


def _progress(self: Any, step: Any) -> Any:
    part = _float(step) / self.decay_steps
    return jnp.floor(part) if self.staircase else part


def _float(step: Any) -> Any:
    return jnp.asarray(step).astype(jnp.float32)


def _positive(steps: float) -> float:
    if steps <= 0:
        raise ValueError(
            errors.report("decay_steps of a schedule", expected="more than 0", got=steps)
        )
    return steps
