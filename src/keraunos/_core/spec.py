"""InputSpec: what a layer asks of its input, and the error when it gets something else."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import errors
from keraunos._core.dtypes import standardize_dtype


class InputSpec:
    """Rank, sizes and dtype that an input must have; None asks nothing.

    Args:
        dtype: of the values.
        shape: the whole shape, None for sizes that may vary.
        ndim, max_ndim, min_ndim: the number of axes.
        axes: axis -> size.
        allow_last_axis_squeeze: a last axis of size 1 may be missing or added.
        name: the key of the input in a dictionary.
        optional: whether None is accepted.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 4})
        InputSpec(min_ndim=2, axes={-1: 4})
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: tuple[int | None, ...] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ) -> None:
        self.dtype = None if dtype is None else standardize_dtype(dtype)
        self.shape = None if shape is None else tuple(shape)
        self.ndim = len(shape) if shape is not None else ndim
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = dict(axes or {})
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name, self.optional = name, optional

    def get_config(self) -> dict[str, Any]:
        """Return what is asked, as Keras writes it."""
        names = ("dtype", "shape", "ndim", "max_ndim", "min_ndim", "axes")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> InputSpec:
        """Return the spec of a config."""
        return cls(**config)

    def __repr__(self) -> str:
        rows = {k: v for k, v in vars(self).items() if v not in (None, {}, False)}
        return f"InputSpec({', '.join(f'{k}={v}' for k, v in rows.items())})"

    def complaint(self, shape: tuple[int | None, ...]) -> str | None:
        """Return what this spec expected where a shape does not fit, else None."""
        rank = len(shape)
        if self.shape is not None:
            return self._whole(shape)
        if self.ndim is not None and rank != self.ndim:
            return f"{self.ndim} axes"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"at least {self.min_ndim} axes"
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"at most {self.max_ndim} axes"
        for axis, size in self.axes.items():
            if size is not None and shape[axis] not in (size, None):
                return f"size {size} on axis {axis}"
        return None

    def _whole(self, shape: tuple[int | None, ...]) -> str | None:
        want = self.shape or ()
        candidates = [shape]
        if self.allow_last_axis_squeeze and want:
            candidates += [shape[:-1]] if shape and shape[-1] == 1 else []
            candidates += [(*shape, 1)] if want[-1] == 1 else []
        if any(_fits(want, one) for one in candidates):
            return None
        return f"shape {want}"


def check(spec: Any, inputs: Any, where: str) -> None:
    """Raise ValueError where the inputs of a layer do not fit its spec.

    Args:
        spec: one `InputSpec`, or a list of them, one for each input.
        inputs: arrays or symbolic tensors, in a structure.
        where: the layer, for the error.
    """
    specs = jax.tree.leaves(spec, is_leaf=lambda x: isinstance(x, InputSpec))
    leaves = jax.tree.leaves(inputs, is_leaf=lambda x: x is None)
    if len(specs) > 1 and len(specs) != len(leaves):
        raise ValueError(
            errors.report(where, expected=f"{len(specs)} inputs", got=f"{len(leaves)}")
        )
    for i, (one, value) in enumerate(zip(specs, leaves, strict=False)):
        shape = getattr(value, "shape", None)
        if one is None or shape is None:
            continue
        complaint = one.complaint(tuple(shape))
        if complaint is not None:
            which = f" (input {i})" if len(specs) > 1 else ""
            raise ValueError(
                errors.report(
                    where, expected=complaint, got=f"an input{which} of shape {tuple(shape)}"
                )
            )


def _fits(want: tuple[int | None, ...], shape: tuple[int | None, ...]) -> bool:
    pairs = zip(want, shape, strict=False)
    return len(want) == len(shape) and all(a is None or b is None or a == b for a, b in pairs)
