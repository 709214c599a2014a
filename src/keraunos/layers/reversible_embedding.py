"""ReversibleEmbedding: a table of vectors, and the way back from vectors to integers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core import context, dtypes
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.embedding import Embedding


@register()
class ReversibleEmbedding(Embedding):
    """An `Embedding` that with `reverse=True` turns vectors into a logit for each integer.

    Integers (batch, ...) give (batch, ..., output_dim); vectors (batch, ..., output_dim), called
    with `reverse=True`, give (batch, ..., input_dim).

    Args:
        input_dim, output_dim: as in `Embedding`, and so the other arguments that it has.
        tie_weights: whether the way back takes the same table, transposed.
        reverse_dtype: in which the way back is computed.
        logit_soft_cap: logits become `cap * tanh(logits / cap)`.

    Raises:
        ValueError: a size or a cap that is not positive, vectors of another size.

    Reference: Press and Wolf, 2016, arXiv:1608.05859.

    Example:
        >>> layer = ReversibleEmbedding(10, 4)
        >>> vectors = layer(jnp.array([[1, 2, 3]]))
        >>> vectors.shape, layer(vectors, reverse=True).shape
        ((1, 3, 4), (1, 3, 10))
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        tie_weights: bool = True,
        embeddings_initializer: Any = "uniform",
        embeddings_regularizer: Any = None,
        embeddings_constraint: Any = None,
        mask_zero: bool = False,
        reverse_dtype: Any = None,
        logit_soft_cap: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            input_dim,
            output_dim,
            embeddings_initializer,
            embeddings_regularizer,
            embeddings_constraint,
            mask_zero,
            **kwargs,
        )
        self.tie_weights = tie_weights
        self.reverse_dtype = (
            None if reverse_dtype is None else dtypes.standardize_dtype(reverse_dtype)
        )
        if logit_soft_cap is not None and not logit_soft_cap > 0:
            raise arguments.complain(self, "logit_soft_cap", "a positive number", logit_soft_cap)
        self.logit_soft_cap = logit_soft_cap

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        if not self.tie_weights:
            self.reverse_embeddings = self.add_weight(
                shape=(self.output_dim, self.input_dim),
                initializer=self.embeddings_initializer,  # pyright: ignore[reportAttributeAccessIssue]
                name="reverse_embeddings",
            )

    def call(self, inputs: jax.Array, reverse: bool = False) -> jax.Array:  # pyright: ignore[reportIncompatibleMethodOverride]
        if not reverse:
            outputs = super().call(inputs)
            if self.mask_zero:
                context.set_mask(outputs, jnp.not_equal(inputs, 0))
            return outputs
        if inputs.ndim < 2 or inputs.shape[-1] != self.output_dim:
            expected = f"vectors of size {self.output_dim}"
            raise arguments.complain(self, "inputs", expected, tuple(inputs.shape))
        kernel = self._merged().T if self.tie_weights else self.reverse_embeddings.value
        kernel = kernel.astype(self.compute_dtype)
        if self.reverse_dtype is not None:
            inputs, kernel = inputs.astype(self.reverse_dtype), kernel.astype(self.reverse_dtype)
        logits = jnp.matmul(inputs, kernel)
        cap = self.logit_soft_cap
        return logits if cap is None else jnp.tanh(logits / cap) * cap

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return None: `call` knows which way it goes, and sets the mask itself."""
        return None
