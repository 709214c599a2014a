"""Word vectors from GloVe's and word2vec's files: the rows of a vocabulary, as a stream."""

import gzip
import itertools

import numpy as np
import pytest

from keraunos import utils

WORDS = ["the", "Cat", "größe", "a", "of the", "zebra"]
VECTORS = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")
VOCABULARY = {"Cat": 1, "größe": 2, "unknown": 3, "zebra": 4}


def lines(words=WORDS, vectors=VECTORS):
    return [f"{w} {' '.join(f'{v:.6f}' for v in row)}" for w, row in zip(words, vectors)]


def glove(path, **options):
    path.write_text("\n".join(lines(**options)) + "\n", encoding="utf-8")


def text(path, words=WORDS, vectors=VECTORS):
    head = [f"{len(words)} {vectors.shape[1]}"]
    path.write_text("\n".join([*head, *lines(words, vectors)]) + "\n", encoding="utf-8")


def binary(path, words=WORDS, vectors=VECTORS, newline=b"\n"):
    content = [f"{len(words)} {vectors.shape[1]}\n".encode()]
    content += [w.encode() + b" " + row.tobytes() + newline for w, row in zip(words, vectors)]
    path.write_bytes(b"".join(content))


# In the binary format a space ends a word.
FORMATS = [
    (glove, {}),
    (text, {}),
    (binary, {"words": [w.replace(" ", "_") for w in WORDS]}),
    (binary, {"words": [w.replace(" ", "_") for w in WORDS], "newline": b""}),
]


@pytest.mark.parametrize("write, options", FORMATS)
def test_the_rows_of_a_vocabulary(tmp_path, write, options):
    write(tmp_path / "vectors", **options)
    matrix, missing = utils.load_word_vectors(tmp_path / "vectors", VOCABULARY, verbose=0)
    assert (matrix.shape, matrix.dtype) == ((5, 4), np.float32)
    for row, number in ((1, 1), (2, 2), (4, 5)):
        np.testing.assert_allclose(matrix[row], VECTORS[number], atol=1e-6)
    assert missing == ["unknown"]
    assert not matrix[[0, 3]].any()


@pytest.mark.parametrize("write, options", FORMATS)
def test_packed_files(tmp_path, write, options):
    write(tmp_path / "plain", **options)
    (tmp_path / "v.gz").write_bytes(gzip.compress((tmp_path / "plain").read_bytes()))
    plain = utils.load_word_vectors(tmp_path / "plain", VOCABULARY, verbose=0)
    packed = utils.load_word_vectors(tmp_path / "v.gz", VOCABULARY, verbose=0)
    np.testing.assert_array_equal(packed.matrix, plain.matrix)
    assert packed.missing == plain.missing


def test_tabs_separate_too(tmp_path):
    (tmp_path / "v").write_bytes(b"cat\t1\t2\r\ndog\t3\t4\r\n")
    found = utils.load_word_vectors(tmp_path / "v", {"cat": 0, "dog": 1}, verbose=0)
    assert found.matrix.tolist() == [[1, 2], [3, 4]]


def test_a_list_of_words_and_fewer_rows(tmp_path):
    glove(tmp_path / "v")
    matrix, missing = utils.load_word_vectors(tmp_path / "v", ["", "[UNK]", "a", "the"], verbose=0)
    np.testing.assert_allclose(matrix[2:], VECTORS[[3, 0]], atol=1e-6)
    assert missing == ["[UNK]"]
    few, missing = utils.load_word_vectors(tmp_path / "v", VOCABULARY, num_words=2, verbose=0)
    assert (few.shape, missing) == ((2, 4), [])


def test_words_with_spaces_and_words_twice(tmp_path):
    glove(tmp_path / "v", words=["of the", "the", "the", "x", "y", "z"])
    found, missing = utils.load_word_vectors(
        tmp_path / "v", {"of the": 0, "the": 1, "of": 2}, verbose=0
    )
    np.testing.assert_allclose(found[:2], VECTORS[:2], atol=1e-6)
    assert missing == ["of"]


def test_binary_words_at_the_end_of_a_block(tmp_path, monkeypatch):
    many = [f"w{n}" for n in range(300)]
    vectors = np.arange(1200, dtype="float32").reshape(300, 4)
    binary(tmp_path / "v", many, vectors)
    for block in (17, 40, 1000):
        monkeypatch.setattr("keraunos.preprocessing.word_vectors._BLOCK", block)
        found = utils.load_word_vectors(tmp_path / "v", many, verbose=0)
        np.testing.assert_array_equal(found.matrix, vectors)


def test_only_the_wanted_rows_are_kept(tmp_path):
    with (tmp_path / "v").open("w") as file:
        numbers = itertools.chain.from_iterable([n / 7] * 50 for n in range(4000))
        row = np.fromiter(numbers, float).reshape(4000, 50)
        file.writelines(f"w{n} {' '.join(map('{:.4f}'.format, v))}\n" for n, v in enumerate(row))
    found = utils.load_word_vectors(tmp_path / "v", {"w3999": 1}, verbose=0)
    np.testing.assert_allclose(found.matrix[1], 3999 / 7, atol=1e-3)


def test_progress_is_shown_and_can_be_hidden(tmp_path, capsys):
    glove(tmp_path / "v.txt")
    utils.load_word_vectors(tmp_path / "v.txt", VOCABULARY)
    assert "v.txt" in capsys.readouterr().out
    utils.load_word_vectors(tmp_path / "v.txt", VOCABULARY, verbose=0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"just words\n",
        b"\x89PNG\r\n\x1a\n",
        b"3 4\nthe " + bytes(16) + b"\nCat \0\0",
        b"the 1 2\nCat 1\n",
        b"the 1 2\nCat 1 x\n",
    ],
)
def test_another_kind_of_file_is_named(tmp_path, content):
    (tmp_path / "v").write_bytes(content)
    with pytest.raises(ValueError, match="cannot read word vectors"):
        utils.load_word_vectors(tmp_path / "v", VOCABULARY, verbose=0)
