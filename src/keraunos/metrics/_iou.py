"""Intersection over union of classes, from a confusion matrix over the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core import dtypes
from keraunos._core.registry import register
from keraunos.losses._shapes import floating
from keraunos.metrics._base import Metric


@register()
class IoU(Metric):
    """The mean of `both / either` of some classes.

    Args:
        num_classes: the number of classes.
        target_class_ids: those whose mean is taken.
        name: of the metric.
        dtype: of the counts; integers if not given.
        ignore_class: a label that does not count.
        sparse_y_true, sparse_y_pred: whether targets and outputs are labels.
        axis: of the classes.

    Example:
        >>> round(float(IoU(2, [0])([0, 0, 1, 1], [0, 1, 0, 1])), 3)
        0.333
    """

    _direction = "up"

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(dtype or "int32", name)
        if max(target_class_ids) >= num_classes:
            raise ValueError(
                errors.report(
                    "target_class_ids",
                    expected=f"less than num_classes={num_classes}",
                    got=list(target_class_ids),
                )
            )
        self.num_classes, self.target_class_ids, self.ignore_class = (
            num_classes,
            list(target_class_ids),
            ignore_class,
        )
        self.sparse_y_true, self.sparse_y_pred, self.axis = sparse_y_true, sparse_y_pred, axis
        self.total_cm = self.add_variable(
            (num_classes, num_classes), dtype=self.dtype, name="total_confusion_matrix"
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        y_true = (
            dtypes.as_array(y_true)
            if self.sparse_y_true
            else jnp.argmax(dtypes.as_array(y_true), axis=self.axis)
        )
        y_pred = (
            dtypes.as_array(y_pred)
            if self.sparse_y_pred
            else jnp.argmax(dtypes.as_array(y_pred), axis=self.axis)
        )
        if y_true.size != y_pred.size:
            raise ValueError(
                errors.report(
                    f"metric {self.name!r}",
                    expected="as many targets as outputs",
                    got=f"y_true {y_true.shape}, y_pred {y_pred.shape}",
                )
            )
        weight = 1 if sample_weight is None else jnp.asarray(sample_weight)
        weight = jnp.broadcast_to(jnp.asarray(weight, self.dtype).reshape(-1), (y_true.size,))
        rows, columns = (y.reshape(-1).astype(jnp.int32) for y in (y_true, y_pred))
        kept = (
            (rows >= 0) & (columns >= 0) & (rows < self.num_classes) & (columns < self.num_classes)
        )
        if self.ignore_class is not None:
            kept &= rows != self.ignore_class
        place = jnp.where(kept, rows * self.num_classes + columns, self.num_classes**2)
        counts = jnp.zeros(self.num_classes**2, weight.dtype).at[place].add(weight, mode="drop")
        self.total_cm.assign_add(counts.reshape(self.total_cm.shape))

    def result(self) -> jax.Array:
        matrix = self.total_cm.value
        both = jnp.diag(matrix)
        either = jnp.sum(matrix, axis=0) + jnp.sum(matrix, axis=1) - both
        both, either = (
            x[jnp.asarray(self.target_class_ids)].astype(jnp.float32) for x in (both, either)
        )
        seen = either > 1e-9
        scores = jnp.where(seen, both / (either + config.epsilon()), 0)
        return jnp.sum(scores) / (jnp.sum(seen) + config.epsilon())


@register()
class BinaryIoU(IoU):
    """Intersection over union of yes and no.

    Args:
        target_class_ids: 0 is no, 1 is yes; the mean of both by default.
        threshold: from which an output is yes.
        name, dtype: see `IoU`.

    Example:
        >>> round(float(BinaryIoU([1], threshold=0.5)([0, 1, 1], [0.1, 0.6, 0.2])), 3)
        0.5
    """

    def __init__(
        self,
        target_class_ids: Sequence[int] = (0, 1),
        threshold: float = 0.5,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = threshold

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        super().update_state(y_true, floating(y_pred, "float32") >= self.threshold, sample_weight)


@register()
class MeanIoU(IoU):
    """Intersection over union, the mean over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_true, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> round(float(MeanIoU(2)([0, 0, 1, 1], [0, 1, 0, 1])), 3)
        0.333
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_true: bool = True,
        sparse_y_pred: bool = True,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes,
            range(num_classes),
            name,
            dtype,
            ignore_class,
            sparse_y_true,
            sparse_y_pred,
            axis,
        )


@register()
class OneHotIoU(IoU):
    """Intersection over union of some classes, of one-hot targets.

    Args:
        num_classes, target_class_ids, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> round(float(OneHotIoU(2, [0])([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])), 3)
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        target_class_ids: Sequence[int],
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(
            num_classes, target_class_ids, name, dtype, ignore_class, False, sparse_y_pred, axis
        )


@register()
class OneHotMeanIoU(MeanIoU):
    """Intersection over union of one-hot targets, the mean over all classes.

    Args:
        num_classes, name, dtype, ignore_class, sparse_y_pred, axis: see `IoU`.

    Example:
        >>> round(float(OneHotMeanIoU(2)([[1, 0], [0, 1]], [[0.9, 0.1], [0.2, 0.8]])), 3)
        1.0
    """

    def __init__(
        self,
        num_classes: int,
        name: str | None = None,
        dtype: Any = None,
        ignore_class: int | None = None,
        sparse_y_pred: bool = False,
        axis: int = -1,
    ) -> None:
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)
