"""IMDB: 50,000 film reviews as lists of word numbers, each good or bad."""

from __future__ import annotations

import json

from keraunos.datasets import _cache
from keraunos.datasets._reviews import Rules, rewrite

_SHA256 = "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f"
_INDEX_MD5 = "bfafd718b763782e994055a2d397834f"


def load_data(
    path: str = "imdb.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[_cache.Split, _cache.Split]:
    """Return the reviews: `x` lists of word numbers (an object array), `y` 1 for good, 0 for bad.

    25,000 are to train on, 25,000 to test on. A word's number is its rank in frequency.
    The file is looked for in the Keras home, and downloaded (17 MB) if it is not there.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.
        num_words: numbers from this one on are replaced by `oov_char`.
        skip_top: numbers below this one are replaced by `oov_char`.
        maxlen: reviews of this many words or more are left out.
        seed: of the order, which is always shuffled.
        start_char: the number put before each review; None: nothing is put.
        oov_char: the number in the place of left-out words; None: they are dropped.
        index_from: what is added to each word's rank.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: no review is shorter than `maxlen`.

    Maas et al.: Learning word vectors for sentiment analysis, ACL 2011.
    """
    data = _cache.load_npz(_cache.fetch(path, _SHA256, origin="imdb.npz"))
    splits = [(data["x_train"], data["y_train"]), (data["x_test"], data["y_test"])]
    rules = Rules(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    train, test = rewrite(splits, rules, seed)
    return train, test


def get_word_index(path: str = "imdb_word_index.json") -> dict[str, int]:
    """Return each word's rank, from 1; `load_data` adds `index_from` (3) to it.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
    """
    found = _cache.fetch(path, _INDEX_MD5, origin="imdb_word_index.json")
    with _cache.naming(found):
        return json.loads(found.read_text(encoding="utf-8"))
