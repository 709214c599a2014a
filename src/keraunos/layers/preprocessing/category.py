"""CategoryEncoding: integers as one-hot, multi-hot or count vectors."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from keraunos import errors
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _encode, _host

MODES = ("one_hot", "multi_hot", "count")


@register()
class CategoryEncoding(_host.HostLayer):
    """Encodes integers from 0 to `num_tokens - 1`.

    Args:
        num_tokens: how many there are: the size of the new axis.
        output_mode: `"multi_hot"` marks, for each row of the last axis, the integers that stand
            in it, `"count"` counts them, `"one_hot"` encodes each integer by itself.
        sparse: kept for the config; results are dense.

    Call arguments: inputs `(..., row)`, and with `"count"` also `count_weights` of that shape.

    Raises:
        ValueError: an integer out of range. (Inside a compiled step it leaves no trace.)

    Example:
        >>> CategoryEncoding(4)(np.array([[0, 1], [0, 0], [3, 1]])).tolist()
        [[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 1.0]]
    """

    on_host = False
    input_dtype = "int32"

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_tokens is None:
            fix = "if it is not known, use IntegerLookup instead"
            raise ValueError(errors.report(_host.where(self), expected="num_tokens", fix=fix))
        self.num_tokens = arguments.integer(self, "num_tokens", num_tokens)
        mode = _encode.RENAMED.get(output_mode, output_mode)
        self.output_mode = arguments.one_of(self, "output_mode", mode, MODES)
        self.sparse = sparse

    @property
    def output_dtype(self) -> str:
        return self.compute_dtype

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return _encode.output_shape(input_shape, self.output_mode, self.num_tokens)

    def call(self, inputs: Any, count_weights: Any = None) -> Any:
        if count_weights is not None and self.output_mode != "count":
            raise arguments.complain(self, "count_weights", "None", "weights without 'count'")
        if isinstance(inputs, jax.Array):
            inputs = inputs.astype("int32")
        else:
            inputs = inputs.astype("int64")
            self._check(inputs)
        return _encode.encode(
            inputs, self.output_mode, self.num_tokens, self.compute_dtype, count_weights
        )

    def _check(self, ids: np.ndarray) -> None:
        if ids.size and (ids.min() < 0 or ids.max() >= self.num_tokens):
            expected = f"integers from 0 to {self.num_tokens - 1}"
            got = f"{ids.min()} to {ids.max()}"
            raise ValueError(errors.report(_host.where(self), expected=expected, got=got))

    def get_config(self) -> dict[str, Any]:
        """Return what Keras's config holds: it has no `sparse`."""
        return {k: v for k, v in super().get_config().items() if k != "sparse"}
