"""Attention with projections and several heads: every one looks at features of its own."""

from __future__ import annotations

import string
from typing import Any

import jax

from keraunos import config, errors, regularizers
from keraunos._core import random, registry
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._kernels import attention as kernels
from keraunos.layers import _arguments as arguments
from keraunos.layers._attention_places import Places
from keraunos.layers.dense import EinsumDense


class _Heads(Layer):
    """Projections of query, key and value to heads, attention in each, a projection back."""

    supports_masking = True
    _attention_axes: tuple[int, ...] = (1,)

    def _keep(self, given: dict[str, Any]) -> None:
        """Keep the arguments that both layers have."""
        self.dropout = arguments.between(self, "dropout", given["dropout"], 0, 1)
        self.use_bias, self.use_gate = given["use_bias"], given["use_gate"]
        window, seed = given["sliding_window"], given["seed"]
        if window is not None:
            window = arguments.integer(self, "sliding_window", window)
        self.sliding_window = window
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, least=0)
        self.flash_attention = given["flash_attention"]
        if self.flash_attention and self.dropout:
            raise arguments.complain(self, "dropout", "0 with flash_attention=True", self.dropout)
        for name in ("kernel", "bias"):
            rules = ("initializer", "regularizer", "constraint")
            arguments.keep(self, name, *(given[f"{name}_{rule}"] for rule in rules))
        # Of the projections, as in Keras: the layer itself has none.
        self._activity_regularizer = regularizers.get(given["activity_regularizer"])

    def get_config(self) -> dict[str, Any]:
        own = registry.serialize(self._activity_regularizer)
        return super().get_config() | {"activity_regularizer": own}

    # -- weights --------------------------------------------------------------------------------

    def _sizes(self) -> tuple[int, int, int, int]:
        """Return heads of the query, heads of key and value, and the sizes of both kinds."""
        raise NotImplementedError

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        key_shape = value_shape if key_shape is None else key_shape
        self._check(query_shape, value_shape, key_shape)
        heads, groups, key_dim, value_dim = self._sizes()
        self._query_dense = self._projection("query", query_shape, (heads, key_dim))
        self._key_dense = self._projection("key", key_shape, (groups, key_dim))
        if self.use_gate:
            gate = (heads, value_dim)
            self._gate_dense = self._projection("gate", query_shape, gate, activation="sigmoid")
        self._value_dense = self._projection("value", value_shape, (groups, value_dim))
        shape = (*query_shape[:-1], heads, value_dim)
        out = self._output_sizes() or (query_shape[-1],)
        self._output_dense = self._projection("attention_output", shape, out, summed=2)

    def _output_sizes(self) -> tuple[int, ...] | None:
        return None

    def _projection(
        self, name: str, shape: Any, sizes: tuple[int, ...], summed: int = 1, **options: Any
    ) -> EinsumDense:
        """Return a built layer that sums over the last axes and makes others."""
        free = len(shape) - summed
        letters = string.ascii_letters
        kept, lost = letters[:free], letters[free : len(shape)]
        made = letters[len(shape) : len(shape) + len(sizes)]
        for axis in range(free, len(shape)):
            arguments.size_of(self, shape, axis)
        for one in ("kernel", "bias"):
            for rule in ("initializer", "regularizer", "constraint"):
                options[f"{one}_{rule}"] = getattr(self, f"{one}_{rule}")
        layer = EinsumDense(
            f"{kept}{lost},{lost}{made}->{kept}{made}",
            output_shape=(None,) * (free - 1) + sizes,
            bias_axes=made if self.use_bias else None,
            activity_regularizer=self._activity_regularizer,
            dtype=self.dtype_policy,
            name=name,
            **options,
        )
        layer.build(tuple(shape))
        layer.supports_masking = True  # masks act on the scores; nobody need hear of them here
        return layer

    # -- computing ------------------------------------------------------------------------------

    def call(
        self,
        query: jax.Array,
        value: jax.Array,
        key: jax.Array | None = None,
        query_mask: Any = None,
        value_mask: Any = None,
        key_mask: Any = None,
        attention_mask: Any = None,
        return_attention_scores: bool = False,
        training: bool = False,
        use_causal_mask: bool = False,
    ) -> Any:
        key = value if key is None else key
        self._check(query.shape, value.shape, key.shape)
        places = Places(query.shape, key.shape, self._attention_axes, self._sizes()[0])
        try:
            mask = places.mask(query_mask, (value_mask, key_mask), attention_mask)
        except ValueError as error:
            raise self._wrong(f"masks that fit scores of shape {places.scores}", error) from None
        if self.sliding_window is not None:
            near = places.near(self.sliding_window)
            mask = near if mask is None else mask & near
        arrays = (self._query_dense(query), self._key_dense(key), self._value_dense(value))
        options: dict[str, Any] = {"mask": mask, "is_causal": use_causal_mask}
        if training and self.dropout:
            options |= {"dropout": self.dropout, "dropout_key": random.next_key(self.seed)}
        outputs, scores = self._attend(places, arrays, return_attention_scores, options)
        outputs = outputs * self._gate_dense(query) if self.use_gate else outputs
        outputs = self._output_dense(outputs)
        return (outputs, scores) if return_attention_scores else outputs

    def _attend(
        self, places: Places, arrays: Any, with_scores: bool, options: dict[str, Any]
    ) -> tuple[jax.Array, Any]:
        query, key, value = map(places.flat, arrays)
        options["scale"] = query.shape[-1] ** -0.5
        flash = self.flash_attention
        if with_scores:
            if flash:
                raise self._wrong("flash_attention=False", "return_attention_scores=True")
            out, scores = kernels.attention_and_weights(query, key, value, **options)
            return places.unflat(out), scores.reshape(places.scores)
        # Where nothing is seen Keras's fused path gives a mean, its other ones give zeros.
        zero = bool(self.dropout) or len(places.scores) > 4
        options["zero_masked"] = zero and options["mask"] is not None
        options["flash"] = config.is_flash_attention_enabled() if flash is None else flash
        try:
            return places.unflat(kernels.dot_product_attention(query, key, value, **options)), None
        except ValueError as error:
            if not flash:
                raise
            raise self._wrong("what the fused kernel takes", error) from error

    # -- checks ---------------------------------------------------------------------------------

    def _check(self, query: Any, value: Any, key: Any) -> None:
        """Raise where the shapes do not fit one another, or other than those it was built for."""
        query, value, key = map(tuple, (query, value, key))
        got = f"query {query}, value {value}, key {key}"
        if not len(query) == len(value) == len(key) or len(query) < 3:
            raise self._wrong("query, value and key of one rank, at least 3", got)
        if not _agree(value[:-1], key[:-1]):
            raise self._wrong("value and key of one shape, but for the last axis", got)
        apart = [i for i in range(len(query) - 1) if i not in self._axes(len(query))]
        if not _agree([query[i] for i in apart], [value[i] for i in apart]):
            raise self._wrong(f"query and value of the same size on the axes {apart}", got)
        if self.built:
            dense = (self._query_dense, self._value_dense, self._key_dense)
            sizes = [one._large_shape()[0] for one in dense]
            if [query[-1], value[-1], key[-1]] != sizes:
                raise self._wrong(f"features {sizes} of query, value and key", got)

    def _axes(self, rank: int) -> tuple[int, ...]:
        if rank != 3:
            raise self._wrong("inputs with 3 axes", f"{rank}")
        return self._attention_axes

    def _wrong(self, expected: object, got: object) -> ValueError:
        where = f"{type(self).__name__} {self.name!r}"
        return ValueError(errors.report(where, expected=expected, got=got))


@register()
class MultiHeadAttention(_Heads):
    """Attention in several heads: each looks at features of its own, by projections it learns.

    Called with query (batch, targets, features), value (batch, sources, features) and, if it is
    not the value, key; returns (batch, targets, features), and with `return_attention_scores`
    the weights (batch, heads, targets, sources). Masks of all three hold, `attention_mask`
    (batch, targets, sources) and `use_causal_mask` besides.

    Args:
        num_heads: number of heads.
        key_dim, value_dim: size of a head, for query and key, and for the value.
        dropout: the part of the weights that is dropped in training.
        use_bias, use_gate: whether the projections have one; whether the result is multiplied
            by a sigmoid of one more projection of the query.
        output_shape: sizes of the last axes of the result; by default the query's features.
        attention_axes: the axes that are attended over; by default all but batch and features.
        sliding_window: a target sees sources nearer than this only.
        flash_attention: True for cuDNN's kernel, None for it wherever it can be had.
        seed: a fixed seed of its own for the dropout.

    The other arguments are those of `EinsumDense`, for every projection.

    Reference: Vaswani et al., 2017, arXiv:1706.03762; the gate: arXiv:2505.06708.

    Example:
        >>> x = jax.numpy.ones((2, 5, 8))
        >>> MultiHeadAttention(num_heads=2, key_dim=4)(x, x, use_causal_mask=True).shape
        (2, 5, 8)
    """

    def __init__(
        self,
        num_heads: int,
        key_dim: int,
        value_dim: int | None = None,
        dropout: float = 0.0,
        use_bias: bool = True,
        output_shape: Any = None,
        attention_axes: Any = None,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self._keep(given)
        self.num_heads = arguments.integer(self, "num_heads", num_heads)
        self.key_dim = arguments.integer(self, "key_dim", key_dim)
        value_dim = key_dim if value_dim is None else value_dim
        self.value_dim = arguments.integer(self, "value_dim", value_dim)
        if output_shape is not None:
            rank = len(output_shape) if isinstance(output_shape, (list, tuple)) else 1
            output_shape = arguments.per_axis(self, "output_shape", output_shape, rank)
        self.output_shape = output_shape or None
        if attention_axes is not None:
            rank = len(attention_axes) if isinstance(attention_axes, (list, tuple)) else 1
            attention_axes = arguments.per_axis(self, "attention_axes", attention_axes, rank, -99)
        self.attention_axes = attention_axes

    def build(self, query_shape: Any, value_shape: Any, key_shape: Any = None) -> None:
        self._attention_axes = self.attention_axes = self._axes(len(query_shape))
        super().build(query_shape, value_shape, key_shape)

    def _sizes(self) -> tuple[int, int, int, int]:
        return self.num_heads, self.num_heads, self.key_dim, self.value_dim

    def _output_sizes(self) -> tuple[int, ...] | None:
        return self.output_shape

    def _axes(self, rank: int) -> tuple[int, ...]:
        if self.attention_axes is None:
            return tuple(range(1, rank - 1))
        axes = tuple(axis + rank if axis < 0 else axis for axis in self.attention_axes)
        if not axes or len(set(axes)) < len(axes) or not set(axes) <= set(range(1, rank - 1)):
            valid = f"different axes from 1 to {rank - 2} of an input with {rank} axes"
            raise arguments.complain(self, "attention_axes", valid, self.attention_axes)
        return axes

    query_dense = property(lambda self: self._query_dense)
    key_dense = property(lambda self: self._key_dense)
    value_dense = property(lambda self: self._value_dense)
    output_dense = property(lambda self: self._output_dense)


@register("GroupQueryAttention")
class GroupedQueryAttention(_Heads):
    """Attention whose query heads share keys and values in groups.

    One group is multi-query attention, as many groups as heads is `MultiHeadAttention`. Inputs
    (with three axes), masks and outputs as there.

    Args:
        head_dim: size of a head.
        num_query_heads: heads of the query.
        num_key_value_heads: groups, each with one key and one value head; a divisor of the above.
        dropout, use_bias, sliding_window, flash_attention, use_gate, seed: as in
            `MultiHeadAttention`, and so the initializers, regularizers and constraints.

    Raises:
        ValueError: a size that is not a positive integer, groups that do not divide the heads.

    Reference: Ainslie et al., 2023, arXiv:2305.13245.

    Example:
        >>> x = jax.numpy.ones((2, 5, 8))
        >>> GroupQueryAttention(4, num_query_heads=6, num_key_value_heads=2)(x, x).shape
        (2, 5, 8)
    """

    # The class has another name inside Keras: groups of a weights file follow that one.
    _saved_name = "GroupQueryAttention"

    def __init__(
        self,
        head_dim: int,
        num_query_heads: int,
        num_key_value_heads: int,
        dropout: float = 0.0,
        use_bias: bool = True,
        sliding_window: int | None = None,
        flash_attention: bool | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        use_gate: bool = False,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        given = dict(locals())
        super().__init__(**kwargs)
        self._keep(given)
        self.head_dim = arguments.integer(self, "head_dim", head_dim)
        self.num_query_heads = arguments.integer(self, "num_query_heads", num_query_heads)
        groups = arguments.integer(self, "num_key_value_heads", num_key_value_heads)
        if num_query_heads % groups:
            valid = f"a divisor of num_query_heads={num_query_heads}"
            raise arguments.complain(self, "num_key_value_heads", valid, groups)
        self.num_key_value_heads = groups

    def _sizes(self) -> tuple[int, int, int, int]:
        return self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim


GroupQueryAttention = GroupedQueryAttention


def _agree(one: Any, other: Any) -> bool:
    pairs = zip(one, other, strict=True)
    return all(a is None or b is None or a == b for a, b in pairs)
