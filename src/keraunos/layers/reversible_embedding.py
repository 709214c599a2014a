"""ReversibleEmbedding: a table of vectors, and the way back from vectors to integers."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import quantizers
from keraunos._core import context, dtypes, registry
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers._quantized import quantized, straight_through
from keraunos.layers.embedding import Embedding
from keraunos.quantizers import _classes as configs
from keraunos.quantizers import _rules as rules


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

    _quantizes = True

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
        if not self.tie_weights and self.quantization_mode is None:
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
        logits = self._logits(inputs) if self.quantization_mode else self._float_logits(inputs)
        cap = self.logit_soft_cap
        return logits if cap is None else jnp.tanh(logits / cap) * cap

    def _float_logits(self, x: jax.Array) -> jax.Array:
        kernel = self._merged().T if self.tie_weights else self.reverse_embeddings.value
        kernel = kernel.astype(self.compute_dtype)
        if self.reverse_dtype is not None:
            x, kernel = x.astype(self.reverse_dtype), kernel.astype(self.reverse_dtype)
        return jnp.matmul(x, kernel)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, and how the layer was quantized, which no argument names."""
        kept = {"quantization_config": registry.serialize(self.quantization_config)}
        return super().get_config() | kept

    # -- small integers ---------------------------------------------------------------------------

    def _build_integers(self, mode: str) -> None:
        super()._build_integers(mode)
        # On the way back vectors are multiplied, and so made integers too.
        self.inputs_quantizer = configs.QuantizationConfig.activation_quantizer_or_default(
            self.quantization_config, quantizers.AbsMaxQuantizer(axis=-1)
        )
        if self.tie_weights:
            return
        rows, block = self.output_dim, self._block_size() if mode == "int4" else None
        scale = (math.ceil(rows / block), self.input_dim) if block else (self.input_dim,)
        packed = rows if mode == "int8" else math.ceil(rows / 2)
        layout = {
            "reverse_embeddings": ((packed, self.input_dim), "zeros", "int8"),
            "reverse_embeddings_scale": (scale, "ones", None),
        }
        if block:
            layout["reverse_embeddings_zero"] = (scale, "zeros", None)
        for name, options in layout.items():
            setattr(self, name, self.add_weight(*options, trainable=False, name=name))

    def _replace_weight(self, config: Any) -> None:
        if self.tie_weights:
            super()._replace_weight(config)
            return
        before = self.reverse_embeddings
        self._book.variables = [v for v in self._book.variables if v is not before]
        parts = self._reversed_integers(np.asarray(before.value), config)
        super()._replace_weight(config)
        for name, part in parts.items():
            getattr(self, name).assign(part)

    def _reversed_integers(self, value: np.ndarray, config: Any) -> dict[str, Any]:
        """Return attribute -> value of the way back, as integers."""
        name, block = "reverse_embeddings", self._block_size() if config.mode == "int4" else None
        if block:
            made, scale, zero = rules.abs_max_quantize_grouped_with_zero_point(
                value, block, to_numpy=True
            )
            parts = {f"{name}_scale": scale, f"{name}_zero": zero}
        else:
            most = (-127, 127) if config.mode == "int8" else (-8, 7)
            made, scale = quantized(config.weight_quantizer, value, 0, most)
            parts = {f"{name}_scale": jnp.squeeze(scale, 0)}
        return {name: made if config.mode == "int8" else rules.pack_int4(made, axis=0)[0]} | parts

    def _kernel_parts(self) -> list[Any]:
        """Return (output_dim, input_dim) integers of the way back, scale, and zero point if any."""
        if self.tie_weights:
            made, *others = self._parts()
            made = self._unpacked(made) if self.quantization_mode == "int4" else made
            return [made.T, *(part.T for part in others)]
        names = ("reverse_embeddings", "reverse_embeddings_scale", "reverse_embeddings_zero")
        made, *others = [getattr(self, n).value for n in names if hasattr(self, n)]
        if self.quantization_mode == "int4":
            made = rules.unpack_int4(made, self.output_dim, axis=0)
        return [made, *others]

    def _logits(self, x: jax.Array) -> jax.Array:
        kernel = self._kernel_parts()
        logits: Any
        if self.inputs_quantizer is None:
            logits = self._exact(x, kernel)
        else:
            logits = straight_through(self._exact, self._rounded, x, kernel)
        if self.lora_enabled and self.tie_weights:
            logits = logits + jnp.matmul(x, self._adaptation().T)
        return logits.astype(self.compute_dtype)

    def _exact(self, x: jax.Array, kernel: list[Any]) -> jax.Array:
        made, scale, *zero = kernel
        return jnp.matmul(x, self._matrix(made, scale, *zero, axis=0))

    def _rounded(self, x: jax.Array, kernel: list[Any]) -> jax.Array:
        made, scale, *zero = kernel
        whole, of_input = self.inputs_quantizer(x)
        if zero:
            floats = self._matrix(made, scale, *zero, axis=0)
            return jnp.matmul(whole.astype(floats.dtype), floats) / of_input
        logits = jnp.matmul(whole, made, preferred_element_type=jnp.int32)
        return logits.astype(self.compute_dtype) / (of_input * scale)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return None: `call` knows which way it goes, and sets the mask itself."""
        return None
