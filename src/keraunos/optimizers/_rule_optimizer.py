"""The optimizer whose step is a rule: its state lies in variables, ordered as in Keras's files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from keraunos._core.variable import Variable
from keraunos.optimizers._base import Optimizer, _value
from keraunos.optimizers._rule import Rule, Slot, State, first
from keraunos.optimizers.schedules import LearningRateSchedule


class RuleOptimizer(Optimizer):
    """Base of the optimizers that are made from a `Rule`."""

    _rule_of: Callable[..., Any]
    _options: tuple[str, ...]

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        super().build(variables)
        variables = self._trainable_variables
        rule = self._rule()
        leaves = rule.leaves(len(variables))
        self._slots: list[dict[str, Variable]] = [{} for _ in variables]
        for k in range(max((len(leaf.groups) for leaf in leaves), default=0)):
            for variable, leaf, slots in zip(variables, leaves, self._slots):
                group = leaf.groups[k] if k < len(leaf.groups) else ()
                if variable.overwrite_with_gradient:
                    continue  # nothing is remembered of what is not moved by the rule
                slots.update({slot.name: self._kept(variable, slot) for slot in group})
        self._shared = {
            name: Variable(number, dtype=variables[0].dtype, trainable=False)
            for name, number in rule.shared.items()
        }
        self._variables.extend(self._shared.values())

    def _rule(self) -> Rule:
        # Made at each trace, so that a changed attribute counts.
        made = type(self)._rule_of(**{n: getattr(self, n) for n in self._options})
        return made if isinstance(made, Rule) else made(self._trainable_variables)

    def _is_pure(self) -> bool:
        return not callable(self._learning_rate) or isinstance(
            self._learning_rate, LearningRateSchedule
        )

    def _check_options(self) -> None:
        self._rule()

    def _kept(self, variable: Variable, slot: Slot) -> Variable:
        value = first(slot, variable)
        name = f"{variable.path.replace('/', '_')}_{slot.name}" if slot.tag else variable.name
        return self.add_variable(value.shape, lambda shape, dtype: value, value.dtype, name=name)

    def _step(self, grads: list[Any], variables: list[Variable], rate: Any) -> None:
        places = [self._get_variable_index(v) for v in variables]
        slots = [{n: box.value for n, box in self._slots[i].items()} for i in places]
        before = State(
            _value(self.iterations), slots, {n: box.value for n, box in self._shared.items()}
        )
        rule: Any = self._rule().only(places)
        values = [v.value for v in variables]
        moves, after = rule.update(grads, before, values, learning_rate=rate)
        for variable, move in zip(variables, moves):
            variable.assign((variable.value + move).astype(variable.dtype))
        for i, new in zip(places, after.slots):
            for name, value in new.items():
                self._slots[i][name].assign(value)
        for name, box in self._shared.items():
            box.assign(after.shared[name])
