"""Small changes to arrays before training: one-hot labels, unit vectors, padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import dtypes


def to_categorical(x: Any, num_classes: int | None = None) -> Any:
    """Return one-hot rows: (..., num_classes) for integer labels (...) or (..., 1).

    Args:
        x: labels from 0 to `num_classes - 1`.
        num_classes: the largest label + 1, if not given.

    Raises:
        ValueError: a label below 0 or from `num_classes` on.

    Example:
        >>> import keraunos as keras
        >>> print(keras.utils.to_categorical([0, 2, 1]))
        [[1. 0. 0.]
         [0. 0. 1.]
         [0. 1. 0.]]
    """
    labels = _without_last_one(np.asarray(x).astype("int64"))
    classes = num_classes or int(labels.max(initial=-1)) + 1
    if labels.size and not 0 <= labels.min() <= labels.max() < classes:
        got = f"labels from {labels.min()} to {labels.max()}"
        raise ValueError(errors.report("to_categorical", expected=f"0 to {classes - 1}", got=got))
    rows = np.zeros((labels.size, classes))
    rows[np.arange(labels.size), labels.reshape(-1)] = 1
    rows = rows.reshape(*labels.shape, classes)
    return jnp.asarray(rows, config.floatx()) if isinstance(x, jax.Array) else rows


def normalize(x: Any, axis: int = -1, order: int = 2) -> Any:
    """Return `x` divided by its norm along an axis; where the norm is 0, `x` itself.

    Args:
        x: any shape.
        axis: along which the norm is taken.
        order: of the norm; 2 is Euclid's.

    Example:
        >>> import numpy as np, keraunos as keras
        >>> keras.utils.normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    xp = jnp if isinstance(x, jax.Array) else np
    x = xp.asarray(x)
    norm = xp.linalg.norm(x, order, axis, keepdims=True)
    return x / xp.where(norm == 0, 1, norm)


def pad_sequences(
    sequences: Sequence[Any],
    maxlen: int | None = None,
    dtype: Any = "int32",
    padding: str = "pre",
    truncating: str = "pre",
    value: Any = 0.0,
) -> np.ndarray:
    """Return sequences as one array (number, maxlen, ...): short ones padded, long ones cut.

    Args:
        sequences: of numbers, or of arrays of one shape.
        maxlen: steps to keep; the longest sequence's, if not given.
        dtype: of the result; `object` for strings.
        padding: `"pre"` or `"post"`: which side is filled with `value`.
        truncating: `"pre"` or `"post"`: which side is cut off.
        value: the filling.

    Raises:
        ValueError: something that is no sequence, or steps of different shapes.

    Example:
        >>> import keraunos as keras
        >>> keras.utils.pad_sequences([[1], [2, 3], [4, 5, 6]], maxlen=2)
        array([[0, 1],
               [2, 3],
               [5, 6]], dtype=int32)
    """
    for name, side in (("padding", padding), ("truncating", truncating)):
        if side not in ("pre", "post"):
            raise ValueError(_sequence_report(f"{name}='pre' or 'post'", repr(side)))
    if not all(hasattr(s, "__len__") for s in sequences):
        odd = next(s for s in sequences if not hasattr(s, "__len__"))
        raise ValueError(_sequence_report("a list of lists", f"an element {odd!r}"))
    longest = max(map(len, sequences), default=0)
    steps = longest if maxlen is None else maxlen
    step_shape = next((np.shape(s)[1:] for s in sequences if len(s)), ())
    if isinstance(value, str) and np.dtype(dtype).kind not in "OSU":
        raise ValueError(_sequence_report("dtype=object for strings", f"dtype={dtype!r}"))
    out = np.full((len(sequences), steps, *step_shape), value, dtype=dtype)
    for row, sequence in zip(out, sequences):
        begin = max(0, len(sequence) - steps) if truncating == "pre" else 0
        kept = sequence[begin : begin + steps]
        if not len(kept):
            continue
        part = np.asarray(kept)
        if part.dtype.kind in "iu" and np.dtype(dtype).kind in "iu":
            dtypes.check_fits(part, dtype)
        part = part.astype(dtype)
        if part.shape[1:] != step_shape:
            raise ValueError(_sequence_report(f"steps of shape {step_shape}", part.shape[1:]))
        row[slice(steps - len(part), None) if padding == "pre" else slice(len(part))] = part
    return out


def _without_last_one(labels: Any) -> Any:
    """Return labels (..., 1) as (...)."""
    return labels[..., 0] if labels.ndim > 1 and labels.shape[-1] == 1 else labels


def _sequence_report(expected: object, got: object) -> str:
    return errors.report("pad_sequences", expected=expected, got=got)
