"""Metric: a small state, how a batch changes it, and what it says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keraunos import config, errors
from keraunos._core import naming, registry, signature, state
from keraunos._core.registry import register
from keraunos._core.variable import Variable


@register()
class Metric(signature.Configurable):
    """Base of the metrics: a subclass makes variables, and writes `update_state` and `result`.

    Args:
        dtype: of the state and the result; the default float type if not given, for models of
            half precision too.
        name: of the metric, in logs.

    Example:
        >>> import keraunos as keras
        >>> class Largest(keras.Metric):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.largest = self.add_variable((), "zeros", name="largest")
        ...     def update_state(self, y_true, y_pred, sample_weight=None):
        ...         self.largest.assign(keras.ops.maximum(self.largest, keras.ops.max(y_pred)))
        ...     def result(self):
        ...         return self.largest.value
        >>> float(Largest()(None, np.array([1.0, 3.0])))
        3.0
    """

    _variables: list[Variable]
    _direction: str | None = None  # "up" where more is better, "down" where less is

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        object.__setattr__(self, "_variables", [])
        return self

    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or naming.unique(naming.snake_case(type(self).__name__))
        self._dtype = config.get_policy(dtype or config.floatx()).compute_dtype

    @property
    def dtype(self) -> str:
        return self._dtype

    @property
    def variables(self) -> list[Variable]:
        """The state: the metric's own variables, then those of metrics it keeps as attributes."""
        inner = [m for value in vars(self).values() for m in _metrics_in(value)]
        return [*self._variables, *(v for metric in inner for v in metric.variables)]

    def add_variable(
        self,
        shape: Sequence[int],
        initializer: Any = "zeros",
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the state."""
        first = (
            _zeros if initializer in (None, "zeros") else registry.get("initializers", initializer)
        )
        with naming.name_scope(self.name.replace("/", ">")):
            made = Variable(
                first,
                tuple(shape),
                dtype or config.floatx(),
                trainable=False,
                aggregation=aggregation,
                name=name,
            )
        self._variables.append(made)
        return made

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = "zeros",
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the state."""
        return self.add_variable(shape, initializer, dtype, name=name)

    def build(
        self, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]
    ) -> None:
        """Make the variables whose shape the data decides; called before a step is compiled."""

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take a batch into account."""
        raise NotImplementedError(
            errors.report(
                f"{type(self).__name__} has no update_state()",
                fix="write update_state(self, y_true, y_pred, sample_weight=None)",
            )
        )

    def result(self) -> Any:
        """Return the value over all batches since the last `reset_state`."""
        raise NotImplementedError(
            errors.report(f"{type(self).__name__} has no result()", fix="write result(self)")
        )

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.update_state(*args, **kwargs)
        return self.result()

    def stateless_update_state(
        self, metric_variables: Sequence[Any], *args: Any, **kwargs: Any
    ) -> list[Any]:
        """Return the state after a batch, as a pure function of the state before it."""
        boxes = self.variables
        with state.bind(boxes, self._matched(metric_variables)) as scope:
            self.update_state(*args, **kwargs)
            return scope.updates(boxes)

    def stateless_result(self, metric_variables: Sequence[Any]) -> Any:
        """Return the value of a state."""
        with state.bind(self.variables, self._matched(metric_variables)):
            return self.result()

    def stateless_reset_state(self) -> list[Any]:
        """Return the state before the first batch."""
        boxes = self.variables
        with state.bind(boxes, [box.value for box in boxes]) as scope:
            self.reset_state()
            return scope.updates(boxes)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype} | super().get_config()

    def _matched(self, values: Sequence[Any]) -> list[Any]:
        if len(values) != len(self.variables):
            raise ValueError(
                errors.report(
                    f"state of metric {self.name!r}",
                    expected=f"{len(self.variables)} arrays",
                    got=len(values),
                )
            )
        return [v.value if isinstance(v, Variable) else v for v in values]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _metrics_in(value: Any) -> list[Metric]:
    if isinstance(value, Metric):
        return [value]
    return [v for v in value if isinstance(v, Metric)] if isinstance(value, (list, tuple)) else []


def _zeros(shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    return np.zeros(shape)
