"""Layers of Keras 1 and 2 that Keras 3 has no more: `keraunos.layers` finds them here by name."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import activations, errors, initializers
from keraunos._core import signature
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos.layers import GRU, LSTM
from keraunos.layers import _arguments as arguments


@register(kind="layers")
class ThresholdedReLU(Layer):
    """Keeps what is above a threshold, and makes the rest zero (Keras 1 and 2).

    Args:
        theta: the threshold, at least 0.

    Example:
        >>> ThresholdedReLU(theta=1.0)(np.array([0.5, 1.0, 2.0])).tolist()
        [0.0, 0.0, 2.0]
    """

    supports_masking = True

    def __init__(self, theta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.theta = float(arguments.between(self, "theta", theta, 0, math.inf))

    def call(self, inputs: jax.Array) -> jax.Array:
        return jnp.where(inputs > self.theta, inputs, 0)


class _OldDense(Layer):
    """What the dense layers of Keras 1 share: arguments in its spelling, inputs of two axes."""

    def _keep(self, given: dict[str, Any]) -> None:
        self.init, self.bias = initializers.get(given["init"]), given["bias"]
        arguments.keep(self, "W", self.init, given["W_regularizer"], given["W_constraint"])
        arguments.keep(self, "b", "zeros", given["b_regularizer"], given["b_constraint"])
        self.input_spec = InputSpec(ndim=2)
        self._first_weights = given["weights"]

    def _features(self, input_shape: Any) -> int:
        features = arguments.size_of(self, input_shape, -1)
        self.input_spec = InputSpec(ndim=2, axes={-1: features})
        return features

    def _start(self) -> None:
        if self._first_weights is not None:
            self.set_weights(self._first_weights)


@register("Maxout", kind="layers")
class MaxoutDense(_OldDense):
    """The largest of several linear layers, element by element (Keras 1; arXiv 1302.4389).

    Args:
        output_dim: number of outputs, at least 1.
        nb_feature: number of linear layers, at least 1.
        init: an initializer, or its name, of the kernel `W` (nb_feature, inputs, output_dim).
        weights: first weights, `[W, b]`.
        W_regularizer, b_regularizer, activity_regularizer: penalties added to the loss.
        W_constraint, b_constraint: applied after each update.
        bias: whether there is a bias `b` (nb_feature, output_dim).
        input_dim: number of inputs, for the first layer of a model.

    Example:
        >>> MaxoutDense(3, nb_feature=2)(np.ones((5, 4))).shape
        (5, 3)
    """

    def __init__(
        self,
        output_dim: int,
        nb_feature: int = 4,
        init: Any = "glorot_uniform",
        weights: Any = None,
        W_regularizer: Any = None,
        b_regularizer: Any = None,
        activity_regularizer: Any = None,
        W_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        input_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(activity_regularizer=activity_regularizer, input_dim=input_dim, **kwargs)
        self._keep(given)
        self.output_dim = arguments.integer(self, "output_dim", output_dim)
        self.nb_feature = arguments.integer(self, "nb_feature", nb_feature)

    def build(self, input_shape: Any) -> None:
        shape = self.nb_feature, self._features(input_shape), self.output_dim
        self.W = arguments.weight(self, "W", shape)
        self.b = arguments.weight(self, "b", (shape[0], shape[2])) if self.bias else None
        self._start()

    def call(self, inputs: jax.Array) -> jax.Array:
        features = jnp.einsum("bi,fio->bfo", inputs, self.W.value)
        features = features if self.b is None else features + self.b.value
        return features.max(1)


@register(kind="layers")
class Highway(_OldDense):
    """A dense layer and a gate that lets its input pass by it (Keras 1; arXiv 1505.00387).

    `gate * activation(x @ W + b) + (1 - gate) * x`, with `gate = sigmoid(x @ W_carry + b_carry)`.

    Args:
        init: an initializer, or its name, of `W` and `W_carry`.
        activation: a function or its name.
        weights: first weights, `[W, W_carry, b, b_carry]`.
        W_regularizer, b_regularizer, activity_regularizer: penalties added to the loss.
        W_constraint, b_constraint: applied after each update.
        bias: whether there are biases; `b_carry` starts at one.
        input_dim: number of inputs and outputs, for the first layer of a model.

    Example:
        >>> Highway(activation="tanh")(np.ones((5, 4))).shape
        (5, 4)
    """

    def __init__(
        self,
        init: Any = "glorot_uniform",
        activation: Any = None,
        weights: Any = None,
        W_regularizer: Any = None,
        b_regularizer: Any = None,
        activity_regularizer: Any = None,
        W_constraint: Any = None,
        b_constraint: Any = None,
        bias: bool = True,
        input_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(activity_regularizer=activity_regularizer, input_dim=input_dim, **kwargs)
        self._keep(given)
        self.activation = activations.get(activation)

    def build(self, input_shape: Any) -> None:
        size = self._features(input_shape)
        self.W = arguments.weight(self, "W", (size, size))
        self.W_carry = self.add_weight((size, size), self.init, name="W_carry")
        self.b = arguments.weight(self, "b", (size,)) if self.bias else None
        self.b_carry = self.add_weight((size,), "ones", name="b_carry") if self.bias else None
        self._start()

    def call(self, inputs: jax.Array) -> jax.Array:
        through, gate = inputs @ self.W.value, inputs @ self.W_carry.value
        if self.b is not None and self.b_carry is not None:
            through, gate = through + self.b.value, gate + self.b_carry.value
        gate = jax.nn.sigmoid(gate)
        return gate * self.activation(through) + (1 - gate) * inputs


# What LSTM and GRU can, and cuDNN could not.
_NOT_OF_CUDNN = {
    *("activation", "recurrent_activation", "use_bias", "dropout", "recurrent_dropout", "seed"),
    *("unroll", "reset_after", "use_cudnn", "zero_output_for_mask"),
}


@register(kind="layers")
class CuDNNLSTM(LSTM):
    """The LSTM that Keras 2 ran on a GPU alone: calling this gives an `LSTM`, as Keras 3 says it.

    Its arguments are those of `LSTM` that cuDNN knew, in the same order. Weights from a file of
    Keras 2 are laid out otherwise; `from_cudnn` turns them.

    Raises:
        TypeError: an argument that cuDNN had no choice in, such as `activation`.

    Example:
        >>> layer = CuDNNLSTM(4, return_sequences=True)
        >>> type(layer).__name__, layer(np.ones((2, 5, 3))).shape
        ('LSTM', (2, 5, 4))
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return LSTM(**_of_cudnn(cls, args, kwargs))


@register(kind="layers")
class CuDNNGRU(GRU):
    """The GRU that Keras 2 ran on a GPU alone: calling this gives a `GRU`; see `CuDNNLSTM`.

    Example:
        >>> type(CuDNNGRU(4)).__name__, CuDNNGRU(4).reset_after
        ('GRU', True)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return GRU(**_of_cudnn(cls, args, kwargs))


def _of_cudnn(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor by name."""
    wrong = sorted(_NOT_OF_CUDNN & kwargs.keys())
    if wrong:
        fix = f"use {cls.__name__.removeprefix('CuDNN')}, which is as fast"
        raise TypeError(errors.report(f"{cls.__name__} has no argument {wrong[0]!r}", fix=fix))
    # Keras 2 had go_backwards too, but by name only.
    names = [n for n in signature.parameters(cls) if n not in _NOT_OF_CUDNN | {"go_backwards"}]
    return dict(zip(names, args, strict=False)) | kwargs


def from_cudnn(weights: Any) -> list[np.ndarray]:
    """Return the weights of an `LSTM` or `GRU` for those of a CuDNNLSTM or CuDNNGRU of Keras 2.

    cuDNN reads each gate's kernel as (outputs, inputs), and keeps a bias for the input and one
    for the state: an LSTM needs their sum, a GRU both.

    Args:
        weights: kernel (inputs, gates * units), recurrent kernel (units, gates * units) and
            bias (2 * gates * units,).

    Raises:
        ValueError: other shapes.

    Example:
        >>> kernel, recurrent, bias = np.ones((3, 8)), np.ones((2, 8)), np.ones(16)
        >>> [w.shape for w in from_cudnn([kernel, recurrent, bias])]
        [(3, 8), (2, 8), (8,)]
    """
    shapes = [np.shape(one) for one in weights]
    units = shapes[1][0] if len(shapes) == 3 and len(shapes[1]) == 2 else 0
    gates = shapes[1][1] // units if units else 0
    wanted = [(*shapes[0][:1], gates * units), (units, gates * units), (2 * gates * units,)]
    if gates not in (3, 4) or shapes != wanted:
        expected = "(inputs, g * units), (units, g * units), (2 * g * units,), with 3 or 4 gates g"
        raise ValueError(errors.report("from_cudnn", expected=expected, got=shapes))

    def turned(kernel: Any) -> np.ndarray:
        parts = np.split(np.asarray(kernel), gates, 1)
        return np.concatenate([part.reshape(part.shape[::-1]).T for part in parts], 1)

    biases = np.asarray(weights[2]).reshape(2, -1)
    return [turned(weights[0]), turned(weights[1]), biases.sum(0) if gates == 4 else biases]


Maxout = MaxoutDense
