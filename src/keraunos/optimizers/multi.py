"""Several optimizers in one: each variable is moved by the one that its path is mapped to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import Any

from keraunos import errors
from keraunos._core import registry
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos.optimizers._base import Optimizer
from keraunos.optimizers._loss_scale import LossScaleOptimizer


@register()
class OptimizerMap(MutableMapping):
    """Optimizers by the path of a variable, or by a pattern that its whole path matches.

    Args:
        default_optimizer: for variables that nothing matches.
        optimizer_map: path or regular expression -> optimizer.

    Raises:
        TypeError: something that is no optimizer, or no dictionary.
        ValueError: a path that two patterns match.

    Example:
        >>> import keraunos as keras
        >>> sgd, adam = keras.optimizers.SGD(0.1), keras.optimizers.Adam()
        >>> chosen = OptimizerMap(sgd, {"encoder/.*": adam})
        >>> chosen["encoder/dense/kernel"] is adam, chosen["head/kernel"] is sgd
        (True, True)
    """

    def __init__(
        self, default_optimizer: Optimizer, optimizer_map: dict[str, Optimizer] | None = None
    ) -> None:
        _checked("default_optimizer", default_optimizer)
        if optimizer_map is not None and not isinstance(optimizer_map, dict):
            got = repr(optimizer_map)
            raise TypeError(errors.report("optimizer_map", expected="a dictionary", got=got))
        self.default_optimizer = default_optimizer
        self._rows: dict[str, Optimizer] = {}
        for path, optimizer in (optimizer_map or {}).items():
            self[path] = optimizer

    def __getitem__(self, key: str) -> Optimizer:
        if key in self._rows:
            return self._rows[key]
        found = [pattern for pattern in self._rows if re.fullmatch(pattern, key)]
        if len(found) > 1:
            where = f"OptimizerMap, variable {key!r}"
            raise ValueError(
                errors.report(where, expected="at most one pattern that matches", got=found)
            )
        return self._rows[found[0]] if found else self.default_optimizer

    def __setitem__(self, key: str, optimizer: Optimizer) -> None:
        if not isinstance(key, str):
            where, expected = "key of an OptimizerMap", "a path or a pattern"
            raise ValueError(errors.report(where, expected=expected, got=repr(key)))
        if key in self._rows:
            where = f"OptimizerMap has {key!r} already"
            raise ValueError(errors.report(where, got=self._rows[key].name, fix="del it first"))
        self._rows[key] = _checked(f"OptimizerMap, {key!r}", optimizer)

    def __delitem__(self, key: str) -> None:
        del self._rows[key]

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __call__(self, variable: Variable) -> Optimizer:
        return self[variable.path]

    def get_config(self) -> dict[str, Any]:
        """Return the optimizers as JSON values."""
        return {
            "default_optimizer": registry.serialize(self.default_optimizer),
            "optimizer_map": registry.serialize(self._rows),
        }

    @classmethod
    def from_config(
        cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> OptimizerMap:
        """Return a new map from what `get_config` returned."""
        return cls(**registry.deserialize(dict(config), custom_objects))


@register()
class MultiOptimizer(Optimizer):
    """An optimizer that leaves each variable to one of several; each has its own learning rate.

    Args:
        optimizer_map: an `OptimizerMap`, or a function of a variable that returns its optimizer.
        loss_scale_factor: of all of them, in the place of their own.
        name: of the optimizer.

    Raises:
        ValueError: a variable that gets no optimizer, or one that wraps others itself.
        AttributeError: `learning_rate` is asked for: it is that of one of `optimizers`.

    Example:
        >>> import keraunos as keras
        >>> body, head = keras.Variable([1.0], name="body"), keras.Variable([1.0], name="head")
        >>> slow, fast = keras.optimizers.SGD(0.1), keras.optimizers.SGD(1.0)
        >>> optimizer = MultiOptimizer(OptimizerMap(slow, {"head": fast}))
        >>> optimizer.apply([[1.0], [1.0]], [body, head])
        >>> body.numpy().tolist(), head.numpy().tolist()
        ([0.9], [0.0])
    """

    def __init__(
        self,
        optimizer_map: OptimizerMap | Callable[[Variable], Optimizer],
        loss_scale_factor: float | None = None,
        name: str | None = None,
    ) -> None:
        if not callable(optimizer_map):
            where, expected = "optimizer_map of MultiOptimizer", "an OptimizerMap or a function"
            raise TypeError(errors.report(where, expected=expected, got=repr(optimizer_map)))
        self._inner: list[Optimizer] = []
        super().__init__(0.0, loss_scale_factor=loss_scale_factor, name=name)
        self.optimizer_map = optimizer_map
        if isinstance(optimizer_map, OptimizerMap):
            for optimizer in (*optimizer_map.values(), optimizer_map.default_optimizer):
                self._place(optimizer)

    def build(self, variables: Sequence[Variable]) -> None:
        if self.built:
            return
        self._place_of: dict[int, int] = {}
        for variable in variables:
            optimizer = _checked(f"MultiOptimizer, {variable.path!r}", self.optimizer_map(variable))
            self._place_of[id(variable)] = self._place(optimizer)
        for optimizer, own in zip(self._inner, self._shared_out(variables)):
            if own:
                optimizer.build([variables[i] for i in own])
        super().build(variables)

    @property
    def optimizers(self) -> list[Optimizer]:
        """The optimizers, in the order of the map, the default one last."""
        return list(self._inner)

    @property
    def variables(self) -> list[Variable]:
        return [*self._variables, *(v for one in self._inner for v in one.variables)]

    def apply(
        self, grads: Sequence[Any], trainable_variables: Sequence[Variable] | None = None
    ) -> None:
        self._pairs(list(grads), trainable_variables)  # for its complaints
        variables = trainable_variables or self._trainable_variables
        for optimizer, own in zip(self._inner, self._shared_out(variables)):
            if any(grads[i] is not None for i in own):
                optimizer.apply([grads[i] for i in own], [variables[i] for i in own])
        self._iterations.assign(self._iterations.value + 1)

    @property
    def learning_rate(self) -> Any:
        raise AttributeError(self._no_rate())

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        raise AttributeError(self._no_rate())

    @property
    def iterations(self) -> Any:
        return self._iterations

    @property
    def loss_scale_factor(self) -> float | None:
        return self._loss_scale_factor

    @loss_scale_factor.setter
    def loss_scale_factor(self, value: float | None) -> None:
        self._loss_scale_factor = value
        for optimizer in self._inner:
            optimizer.loss_scale_factor = value

    def finalize_variable_values(self, var_list: Sequence[Variable]) -> None:
        for optimizer, own in zip(self._inner, self._shared_out(var_list)):
            if own:
                optimizer.finalize_variable_values([var_list[i] for i in own])

    def get_config(self) -> dict[str, Any]:
        return {
            "optimizer_map": registry.serialize(self.optimizer_map),
            "loss_scale_factor": self.loss_scale_factor,
            "name": self.name,
        }

    # -- inside -----------------------------------------------------------------------------------

    def _place(self, optimizer: Optimizer) -> int:
        """Return the number of an optimizer, a new one for a new optimizer."""
        for i, known in enumerate(self._inner):
            if known is optimizer:
                return i
        optimizer.loss_scale_factor = self.loss_scale_factor
        self._inner.append(optimizer)
        return len(self._inner) - 1

    def _shared_out(self, variables: Sequence[Variable]) -> list[list[int]]:
        """Return the positions of the variables of each optimizer."""
        places = [self._place_of[id(v)] for v in variables]
        return [[i for i, p in enumerate(places) if p == k] for k in range(len(self._inner))]

    def _no_rate(self) -> str:
        return errors.report(
            f"{self.name} has no learning rate of its own",
            fix="read or set that of one of optimizer.optimizers",
        )


def _checked(where: str, optimizer: Any) -> Optimizer:
    if isinstance(optimizer, (LossScaleOptimizer, MultiOptimizer)):
        expected = "an optimizer that wraps no other"
        raise ValueError(errors.report(where, expected=expected, got=type(optimizer).__name__))
    if not isinstance(optimizer, Optimizer):
        raise TypeError(errors.report(where, expected="an optimizer", got=repr(optimizer)))
    return optimizer
