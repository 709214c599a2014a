"""Activation functions by name: those of `ops.nn`, with Keras's defaults for layers."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import registry
from keraunos._core.op import op
from keraunos.ops import nn, numpy

_same = registry.register(kind="activations")
relu6, sigmoid, sparse_sigmoid, softplus = map(
    _same, (nn.relu6, nn.sigmoid, nn.sparse_sigmoid, nn.softplus)
)
softsign, sparse_plus, squareplus = map(_same, (nn.softsign, nn.sparse_plus, nn.squareplus))
log_sigmoid, leaky_relu, hard_sigmoid = map(_same, (nn.log_sigmoid, nn.leaky_relu, nn.hard_sigmoid))
elu, selu, celu, glu = map(_same, (nn.elu, nn.selu, nn.celu, nn.glu))
hard_tanh, tanh_shrink, soft_shrink = map(_same, (nn.hard_tanh, nn.tanh_shrink, nn.soft_shrink))
hard_shrink, threshold, tanh = map(_same, (nn.hard_shrink, nn.threshold, numpy.tanh))
softmax, log_softmax, sparsemax = map(_same, (nn.softmax, nn.log_softmax, nn.sparsemax))
silu = swish = registry.register("swish", kind="activations")(nn.silu)
hard_silu = hard_swish = registry.register("hard_swish", kind="activations")(nn.hard_silu)


@registry.register()
def relu(
    x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0
) -> Any:
    """Return `max(x, 0)`, or a variant of it.

    Args:
        x: any shape.
        negative_slope: slope below the threshold.
        max_value: ceiling of the part above the threshold.
        threshold: below it counts as negative.

    Example:
        >>> relu(jnp.array([-2.0, 3.0]), negative_slope=0.5).tolist()
        [-1.0, 3.0]
    """
    if negative_slope == 0 and threshold == 0 and max_value in (None, 6):
        return nn.relu(x) if max_value is None else nn.relu6(x)
    return _rectify(x, negative_slope=negative_slope, max_value=max_value, threshold=threshold)


@op(name="ReLU")  # the name in saved graphs
def _rectify(x: Any, negative_slope: float, max_value: float | None, threshold: float) -> Any:
    above = x if max_value is None else jnp.clip(x, 0, max_value)
    below = negative_slope * (x - threshold) if negative_slope else jnp.zeros_like(x)
    return jnp.where(x > threshold, above, below)


@registry.register()
def gelu(x: Any, approximate: bool = False) -> Any:
    """Return `x * P(X <= x)` with X normal; through `tanh` if approximate.

    Reference: Hendrycks and Gimpel, Gaussian error linear units, 2016.

    Example:
        >>> float(gelu(jnp.array(0.0)))
        0.0
    """
    return nn.gelu(x, approximate=approximate)


@registry.register()
def exponential(x: Any) -> Any:
    """Return `exp(x)`.

    Example:
        >>> float(exponential(jnp.array(0.0)))
        1.0
    """
    return numpy.exp(x)


@registry.register()
def linear(x: Any) -> Any:
    """Return x.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


@registry.register()
@op
def mish(x: Any) -> Any:
    """Return `x * tanh(softplus(x))`.

    Reference: Misra, Mish: a self regularized non-monotonic activation function, 2019.

    Example:
        >>> float(mish(jnp.array(0.0)))
        0.0
    """
    return x * jnp.tanh(jax.nn.softplus(x))


def get(identifier: Any) -> Any:
    """Return the activation that a name, config or function means; None is `linear`.

    Raises:
        ValueError: an unknown name; the message has the nearest ones.

    Example:
        >>> get("relu") is relu, get(None) is linear
        (True, True)
    """
    return linear if identifier is None else registry.get("activations", identifier, "activation")


def serialize(activation: Any) -> Any:
    """Return the activation as JSON can hold it: its name, if it is one of these.

    Example:
        >>> serialize(relu)
        'relu'
    """
    return registry.serialize(activation)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the activation of a saved config or name."""
    with registry.custom_object_scope(custom_objects):
        return get(config)


__getattr__ = errors.missing(__name__, globals())
