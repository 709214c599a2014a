"""What an optimizer keeps: its own variables, in the order of Keras's files, saved and loaded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keraunos import config, errors
from keraunos._core import naming, registry, signature
from keraunos._core.variable import Variable


class Keeper(signature.Configurable):
    """Base of `Optimizer`: makes variables beside those of a model."""

    name: str
    built: bool
    _variables: list[Variable]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        object.__setattr__(self, "_variables", [])
        return self

    @property
    def variables(self) -> list[Variable]:
        """The optimizer's own variables, in the order of Keras's files."""
        return list(self._variables)

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "none",
        layout: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the optimizer."""
        first = _zeros if initializer == "zeros" else registry.get("initializers", initializer)
        with naming.name_scope(self.name):
            made = Variable(
                first, tuple(shape), dtype or config.floatx(), trainable=False, name=name
            )
        self._variables.append(made)
        return made

    def add_variable_from_reference(
        self, reference_variable: Any, name: str | None = None, initializer: Any = "zeros"
    ) -> Variable:
        """Return a new variable of the shape and dtype of another."""
        full = f"{reference_variable.path.replace('/', '_')}_{name or 'var'}"
        return self.add_variable(
            reference_variable.shape, initializer, reference_variable.dtype, name=full
        )

    def add_optimizer_variables(
        self, trainable_variables: Sequence[Variable], name: Any, initializer: Any = "zeros"
    ) -> Any:
        """Return a list of new variables, one for each, or a tuple of lists for several names."""
        names = [name] if isinstance(name, str) else list(name)
        initial = (
            list(initializer)
            if isinstance(initializer, (list, tuple))
            else [initializer] * len(names)
        )
        made = [
            [self.add_variable_from_reference(v, *pair) for pair in zip(names, initial)]
            for v in trainable_variables
        ]
        lists = tuple([row[i] for row in made] for i in range(len(names)))
        return lists[0] if isinstance(name, str) else lists

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Assign all variables of the optimizer, in their order."""
        if len(weights) != len(self.variables):
            fix = None if self.built else "call optimizer.build(model.trainable_variables) first"
            raise ValueError(
                errors.report(
                    f"set_weights of {self.name}",
                    expected=f"{len(self.variables)} arrays",
                    got=len(weights),
                    fix=fix,
                )
            )
        for variable, weight in zip(self.variables, weights):
            variable.assign(weight)

    def save_own_variables(self, store: Any) -> None:
        """Write the variables into a store, under "0", "1" ..."""
        for i, variable in enumerate(self.variables):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Read the variables from a store.

        Raises:
            ValueError: the store holds another number of variables.
        """
        self.set_weights([store[str(i)] for i in range(len(store.keys()))])


def _zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.zeros(shape)
