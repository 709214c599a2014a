"""Tokens of many texts, as places in one buffer: split, joined and looked up without a loop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any, NamedTuple

import numpy as np

from keraunos.layers.preprocessing import _hashes
from keraunos.layers.preprocessing._hashes import Strings

_SPACE = np.zeros(256, bool)
_SPACE[list(b" \t\n\v\f\r")] = True
_MASKS = np.array([(1 << 8 * n) - 1 for n in range(9)], np.uint64)
_ODD = np.uint64(0x9E3779B97F4A7C15)  # spreads the bits of a number over the leading ones
_BLOCK = 1 << 22  # bytes of text that are worked on at a time: they stay in the cache


class Tokens(NamedTuple):
    """The tokens of documents, one after another, each followed by one byte that parts them.

    Args:
        data: the buffer.
        strings: where each token begins in it, and its length.
        counts: how many tokens each document has.
    """

    data: bytes
    strings: Strings
    counts: np.ndarray

    @property
    def document(self) -> np.ndarray:
        """The number of the document of each token."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def place(self) -> np.ndarray:
        """The place of each token in its document."""
        first = np.cumsum(self.counts) - self.counts
        return np.arange(len(self.strings.starts)) - np.repeat(first, self.counts)

    def texts(self, chosen: np.ndarray) -> list[bytes]:
        """Return some of the tokens."""
        starts, lengths = self.strings.starts[chosen], self.strings.lengths[chosen]
        ends = (starts + lengths).tolist()
        return [self.data[a:b] for a, b in zip(starts.tolist(), ends)]


def blocks(texts: list[bytes]) -> Iterator[list[bytes]]:
    """Yield texts in portions of about four megabytes."""
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)))
    marks = np.searchsorted(ends, np.arange(_BLOCK, ends[-1] if len(ends) else 0, _BLOCK))
    edges = [0, *np.unique(marks + 1).tolist(), len(texts)]
    yield from (texts[a:b] for a, b in pairwise(edges) if a < b)


def split(texts: list[bytes], evenly: bool = False) -> Tokens:
    """Return the tokens that stand between white space, as TensorFlow knows it.

    Args:
        texts: of the documents.
        evenly: whether a single space is to stand between two tokens, as `ngrams` wants it.
    """
    texts = [b" ".join(text.split()) for text in texts] if evenly else texts
    data = b"\n".join([b"", *texts, b""])
    ends = np.cumsum(np.fromiter(map(len, texts), np.int64, len(texts)) + 1)
    spaces = np.flatnonzero(_SPACE[np.frombuffer(data, np.uint8)])
    starts, lengths = spaces[:-1] + 1, np.diff(spaces) - 1
    there = lengths > 0
    starts, lengths = starts[there], lengths[there]
    counts = np.diff(np.searchsorted(starts, ends), prepend=0)
    return Tokens(data, _hashes.placed(data, starts, lengths), counts)


def listed(rows: list[list[bytes]]) -> Tokens:
    """Return tokens that stand in lists already."""
    flat = list(chain.from_iterable(rows))
    lengths = np.fromiter(map(len, flat), np.int64, len(flat))
    starts = np.cumsum(lengths + 1) - lengths - 1
    data = b" ".join(flat)
    counts = np.fromiter(map(len, rows), np.int64, len(rows))
    return Tokens(data, _hashes.placed(data, starts, lengths), counts)


def ngrams(tokens: Tokens, widths: Any) -> Tokens:
    """Return every so many tokens that follow one another in a document, as one token."""
    sizes = range(1, widths + 1) if isinstance(widths, int) else widths
    document, (words, starts, lengths) = tokens.document, tokens.strings
    made = []
    for size in sizes:
        last = np.arange(size - 1, len(starts))
        first = last - (size - 1)
        whole = document[first] == document[last]
        first, last = first[whole], last[whole]
        made.append((document[first], starts[first], starts[last] + lengths[last] - starts[first]))
    document, starts, lengths = (np.concatenate(part) for part in zip(*made))
    order = np.argsort(document, kind="stable")
    counts = np.bincount(document, minlength=len(tokens.counts))
    return Tokens(tokens.data, Strings(words, starts[order], lengths[order]), counts)


def cut(tokens: Tokens, most: int | None) -> Tokens:
    """Return no more than so many tokens of each document."""
    if most is None:
        return tokens
    kept = tokens.place < most
    counts = np.minimum(tokens.counts, most)
    return tokens._replace(strings=tokens.strings.some(kept), counts=counts)


class Table:
    """Keys of tokens to ids: sorted, with an index of their leading bits.

    Args:
        entries: token -> id.
        unknown: the id of all others.
    """

    def __init__(self, entries: dict[bytes, int], unknown: int) -> None:
        keys = _keys(_hashes.strings([*entries]))
        order = np.argsort(keys)
        self._keys, self._unknown = keys[order], unknown
        self._ids = np.array([*entries.values()], np.int32)[order]
        bits = max(8, 2 + len(keys).bit_length())
        self._shift = np.uint64(64 - bits)
        starts = np.arange(1 << bits, dtype=np.uint64) << self._shift
        first = np.searchsorted(self._keys, starts)
        self._first = np.append(first, len(keys)).astype(np.int32)

    def ids(self, strings: Strings) -> np.ndarray:
        """Return the ids of tokens."""
        return _hashes.in_blocks(self._ids_of, strings)

    def _ids_of(self, strings: Strings) -> np.ndarray:
        found = np.full(len(strings.starts), self._unknown, np.int32)
        if not len(self._keys):
            return found
        keys = _keys(strings)
        bucket = (keys >> self._shift).astype(np.int32)
        at, end = self._first[bucket], self._first[bucket + 1]
        open_ = np.flatnonzero(at < end)
        at, end, keys = at[open_], end[open_], keys[open_]
        while len(open_):
            hit = self._keys[at] == keys
            found[open_[hit]] = self._ids[at[hit]]
            left = ~hit & (at + 1 < end)
            open_, at, end, keys = open_[left], at[left] + 1, end[left], keys[left]
        return found


class Counts:
    """How often tokens were seen, and in how many documents.

    Args:
        documents: whether documents are counted too.
    """

    def __init__(self, documents: bool) -> None:
        self._counts_documents = documents
        self._parts: list[tuple[np.ndarray, np.ndarray]] = []
        self._inside: list[tuple[np.ndarray, np.ndarray]] = []
        self._names: dict[int, bytes] = {}
        self.documents = 0

    def add(self, tokens: Tokens) -> None:
        """Take the tokens of some documents."""
        keys = _keys(tokens.strings)
        distinct, where, counts = _distinct(keys)
        self._parts.append((distinct, counts))
        self._names |= zip(distinct.tolist(), tokens.texts(where))
        if self._counts_documents:
            with np.errstate(over="ignore"):
                pairs = _hashes.joined(tokens.document.astype(np.uint64), keys)
            distinct, _, counts = _distinct(keys[_distinct(pairs)[1]])
            self._inside.append((distinct, counts))
            self.documents += len(tokens.counts)

    def totals(self) -> tuple[dict[bytes, int], dict[bytes, int]]:
        """Return token -> how often it was seen, and in how many documents."""
        return self._named(self._parts), self._named(self._inside)

    def _named(self, parts: list[tuple[np.ndarray, np.ndarray]]) -> dict[bytes, int]:
        if not parts:
            return {}
        keys, where = np.unique(np.concatenate([p[0] for p in parts]), return_inverse=True)
        counts = np.bincount(where, np.concatenate([p[1] for p in parts])).astype(np.int64)
        return {self._names[k]: n for k, n in zip(keys.tolist(), counts.tolist())}


def _keys(strings: Strings) -> np.ndarray:
    """Return a number for each token: of short ones their bytes, of long ones a fingerprint."""
    return _hashes.in_blocks(_keys_of, strings)


def _keys_of(strings: Strings) -> np.ndarray:
    lengths = strings.lengths
    with np.errstate(over="ignore"):
        inside = strings.from_start() & _MASKS[np.minimum(lengths, 8)]
        keys = (inside ^ lengths.astype(np.uint64)) * _ODD
    long = np.flatnonzero(lengths > 8)
    keys[long] = _hashes.fingerprints(strings.some(long))
    return keys


def _distinct(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct keys, where one of each is, and how many there are."""
    order = np.argsort(keys)  # not a stable one, which np.unique would take: three times slower
    ordered = keys[order]
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(keys)])
    return ordered[first], order[first], np.diff(first, append=len(keys))
