"""Optimizer: from gradients to new values; decay, clipping and averages around the rule."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from keraunos import errors
from keraunos._core import naming, registry, signature, state, valid
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos.optimizers import schedules
from keraunos.optimizers._gradients import CLIPS, show
from keraunos.optimizers._keeping import Keeper


@register()
class Optimizer(Keeper):
    """Base of the optimizers; a subclass of a program writes `build` and `update_step`.

    Args:
        learning_rate: a number, a `LearningRateSchedule`, or a function without arguments. A
            number may be changed at any time: `optimizer.learning_rate = 0.1`.
        weight_decay: variables lose this part, times the learning rate, before each step.
        clipnorm, clipvalue, global_clipnorm: one of: the largest norm of each gradient, the largest
            element, the largest norm of all gradients together.
        use_ema: whether averages are kept; `finalize_variable_values` puts them in place.
        ema_momentum: how slowly the average moves, 0 to 1.
        ema_overwrite_frequency: after how many steps the average replaces the variables.
        loss_scale_factor: the loss is multiplied and the gradients divided by it.
        gradient_accumulation_steps: how many gradients are averaged for a step, at least 2.
        name: of the optimizer, first part of its variables' paths.

    Raises:
        ValueError: an argument out of its range.
        TypeError: an unknown argument; the message has the nearest valid one.

    Example:
        >>> import keraunos as keras
        >>> weight = keras.Variable([1.0, 2.0])
        >>> optimizer = keras.optimizers.SGD(0.5, clipvalue=1.0)
        >>> optimizer.apply([jnp.array([1.0, 8.0])], [weight])
        >>> weight.numpy()
        array([0.5, 1.5], dtype=float32)
    """

    def __init__(
        self,
        learning_rate: Any,
        weight_decay: float | None = None,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
        use_ema: bool = False,
        ema_momentum: float = 0.99,
        ema_overwrite_frequency: int | None = None,
        loss_scale_factor: float | None = None,
        gradient_accumulation_steps: int | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            unknown = next(iter(kwargs))
            fix = errors.suggest(unknown, signature.argument_names(type(self)))
            raise TypeError(
                errors.report(f"{type(self).__name__} has no argument {unknown!r}", fix=fix)
            )
        if type(self).__module__.startswith("keraunos."):
            valid.check(type(self).__name__, valid.numbers_of(type(self)), self._arguments)
        self.name = name or naming.unique(naming.snake_case(type(self).__name__))
        self.weight_decay, self.use_ema, self.ema_momentum = weight_decay, use_ema, ema_momentum
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.ema_overwrite_frequency = ema_overwrite_frequency
        self.loss_scale_factor = loss_scale_factor
        self.gradient_accumulation_steps = gradient_accumulation_steps
        _check(self)
        self.built = False
        self._trainable_variables: list[Variable] = []
        self._index: dict[int, int] = {}
        self._undecayed: tuple[set[int], re.Pattern[str] | None] = (set(), None)
        self._iterations = self.add_variable((), dtype="int32", name="iteration")
        self._learning_rate: Any = _rate(learning_rate)
        if isinstance(self._learning_rate, float):
            given = self._learning_rate
            self._learning_rate = self.add_variable(
                (), lambda shape, dtype: np.full(shape, given), name="learning_rate"
            )

    def build(self, variables: Sequence[Variable]) -> None:
        """Make the optimizer's variables for these; nothing is compiled."""
        self._trainable_variables = list(variables)
        self._index = {id(v): i for i, v in enumerate(self._trainable_variables)}
        if self.use_ema:
            self._averages = self.add_optimizer_variables(self._trainable_variables, "average")
        if self.gradient_accumulation_steps:
            self._accumulated = self.add_optimizer_variables(
                self._trainable_variables, "gradient_accumulator"
            )
        self.built = True

    # -- the step ---------------------------------------------------------------------------------

    @property
    def iterations(self) -> Any:
        """The number of steps made."""
        if self.gradient_accumulation_steps:
            return self._iterations.value // self.gradient_accumulation_steps
        return self._iterations

    @property
    def learning_rate(self) -> Any:
        """The variable of the learning rate; with a schedule, its value now."""
        if isinstance(self._learning_rate, schedules.LearningRateSchedule):
            return self._learning_rate(self._iterations.value)
        return (
            self._learning_rate
            if isinstance(self._learning_rate, Variable)
            else self._learning_rate()
        )

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        new = _rate(value)
        if not isinstance(new, float):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = new
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(new)
        else:
            raise TypeError(
                errors.report(
                    f"{self.name} has a learning rate schedule",
                    got=f"learning_rate = {value!r}",
                    fix="make the optimizer with a number, or assign another schedule",
                )
            )

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Any, Variable]]) -> Variable:
        """Make a step from pairs (gradient, variable)."""
        gradients, variables = zip(*grads_and_vars)
        self.apply(gradients, variables)
        return self._iterations

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        """Make a step.

        Args:
            grads: a gradient for each variable; None leaves the variable as it is.
            trainable_variables: those the optimizer was built with, or some; all by default.

        Raises:
            ValueError: variables that the optimizer does not know, or no gradient at all.
        """
        pairs = self._pairs(list(grads), trainable_variables)
        if pairs:
            values, variables = [g for g, _ in pairs], [v for _, v in pairs]
            by_hand = state.current() is None and not any(isinstance(g, Tracer) for g in values)
            step = self._compiled if by_hand and self._is_pure() else self._update
            step(values, variables)
        self._iterations.assign(self._iterations.value + 1)

    def stateless_apply(
        self,
        optimizer_variables: Sequence[Any],
        grads: Sequence[Any],
        trainable_variables: Sequence[Any],
    ) -> tuple[list[Any], list[Any]]:
        """Make a step as a pure function; return values of the model and of the optimizer."""
        boxes, count = [*self._trainable_variables, *self.variables], len(self._trainable_variables)
        with state.bind(
            boxes, [_value(v) for v in (*trainable_variables, *optimizer_variables)]
        ) as scope:
            self.apply(grads)
            values = scope.updates(boxes)
        return values[:count], values[count:]

    def update_step(self, gradient: Any, variable: Variable, learning_rate: Any) -> None:
        """Change one variable; written by a subclass of a program."""
        raise NotImplementedError(
            errors.report(
                f"{type(self).__name__} has no update_step()",
                fix="write update_step(self, gradient, variable, learning_rate)",
            )
        )

    def scale_loss(self, loss: Any) -> Any:
        """Return the loss times `loss_scale_factor`, if there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def exclude_from_weight_decay(
        self, var_list: Iterable[Variable] | None = None, var_names: Iterable[str] | None = None
    ) -> None:
        """Name variables that do not decay: themselves, or patterns that their names contain."""
        pattern = re.compile("|".join(sorted(set(var_names)))) if var_names else None
        self._undecayed = ({id(v) for v in var_list or ()}, pattern)

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        """Put the averages in the place of the variables, where averages are kept."""
        if self.use_ema:
            for variable in var_list:
                variable.assign(self._averages[self._get_variable_index(variable)])

    def assign(self, variable: Variable, value: Any) -> None:
        variable.assign(value)

    def assign_add(self, variable: Variable, value: Any) -> None:
        variable.assign_add(value)

    def assign_sub(self, variable: Variable, value: Any) -> None:
        variable.assign_sub(value)

    # -- config -----------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return super().get_config() | {"learning_rate": self._saved_rate()}

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        """Return a new optimizer from what `get_config` returned."""
        with registry.custom_object_scope(custom_objects):
            return super().from_config(config)

    # -- inside -----------------------------------------------------------------------------------

    def _saved_rate(self) -> Any:
        if not isinstance(self._learning_rate, Variable):
            return registry.serialize(self._learning_rate)
        now, given = float(self._learning_rate.numpy()), self._arguments.get("learning_rate")
        # 0.001 rather than 0.0010000000474974513, where it is still what was given.
        return (
            float(given)
            if isinstance(given, (int, float)) and np.float32(given) == np.float32(now)
            else now
        )

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index[id(variable)]

    def _pairs(
        self, grads: list[Any], variables: Sequence[Variable] | None
    ) -> list[tuple[Any, Variable]]:
        if variables is None:
            variables = self._trainable_variables
        elif not self.built:
            self.build(list(variables))
        if len(grads) != len(variables):
            raise ValueError(
                errors.report(
                    f"{self.name}.apply",
                    expected=f"{len(variables)} gradients, one a variable",
                    got=len(grads),
                )
            )
        for variable in variables:
            if id(variable) not in self._index:
                raise ValueError(
                    errors.report(
                        f"{self.name} does not know variable {variable.path!r}",
                        fix="use a new optimizer for new variables, or build it with all of them",
                    )
                )
        pairs = [(_value(g), v) for g, v in zip(grads, variables) if g is not None]
        if grads and not pairs:
            raise ValueError(
                errors.report(
                    f"{self.name}.apply", expected="at least one gradient", got="only None"
                )
            )
        if len(pairs) < len(grads):
            without = [v.path for g, v in zip(grads, variables) if g is None]
            errors.warn(f"no gradient for {', '.join(without)}: the loss does not depend on it")
        show(pairs)
        return pairs

    def _is_pure(self) -> bool:
        """Return whether a step may be compiled: update_step of a program might do anything."""
        return False

    def _compiled(self, grads: list[Any], variables: list[Variable]) -> None:
        """Make a step that nobody compiles around: one program instead of many small ones."""
        boxes = [*self.variables, *self._trainable_variables]
        settings = [
            repr(getattr(self, name, None)) for name in self._arguments if name != "learning_rate"
        ]
        key = (*settings, id(self._learning_rate), str(self._undecayed), *map(id, variables))
        cache = self.__dict__.setdefault("_programs", {})
        if key not in cache:

            def pure(values: list[Any], grads: list[Any]) -> list[Any]:
                with state.bind(boxes, values) as scope:
                    self._update(grads, variables)
                    return scope.updates(boxes)

            cache[key] = jax.jit(pure)
        for box, value in zip(boxes, cache[key]([box.value for box in boxes], grads)):
            box.assign(value)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_programs"}

    def _update(self, grads: list[Any], variables: list[Variable]) -> None:
        grads, variables = overwritten(grads, variables)
        if not variables:
            return
        if self.loss_scale_factor is not None:
            grads = [g / self.loss_scale_factor for g in grads]
        if self.gradient_accumulation_steps:
            self._accumulate(grads, variables)
        else:
            self._move(grads, variables)
        if self.use_ema:
            self._average()
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable.value))

    def _move(self, grads: list[Any], variables: list[Variable]) -> None:
        for name, clip in CLIPS.items():
            limit = getattr(self, name)
            grads = clip(grads, limit) if limit else grads
        rate = _value(self.learning_rate)
        for variable in variables:
            decay = self._decay_of(variable)
            if decay is not None:
                value = variable.value
                variable.assign(value - value * (decay * rate).astype(value.dtype))
        self._step(grads, variables, rate)

    def _step(self, grads: list[Any], variables: list[Variable], rate: Any) -> None:
        for gradient, variable in zip(grads, variables):
            self.update_step(gradient, variable, rate)

    def _decay_of(self, variable: Variable) -> float | None:
        return self.weight_decay if self._decays(variable) else None

    def _decays(self, variable: Variable) -> bool:
        excluded, pattern = self._undecayed
        return id(variable) not in excluded and not (
            pattern is not None and pattern.search(variable.name)
        )

    def _accumulate(self, grads: list[Any], variables: list[Variable]) -> None:
        steps = self.gradient_accumulation_steps or 1
        last = (self._iterations.value + 1) % steps == 0
        boxes = [self._accumulated[self._get_variable_index(v)] for v in variables]
        sums = [box.value + g for box, g in zip(boxes, grads)]
        with kept_unless(last, [*self.variables, *variables]):
            self._move([total / steps for total in sums], variables)
        for box, total in zip(boxes, sums):
            box.assign(jnp.where(last, 0, total))

    def _average(self) -> None:
        step = _value(self.iterations)
        for variable, average in zip(self._trainable_variables, self._averages):
            keep = jnp.where(step == 0, 0, self.ema_momentum).astype(average.dtype)
            average.assign(keep * average.value + (1 - keep) * variable.value)
            if self.ema_overwrite_frequency:
                replace = (step + 1) % self.ema_overwrite_frequency == 0
                variable.assign(jnp.where(replace, average.value, variable.value))


class kept_unless:
    """Within this block variables change; after it they are as before, unless the flag is true."""

    def __init__(self, flag: Any, boxes: list[Variable]) -> None:
        self._flag, self._boxes = flag, boxes

    def __enter__(self) -> None:
        self._before = [box.value for box in self._boxes]

    def __exit__(self, *_: object) -> None:
        for box, before in zip(self._boxes, self._before):
            if box.value is not before:
                box.assign(jnp.where(self._flag, box.value, before))


def overwritten(grads: list[Any], variables: list[Variable]) -> tuple[list[Any], list[Variable]]:
    """Assign "gradients" that are new values (scales of eight-bit floats); return the rest."""
    rest = []
    for gradient, variable in zip(grads, variables):
        if variable.overwrite_with_gradient:
            variable.assign(gradient.astype(variable.dtype))
        else:
            rest.append((gradient, variable))
    return [g for g, _ in rest], [v for _, v in rest]


def _check(self: Optimizer) -> None:
    clips = {n: getattr(self, n) for n in CLIPS if getattr(self, n) is not None}
    if len(clips) > 1:
        raise ValueError(
            errors.report(f"{self.name} clips twice", expected=f"one of {tuple(CLIPS)}", got=clips)
        )
    rows = (
        ("gradient_accumulation_steps", "an integer of at least 2", lambda n: n is None or n >= 2),
        ("ema_momentum", "0 to 1", lambda m: 0 <= m <= 1),
        (
            "ema_overwrite_frequency",
            "an integer of at least 1",
            lambda n: n is None or n == int(n) >= 1,
        ),
    )
    for name, expected, fits in rows:
        if not fits(getattr(self, name)):
            raise ValueError(
                errors.report(
                    f"{name} of {self.name}", expected=expected, got=repr(getattr(self, name))
                )
            )


def _rate(given: Any) -> Any:
    """Return a learning rate as a float, a schedule or a function."""
    if isinstance(given, dict):
        given = registry.deserialize(given)
    if isinstance(given, schedules.LearningRateSchedule) or (
        callable(given) and not isinstance(given, Variable)
    ):
        return given
    try:
        if isinstance(given, str):
            raise TypeError
        return float(given)
    except (TypeError, ValueError):
        raise ValueError(
            errors.report(
                "learning_rate",
                expected="a number, a LearningRateSchedule or a function",
                got=repr(given),
            )
        ) from None


def _value(x: Any) -> jax.Array:
    return x.value if isinstance(x, Variable) else jnp.asarray(x)
