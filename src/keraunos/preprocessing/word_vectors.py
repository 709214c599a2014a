"""Word vectors from files, as the matrix of an `Embedding` for a vocabulary."""

from __future__ import annotations

import gzip
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

from keraunos import _progress as progress
from keraunos import errors

_BLOCK = 1 << 20
_EVERY = 5000  # words between two looks at the bar
_LONGEST = 1 << 16  # bytes of a line or a word: more is another kind of file


class WordVectors(NamedTuple):
    """What `load_word_vectors` found."""

    matrix: np.ndarray  # (words, dimensions) float32; zeros where the file lacks the word
    missing: list[str]  # the words that the file lacks


def load_word_vectors(
    path: str | os.PathLike[str],
    vocabulary: Mapping[str, int] | Iterable[str],
    num_words: int | None = None,
    verbose: int | str = "auto",
) -> WordVectors:
    """Return the vectors of a vocabulary's words from a GloVe or a word2vec file.

    The file is read once, as a stream: only the rows of the vocabulary are kept.

    Args:
        path: GloVe's text, word2vec's text or word2vec's binary file; also gzipped.
        vocabulary: word -> row, as `Tokenizer.word_index`; or the words in order of the rows, as
            `TextVectorization.get_vocabulary()`.
        num_words: the number of rows, if words from that one on are to be left out.
        verbose: 0 shows no progress.

    Returns:
        `matrix` (rows, dimensions) in float32, and `missing`, the words that were not found.

    Raises:
        ValueError: the file is of another kind, or damaged.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "tiny.txt")
        >>> _ = path.write_text("the 0.5 1.0\\ncat 2.0 3.0\\n")
        >>> matrix, missing = load_word_vectors(path, {"cat": 1, "dog": 2}, verbose=0)
        >>> matrix.tolist(), missing
        ([[0.0, 0.0], [2.0, 3.0], [0.0, 0.0]], ['dog'])
    """
    path = Path(path)
    rows = _rows(vocabulary, num_words)
    wanted = {word.encode(): row for word, row in rows.items()}
    size = num_words or max(rows.values(), default=-1) + 1
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as file:
        stream: Any = file
        source = _Source(path, stream, verbose)
        layout = _layout(path, stream.read(_LONGEST))
        stream.seek(0)
        read = _binary if layout.binary else _text
        matrix = np.zeros((size, layout.dimensions), np.float32)
        found = np.zeros(size, bool)
        for word, vector in read(source, layout, wanted):
            row = wanted[word]
            if not found[row]:  # the first of a word written twice, as gensim has it
                matrix[row], found[row] = vector, True
    source.close()
    return WordVectors(matrix, [word for word, row in rows.items() if not found[row]])


class _Layout(NamedTuple):
    binary: bool
    dimensions: int
    header: int  # bytes of the first line, if it is no word's
    words: int | None  # how many, where the header says it


class _Source:
    """A file, and the bar that shows how far it has been read."""

    def __init__(self, path: Path, stream: IO[bytes], verbose: int | str) -> None:
        self.path, self.stream = path, stream
        raw: Any = getattr(stream, "fileobj", None) or stream  # gzip: the file beneath
        self._raw = raw
        self._size = path.stat().st_size
        self._bar = progress.bar(self._size, title=path.name, verbose=verbose)

    def show(self) -> None:
        self._bar.update(min(self._raw.tell(), self._size - 1))

    def close(self) -> None:
        self._bar.update(self._size, finalize=True)


def _rows(vocabulary: Any, num_words: int | None) -> dict[str, int]:
    pairs = vocabulary.items() if isinstance(vocabulary, Mapping) else _numbered(vocabulary)
    return {word: int(row) for word, row in pairs if num_words is None or row < num_words}


def _numbered(words: Iterable[str]) -> Iterator[tuple[str, int]]:
    for row, word in enumerate(words):
        if word:  # a vocabulary begins with the empty word, which is padding
            yield str(word), row


def _layout(path: Path, head: bytes) -> _Layout:
    """Tell the three kinds of files apart by their beginning."""
    first, _, rest = head.partition(b"\n")
    fields = first.split()
    if len(fields) == 2 and all(f.isdigit() for f in fields):
        count, dimensions = map(int, fields)
        second = rest.partition(b"\n")[0].split()
        text = len(second) >= dimensions + 1 and _numbers(second[-dimensions:]) is not None
        return _Layout(not text, dimensions, len(first) + 1, count)
    # The first word may have a space in it: the numbers are counted from the end.
    dimensions = sum(1 for _ in itertools.takewhile(_is_number, reversed(fields[1:])))
    if not dimensions:
        raise _damaged(path, f"a first line of {first[:60]!r}")
    return _Layout(False, dimensions, 0, None)


def _text(
    source: _Source, layout: _Layout, wanted: Mapping[bytes, int]
) -> Iterator[tuple[bytes, np.ndarray]]:
    spaced = any(b" " in word for word in wanted)
    source.stream.read(layout.header)
    for number, line in enumerate(source.stream, 1 + bool(layout.header)):
        if number % _EVERY == 0:
            source.show()
        word, *rest = line.split(None, 1) or [b""]
        if word not in wanted and not spaced:
            continue
        fields = rest[0].split() if rest else []
        if len(fields) > layout.dimensions:  # a word with a space in it: GloVe 840B has some
            word = line.rstrip().rsplit(b" ", layout.dimensions)[0]
            fields = fields[-layout.dimensions :]
        if word not in wanted:
            continue
        vector = _numbers(fields) if len(fields) == layout.dimensions else None
        if vector is None:
            raise _damaged(source.path, f"line {number}: {line[:60]!r}")
        yield word, vector


def _binary(
    source: _Source, layout: _Layout, wanted: Mapping[bytes, int]
) -> Iterator[tuple[bytes, np.ndarray]]:
    width = 4 * layout.dimensions
    source.stream.read(layout.header)
    block, at = b"", 0
    for number in range(layout.words or 0):
        if number % _EVERY == 0:
            source.show()
        end = block.find(b" ", at)
        while end < 0 or end + 1 + width > len(block):
            more = source.stream.read(max(_BLOCK, width))
            if not more or (end < 0 and len(block) - at > _LONGEST):
                raise _damaged(source.path, f"it ends in the middle of word {number + 1}")
            block, at = block[at:] + more, 0
            end = block.find(b" ")
        word = block[at:end].lstrip(b"\n")
        at = end + 1 + width
        if word in wanted:
            yield word, np.frombuffer(block, "<f4", layout.dimensions, end + 1)


def _damaged(path: Path, got: str) -> ValueError:
    where = f"cannot read word vectors from {path}"
    expected = "GloVe's text, word2vec's text or binary format"
    return ValueError(errors.report(where, expected=expected, got=got))


def _is_number(field: bytes) -> bool:
    return _numbers([field]) is not None


def _numbers(fields: list[bytes]) -> np.ndarray | None:
    try:
        return np.array(fields, dtype=np.float32)
    except ValueError:
        return None


__getattr__ = errors.missing(__name__, globals())
