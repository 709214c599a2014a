"""Tokenizer: bags of n-grams, large matrices, JSON, and what is refused."""

import numpy as np
import pytest

from keraunos.preprocessing import text


def test_a_bag_of_n_grams():
    tokenizer = text.Tokenizer(analyzer=text.ngrams(1, 3))
    tokenizer.fit_on_texts(["the cat sat", "the cat ran"])
    assert tokenizer.word_index["the cat"] <= 3
    bag = tokenizer.texts_to_matrix(["the cat sat down"], "count")
    found = [tokenizer.index_word[i] for i in np.flatnonzero(bag[0])]
    assert sorted(found) == ["cat", "cat sat", "sat", "the", "the cat", "the cat sat"]


def test_n_grams_of_texts_that_are_too_short():
    assert text.ngrams(2, 3)("one") == []
    assert text.ngrams(1, 1)(["given", "words"]) == ["given", "words"]


@pytest.mark.parametrize("least, most", [(0, 1), (3, 2)])
def test_n_grams_that_are_refused(least, most):
    with pytest.raises(ValueError, match="1 <= least <= most"):
        text.ngrams(least, most)


def test_fitting_again_goes_on_counting():
    one, two = text.Tokenizer(), text.Tokenizer()
    one.fit_on_texts(["a b", "b c"])
    two.fit_on_texts(["a b"])
    two = text.tokenizer_from_json(two.to_json())
    two.fit_on_texts(["b c"])
    for name in ("word_index", "word_counts", "word_docs", "index_docs", "document_count"):
        assert getattr(one, name) == getattr(two, name)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: text.Tokenizer(3).texts_to_matrix(["a"], "counts"), "did you mean 'count'"),
        (lambda: text.Tokenizer().texts_to_matrix(["a"]), "fit_on_texts first"),
        (lambda: text.Tokenizer(5).texts_to_matrix(["a"], "tfidf"), "fit_on_texts first"),
        (lambda: text.hashing_trick("a", 1), "at least 2"),
        (lambda: text.hashing_trick("a", 9, "sha1"), "'md5'"),
        (lambda: text.tokenizer_from_json("[]"), "a tokenizer's JSON"),
    ],
)
def test_what_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_old_names_of_arguments_are_not_taken():
    with pytest.raises(TypeError):
        text.Tokenizer(nb_words=3)  # pyright: ignore[reportCallIssue]
