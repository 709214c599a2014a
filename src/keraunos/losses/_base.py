"""Loss: from values a sample to one number; masks, sample weights and the reductions."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core import context, dtypes, naming, registry, signature
from keraunos._core.registry import register
from keraunos.losses._shapes import floating, same_rank, weighted, weights_like

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


@register()
class Loss(signature.Configurable):
    """Base of the losses: a subclass writes `call(y_true, y_pred)`, which returns a value a sample.

    Args:
        name: of the loss, in logs and files.
        reduction: `"sum_over_batch_size"` and `"mean"` divide the sum by the number of values,
            `"mean_with_sample_weight"` by the sum of the weights; `"sum"`; `"none"`: the values.
        dtype: in which the loss is computed; the default float type if not given, for
            models of half precision too.

    Example:
        >>> import keraunos as keras
        >>> class Fourth(keras.Loss):
        ...     def call(self, y_true, y_pred):
        ...         return (y_true - y_pred) ** 4
        >>> float(Fourth()([0.0, 0.0], [1.0, 1.0], sample_weight=[1.0, 0.0]))
        0.5
    """

    _keeps_labels = False

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: Any = None,
    ) -> None:
        self.name = name or naming.unique(naming.snake_case(type(self).__name__))
        self.reduction = _checked(reduction)
        self._dtype = config.get_policy(dtype or config.floatx()).compute_dtype

    @property
    def dtype(self) -> str:
        return self._dtype

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each sample."""
        raise NotImplementedError(
            errors.report(
                f"{type(self).__name__} has no call()", fix="write call(self, y_true, y_pred)"
            )
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> jax.Array:
        mask = context.get_mask(y_pred)
        with context.entered():
            y_pred = jax.tree.map(lambda x: floating(x, self.dtype), _arrays(y_pred))
            y_true = jax.tree.map(self._target, _arrays(y_true))
            values = self.call(y_true, y_pred)
            own = context.get_mask(values)
        masks = [jnp.asarray(m) for m in (mask, own) if m is not None]
        return reduce(floating(values, self.dtype), sample_weight, masks, self.reduction)

    def get_config(self) -> dict[str, Any]:
        found = super().get_config()
        if self._arguments.get("dtype") is None:
            found.pop("dtype", None)
        return found

    def _target(self, y_true: Any) -> jax.Array:
        if not self._keeps_labels:
            return floating(y_true, self.dtype)
        y_true = dtypes.as_array(y_true)
        # A half float cannot hold the labels of many classes.
        labels = self._keeps_labels and not jnp.issubdtype(y_true.dtype, jnp.floating)
        return y_true if labels else floating(y_true, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class LossFunctionWrapper(Loss):
    """A loss made from a function of (y_true, y_pred) that returns a value a sample.

    Args:
        fn: the function, or its name.
        reduction, name, dtype: see `Loss`.
        kwargs: passed to the function.

    Example:
        >>> loss = LossFunctionWrapper(lambda y_true, y_pred: abs(y_true - y_pred), name="distance")
        >>> float(loss([0.0, 0.0], [1.0, 3.0]))
        2.0
    """

    fn: Any

    def __init__(
        self,
        fn: Any,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        self.fn = registry.get("losses", fn)
        self._options = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if isinstance(y_true, jax.Array) and isinstance(y_pred, jax.Array):
            y_true, y_pred = same_rank(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._options)


def _arrays(tree: Any) -> Any:
    """Return nested lists of numbers as one array; lists of arrays (several outputs) stay."""
    numbers = all(isinstance(leaf, (int, float)) for leaf in jax.tree.leaves(tree))
    return dtypes.as_array(tree) if numbers and isinstance(tree, (list, tuple)) else tree


def reduce(
    values: jax.Array, weight: Any, masks: list[jax.Array], reduction: str | None
) -> jax.Array:
    """Return the weighted and masked values as the reduction says."""
    if masks:
        weight = _masked(weight, masks, values, reduction)
    elif weight is not None:
        weight = weights_like(weight, values)
    values = weighted(values, weight)
    if reduction in (None, "none") or values.ndim == 0:
        return values
    total = jnp.sum(values)
    if reduction == "sum":
        return total
    if reduction == "mean_with_sample_weight" and weight is not None:
        divisor = jnp.sum(weight)
        return jnp.where(divisor == 0, 0, total / jnp.where(divisor == 0, 1, divisor))
    return total / max(values.size, 1)


def _masked(
    weight: Any, masks: list[jax.Array], values: jax.Array, reduction: str | None
) -> jax.Array:
    mask = math.prod(
        [weights_like(m, values, "the mask of the outputs") for m in masks],
        start=jnp.ones((), values.dtype),
    )
    if reduction in ("mean", "sum_over_batch_size"):
        # The mean is over what is kept: dividing by all values is made good here.
        mask = mask * (mask.size / jnp.maximum(jnp.sum(mask), 1))
    return mask if weight is None else mask * weights_like(weight, values)


def _checked(reduction: str | None) -> str | None:
    if reduction not in REDUCTIONS:
        raise ValueError(
            errors.report(
                "reduction of a loss", expected=f"one of {REDUCTIONS}", got=repr(reduction)
            )
        )
    return reduction
