"""Embedding: a table of vectors, one for each integer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core import dtypes
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers._lora import large_weight
from keraunos.layers._quantized import Quantized


@register()
class Embedding(Quantized):
    """Replaces integers by vectors that are learned: `(batch, ...)` to `(batch, ..., output_dim)`.

    Args:
        input_dim: how many integers there are: 0 to `input_dim - 1`. Others give NaN.
        output_dim: size of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 means "nothing here"; layers that follow get a mask then.
        weights: the table to start from, or a list that holds it.
        lora_rank, lora_alpha, quantization_config: as in `Dense`.

    Raises:
        ValueError: a size that is not a positive integer.

    Example:
        >>> Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
        (1, 3, 4)
    """

    embeddings = large_weight("embeddings")
    _large = "embeddings"
    _quantizes, _matrix_axis = True, 1

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        lora_rank: int | None = None,
        lora_alpha: float | None = None,
        quantization_config: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        # Integers may come as floats; rounded to half precision they would be other integers.
        super().__init__(autocast=False, activity_regularizer=activity_regularizer, **kwargs)
        self.input_dim = arguments.integer(self, "input_dim", input_dim)
        self.output_dim = arguments.integer(self, "output_dim", output_dim)
        arguments.keep(
            self,
            "embeddings",
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
        )
        self._set_lora(lora_rank, lora_alpha)
        self._set_quantization(quantization_config)
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        if weights is not None:
            self.build()
            self.set_weights(list(weights) if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        self._build_large((self.input_dim, self.output_dim), autocast=False)
        self._finish_build()

    def call(self, inputs: jax.Array) -> jax.Array:
        indices = inputs if dtypes.is_int(inputs.dtype) else inputs.astype("int32")
        # Casting what was taken is cheaper than casting the table.
        return self._adapted_product(indices).astype(self.compute_dtype)

    def _product(self, x: jax.Array, weight: jax.Array, **options: Any) -> jax.Array:
        return jnp.take(weight, x, axis=0)

    def _large_product(self, x: jax.Array) -> jax.Array:
        if self.quantization_mode is None:
            return super()._large_product(x)
        made, *scales = (self._product(x, part) for part in self._parts())
        if self.quantization_mode == "int4":
            return self._matrix(self._unpacked(made), *scales, axis=-1)
        return made.astype(self.compute_dtype) / scales[0][..., None]

    def _shared_axes(self) -> tuple[int, ...]:
        return (1,)

    def _scale_of_weight(self, scale: Any) -> Any:
        return scale[:, None]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None
