"""Discretization: numbers as the bins they fall into, with bins learnt from quantiles."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _encode, _host

MODES = ("int", "one_hot", "multi_hot", "count")


@register()
class Discretization(_host.HostLayer):
    """Replaces each number by the index of its bin: 0 below the first boundary, and so on.

    Args:
        bin_boundaries: increasing numbers; a number that equals one belongs to the bin above it.
        num_bins: how many bins `adapt` is to learn, instead of boundaries.
        epsilon: how exact the learnt quantiles are; smaller is more exact and slower.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"` or `"count"`, of the last axis.
        sparse: kept for the config; results are dense.

    Raises:
        ValueError: both or neither of bin_boundaries and num_bins, or boundaries out of order.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0])(np.array([-1.5, 0.0, 3.4])).tolist()
        [0, 1, 2]
    """

    on_host = False

    def __init__(
        self,
        bin_boundaries: Any = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
    ) -> None:
        super().__init__(dtype=dtype, name=name)
        self.output_mode = arguments.one_of(self, "output_mode", output_mode, MODES)
        if sparse and output_mode == "int":
            raise arguments.complain(self, "sparse", "False with output_mode 'int'", sparse)
        if (bin_boundaries is None) == (num_bins is None):
            got = f"bin_boundaries={bin_boundaries}, num_bins={num_bins}"
            expected = "either bin_boundaries or num_bins"
            raise ValueError(errors.report(_host.where(self), expected=expected, got=got))
        if num_bins is not None:
            arguments.integer(self, "num_bins", num_bins)
        self.num_bins, self.sparse = num_bins, sparse
        self.epsilon = arguments.between(self, "epsilon", epsilon, 1e-9, 1)
        self.bin_boundaries = self._increasing(bin_boundaries)
        self.summary = _nothing()

    def _increasing(self, values: Any) -> list[float] | None:
        if values is None:
            return None
        if np.ndim(arguments.number(self, "bin_boundaries", values)) != 1:
            raise arguments.complain(self, "bin_boundaries", "a list of numbers", values)
        found = [float(v) for v in np.asarray(values)]
        if not found or not (np.diff(found) >= 0).all():
            raise arguments.complain(self, "bin_boundaries", "increasing numbers", values)
        return found

    @property
    def input_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return config.floatx()

    @property
    def output_dtype(self) -> str:
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        learnt = self.bin_boundaries
        depth = self.num_bins if learnt is None else len(learnt) + 1
        return _encode.output_shape(input_shape, self.output_mode, depth)

    def call(self, inputs: Any) -> Any:
        if self.bin_boundaries is None:
            fix = "call adapt(data), or pass bin_boundaries to the constructor"
            raise ValueError(errors.report(f"{_host.where(self)} has no bins yet", fix=fix))
        xp: Any = jnp if isinstance(inputs, jax.Array) else np
        bins = np.asarray(self.bin_boundaries, np.float32)
        ids = xp.searchsorted(bins, inputs.astype("float32"), side="right").astype("int32")
        depth = len(bins) + 1
        return _encode.encode(ids, self.output_mode, depth, self.compute_dtype)

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the boundaries that part the data into `num_bins` bins of about the same size.

        Args:
            data: an array, or an iterable of batches.
            steps: how many batches to read; all by default.

        Raises:
            ValueError: the boundaries were given to the constructor.
        """
        if self.num_bins is None:
            fix = "construct the layer with num_bins instead of bin_boundaries"
            raise ValueError(errors.report(f"{_host.where(self)} cannot adapt", fix=fix))
        self.reset_state()
        whole = hasattr(data, "shape") or hasattr(data, "to_numpy")
        for batch in [data] if whole else _host.batches(self, data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Take a batch into the summary of what was seen."""
        values = np.sort(np.asarray(data, np.float32), axis=None)
        step = max(values.size * self.epsilon, 1)
        points = values[int(step - 1) :: int(step)]
        own = np.stack([points, np.full_like(points, step)])
        both = np.concatenate([own, self.summary], axis=1)
        self.summary = _compressed(both[:, np.argsort(both[0])], self.epsilon)

    def finalize_state(self) -> None:
        """Turn the summary into boundaries."""
        if self.num_bins is not None:
            parts = _compressed(self.summary, 1.0 / self.num_bins)
            self.bin_boundaries = parts[0, :-1].tolist()

    def reset_state(self) -> None:
        """Forget what was seen."""
        self.summary = _nothing()

    def get_config(self) -> dict[str, Any]:
        names = ("bin_boundaries", "num_bins", "epsilon", "output_mode", "sparse", "name", "dtype")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the layer of a config, which may hold boundaries beside num_bins: learnt ones."""
        learnt = config.get("bin_boundaries")
        if learnt is None or config.get("num_bins") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        layer.bin_boundaries = list(learnt)
        return layer


def _nothing() -> np.ndarray:
    """Return the summary of no data: a row of values, in order, and one of their weights."""
    return np.zeros((2, 0), np.float32)


def _compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """Return a summary of about 1 / epsilon values, read off the curve of cumulative weights."""
    if summary.shape[1] * epsilon < 1:
        return summary
    shares = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    reached = total / total[-1]
    values = np.interp(shares, reached, summary[0])
    weights = np.diff(np.interp(shares, reached, total), prepend=0)
    return np.stack([values, weights]).astype("float32")
