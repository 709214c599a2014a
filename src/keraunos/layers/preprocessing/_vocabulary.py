"""What a vocabulary is made of: tables from tokens to ids, counting, files of lines."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from functools import cached_property
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos.layers.preprocessing import _columns, _host, _tokens

FILE = "vocabulary.txt"
_WIDEST = 1 << 22  # between the least and the largest integer of a table without gaps
UNKNOWN, DROPPED = -1, -2  # ids of what is in no table, and of what leaves no trace


class StringTable:
    """Tokens to ids.

    Args:
        entries: token, as bytes -> id.
        unknown: the id of all others.
    """

    def __init__(self, entries: dict[bytes, int], unknown: int) -> None:
        self._entries, self._unknown = entries, unknown

    def __call__(self, tokens: np.ndarray) -> np.ndarray:
        """Return the ids of an array of strings."""
        if tokens.size > _host.FEW:
            column = _columns.of_strings(tokens)
            return self._fingerprints.ids(column.strings).reshape(tokens.shape)
        found = map(self._both.get, tokens.ravel().tolist(), repeat(self._unknown))
        return np.fromiter(found, np.int64, tokens.size).reshape(tokens.shape)

    def of_texts(self, tokens: _tokens.Tokens) -> np.ndarray:
        """Return the ids of the tokens of texts, one after another."""
        return self._fingerprints.ids(tokens.strings)

    @cached_property
    def _both(self) -> dict[Any, int]:
        """The ids under both spellings, so that neither must be converted for each lookup."""
        return {**self._entries, **_as_text(self._entries)}

    @cached_property
    def _fingerprints(self) -> _tokens.Table:
        return _tokens.Table(self._entries, self._unknown)


class IntegerTable:
    """Integers to ids, on the host or inside a compiled step; arguments as of `StringTable`."""

    def __init__(self, entries: dict[int, int], unknown: int) -> None:
        self._unknown = unknown
        keys = np.array([*entries], np.int64)
        order = np.argsort(keys)
        self._keys, self._ids = keys[order], np.array([*entries.values()], np.int32)[order]

    def __call__(self, tokens: Any) -> Any:
        keys = self._keys
        if isinstance(tokens, jax.Array):
            # What does not fit into the device's integers cannot come as an input either.
            kind = jax.dtypes.canonicalize_dtype("int64")
            fits = (keys >= np.iinfo(kind).min) & (keys <= np.iinfo(kind).max)
            parts = jnp.asarray(keys[fits], kind), jnp.asarray(self._ids[fits], kind)
            return self._searched(jnp, tokens.astype(kind), *parts)
        if self._dense is None:
            return self._searched(np, tokens, keys, self._ids)
        # One place for each integer from the least to the largest, and one for all others.
        at = tokens - keys[0]
        np.copyto(at, len(self._dense) - 1, where=(tokens < keys[0]) | (tokens > keys[-1]))
        return self._dense[at]

    def _searched(self, xp: Any, tokens: Any, keys: Any, ids: Any) -> Any:
        if not len(keys):
            return xp.full(tokens.shape, self._unknown, ids.dtype)
        at = xp.minimum(xp.searchsorted(keys, tokens), len(keys) - 1)
        return xp.where(keys[at] == tokens, ids[at], self._unknown)

    @cached_property
    def _dense(self) -> np.ndarray | None:
        keys = self._keys
        if not len(keys) or int(keys[-1]) - int(keys[0]) > max(_WIDEST, 4 * len(keys)):
            return None
        found = np.full(keys[-1] - keys[0] + 2, self._unknown, np.int32)
        found[keys - keys[0]] = self._ids
        return found


class Counts:
    """How often tokens were seen, and in how many documents.

    Args:
        documents: whether documents are counted too.
    """

    def __init__(self, documents: bool) -> None:
        self._texts = _tokens.Counts(documents)
        self._tokens: Counter[Any] = Counter()
        self._inside: Counter[Any] | None = Counter() if documents else None
        self._documents = 0

    def add(self, rows: np.ndarray) -> None:
        """Take an array of tokens, (documents, tokens)."""
        if rows.dtype.kind in "OUS":
            data, strings = _columns.of_strings(rows)
            self._texts.add(_tokens.Tokens(data, strings, np.full(len(rows), rows.shape[1])))
            return
        values, counts = np.unique(rows, return_counts=True)
        self._tokens.update(dict(zip(values.tolist(), counts.tolist())))
        if self._inside is not None:
            self._documents += len(rows)
            self._inside.update(chain.from_iterable(map(set, rows.tolist())))

    def add_texts(self, tokens: _tokens.Tokens) -> None:
        """Take the tokens of texts."""
        self._texts.add(tokens)

    def ranked(self, without: Iterable[Any], most: int | None) -> list[Any]:
        """Return the tokens, the most frequent first; of equally frequent ones the larger first."""
        counts = _merged(self._tokens, self._texts.totals()[0])
        for token in without:
            counts.pop(token, None)
        if most is not None and len(counts) > most:
            # Only those at or above the count of the last place are worth sorting.
            floor = sorted(counts.values(), reverse=True)[most - 1] if most > 0 else 0
            counts = {token: n for token, n in counts.items() if n >= floor}
        ordered = sorted(counts, reverse=True)
        ordered.sort(key=counts.__getitem__, reverse=True)
        return ordered if most is None else ordered[:most]

    def inverse_document_frequency(self, tokens: list[Any]) -> np.ndarray:
        """Return `log(1 + documents / (1 + documents with the token))` of each token."""
        inside = _merged(self._inside or {}, self._texts.totals()[1])
        found = np.array([inside.get(token, 0) for token in tokens], np.float64)
        documents = self._documents + self._texts.documents
        return np.log(1 + documents / (1 + found)).astype(np.float32)


def write(folder: str | os.PathLike[str], tokens: list[Any]) -> None:
    """Write a vocabulary into a folder, a token a line, as Keras does.

    Raises:
        ValueError: a token with a line break inside.
    """
    lines = [str(token) for token in tokens]
    broken = next((line for line in lines if "\n" in line), None)
    if broken is not None:
        raise ValueError(f"the token {broken!r} has a line break: it cannot stand in {FILE}")
    Path(folder, FILE).write_bytes("\n".join(lines).encode())


def read(folder: str | os.PathLike[str]) -> list[str] | None:
    """Return the vocabulary that `write` or Keras wrote into a folder; None if there is none."""
    path = Path(folder, FILE)
    if not path.exists():
        return None
    text = path.read_bytes().decode()
    return text.split("\n") if text else []


def lines(path: str | os.PathLike[str]) -> list[str]:
    """Return the lines of a file; only a line feed ends one."""
    text = Path(path).read_bytes().decode().replace("\r\n", "\n")
    return text.removesuffix("\n").split("\n") if text else []


def _as_text(entries: dict[bytes, int]) -> dict[str, int]:
    found = {}
    for token, number in entries.items():
        try:
            found[token.decode()] = number
        except UnicodeDecodeError:  # no text is equal to it
            continue
    return found


def _merged(counts: Any, found: dict[Any, int]) -> dict[Any, int]:
    """Return counts added up, each string under its bytes alone, whichever way it was seen."""
    for token, n in counts.items():
        key = token.encode() if isinstance(token, str) else token
        found[key] = found.get(key, 0) + n
    return found
