"""Hashes of whole arrays equal those of one string at a time, in plain Python's integers."""

import numpy as np
import pytest

from keraunos.layers.preprocessing import _columns, _hashes

WORD = 0xFFFFFFFFFFFFFFFF


def _rotated(x, by):
    return ((x << by) | (x >> (64 - by))) & WORD


def siphash(data, key):
    """SipHash-2-4 as its paper writes it."""
    v = [c ^ k for c, k in zip(
        (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573), key * 2
    )]  # fmt: skip

    def mix():
        v[0] = (v[0] + v[1]) & WORD
        v[1] = _rotated(v[1], 13) ^ v[0]
        v[0] = _rotated(v[0], 32)
        v[2] = (v[2] + v[3]) & WORD
        v[3] = _rotated(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & WORD
        v[3] = _rotated(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & WORD
        v[1] = _rotated(v[1], 17) ^ v[2]
        v[2] = _rotated(v[2], 32)

    padded = data + bytes(7 - len(data) % 8) + bytes([len(data) & 255])
    for i in range(0, len(padded), 8):
        word = int.from_bytes(padded[i : i + 8], "little")
        v[3] ^= word
        mix(), mix()
        v[0] ^= word
    v[2] ^= 255
    mix(), mix(), mix(), mix()
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def _strings(count=150):
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, n, dtype=np.uint8).tobytes() for n in range(count)]


def test_siphash_is_that_of_the_paper():
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    found = _hashes.siphash(_strings(), key)
    assert found.tolist() == [siphash(one, key) for one in _strings()]


def test_fingerprint_of_many_is_that_of_each():
    values = _strings(300)
    whole = _hashes.fingerprint(values[::-1])[::-1]
    assert whole.tolist() == [int(_hashes.fingerprint([one])[0]) for one in values]
    assert len(set(whole.tolist())) == len(values)


@pytest.mark.parametrize(
    "text, expected",  # TensorFlow's to_hash_bucket_fast, with 2**63 - 1 buckets
    [
        (b"a", 3694432073954588132),
        (b"keras", 3182746766957594078),
        (b"x" * 10, 4498993042926045499),
        (b"x" * 20, 8233088228747857348),
        (b"x" * 50, 4607997358663321893),
        (b"x" * 100, 6590480085648050719),
    ],
)
def test_fingerprint_is_tensorflows(text, expected):
    assert int(_hashes.fingerprint([text])[0]) % (2**63 - 1) == expected


def test_nothing_to_hash():
    assert _hashes.fingerprint([]).tolist() == _hashes.siphash([], (1, 2)).tolist() == []


def texts_of(column):
    starts, lengths = column.strings.starts.tolist(), column.strings.lengths.tolist()
    return [column.data[a : a + n] for a, n in zip(starts, lengths, strict=True)]


@pytest.mark.parametrize(
    "values",
    [
        np.array(["a", "", "bcd"]),
        np.array([["a", ""], ["é", "日本語"]]),
        np.array([b"a", b"", b"bcd"]),
        np.array(["a", "bcd", ""], object),
        np.array(["é", b"b", ""], object),
        np.array([b"\xff", b"b"], object),
        np.array(["zero\0inside", "b", "\0", ""], object),
        np.array([b"\0", b""], object),
        np.array(["", ""]),
        np.array(["one"], object),
        np.array([], object),
        np.array(["abcd", "efgh", "ijkl", "mnop"])[::2],
    ],
    ids=repr,
)
def test_a_column_of_strings_is_each_of_them(values):
    flat = [v if isinstance(v, bytes) else v.encode() for v in values.ravel().tolist()]
    assert texts_of(_columns.of_strings(values)) == flat
    assert (
        _columns.hashes(values).tolist() == _hashes.fingerprint(flat).reshape(values.shape).tolist()
    )


def test_integers_are_their_decimal_digits(monkeypatch):
    edges = [10**n + d for n in range(19) for d in (-1, 0, 1)] + [0, 7, 2**63 - 1]
    values = np.array([*edges, *(-n for n in edges), -(2**63)])
    digits = [str(n).encode() for n in values.tolist()]
    assert texts_of(_columns.of_integers(values)) == digits
    monkeypatch.setattr(_columns, "_TOGETHER", 7)
    monkeypatch.setattr(_hashes, "_TOGETHER", 5)
    assert _columns.hashes(values).tolist() == _hashes.fingerprint(digits).tolist()
    assert _columns.hashes(values, (3, 4)).tolist() == _hashes.siphash(digits, (3, 4)).tolist()
