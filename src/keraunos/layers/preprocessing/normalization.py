"""Normalization: features with mean 0 and variance 1, by statistics learnt once from the data."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import calling
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _host


@register()
class Normalization(_host.DataLayer):
    """`(x - mean) / sqrt(variance)`, with statistics that are given or learnt by `adapt`.

    Args:
        axis: the axes that have statistics of their own, the features as a rule; None for one
            mean and one variance of everything.
        mean, variance: known statistics: numbers, or arrays of the kept axes.
        invert: turn normalized values back.

    Raises:
        ValueError: only one of mean and variance, or shapes that do not fit the axes.

    Example:
        >>> layer = Normalization()
        >>> layer.adapt(np.array([[1.0], [2.0], [3.0]]))
        >>> layer(np.array([[2.0]])).tolist()
        [[0.0]]
    """

    supports_masking = True

    def __init__(
        self,
        axis: Any = -1,
        mean: Any = None,
        variance: Any = None,
        invert: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        axes = () if axis is None else (axis,) if isinstance(axis, int) else tuple(axis)
        for name, value in (("mean", mean), ("variance", variance)):
            if value is not None:
                arguments.number(self, name, value)
        self.axis, self.invert = axes, invert
        self.input_mean, self.input_variance = mean, variance
        self._shape: tuple[int | None, ...] | None = None
        if (mean is None) != (variance is None):
            got = "variance alone" if mean is None else "mean alone"
            raise ValueError(
                errors.report(_host.where(self), expected="both mean and variance", got=got)
            )
        if np.shape(mean) != np.shape(variance):
            raise arguments.complain(self, "variance", f"shape {np.shape(mean)}", variance)
        if len(np.shape(mean)) > len(axes):
            raise arguments.complain(self, "mean", f"at most {len(axes)} axes", mean)

    def build(self, input_shape: Any) -> None:
        rank = len(input_shape)
        if any(not -rank <= a < rank for a in self.axis):
            raise arguments.complain(self, "axis", f"axes from {-rank} to {rank - 1}", self.axis)
        self._shape = tuple(input_shape)
        self._kept = tuple(sorted(a % rank for a in self.axis))
        self._reduced = tuple(a for a in range(rank) if a not in self._kept)
        sizes = [arguments.size_of(self, input_shape, a) for a in self._kept]
        self._broadcast = [1 if a in self._reduced else input_shape[a] for a in range(rank)]
        if self.input_mean is None:
            options = {"shape": tuple(sizes), "trainable": False}
            self.adapt_mean = self.add_weight(name="mean", initializer="zeros", **options)
            self.adapt_variance = self.add_weight(name="variance", initializer="ones", **options)
            # Nobody counts any more, but files have its place.
            self.count = self.add_weight(
                name="count", dtype="int32", initializer="zeros", trainable=False
            )

    @property
    def mean(self) -> Any:
        """The mean, of a shape that broadcasts against inputs; None before `build`."""
        return self._statistic("mean")

    @property
    def variance(self) -> Any:
        """The variance, in the same form."""
        return self._statistic("variance")

    def _statistic(self, name: str) -> Any:
        if self._shape is None:
            return None
        given = getattr(self, f"input_{name}")
        if given is None:
            value = getattr(self, f"adapt_{name}").value
            return jnp.reshape(value, self._broadcast).astype(self.compute_dtype)
        shape, given = [1] * len(self._shape), np.asarray(given)
        for axis, size in zip(reversed(self._kept), reversed(given.shape)):
            shape[axis] = size
        return jnp.asarray(np.broadcast_to(given.reshape(shape), self._broadcast), self.dtype)

    def call(self, inputs: jax.Array) -> jax.Array:
        x = jnp.asarray(inputs).astype(self.compute_dtype)
        deviation = jnp.maximum(jnp.sqrt(self.variance), config.epsilon())
        deviation = deviation.astype(x.dtype)
        mean = self.mean.astype(x.dtype)
        return mean + x * deviation if self.invert else (x - mean) / deviation

    def adapt(self, data: Any) -> None:
        """Learn mean and variance, in place of what was learnt before.

        Args:
            data: an array (samples, ...), or batches of such: a list, a generator, a `Sequence`;
                of tuples the first element counts.

        Raises:
            ValueError: no batch, or shapes that differ from those the layer was built for.
        """
        if self.input_mean is not None:
            note = "mean and variance were given to the constructor"
            raise ValueError(errors.report(f"{_host.where(self)} cannot adapt", note=note))
        whole = hasattr(data, "shape") or hasattr(data, "to_numpy")
        count, mean, variance = 0, np.zeros(()), np.zeros(())
        for batch in [data] if whole else _host.batches(self, data):
            array = self._fitting(np.asarray(batch))
            size = math.prod(array.shape[a] for a in self._reduced)
            own_mean = np.mean(array, axis=self._reduced, dtype=np.float64)
            own_variance = np.var(array, axis=self._reduced, dtype=np.float64)
            count, share = count + size, size / (count + size)
            apart = own_mean - mean
            # Two groups: their variances, and that of their means (Chan et al., 1979).
            mean = mean + apart * share
            variance = (
                variance * (1 - share) + own_variance * share + apart**2 * share * (1 - share)
            )
        if not count:
            got = "no batches"
            raise ValueError(errors.report(f"{_host.where(self)}, adapt", expected="data", got=got))
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)

    def finalize_state(self) -> None:
        """Do nothing: what was learnt counts at once."""

    def _fitting(self, batch: np.ndarray) -> np.ndarray:
        """Return a batch whose kept axes are those that the layer was built for."""
        if not self.built:
            calling.build(self, {"input_shape": batch.shape})
        assert self._shape is not None
        same = len(batch.shape) == len(self._shape)
        if not same or any(batch.shape[a] != self._shape[a] for a in self._kept):
            expected = f"data of shape {self._shape}, sizes of axes {self._reduced} aside"
            raise ValueError(
                errors.report(f"{_host.where(self)}, adapt", expected=expected, got=batch.shape)
            )
        return batch

    def get_config(self) -> dict[str, Any]:
        lists = {"mean": self.input_mean, "variance": self.input_variance}
        plain = {k: None if v is None else np.asarray(v).tolist() for k, v in lists.items()}
        return {**super().get_config(), "axis": list(self.axis), **plain}
