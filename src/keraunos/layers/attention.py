"""Attention without projections: what one sequence takes of another, by their likeness."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos._core import calling, random
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos._kernels import attention as kernels
from keraunos.layers import _arguments as arguments
from keraunos.ops import nn

_LISTED = "a list [query, value] or [query, value, key]"


class _Attention(Layer):
    """Scores of query and key, a softmax over the sources, a mean of the values by it."""

    scale: Variable | None

    def __init__(
        self, use_scale: bool, dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.use_scale = use_scale
        self.dropout = arguments.between(self, "dropout", dropout, 0, 1)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, least=0)
        self.supports_masking = True

    def call(
        self,
        inputs: Any,
        mask: Any = None,
        training: bool = False,
        return_attention_scores: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        self._check([x.shape for x in self._listed(inputs)])
        query, value, key = (*inputs, inputs[1])[:3]
        query_mask, value_mask = self._masks(mask)
        scores = self._scores(query, key)
        shown = None if value_mask is None else value_mask[..., None, :]
        if use_causal_mask:
            causal = jnp.tri(*scores.shape[-2:], dtype=bool)
            shown = causal if shown is None else shown & causal
        if shown is not None:
            # Not -inf: a row that is masked altogether must stay free of NaN.
            far = 65504.0 if scores.dtype == jnp.float16 else 1e9
            scores = jnp.where(shown, scores, scores - far)
        weights = nn.softmax(scores)
        if training and self.dropout:
            weights = kernels.dropped(weights, self.dropout, random.next_key(self.seed))
        outputs = jnp.matmul(weights, value)
        if query_mask is not None:
            outputs = jnp.where(query_mask[..., None], outputs, 0)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None if previous_mask is None else self._masks(previous_mask)[0]

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        raise NotImplementedError

    def _listed(self, inputs: Any) -> Any:
        if not isinstance(inputs, (list, tuple)) or len(inputs) not in (2, 3):
            alone = getattr(inputs, "shape", None)
            got = f"{len(inputs)} inputs" if alone is None else f"one of shape {alone}"
            raise self._wrong(_LISTED, got)
        return inputs

    def _masks(self, mask: Any) -> tuple[Any, Any]:
        """Return the masks of query and value as booleans."""
        if mask is None:
            return None, None
        if not isinstance(mask, (list, tuple)) or len(mask) not in (2, 3):
            got = getattr(mask, "shape", None) or f"{type(mask).__name__} {mask!r}"
            raise self._wrong("masks as a list [query_mask, value_mask]", got)
        query, value = (None if m is None else jnp.asarray(m).astype(bool) for m in mask[:2])
        return query, value

    def _check(self, shapes: Any) -> None:
        """Raise where the shapes of the inputs do not fit one another."""
        if calling.is_shape(shapes):
            raise self._wrong(_LISTED, f"one of shape {tuple(shapes)}")
        query, value, key = (*map(tuple, self._listed(shapes)), tuple(shapes[1]))[:3]
        pairs = [*zip(query[:-2], value[:-2]), *zip(value[:-1], key[:-1]), (query[-1], key[-1])]
        same = all(a is None or b is None or a == b for a, b in pairs)
        if len(query) < 3 or not len(query) == len(value) == len(key) or not same:
            expected = (
                "(batch, targets, features), (batch, sources, ...), (batch, sources, features)"
            )
            raise self._wrong(expected, f"query {query}, value {value}, key {key}")

    def _wrong(self, expected: str, got: object) -> ValueError:
        where = f"{type(self).__name__} {self.name!r}"
        return ValueError(errors.report(where, expected=expected, got=got))


@register()
class Attention(_Attention):
    """Dot-product attention: the values of one sequence, averaged for each step of another.

    Called with `[query, value]` or `[query, value, key]`: (batch, targets, features),
    (batch, sources, value features), (batch, sources, features); returns (batch, targets,
    value features), with `return_attention_scores=True` the weights as well. Masks of the
    values leave sources out; where the query is masked the output is 0.

    Args:
        use_scale: whether the scores are multiplied by a number that is learned.
        score_mode: `"dot"` for products of query and key, `"concat"` for the sum of
            `tanh(query + key)`.
        dropout: the part of the weights that is dropped in training.
        seed: a fixed seed of its own for the dropout.

    Raises:
        ValueError: another score mode, a dropout outside 0 to 1, inputs that do not fit.

    Reference: Luong et al., 2015, arXiv:1508.04025.

    Example:
        >>> x = jnp.ones((2, 5, 4))
        >>> Attention()([x, x], use_causal_mask=True).shape
        (2, 5, 4)
    """

    def __init__(
        self,
        use_scale: bool = False,
        score_mode: str = "dot",
        dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(use_scale, dropout, seed, **kwargs)
        self.score_mode = arguments.one_of(self, "score_mode", score_mode, ("dot", "concat"))

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        number = {"shape": (), "initializer": "ones"}
        self.scale = self.add_weight(name="scale", **number) if self.use_scale else None
        self.concat_score_weight = None
        if self.score_mode == "concat":
            self.concat_score_weight = self.add_weight(name="concat_score_weight", **number)

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        scale = 1 if self.scale is None else self.scale.value
        if self.concat_score_weight is None:
            return jnp.matmul(query, jnp.swapaxes(key, -2, -1)) * scale
        both = jnp.tanh(scale * (query[..., :, None, :] + key[..., None, :, :]))
        return self.concat_score_weight.value * both.sum(-1)


@register()
class AdditiveAttention(_Attention):
    """Attention by a sum: the scores are `sum(scale * tanh(query + key))` over the features.

    Inputs, masks and outputs as in `Attention`.

    Args:
        use_scale: whether each feature has a factor that is learned.
        dropout: the part of the weights that is dropped in training.
        seed: a fixed seed of its own for the dropout.

    Raises:
        ValueError: a dropout outside 0 to 1, inputs that do not fit.

    Reference: Bahdanau et al., 2014, arXiv:1409.0473.

    Example:
        >>> x = jnp.ones((2, 5, 4))
        >>> AdditiveAttention()([x, x]).shape
        (2, 5, 4)
    """

    def __init__(
        self, use_scale: bool = True, dropout: float = 0.0, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(use_scale, dropout, seed, **kwargs)

    def build(self, input_shape: Any) -> None:
        self._check(input_shape)
        shape = (arguments.size_of(self, input_shape[0], -1),)
        self.scale = (
            self.add_weight(shape, "glorot_uniform", name="scale") if self.use_scale else None
        )

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        scale = 1 if self.scale is None else self.scale.value
        return (scale * jnp.tanh(query[..., :, None, :] + key[..., None, :, :])).sum(-1)
