"""Texts as numbers: words, characters or n-grams counted, ranked and looked up."""

from __future__ import annotations

import collections
import hashlib
import json
import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from keraunos import _progress, errors

_FILTERS = '!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\t\n'
_MODES = ("binary", "count", "freq", "tfidf")
_COUNTS = ("word_counts", "word_docs", "index_docs", "index_word", "word_index")

Analyzer = Callable[[Any], list[str]]


def text_to_word_sequence(
    input_text: str, filters: str = _FILTERS, lower: bool = True, split: str = " "
) -> list[str]:
    """Return the words of a text.

    Args:
        input_text: the text.
        filters: characters that separate words and are left out.
        lower: whether to write everything small.
        split: what separates words.

    Example:
        >>> text_to_word_sequence("The cat, the mat.")
        ['the', 'cat', 'the', 'mat']
    """
    text = input_text.lower() if lower else input_text
    words = text.translate(str.maketrans(dict.fromkeys(filters, split))).split(split)
    return [word for word in words if word]


def ngrams(
    least: int = 1, most: int = 2, filters: str = _FILTERS, lower: bool = True, split: str = " "
) -> Analyzer:
    """Return an analyzer for `Tokenizer`: a text as its runs of `least` to `most` words.

    With it, `texts_to_matrix` is a bag of n-grams.

    Raises:
        ValueError: not 1 <= least <= most.

    Example:
        >>> ngrams(1, 2)("the cat sat")
        ['the', 'cat', 'sat', 'the cat', 'cat sat']
    """
    if not 1 <= least <= most:
        got = f"least={least}, most={most}"
        raise ValueError(errors.report("ngrams", expected="1 <= least <= most", got=got))

    def analyze(text: Any) -> list[str]:
        words = text
        if isinstance(text, str):
            words = text_to_word_sequence(text, filters, lower, split)
        runs = range(least, most + 1)
        return [split.join(words[i : i + n]) for n in runs for i in range(len(words) - n + 1)]

    return analyze


def one_hot(
    input_text: str,
    n: int,
    filters: str = _FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """Return a number from 1 to n - 1 for each word, by Python's `hash`: another in each run.

    Example:
        >>> one, two = one_hot("cat cat", 50)
        >>> one == two
        True
    """
    return hashing_trick(input_text, n, hash, filters, lower, split, analyzer)


def hashing_trick(
    text: str,
    n: int,
    hash_function: Callable[[str], int] | str | None = None,
    filters: str = _FILTERS,
    lower: bool = True,
    split: str = " ",
    analyzer: Analyzer | None = None,
) -> list[int]:
    """Return a number from 1 to n - 1 for each word: its hash. Several words may share one.

    Args:
        text: the text.
        n: how many numbers there are; 0 is not given to any word.
        hash_function: Python's `hash` by default, which differs from run to run; `"md5"`, which
            does not; or a function of a word.
        filters, lower, split: as for `text_to_word_sequence`.
        analyzer: text to words, in place of `text_to_word_sequence`.

    Raises:
        ValueError: n below 2, or another name of a function.

    Example:
        >>> hashing_trick("the cat the", 50, "md5")
        [43, 32, 43]
    """
    if n < 2:
        raise ValueError(errors.report("hashing_trick: n", expected="at least 2", got=n))
    if isinstance(hash_function, str) and hash_function != "md5":
        expected = "'md5' or a function"
        raise ValueError(errors.report("hashing_trick", expected=expected, got=hash_function))
    number = _md5 if hash_function == "md5" else hash_function or hash
    words = analyzer(text) if analyzer else text_to_word_sequence(text, filters, lower, split)
    return [number(word) % (n - 1) + 1 for word in words]


class Tokenizer:
    """Gives each word of some texts its rank in frequency, and turns texts into ranks.

    Args:
        num_words: ranks from this one on are left out of sequences and matrices.
        filters, lower, split: as for `text_to_word_sequence`.
        char_level: take characters for words.
        oov_token: what stands for left-out and unknown words, and takes rank 1; None drops them.
        analyzer: text to words; `ngrams(1, 2)` for example.

    A text may be a list of words already.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["the cat sat", "the mat"])
        >>> tokenizer.word_index
        {'the': 1, 'cat': 2, 'sat': 3, 'mat': 4}
        >>> tokenizer.texts_to_sequences(["the mat sat there"])
        [[1, 4, 3]]
    """

    def __init__(
        self,
        num_words: int | None = None,
        filters: str = _FILTERS,
        lower: bool = True,
        split: str = " ",
        char_level: bool = False,
        oov_token: str | None = None,
        analyzer: Analyzer | None = None,
    ) -> None:
        self.num_words = num_words
        self.filters = filters
        self.lower = lower
        self.split = split
        self.char_level = char_level
        self.oov_token = oov_token
        self.analyzer = analyzer
        self.document_count = 0
        self.word_counts: dict[str, int] = collections.Counter()
        self.word_docs: dict[str, int] = collections.Counter()
        self.index_docs: dict[int, int] = collections.Counter()
        self.word_index: dict[str, int] = {}
        self.index_word: dict[int, str] = {}

    def fit_on_texts(self, texts: Iterable[Any]) -> None:
        """Count the words of texts, and rank all that were ever counted."""
        counts, documents = collections.Counter(self.word_counts), collections.Counter()
        total = operator.length_hint(texts) or None  # a Dataset's may be unknown
        for text in _progress.over(texts, total, "text", "Counting words"):
            words = self._words(text)
            self.document_count += 1
            counts.update(words)
            documents.update(dict.fromkeys(words).keys())
        self.word_counts = counts
        self.word_docs = collections.Counter(self.word_docs)
        self.word_docs.update(documents)
        # Equal counts keep the order in which the words were first seen.
        ranked = sorted(counts, key=counts.__getitem__, reverse=True)
        first = [] if self.oov_token is None else [self.oov_token]
        self.word_index = {word: i for i, word in enumerate([*first, *ranked], 1)}
        self.index_word = {i: word for word, i in self.word_index.items()}
        for word, count in self.word_docs.items():
            self.index_docs[self.word_index[word]] = count

    def fit_on_sequences(self, sequences: Iterable[Iterable[int]]) -> None:
        """Count in how many sequences each number is, for `"tfidf"` without texts."""
        counts = collections.Counter(self.index_docs)
        for sequence in sequences:
            self.document_count += 1
            counts.update(dict.fromkeys(sequence).keys())
        self.index_docs = counts

    def texts_to_sequences(self, texts: Iterable[Any]) -> list[list[int]]:
        """Return each text as the ranks of its words."""
        return list(self.texts_to_sequences_generator(texts))

    def texts_to_sequences_generator(self, texts: Iterable[Any]) -> Iterator[list[int]]:
        """Yield each text as the ranks of its words."""
        ranks = {word: i for word, i in self.word_index.items() if self._is_kept(i)}
        unknown = self.word_index.get(self.oov_token or "") if self.oov_token is not None else None
        for text in texts:
            found = [ranks.get(word, unknown) for word in self._words(text)]
            yield [i for i in found if i is not None]

    def sequences_to_texts(self, sequences: Iterable[Iterable[int]]) -> list[str]:
        """Return sequences of ranks as texts.

        Example:
            >>> tokenizer = Tokenizer()
            >>> tokenizer.fit_on_texts(["a rose is a rose"])
            >>> tokenizer.sequences_to_texts([[1, 3, 2]])
            ['a is rose']
        """
        return list(self.sequences_to_texts_generator(sequences))

    def sequences_to_texts_generator(self, sequences: Iterable[Iterable[int]]) -> Iterator[str]:
        """Yield sequences of ranks as texts."""
        words = {i: word for i, word in self.index_word.items() if self._is_kept(i)}
        for sequence in sequences:
            found = [words.get(int(i), self.oov_token) for i in sequence]
            yield " ".join(word for word in found if word is not None)

    def texts_to_matrix(self, texts: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """Return (texts, ranks): for each text, how much it has of each word.

        Args:
            texts: the texts.
            mode: `"binary"`, `"count"`, `"freq"` (the share of the text's words) or `"tfidf"`
                ((1 + log count) log(1 + texts / (1 + texts with the word))).
        """
        return self.sequences_to_matrix(self.texts_to_sequences(texts), mode)

    def sequences_to_matrix(self, sequences: Iterable[Any], mode: str = "binary") -> np.ndarray:
        """Return (sequences, ranks); see `texts_to_matrix`.

        Raises:
            ValueError: another mode; neither `num_words` nor texts that were fitted.

        Example:
            >>> Tokenizer(num_words=4).sequences_to_matrix([[1, 3, 3]], mode="count")
            array([[0., 1., 0., 2.]])
        """
        if mode not in _MODES:
            fix = errors.suggest(mode, _MODES)
            raise ValueError(errors.report(f"Tokenizer: mode={mode!r}", fix=fix))
        width = self.num_words or (len(self.word_index) + 1 if self.word_index else 0)
        if not width or (mode == "tfidf" and not self.document_count):
            where = f"Tokenizer: mode={mode!r} before any text was seen"
            raise ValueError(errors.report(where, fix="call fit_on_texts first, or give num_words"))
        rows = list(sequences)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        ranks = np.fromiter((i for row in rows for i in row), np.int64, lengths.sum())
        cells = np.repeat(np.arange(len(rows)), lengths) * width + ranks
        counts = np.bincount(cells[ranks < width], minlength=len(rows) * width)
        x = counts.reshape(len(rows), width).astype(np.float64)
        if mode == "binary":
            return (x > 0).astype(np.float64)
        if mode == "freq":
            return x / np.maximum(lengths, 1)[:, None]
        return x if mode == "count" else self._tfidf(x)

    def get_config(self) -> dict[str, Any]:
        """Return all that was counted, as Keras writes it (the analyzer is not written)."""
        names = ("num_words", "filters", "lower", "split", "char_level", "oov_token")
        config = {name: getattr(self, name) for name in (*names, "document_count")}
        return config | {name: json.dumps(getattr(self, name)) for name in _COUNTS}

    def to_json(self, **kwargs: Any) -> str:
        """Return the tokenizer as JSON, which Keras reads too.

        Args:
            kwargs: for `json.dumps`.
        """
        return json.dumps({"class_name": "Tokenizer", "config": self.get_config()}, **kwargs)

    def _words(self, text: Any) -> Any:
        if isinstance(text, list) or self.char_level:
            if not self.lower:
                return text
            return [w.lower() for w in text] if isinstance(text, list) else text.lower()
        if self.analyzer is not None:
            return self.analyzer(text)
        return text_to_word_sequence(text, self.filters, self.lower, self.split)

    def _is_kept(self, rank: int) -> bool:
        return not self.num_words or rank < self.num_words

    def _tfidf(self, x: np.ndarray) -> np.ndarray:
        documents = np.array([self.index_docs.get(i, 0) for i in range(x.shape[1])])
        rarity = np.log(1 + self.document_count / (1 + documents))
        frequency = 1 + np.log(np.maximum(x, 1))
        return np.where(x > 0, frequency * rarity, 0.0)


def tokenizer_from_json(json_string: str) -> Tokenizer:
    """Return a tokenizer from JSON, as this one or Keras's writes it.

    Raises:
        ValueError: it is not a tokenizer's JSON.

    Example:
        >>> tokenizer = Tokenizer()
        >>> tokenizer.fit_on_texts(["the cat"])
        >>> tokenizer_from_json(tokenizer.to_json()).word_index
        {'the': 1, 'cat': 2}
    """
    saved = json.loads(json_string)
    config = dict(saved.get("config") or {}) if isinstance(saved, dict) else {}
    missing = [name for name in _COUNTS if name not in config]
    if missing:
        where = "tokenizer_from_json"
        raise ValueError(errors.report(where, expected="a tokenizer's JSON", got=f"no {missing}"))
    counts = {name: json.loads(config.pop(name)) for name in _COUNTS}
    for name in ("index_docs", "index_word"):
        counts[name] = {int(k): v for k, v in counts[name].items()}
    documents = config.pop("document_count", 0)
    tokenizer = Tokenizer(**config)
    tokenizer.document_count = documents
    for name, value in counts.items():
        setattr(tokenizer, name, value)
    return tokenizer


def _md5(word: str) -> int:
    return int(hashlib.md5(word.encode()).hexdigest(), 16)


__getattr__ = errors.missing(__name__, globals())
