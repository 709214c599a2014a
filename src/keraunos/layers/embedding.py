"""Embedding: a table of vectors, one for each integer."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments


@register()
class Embedding(Layer):
    """Replaces integers by vectors that are learned: `(batch, ...)` to `(batch, ..., output_dim)`.

    Args:
        input_dim: how many integers there are: 0 to `input_dim - 1`. Others give NaN.
        output_dim: size of a vector.
        embeddings_initializer, embeddings_regularizer, embeddings_constraint: of the table.
        mask_zero: whether 0 means "nothing here"; layers that follow get a mask then.
        weights: the table to start from, or a list that holds it.

    Raises:
        ValueError: a size that is not a positive integer.

    Example:
        >>> Embedding(10, 4)(jnp.array([[1, 2, 3]])).shape
        (1, 3, 4)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        weights: Any = None,
        activity_regularizer: Any = None,
        **kwargs: Any,
    ) -> None:
        kwargs = arguments.refuse(self, kwargs, "lora_rank", "lora_alpha", "quantization_config")
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
        self.mask_zero = mask_zero
        self.supports_masking = mask_zero
        if weights is not None:
            self.build()
            self.set_weights(list(weights) if isinstance(weights, (list, tuple)) else [weights])

    def build(self, input_shape: Any = None) -> None:
        shape = (self.input_dim, self.output_dim)
        self.embeddings = arguments.weight(self, "embeddings", shape, autocast=False)

    def call(self, inputs: jax.Array) -> jax.Array:
        indices = inputs if dtypes.is_int(inputs.dtype) else inputs.astype("int32")
        # Casting what was taken is cheaper than casting the table.
        return jnp.take(self.embeddings.value, indices, axis=0).astype(self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return jnp.not_equal(inputs, 0) if self.mask_zero else None
