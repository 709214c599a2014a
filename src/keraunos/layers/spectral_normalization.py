"""SpectralNormalization: a layer whose kernel is kept from stretching any input by more than 1."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from keraunos import errors, initializers, ops
from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import _arguments as arguments
from keraunos.layers.wrappers import Wrapper


@register()
class SpectralNormalization(Wrapper):
    """Divides a layer's kernel, in training, by its largest singular value.

    The value is estimated by power iteration from a vector that is kept from step to step.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: how often the vector is improved in each step.

    Raises:
        ValueError: `power_iterations` is not a positive integer, the layer has no kernel.

    Reference: Miyato et al., 2018, arXiv:1802.05957.

    Example:
        >>> from keraunos.layers import Dense
        >>> SpectralNormalization(Dense(4))(jnp.ones((2, 3)), training=True).shape
        (2, 4)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **kwargs: Any) -> None:
        super().__init__(layer, **kwargs)
        self.power_iterations = arguments.integer(self, "power_iterations", power_iterations)

    def build(self, input_shape: Any = None) -> None:
        super().build(input_shape)
        kernel = getattr(self.layer, "kernel", None)
        if kernel is not None:
            self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        else:
            kernel = getattr(self.layer, "embeddings", None)
        if kernel is None:
            where = f"SpectralNormalization {self.name!r}"
            expected, got = "a layer with a kernel or embeddings", f"{self.layer!r}"
            raise ValueError(errors.report(where, expected=expected, got=got))
        # The wrapper's own variables begin with the kernel, as they do in Keras's files.
        self.kernel = kernel
        self.vector_u = self.add_weight(
            shape=(1, kernel.shape[-1]),
            initializer=initializers.TruncatedNormal(stddev=0.02),
            dtype=kernel.dtype,
            trainable=False,
            name="vector_u",
        )

    def call(self, inputs: jax.Array, training: bool = False) -> jax.Array:
        if training:
            vector, kernel = self.normalized_weights()
            self.vector_u.assign(vector)
            self.kernel.assign(kernel)
        outputs = self.layer(inputs)
        # Integers are the input of an Embedding, not a precision for its output.
        return outputs.astype(inputs.dtype) if dtypes.is_float(inputs.dtype) else outputs

    def normalized_weights(self) -> tuple[jax.Array, jax.Array]:
        """Return the improved vector and the kernel over its largest singular value."""
        kernel, u = self.kernel.value, self.vector_u.value
        matrix = kernel.reshape(-1, kernel.shape[-1])
        v = u
        for _ in range(self.power_iterations):
            v = ops.normalize(u @ matrix.T, axis=None)
            u = ops.normalize(v @ matrix, axis=None)
        u, v = lax.stop_gradient((u, v))
        sigma = (v @ matrix @ u.T)[0, 0]
        # A kernel of zeros stays as it is: there is no direction to find.
        zero = jnp.all(kernel == 0)
        scaled = kernel / jnp.where(zero, 1, sigma)
        kept = jnp.where(zero, self.vector_u.value, u)
        return kept.astype(self.vector_u.dtype), scaled.astype(self.kernel.dtype)
