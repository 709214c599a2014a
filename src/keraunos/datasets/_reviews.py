"""Texts as lists of word numbers: shuffled, shifted, cut to a vocabulary, as in Keras."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np

from keraunos import errors
from keraunos.datasets._cache import Split


class Rules(NamedTuple):
    """How word numbers are rewritten; the names are those of `imdb.load_data`."""

    num_words: int | None
    skip_top: int
    maxlen: int | None
    start_char: int | None
    oov_char: int | None
    index_from: int | None


class Ragged(NamedTuple):
    """Texts end to end: arithmetic on arrays, where lists of millions of words take seconds."""

    words: np.ndarray
    lengths: np.ndarray

    @classmethod
    def of(cls, texts: np.ndarray) -> Ragged:
        lengths = np.fromiter(map(len, texts), np.int64, len(texts))
        words = itertools.chain.from_iterable(texts)
        return cls(np.fromiter(words, np.int64, lengths.sum()), lengths)

    def keep(self, words: np.ndarray) -> Ragged:
        """Return the texts without the words where the mask is false."""
        owner = np.repeat(np.arange(len(self.lengths)), self.lengths)
        return Ragged(self.words[words], np.bincount(owner[words], minlength=len(self.lengths)))

    def lists(self) -> np.ndarray:
        words, ends = self.words.tolist(), np.cumsum(self.lengths).tolist()
        texts = np.empty(len(ends), dtype=object)
        texts[:] = [words[a:b] for a, b in itertools.pairwise([0, *ends])]
        return texts


def rewrite(splits: list[Split], rules: Rules, seed: int) -> list[Split]:
    """Return the splits in a new order, words rewritten, texts of `maxlen` or more left out.

    Raises:
        ValueError: no text is shorter than `maxlen`.
    """
    rng = np.random.RandomState(seed)
    shifted = []
    for texts, labels in splits:
        order = rng.permutation(len(texts))
        shifted.append(_short(_shift(Ragged.of(texts[order]), rules), labels[order], rules.maxlen))
    # Keras's convention: without num_words, the largest number of all is cut off too.
    top = rules.num_words or max(int(texts.words.max(initial=0)) for texts, _ in shifted)
    return [(_cut(texts, rules, top).lists(), labels) for texts, labels in shifted]


def _shift(texts: Ragged, rules: Rules) -> Ragged:
    """Return the texts with `index_from` added to each word and `start_char` in front."""
    words, lengths = texts.words + (rules.index_from or 0), texts.lengths
    if rules.start_char is None:
        return Ragged(words, lengths)
    return Ragged(np.insert(words, np.cumsum(lengths) - lengths, rules.start_char), lengths + 1)


def _short(texts: Ragged, labels: np.ndarray, maxlen: int | None) -> tuple[Ragged, np.ndarray]:
    short = texts.lengths < (maxlen or np.inf)
    if not short.any():
        where = f"no text is shorter than maxlen={maxlen}"
        raise ValueError(errors.report(where, fix="take a larger maxlen"))
    kept = texts.words[np.repeat(short, texts.lengths)]
    return Ragged(kept, texts.lengths[short]), labels[short]


def _cut(texts: Ragged, rules: Rules, top: int) -> Ragged:
    """Return the texts with words outside `skip_top <= word < top` replaced or dropped."""
    inside = (rules.skip_top <= texts.words) & (texts.words < top)
    if rules.oov_char is None:
        return texts.keep(inside)
    return Ragged(np.where(inside, texts.words, rules.oov_char), texts.lengths)
