"""Tokenizer, hashing, skip-grams and windows of series equal the real Keras's."""

import json
import random

import numpy as np
import pytest

from keraunos.preprocessing import sequence, text

keras_text = pytest.importorskip("keras.src.legacy.preprocessing.text")
keras_sequence = pytest.importorskip("keras.src.legacy.preprocessing.sequence")

TEXTS = [
    "The cat sat on the mat. The dog, too!",
    "A dog\tand a CAT: a cat-and-dog thing",
    "",
    "Übermaß an Größe; the the the",
    ["a", "list", "OF", "words", "the"],
]
OPTIONS = [
    {},
    {"num_words": 5},
    {"num_words": 4, "oov_token": "<OOV>"},
    {"oov_token": "<OOV>"},
    {"char_level": True, "num_words": 9},
    {"lower": False, "filters": "!,.", "split": " "},
    {"analyzer": lambda t: t.upper().split() if isinstance(t, str) else t},
]
UNSEEN = ["the zebra sat", "a ! dog", "", ["The", "zebra"]]


@pytest.fixture(params=range(len(OPTIONS)))
def both(request):
    texts = TEXTS[:4] if OPTIONS[request.param].get("char_level") else TEXTS
    made = [room.Tokenizer(**OPTIONS[request.param]) for room in (text, keras_text)]
    for tokenizer in made:
        tokenizer.fit_on_texts(texts[:2])
        tokenizer.fit_on_texts(texts[2:])
    return made


def test_the_same_ranks_and_counts(both):
    ours, theirs = both
    assert list(ours.word_index.items()) == list(theirs.word_index.items())
    assert dict(ours.word_counts) == dict(theirs.word_counts)
    assert dict(ours.word_docs) == dict(theirs.word_docs)
    assert dict(ours.index_docs) == dict(theirs.index_docs)
    assert ours.index_word == theirs.index_word
    assert ours.document_count == theirs.document_count


def test_the_same_sequences_and_back(both):
    ours, theirs = both
    texts = UNSEEN[:3] if ours.char_level else UNSEEN
    found = ours.texts_to_sequences(texts)
    assert found == theirs.texts_to_sequences(texts)
    more = [*found, [1, 2, 3, 9999]]
    assert ours.sequences_to_texts(more) == theirs.sequences_to_texts(more)


@pytest.mark.parametrize("mode", ["binary", "count", "freq", "tfidf"])
def test_the_same_matrix(both, mode):
    found, expected = (t.texts_to_matrix(TEXTS[:4], mode) for t in both)
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_json_is_read_both_ways(both):
    ours, theirs = both
    there = keras_text.tokenizer_from_json(ours.to_json())
    here = text.tokenizer_from_json(theirs.to_json())
    assert here.get_config().keys() == there.get_config().keys()
    for name, value in here.get_config().items():
        other = there.get_config()[name]
        counted = name in ("word_counts", "word_docs", "index_docs", "index_word", "word_index")
        assert (json.loads(value) == json.loads(other)) if counted else value == other
    if not ours.analyzer and not ours.char_level:
        assert here.texts_to_sequences(UNSEEN) == theirs.texts_to_sequences(UNSEEN)


def test_sequences_alone_are_enough_for_tfidf():
    made = [room.Tokenizer(num_words=6) for room in (text, keras_text)]
    for tokenizer in made:
        tokenizer.fit_on_sequences([[1, 2, 2], [2, 5]])
    found, expected = (t.sequences_to_matrix([[2, 2, 5], []], "tfidf") for t in made)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"lower": False}, {"filters": "a"}, {"split": "e"}])
def test_the_same_words_and_hashes(options):
    for one in (t for t in TEXTS if isinstance(t, str)):
        words = text.text_to_word_sequence(one, **options)
        assert words == keras_text.text_to_word_sequence(one, **options)
        for name, more in (("hashing_trick", {"hash_function": "md5"}), ("hashing_trick", {})):
            found, expected = (
                getattr(room, name)(one, 50, **more, **options) for room in (text, keras_text)
            )
            assert found == expected
        assert text.one_hot(one, 50, **options) == keras_text.one_hot(one, 50, **options)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"window_size": 1, "categorical": True},
        {"negative_samples": 0.0, "shuffle": False},
        {"negative_samples": 2.5, "seed": 3},
        {"sampling_table": np.linspace(0, 1, 20)},
    ],
)
def test_the_same_skipgrams_from_the_same_draws(options):
    found = []
    for room in (sequence, keras_sequence):
        random.seed(7)
        found.append(room.skipgrams([1, 2, 0, 5, 9, 3, 3], 20, **({"seed": 1} | options)))
    assert found[0] == found[1]


def test_the_same_sampling_table():
    found, expected = (r.make_sampling_table(50, 1e-4) for r in (sequence, keras_sequence))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("data", [np.arange(40.0).reshape(20, 2), list(range(20))])
@pytest.mark.parametrize(
    "options",
    [
        {"length": 3},
        {"length": 6, "sampling_rate": 2, "stride": 3, "batch_size": 2},
        {"length": 4, "start_index": 2, "end_index": 15, "reverse": True, "batch_size": 5},
        {"length": 3, "shuffle": True, "batch_size": 4},
    ],
)
def test_the_same_windows(data, options):
    targets = np.arange(20) * 10
    made = [
        room.TimeseriesGenerator(data, targets, **options) for room in (sequence, keras_sequence)
    ]
    assert len(made[0]) == len(made[1])
    for i in range(len(made[0])):
        batches = []
        for one in made:
            np.random.seed(i)
            batches.append(one[i])
        for found, expected in zip(*batches):
            np.testing.assert_array_equal(found, expected)
    again = sequence.timeseries_generator_from_json(made[0].to_json())
    assert (len(again), again.start_index) == (len(made[0]), made[0].start_index)
