"""Tokens as places in a buffer equal lists of bytes: split, n-grams, cuts, ids, counts."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from keraunos.layers.preprocessing import _tokens

TEXTS = st.lists(st.text("ab \n\té\u2028", max_size=20).map(str.encode), min_size=1, max_size=6)
quick = settings(max_examples=60)


def lists(tokens):
    flat = tokens.texts(np.arange(len(tokens.strings.starts)))
    ends = np.cumsum(tokens.counts).tolist()
    return [flat[a:b] for a, b in zip([0, *ends], ends)]


@quick
@given(TEXTS, st.booleans())
def test_split(texts, evenly):
    assert lists(_tokens.split(texts, evenly)) == [text.split() for text in texts]


@quick
@given(TEXTS, st.sampled_from([1, 2, 3, (2,), (3, 1)]))
def test_ngrams(texts, widths):
    rows = [text.split() for text in texts]
    sizes = range(1, widths + 1) if isinstance(widths, int) else widths
    expected = [
        [b" ".join(row[i : i + n]) for n in sizes for i in range(len(row) - n + 1)] for row in rows
    ]
    assert lists(_tokens.ngrams(_tokens.split(texts, evenly=True), widths)) == expected
    assert lists(_tokens.ngrams(_tokens.listed(rows), widths)) == expected


@quick
@given(TEXTS, st.integers(0, 4))
def test_cut_and_listed(texts, most):
    rows = [text.split() for text in texts]
    assert lists(_tokens.cut(_tokens.listed(rows), most)) == [row[:most] for row in rows]


@quick
@given(TEXTS)
def test_counts(texts):
    counts, rows = _tokens.Counts(documents=True), [text.split() for text in texts]
    for part in (texts[:2], texts[2:]):
        counts.add(_tokens.split(part))
    seen, inside = counts.totals()
    assert seen == Counter(t for row in rows for t in row)
    assert inside == Counter(t for row in rows for t in set(row))
    assert counts.documents == len(texts)


def test_ids_of_many_tokens_of_all_lengths():
    rng = np.random.default_rng(0)
    words = [bytes(rng.integers(97, 123, n).astype(np.uint8)) for n in rng.integers(1, 40, 3000)]
    known = {word: i for i, word in enumerate(dict.fromkeys(words[:2000]))}
    found = _tokens.Table(known, -1).ids(_tokens.listed([words]).strings)
    assert found.tolist() == [known.get(word, -1) for word in words]


def test_blocks_hold_every_text_once(monkeypatch):
    monkeypatch.setattr(_tokens, "_BLOCK", 16)
    texts = [b"x" * n for n in (0, 3, 40, 1, 0, 15, 16, 17, 2)]
    parts = list(_tokens.blocks(texts))
    assert [text for part in parts for text in part] == texts
    assert len(parts) > 3
    assert list(_tokens.blocks([])) == []
