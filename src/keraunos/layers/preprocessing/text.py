"""TextVectorization: texts to rows of ids or counts. Bytes all the way, as in TensorFlow's ops."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from keraunos import config, errors
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _columns, _encode, _host, _index, _tokens, hashing, lookup

_PUNCTUATION = b"!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
_LOWER = bytes(range(256)).lower()  # ASCII alone, which is what TensorFlow lowers
_OF_LOOKUP = {"vocabulary_size", "has_input_vocabulary"}  # in saved configs
# name -> (table of bytes, bytes to leave out), of bytes.translate
_STANDARDS: dict[str, tuple[bytes | None, bytes]] = {
    "lower": (_LOWER, b""),
    "strip_punctuation": (None, _PUNCTUATION),
    "lower_and_strip_punctuation": (_LOWER, _PUNCTUATION),
}


@register()
class TextVectorization(_host.HostLayer):
    """Texts to ids: standardized, split into tokens, joined to n-grams, looked up.

    It runs on the host: on lists and NumPy arrays of strings `(batch,)` or `(batch, 1)`, or at the
    beginning of a model.

    Args:
        max_tokens: the largest size of the vocabulary, special tokens included.
        standardize: `"lower_and_strip_punctuation"`, `"lower"`, `"strip_punctuation"`, None, or a
            function from an array of strings to another. Only ASCII letters are lowered.
        split: `"whitespace"`, `"character"`, None, or a function from an array of strings to a
            list of lists of tokens.
        ngrams: join up to so many tokens that follow one another; a tuple: exactly so many.
        output_mode: `"int"`, `"multi_hot"`, `"count"` or `"tf_idf"`.
        output_sequence_length: ids a row, cut or filled up with 0; by default the longest text's.
        pad_to_max_tokens, vocabulary, idf_weights, encoding: as in `StringLookup`.
        sparse, ragged: dense results only: must be False.

    Example:
        >>> layer = TextVectorization(output_sequence_length=4)
        >>> layer.adapt(["The cat sat.", "The dog!"])
        >>> layer(["the cat, the bird"]).tolist()
        [[2, 5, 2, 1]]
    """

    input_dtype = "string"

    def __init__(
        self,
        max_tokens: int | None = None,
        standardize: str | Callable[..., Any] | None = "lower_and_strip_punctuation",
        split: str | Callable[..., Any] | None = "whitespace",
        ngrams: int | tuple[int, ...] | None = None,
        output_mode: str = "int",
        output_sequence_length: int | None = None,
        pad_to_max_tokens: bool = False,
        vocabulary: Any = None,
        idf_weights: Any = None,
        sparse: bool = False,
        ragged: bool = False,
        encoding: str = "utf-8",
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        shared = {k: kwargs.pop(k) for k in kwargs.keys() & _OF_LOOKUP}
        super().__init__(name=name, **kwargs)
        self.standardize = self._choice("standardize", standardize, tuple(_STANDARDS))
        self.split = self._choice("split", split, ("whitespace", "character"))
        self.ngrams = self._widths(ngrams)
        if ragged:
            raise arguments.complain(self, "ragged", "False: results are dense", ragged)
        self.ragged, self.encoding = ragged, encoding
        self._lookup_layer = lookup.StringLookup(
            max_tokens=max_tokens,
            vocabulary=vocabulary,
            idf_weights=idf_weights,
            pad_to_max_tokens=pad_to_max_tokens,
            mask_token="",
            output_mode=output_mode,
            sparse=sparse,
            encoding=encoding,
            **shared,
        )
        self.output_mode = self._lookup_layer.output_mode
        self._arguments |= {"vocabulary": None, "idf_weights": None}  # the inner layer knows them
        if output_sequence_length is not None:
            arguments.integer(self, "output_sequence_length", output_sequence_length)
            if self.output_mode != "int":
                expected = "None with another output_mode than 'int'"
                got = output_sequence_length
                raise arguments.complain(self, "output_sequence_length", expected, got)
        self.output_sequence_length = output_sequence_length

    def _choice(self, argument: str, value: Any, names: tuple[str, ...]) -> Any:
        if value is None or callable(value):
            return value
        if value not in names:
            expected = f"{', '.join(map(repr, names))}, None or a function"
            raise arguments.complain(self, argument, expected, value)
        return value

    def _widths(self, ngrams: Any) -> Any:
        ngrams = tuple(ngrams) if isinstance(ngrams, list) else ngrams
        for width in ngrams if isinstance(ngrams, tuple) else [1 if ngrams is None else ngrams]:
            if not isinstance(width, int) or isinstance(width, bool) or width < 1:
                expected = "None, a positive integer or a tuple of them"
                raise arguments.complain(self, "ngrams", expected, ngrams)
        return ngrams

    # -- the vocabulary -------------------------------------------------------------------------

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens; of equals the larger ones first.

        Args:
            data: texts `(samples,)` or `(samples, 1)`, or an iterable of batches of them.
            batch_size: kept for programs that pass it.
            steps: how many batches to read; all by default.

        Raises:
            ValueError: the vocabulary was given to the constructor.
        """
        self.reset_state()
        whole = _host.is_whole(data)
        for batch in _host.pieces(self, data) if whole else _host.batches(self, data, steps):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the tokens of a batch of texts."""
        texts = _host.host_array(self, data)
        if self.split is None and texts.ndim == 1:
            texts = texts[:, None]
        for tokens in self._documents(texts):
            self._lookup_layer.counts.add_texts(tokens)

    def finalize_state(self) -> None:
        """Make the vocabulary from what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the tokens in the order of their ids; `""` fills up, `"[UNK]"` is all others."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return the number of tokens, special ones included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary instead of learning one; see `StringLookup.set_vocabulary`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    # -- calling --------------------------------------------------------------------------------

    @property
    def output_dtype(self) -> str:
        return self._lookup_layer.output_dtype

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        if self.output_mode == "int":
            return (input_shape[0], self.output_sequence_length)
        rows = tuple(input_shape) if self.split is None else (input_shape[0], None)
        return self._lookup_layer.compute_output_shape(rows if len(rows) > 1 else (*rows, 1))

    def call(self, inputs: Any) -> Any:
        hashing.refuse_traced(self, inputs)
        # A single text is a batch of one, and its row comes back alone.
        length = self.output_sequence_length
        ids, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.int64)]
        for tokens in self._documents(inputs[None] if inputs.ndim == 0 else inputs):
            tokens = _tokens.cut(tokens, length)
            ids.append(self._lookup_layer.ids_of(tokens))
            lengths.append(tokens.counts)
        found = self._arranged(np.concatenate(ids), np.concatenate(lengths))
        if self.split is None and inputs.ndim == 1 and self.output_mode == "int":
            return found[:, 0] if length is None else found
        return found[0] if inputs.ndim == 0 else found

    def _arranged(self, ids: np.ndarray, lengths: np.ndarray) -> np.ndarray:
        """Return a row for each document, from ids that follow one another."""
        if self.output_mode == "int":
            return _filled(ids, lengths, self.output_sequence_length)
        depth = self._lookup_layer.compute_output_shape((None, 1))[-1] or 0
        if self.output_mode == "one_hot":
            return _encode.encode(_filled(ids, lengths, None, -1), "one_hot", depth, self._floats)
        row = np.repeat(np.arange(len(lengths)), lengths)
        found = _encode.count(row, ids, len(lengths), depth, self._floats)
        found = np.minimum(found, 1) if self.output_mode == "multi_hot" else found
        return self._lookup_layer.weighted(found)

    @property
    def _floats(self) -> str:
        return config.floatx()

    def _documents(self, texts: np.ndarray) -> Iterator[_tokens.Tokens]:
        """Yield the tokens of the texts, some texts at a time."""
        if texts.dtype.kind not in "OUS":
            raise arguments.complain(self, "inputs", "strings", texts.ravel()[:5])
        if callable(self.standardize):
            texts = np.asarray(self.standardize(_as_text(texts, self.encoding)))
        width = texts.shape[-1] if texts.ndim > 1 else 1
        if self.split is not None and (texts.ndim > 2 or width != 1):
            expected = "texts of shape (batch,) or (batch, 1), to be split"
            got = f"shape {texts.shape}"
            raise ValueError(errors.report(_host.where(self), expected=expected, got=got))
        flat = _columns.as_bytes(texts.ravel().tolist())
        if isinstance(self.standardize, str):
            table, out = _STANDARDS[self.standardize]
            flat = [text.translate(table, out) for text in flat]
        if self.split is None:
            rows = [flat[i : i + width] for i in range(0, len(flat), width)]
            found = iter([_tokens.listed(rows)])
        else:
            found = map(self._split, _tokens.blocks(flat))
        yield from found if self.ngrams is None else (_tokens.ngrams(t, self.ngrams) for t in found)

    def _split(self, texts: list[bytes]) -> _tokens.Tokens:
        if self.split == "whitespace":
            return _tokens.split(texts, evenly=self.ngrams is not None)
        if self.split == "character":
            decoded = [text.decode("utf-8", "replace") for text in texts]
            return _tokens.listed([[c.encode() for c in text] for text in decoded])
        assert callable(self.split)
        rows: Any = self.split(_as_text(np.array(texts, object), self.encoding))
        return _tokens.listed(
            [_columns.as_bytes(np.asarray(row, object).ravel().tolist()) for row in rows]
        )

    # -- files ----------------------------------------------------------------------------------

    def save_own_variables(self, store: Any) -> None:
        self._lookup_layer.save_own_variables(store)

    def load_own_variables(self, store: Any) -> None:
        self._lookup_layer.load_own_variables(store)

    def save_assets(self, dir_path: Any) -> None:
        """Write the vocabulary into a folder, unless the config holds it."""
        self._lookup_layer.save_assets(dir_path)

    def load_assets(self, dir_path: Any) -> None:
        """Read the vocabulary that `save_assets` wrote."""
        self._lookup_layer.load_assets(dir_path)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; a learnt vocabulary is no part of them but a file beside."""
        inner = self._lookup_layer.get_config()
        names = ("vocabulary", "idf_weights", "vocabulary_size", "output_mode", "sparse")
        base = {k: v for k, v in super().get_config().items() if k != "has_input_vocabulary"}
        return base | {name: inner[name] for name in names}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        _index.refuse_path(config)
        return super().from_config(config)


def _filled(ids: np.ndarray, lengths: np.ndarray, width: int | None, by: int = 0) -> np.ndarray:
    """Return rows of one length, from ids that follow one another."""
    width = int(lengths.max(initial=0)) if width is None else width
    out = np.full((len(lengths), width), by, np.int32)
    out[np.arange(width) < lengths[:, None]] = ids
    return out


def _as_text(texts: np.ndarray, encoding: str) -> np.ndarray:
    """Return strings as NumPy's own, which its string functions take."""
    flat = [t.decode(encoding) if isinstance(t, bytes) else t for t in texts.ravel().tolist()]
    return np.array(flat, dtype=str).reshape(texts.shape)
