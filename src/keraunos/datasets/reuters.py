"""Reuters: 11,228 newswires as lists of word numbers, each of one of 46 topics."""

from __future__ import annotations

import json

from keraunos import errors
from keraunos.datasets import _cache
from keraunos.datasets._reviews import Rules, rewrite

_SHA256 = "d6586e694ee56d7a4e65172e12b3e987c03096cb01eab99753921ef915959916"
_INDEX_MD5 = "4d44cc38712099c9e383dc6e5f11a921"
_TOPICS = (
    *("cocoa", "grain", "veg-oil", "earn", "acq", "wheat", "copper", "housing", "money-supply"),
    *("coffee", "sugar", "trade", "reserves", "ship", "cotton", "carcass", "crude", "nat-gas"),
    *("cpi", "money-fx", "interest", "gnp", "meal-feed", "alum", "oilseed", "gold", "tin"),
    *("strategic-metal", "livestock", "retail", "ipi", "iron-steel", "rubber", "heat", "jobs"),
    *("lei", "bop", "zinc", "orange", "pet-chem", "dlr", "gas", "silver", "wpi", "hog", "lead"),
)


def load_data(
    path: str = "reuters.npz",
    num_words: int | None = None,
    skip_top: int = 0,
    maxlen: int | None = None,
    test_split: float = 0.2,
    seed: int = 113,
    start_char: int | None = 1,
    oov_char: int | None = 2,
    index_from: int | None = 3,
) -> tuple[_cache.Split, _cache.Split]:
    """Return the newswires: `x` lists of word numbers (an object array), `y` topics 0..45.

    The file is looked for in the Keras home, and downloaded (2 MB) if it is not there.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.
        test_split: the share of the newswires to test on.
        num_words, skip_top, maxlen, seed, start_char, oov_char, index_from: as for `imdb`.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: no newswire is shorter than `maxlen`, or `test_split` is not from 0 to 1.
    """
    if not 0 <= test_split <= 1:
        where = "reuters: test_split"
        raise ValueError(errors.report(where, expected="from 0 to 1", got=test_split))
    data = _cache.load_npz(_cache.fetch(path, _SHA256, origin="reuters.npz"))
    rules = Rules(num_words, skip_top, maxlen, start_char, oov_char, index_from)
    [(texts, topics)] = rewrite([(data["x"], data["y"])], rules, seed)
    at = int(len(texts) * (1 - test_split))
    return (texts[:at], topics[:at]), (texts[at:], topics[at:])


def get_word_index(path: str = "reuters_word_index.json") -> dict[str, int]:
    """Return each word's rank, from 1; `load_data` adds `index_from` (3) to it.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
    """
    found = _cache.fetch(path, _INDEX_MD5, origin="reuters_word_index.json")
    with _cache.naming(found):
        return json.loads(found.read_text(encoding="utf-8"))


def get_label_names() -> tuple[str, ...]:
    """Return the names of the topics, in the order of the labels.

    Example:
        >>> get_label_names()[3]
        'earn'
    """
    return _TOPICS
