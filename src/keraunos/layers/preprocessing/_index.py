"""IndexLookup: what the lookups of integers and of strings share; only the tokens differ."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import lambdas
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _encode, _host, _vocabulary, hashing

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")


class IndexLookup(_host.HostLayer):
    """What `IntegerLookup` and `StringLookup` share; see there."""

    vocabulary_dtype: str

    def __init__(
        self,
        max_tokens: int | None,
        num_oov_indices: int,
        mask_token: Any,
        oov_token: Any,
        vocabulary: Any,
        idf_weights: Any,
        invert: bool,
        output_mode: str,
        sparse: bool,
        pad_to_max_tokens: bool,
        oov_method: str = "floormod",
        salt: Any = None,
        **kwargs: Any,
    ) -> None:
        self._size_before = kwargs.pop("vocabulary_size", None)
        self._is_static = kwargs.pop("has_input_vocabulary", vocabulary is not None)
        super().__init__(**kwargs)
        mode = _encode.RENAMED.get(output_mode, output_mode)
        self.output_mode = arguments.one_of(self, "output_mode", mode, MODES)
        self.max_tokens = max_tokens
        if max_tokens is not None:
            arguments.integer(self, "max_tokens", max_tokens, least=2)
        elif pad_to_max_tokens:
            raise arguments.complain(self, "pad_to_max_tokens", "max_tokens beside it", True)
        self.num_oov_indices = arguments.integer(self, "num_oov_indices", num_oov_indices, least=0)
        self.oov_method = arguments.one_of(self, "oov_method", oov_method, ("floormod", "farmhash"))
        if invert and self.output_mode != "int":
            raise arguments.complain(self, "invert", "output_mode 'int' beside it", output_mode)
        self._check_idf(vocabulary, idf_weights)
        for argument, token in (("mask_token", mask_token), ("oov_token", oov_token)):
            if token is not None and not isinstance(token, self._token_types):
                expected = f"a token of dtype {self.vocabulary_dtype}, or None"
                raise arguments.complain(self, argument, expected, token)
        self.mask_token, self.oov_token = mask_token, oov_token
        self.invert, self.pad_to_max_tokens = invert, pad_to_max_tokens
        self.sparse, self.salt = hashing.dense_only(self, sparse), hashing.salt_of(self, salt)
        self.idf_weights: np.ndarray | None = None
        self._tokens: list[Any] | None = None
        # Long lists, in which nobody need look for weights.
        self._book.hidden |= {"_tokens", "input_vocabulary", "input_idf_weights"}
        self.reset_state()
        if vocabulary is not None:
            self.set_vocabulary(vocabulary, idf_weights)
        self.input_vocabulary = None if _is_path(vocabulary) else _plain(vocabulary)
        self.input_idf_weights = _plain(idf_weights)
        self._arguments |= {"vocabulary": self.input_vocabulary, "idf_weights": None}

    def _check_idf(self, vocabulary: Any, idf_weights: Any) -> None:
        if idf_weights is not None and self.output_mode != "tf_idf":
            raise arguments.complain(self, "idf_weights", "None without 'tf_idf'", idf_weights)
        if vocabulary is not None and idf_weights is None and self.output_mode == "tf_idf":
            raise arguments.complain(self, "idf_weights", "weights beside the vocabulary", None)

    # -- the vocabulary -------------------------------------------------------------------------

    @property
    def _first_oov(self) -> int:
        """The first id after the mask's, which has one only where ids are the output."""
        return int(self.mask_token is not None and self.output_mode == "int")

    @property
    def _first_token(self) -> int:
        return self._first_oov + self.num_oov_indices

    @property
    def _special(self) -> list[Any]:
        return [self.mask_token] * self._first_oov + [self.oov_token] * self.num_oov_indices

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in the order of their ids.

        Args:
            include_special_tokens: whether the mask and out-of-vocabulary tokens stand first.
        """
        special = self._special if include_special_tokens else []
        return special + [self._shown(token) for token in self._tokens or ()]

    def vocabulary_size(self) -> int:
        """Return the number of tokens, special ones included."""
        return self._first_token + len(self._tokens or ())

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary instead of learning one.

        Args:
            vocabulary: tokens in the order of their ids, with the special ones in front or without
                them; or the path of a text file, a token a line.
            idf_weights: for `"tf_idf"`, one weight a token.

        Raises:
            ValueError: repeated tokens, special tokens elsewhere than in front, more tokens than
                `max_tokens`, or weights that are missing or of another length.
        """
        self._check_idf(vocabulary, idf_weights)
        if _is_path(vocabulary):
            if not Path(vocabulary).exists():
                raise arguments.complain(self, "vocabulary", "a file that exists", vocabulary)
            tokens, stripped = [self._kept(v) for v in _vocabulary.lines(vocabulary)], False
        else:
            tokens, stripped = self._without_special(vocabulary)
        self._check_tokens(tokens)
        if idf_weights is not None:
            given = np.asarray(idf_weights, np.float32)
            wanted = len(tokens) + stripped * self._first_token
            if given.shape != (wanted,):
                raise arguments.complain(self, "idf_weights", f"{wanted} numbers", given.shape)
            self._set_idf(given, padded=stripped)
        self._install(tokens)
        # What the constructor was given holds no more: the file beside the config does.
        self.input_vocabulary = self.input_idf_weights = None

    def _without_special(self, vocabulary: Any) -> tuple[list[Any], bool]:
        if isinstance(vocabulary, (dict, str)) or not np.iterable(vocabulary):
            raise arguments.complain(
                self, "vocabulary", "tokens, or the path of a file", vocabulary
            )
        tokens = [self._kept(v) for v in _plain(vocabulary)]
        if not tokens:
            raise arguments.complain(self, "vocabulary", "at least one token", tokens)
        special = [None if v is None else self._kept(v) for v in self._special]
        stripped = tokens[: len(special)] == special
        return tokens[len(special) :] if stripped else tokens, stripped

    def _check_tokens(self, tokens: list[Any]) -> None:
        repeated = [t for t, n in Counter(tokens).items() if n > 1]
        if repeated:
            got = f"repeated: {[self._shown(t) for t in repeated[:5]]}"
            raise arguments.complain(self, "vocabulary", "every token once", got)
        for name, token in (("mask", self.mask_token), ("oov", self.oov_token)):
            reserved = token is not None and (name == "mask" or self.invert)
            if reserved and self._kept(token) in tokens:
                expected = f"no special tokens, or in front {self._special}"
                raise arguments.complain(self, "vocabulary", expected, f"{name} token {token!r}")
        if self.max_tokens is not None and self._first_token + len(tokens) > self.max_tokens:
            got = f"{len(tokens)} and {self._first_token} special ones"
            raise arguments.complain(self, "vocabulary", f"{self.max_tokens} tokens at most", got)

    def _set_idf(self, weights: np.ndarray, padded: bool = False) -> None:
        """Keep one weight an id: special tokens weigh what the others weigh on average."""
        front = 0 if padded else self._first_token
        mean = weights.mean() if weights.size else 0
        weights = np.concatenate([np.full(front, mean), weights]).astype(config.floatx())
        missing = (self.max_tokens or 0) - len(weights) if self.pad_to_max_tokens else 0
        self.idf_weights = np.pad(weights, (0, missing))

    def _install(self, tokens: list[Any]) -> None:
        """Make the table of these tokens."""
        size = self._first_token + len(tokens)
        fixed = self.output_mode != "int" and not self.pad_to_max_tokens and self._inbound_nodes
        if fixed and self._size_before not in (None, size):
            note = f"a model is built on a vocabulary of {self._size_before}, this one has {size}"
            fix = "build the model again, or construct the layer with pad_to_max_tokens=True"
            raise RuntimeError(errors.report(_host.where(self), note=note, fix=fix))
        self._tokens, self._size_before = tokens, size
        entries = {token: i for i, token in enumerate(tokens, self._first_token)}
        if self.mask_token is not None:
            mask = 0 if self.output_mode == "int" else _vocabulary.DROPPED
            entries[self._kept(self.mask_token)] = mask
        unknown = self._first_oov if self.num_oov_indices == 1 else _vocabulary.UNKNOWN
        self._table = self._made_table(entries, unknown)

    # -- learning -------------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens; of equals the larger ones first.

        Args:
            data: an array or a list, of which each row is a document; or an iterable of batches.
            steps: how many batches to read; all by default.

        Raises:
            ValueError: the vocabulary was given to the constructor.
        """
        self.reset_state()
        whole = _host.is_whole(data)
        for batch in _host.pieces(self, data) if whole else _host.batches(self, data, steps):
            self.update_state(batch[:, None] if whole and batch.ndim == 1 else batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch; each row of the last axis is a document."""
        counts = self.counts
        array = self._cast(np.atleast_1d(_host.host_array(self, data)))
        counts.add(array.reshape(-1, array.shape[-1]))

    @property
    def counts(self) -> _vocabulary.Counts:
        """What was counted so far."""
        if self._is_static:
            fix = "construct the layer without vocabulary"
            raise ValueError(errors.report(f"{_host.where(self)} cannot adapt", fix=fix))
        return self._counts

    def finalize_state(self) -> None:
        """Make the vocabulary from what was counted."""
        if self._is_static:
            return
        special = (self.mask_token, self.oov_token)
        most = None if self.max_tokens is None else self.max_tokens - self._first_token
        tokens = self._counts.ranked([self._kept(t) for t in special if t is not None], most)
        if self.output_mode == "tf_idf":
            self._set_idf(self._counts.inverse_document_frequency(tokens))
        self._install(tokens)
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        self._counts = _vocabulary.Counts(documents=self.output_mode == "tf_idf")

    # -- calling --------------------------------------------------------------------------------

    @property
    def output_dtype(self) -> str:
        # The real Keras says floats of its symbolic outputs and returns integers: floats it is.
        return super().output_dtype if self.output_mode == "int" else config.floatx()

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        return _encode.output_shape(input_shape, self.output_mode, self._depth())

    def _depth(self) -> int | None:
        depth = self.max_tokens if self.pad_to_max_tokens else self._size_before
        if depth is None and self.output_mode != "int":
            raise self._not_ready()
        return depth

    def _not_ready(self) -> RuntimeError:
        fix = "call adapt(data), or pass vocabulary to the constructor"
        return RuntimeError(errors.report(f"{_host.where(self)} has no vocabulary yet", fix=fix))

    def call(self, inputs: Any) -> Any:
        if self._tokens is None:
            raise self._not_ready()
        if self.invert:
            return self._back(inputs)
        return self.encoded(self.ids(inputs))

    def encoded(self, ids: Any) -> Any:
        """Return ids as the output mode wants them."""
        if self.output_mode == "int":
            return ids
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        found = _encode.encode(ids, mode, self._depth() or 0, config.floatx())
        return self.weighted(found)

    def weighted(self, counts: Any) -> Any:
        """Return counts times the inverse document frequencies, where the mode says so."""
        return counts * self.idf_weights if self.output_mode == "tf_idf" else counts

    def ids(self, tokens: Any) -> Any:
        """Return the ids of an array of tokens, of tokens that are dropped a negative number."""
        return self._settled(self._table(tokens), tokens)

    def _settled(self, found: Any, tokens: Any) -> Any:
        """Return ids with those of unknown tokens, where there is not one for all of them."""
        if self.num_oov_indices == 1:
            return found
        unknown = found == _vocabulary.UNKNOWN
        if isinstance(found, jax.Array):
            return jnp.where(unknown, self._bins(tokens) + self._first_oov, found)
        if not unknown.any():
            return found
        strange = tokens[unknown]
        if not self.num_oov_indices:
            fix = "construct the layer with num_oov_indices=1"
            got = f"unknown: {strange[:5].tolist()}"
            expected = "tokens of the vocabulary"
            raise ValueError(errors.report(_host.where(self), expected=expected, got=got, fix=fix))
        found[unknown] = self._bins(strange) + self._first_oov
        return found

    def _back(self, ids: Any) -> Any:
        table = np.array(self.get_vocabulary(), self._kind)
        other = np.array(self.oov_token, self._kind)
        xp: Any = jnp if isinstance(ids, jax.Array) else np
        table, other = (xp.asarray(a) for a in (table, other))
        inside = (ids >= 0) & (ids < len(table))
        return xp.where(inside, table[xp.where(inside, ids, 0)], other)

    # -- files ----------------------------------------------------------------------------------

    def save_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf" and self.idf_weights is not None:
            store["idf_weights"] = self.idf_weights

    def load_own_variables(self, store: Any) -> None:
        if self.output_mode == "tf_idf" and "idf_weights" in store:
            self.idf_weights = np.asarray(store["idf_weights"])

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into a folder, unless the config holds it."""
        if self.input_vocabulary is None and self._tokens is not None:
            _vocabulary.write(dir_path, self.get_vocabulary())

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        tokens = _vocabulary.read(dir_path)
        if self.input_vocabulary is None and tokens is not None:
            self._install(self._without_special(tokens)[0] if tokens else [])

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; a learnt vocabulary is no part of them but a file beside."""
        base = {k: v for k, v in super().get_config().items() if k != "has_input_vocabulary"}
        return base | {
            "vocabulary": self.input_vocabulary,
            "idf_weights": self.input_idf_weights,
            "vocabulary_size": self._size_before,
            "oov_method": self.oov_method,
            "salt": self.salt,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        refuse_path(config)
        return super().from_config(config)

    # -- one kind of token ----------------------------------------------------------------------

    _token_types: tuple[type, ...]
    _kind: Any  # the NumPy dtype of tokens that are shown

    def _kept(self, token: Any) -> Any:
        """Return a token as the tables hold it."""
        raise NotImplementedError

    def _shown(self, token: Any) -> Any:
        """Return a token of the tables as the user writes it."""
        raise NotImplementedError

    def _cast(self, values: Any) -> Any:
        """Return an array of tokens of the right kind, or raise."""
        raise NotImplementedError

    def _made_table(self, entries: dict[Any, int], unknown: int) -> Any:
        raise NotImplementedError

    def _bins(self, tokens: Any) -> Any:
        """Return in which of the bins for unknown tokens each of these goes."""
        raise NotImplementedError


def refuse_path(config: dict[str, Any]) -> None:
    """Raise where a saved config names a file of this machine, unless code is trusted too."""
    if isinstance(config.get("vocabulary"), str):
        lambdas.refuse(f"vocabulary {config['vocabulary']!r}, which lies elsewhere")


def _is_path(vocabulary: Any) -> bool:
    return isinstance(vocabulary, (str, os.PathLike))


def _plain(values: Any) -> Any:
    """Return an array or a sequence as a list, for the config."""
    return None if values is None else np.asarray(values).tolist()
