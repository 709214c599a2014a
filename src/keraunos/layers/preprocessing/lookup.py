"""IntegerLookup and StringLookup: tokens to ids by a vocabulary, given or learnt, and back."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _host, _tokens, _vocabulary, hashing
from keraunos.layers.preprocessing._index import IndexLookup


@register()
class IntegerLookup(IndexLookup):
    """Integers to ids, by a vocabulary that is given or learnt by `adapt`.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included; None for any.
        num_oov_indices: ids for unknown tokens: with 1 all share it, with more they are parted by
            a hash, with 0 they are an error.
        mask_token: a token with id 0, which the other modes leave out.
        oov_token: what unknown ids become with `invert`.
        vocabulary: tokens in the order of their ids, or the path of a text file.
        vocabulary_dtype: `"int64"`.
        idf_weights: for `"tf_idf"`, a weight for each token of the vocabulary.
        invert: turn ids into tokens.
        output_mode: `"int"`, `"one_hot"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        sparse: dense results only: must be False.
        pad_to_max_tokens: whether encoded rows are always `max_tokens` wide.
        oov_method, salt: `"floormod"`, or `"farmhash"` with a key for its hash.

    Example:
        >>> layer = IntegerLookup(vocabulary=[12, 36, 1138, 42])
        >>> layer(np.array([[12, 1138, 42], [42, 1000, 36]])).tolist()
        [[1, 3, 4], [4, 0, 2]]
    """

    vocabulary_dtype, input_dtype, _kind = "int64", "int64", np.int64
    _token_types = (int, np.integer)

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: int | None = None,
        oov_token: int | None = -1,
        vocabulary: Any = None,
        vocabulary_dtype: str = "int64",
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        sparse: bool = False,
        pad_to_max_tokens: bool = False,
        oov_method: str = "floormod",
        salt: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            oov_method,
            salt,
            name=name,
            **kwargs,
        )
        arguments.one_of(self, "vocabulary_dtype", vocabulary_dtype, ("int64",))
        if salt is not None and self.oov_method != "farmhash":
            raise arguments.complain(self, "salt", "oov_method='farmhash' beside it", oov_method)

    def call(self, inputs: Any) -> Any:
        return super().call(self._cast(inputs))

    def ids(self, tokens: Any) -> Any:
        hashed = self.num_oov_indices > 1 and self.oov_method == "farmhash"
        if isinstance(tokens, jax.Array) and (hashed or not self.num_oov_indices):
            # The host has the hash, and can say which tokens are unknown.
            return _host.in_program(super().ids, tokens)
        return super().ids(tokens)

    def _cast(self, values: Any) -> Any:
        """Return integers, of floats those that they stand for."""
        if isinstance(values, jax.Array):
            return values if jnp.issubdtype(values.dtype, jnp.integer) else values.astype("int32")
        if values.dtype.kind not in "biuf" or (values != np.trunc(values)).any():
            raise arguments.complain(self, "inputs", "integers", values.ravel()[:5])
        return values.astype(np.int64)

    def _kept(self, token: Any) -> int:
        return int(token)

    _shown = _kept

    def _made_table(self, entries: dict[Any, int], unknown: int) -> _vocabulary.IntegerTable:
        return _vocabulary.IntegerTable(entries, unknown)

    def _bins(self, tokens: Any) -> Any:
        if self.oov_method == "floormod":
            return tokens % self.num_oov_indices
        return hashing.bins_of(tokens, self.num_oov_indices, self.salt)


@register()
class StringLookup(IndexLookup):
    """Strings to ids, by a vocabulary that is given or learnt by `adapt`.

    It runs on the host: on lists and NumPy arrays of strings, or at the beginning of a model.

    Args:
        max_tokens, num_oov_indices, mask_token, vocabulary, idf_weights: as in `IntegerLookup`.
        oov_token: what unknown ids become with `invert`.
        invert, output_mode, pad_to_max_tokens, sparse, salt: as in `IntegerLookup`.
        encoding: of the bytes that strings may be given as, to show them in `get_vocabulary`.

    Example:
        >>> layer = StringLookup()
        >>> layer.adapt([["a", "c", "d"], ["d", "z", "b"]])
        >>> layer.get_vocabulary()
        ['[UNK]', 'd', 'z', 'c', 'b', 'a']
        >>> layer([["d", "a", "m"]]).tolist()
        [[1, 5, 0]]
    """

    vocabulary_dtype, _kind, _token_types = "string", object, (str, bytes)

    def __init__(
        self,
        max_tokens: int | None = None,
        num_oov_indices: int = 1,
        mask_token: str | None = None,
        oov_token: str | None = "[UNK]",
        vocabulary: Any = None,
        idf_weights: Any = None,
        invert: bool = False,
        output_mode: str = "int",
        pad_to_max_tokens: bool = False,
        sparse: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self.encoding = encoding
        oov_method = kwargs.pop("oov_method", "floormod")
        super().__init__(
            max_tokens,
            num_oov_indices,
            mask_token,
            oov_token,
            vocabulary,
            idf_weights,
            invert,
            output_mode,
            sparse,
            pad_to_max_tokens,
            oov_method,
            salt,
            name=name,
            **kwargs,
        )

    @property
    def input_dtype(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "int64" if self.invert else "string"

    @property
    def output_dtype(self) -> str:
        return "string" if self.invert else super().output_dtype

    def call(self, inputs: Any) -> Any:
        hashing.refuse_traced(self, inputs)
        return super().call(inputs if self.invert else self._cast(inputs))

    def _cast(self, values: Any) -> Any:
        if values.dtype.kind not in "OUS":
            raise arguments.complain(self, "inputs", "strings", values.ravel()[:5])
        return values

    def ids_of(self, tokens: _tokens.Tokens) -> np.ndarray:
        """Return the ids of the tokens of texts, one after another."""
        if self._tokens is None:
            raise self._not_ready()
        return self._table.of_texts(tokens)

    def _kept(self, token: Any) -> bytes:
        return token if isinstance(token, bytes) else str(token).encode()

    def _shown(self, token: Any) -> str:
        return token.decode(self.encoding) if isinstance(token, bytes) else token

    def _made_table(self, entries: dict[Any, int], unknown: int) -> _vocabulary.StringTable:
        return _vocabulary.StringTable(entries, unknown)

    def _bins(self, tokens: Any) -> Any:
        return hashing.bins_of(tokens, self.num_oov_indices, self.salt)
