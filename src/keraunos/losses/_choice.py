"""What a loss says about its targets: which cross-entropy fits, which labels are valid."""

from __future__ import annotations

from typing import Any

from keraunos._core import registry
from keraunos.losses import _crossentropy

# Losses of integer labels: the number of classes is the size of the class axis.
_LABELS = ("sparse_categorical_crossentropy", "categorical_generalized_cross_entropy")
_YES_NO = ("binary_crossentropy", "binary_focal_crossentropy")
_BY_KIND = {
    "binary": _crossentropy.binary_crossentropy,
    "sparse": _crossentropy.sparse_categorical_crossentropy,
    "categorical": _crossentropy.categorical_crossentropy,
}


def target_kind(y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]) -> str:
    """Return "binary", "sparse" (integer labels) or "categorical" (one-hot), from the shapes.

    Example:
        >>> target_kind((8,), (8, 1)), target_kind((8,), (8, 3)), target_kind((8, 3), (8, 3))
        ('binary', 'sparse', 'categorical')
    """
    last = y_pred_shape[-1]
    if last == 1:
        return "binary"
    if len(y_true_shape) < len(y_pred_shape) or y_true_shape[-1] == 1:
        return "sparse"
    return "categorical"


def resolve(
    identifier: Any, y_true_shape: tuple[int | None, ...], y_pred_shape: tuple[int | None, ...]
) -> Any:
    """Return the loss of an identifier; `"crossentropy"` and `"ce"` are decided by the shapes.

    Example:
        >>> resolve("ce", (8,), (8, 3)).__name__
        'sparse_categorical_crossentropy'
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        return _BY_KIND[target_kind(y_true_shape, y_pred_shape)]
    return registry.get("losses", identifier, "loss")


def label_range(loss: Any, y_pred_shape: tuple[int | None, ...]) -> int | None:
    """Return how many classes the integer targets of a loss may name (0 to n - 1), or None.

    Args:
        loss: a loss, a loss function or a name.
        y_pred_shape: of the outputs.

    Example:
        >>> label_range("sparse_categorical_crossentropy", (None, 10))
        10
    """
    name = _function_name(loss)
    if name in _LABELS:
        axis = getattr(loss, "_options", {}).get("axis", -1)
        return y_pred_shape[axis]
    return 2 if name in _YES_NO else None


def ignored_label(loss: Any) -> int | None:
    """Return the label that a loss ignores (`ignore_class`), which may be out of range."""
    return getattr(loss, "_options", {}).get("ignore_class")


def _function_name(loss: Any) -> str | None:
    loss = registry.get("losses", loss) if isinstance(loss, str) else loss
    function = getattr(loss, "fn", loss)
    name = getattr(function, "__name__", None)
    own = getattr(function, "__module__", "").startswith("keraunos.losses")
    return name if own else None
