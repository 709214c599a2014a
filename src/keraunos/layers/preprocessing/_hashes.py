"""The hashes of Keras's tables, on whole arrays: FarmHash's Fingerprint64 and SipHash-2-4.

Both are published algorithms (github.com/google/farmhash; Aumasson and Bernstein, 2012). Words of
many strings are read from one buffer at once, so that a column costs a few NumPy operations.
Arithmetic is that of uint64, which wraps around.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

_K0, _K1, _K2 = (np.uint64(k) for k in (0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F))
_CAT = np.uint64(0xC6A4A7935BD1E995)  # the multiplier of MurmurHash64, which joins fingerprints
_TOGETHER = 1 << 14  # strings that are hashed at a time
_MARGIN = 72  # bytes behind the last string, so that a word may begin anywhere


class Strings(NamedTuple):
    """Many byte strings in one buffer.

    Args:
        words: at each byte position the eight bytes from there on, as a number.
        starts, lengths: of each string, in bytes.
    """

    words: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray

    def some(self, chosen: Any) -> Strings:
        return Strings(self.words, self.starts[chosen], self.lengths[chosen])

    def from_start(self, offset: Any = 0) -> np.ndarray:
        return self.words[self.starts + offset]

    def from_end(self, offset: int) -> np.ndarray:
        return self.words[self.starts + self.lengths - offset]


def strings(values: list[bytes]) -> Strings:
    """Return byte strings as one buffer."""
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    return placed(b"".join(values), np.cumsum(lengths) - lengths, lengths)


def placed(data: bytes, starts: np.ndarray, lengths: np.ndarray) -> Strings:
    """Return strings that stand in a buffer."""
    whole = data + bytes(_MARGIN)
    words = np.ndarray((len(whole) - 7,), "<u8", whole, strides=(1,))
    return Strings(words, starts, lengths)


def in_blocks(function: Callable[[Strings], np.ndarray], whole: Strings) -> np.ndarray:
    """Return a function of strings, for so many of them at a time as the cache holds."""
    starts = range(0, max(len(whole.starts), 1), _TOGETHER)
    return np.concatenate([function(whole.some(slice(i, i + _TOGETHER))) for i in starts])


# -- FarmHash ------------------------------------------------------------------------------------


def fingerprint(values: list[bytes]) -> np.ndarray:
    """Return FarmHash's Fingerprint64 of each string.

    Example:
        >>> [hex(h) for h in fingerprint([b"", b"keras"]).tolist()]
        ['0x9ae16a3b2f90404f', '0x2c2b63525687c5de']
    """
    return fingerprints(strings(values))


def fingerprints(whole: Strings) -> np.ndarray:
    """Return FarmHash's Fingerprint64 of strings in a buffer."""
    return in_blocks(_fingerprints, whole)


def _fingerprints(whole: Strings) -> np.ndarray:
    hashed = np.full(len(whole.starts), _K2, np.uint64)
    most = 0
    with np.errstate(over="ignore"):
        for most_before, (most, function) in zip((0, 3, 7, 16, 32), _BY_LENGTH, strict=True):
            chosen = np.flatnonzero((whole.lengths > most_before) & (whole.lengths <= most))
            if len(chosen):
                hashed[chosen] = function(whole.some(chosen))
        longer = whole.lengths > most
        # Long strings are mixed block by block: those with as many blocks go together.
        blocks = (whole.lengths - 1) // 64
        for count in np.unique(blocks[longer]).tolist():
            chosen = longer & (blocks == count)
            hashed[chosen] = _over_64(whole.some(chosen), count)
    return hashed


def joined(first: Any, second: Any) -> Any:
    """Return the fingerprint of a pair of fingerprints."""
    with np.errstate(over="ignore"):
        mixed = (first ^ _CAT) ^ (_folded(second * _CAT) * _CAT)
        return _folded(_folded(mixed * _CAT) * _CAT)


def _up_to_3(s: Strings) -> np.ndarray:
    byte, length = np.uint64(0xFF), s.lengths.astype(np.uint64)
    first, last = s.from_start() & byte, s.from_end(1) & byte
    middle = s.from_start(s.lengths >> 1) & byte
    low = first + (middle << np.uint64(8))
    high = length + (last << np.uint64(2))
    return _folded(low * _K2 ^ high * _K0) * _K2


def _up_to_7(s: Strings) -> np.ndarray:
    half, length = np.uint64(0xFFFFFFFF), s.lengths.astype(np.uint64)
    first = length + ((s.from_start() & half) << np.uint64(3))
    return _pair(first, s.from_end(4) & half, _multiplier(s))


def _up_to_16(s: Strings) -> np.ndarray:
    mul = _multiplier(s)
    a, b = s.from_start() + _K2, s.from_end(8)
    return _pair(_rotated(b, 37) * mul + a, (_rotated(a, 25) + b) * mul, mul)


def _up_to_32(s: Strings) -> np.ndarray:
    mul = _multiplier(s)
    a, b = s.from_start() * _K1, s.from_start(8)
    c, d = s.from_end(8) * mul, s.from_end(16) * _K2
    return _pair(_rotated(a + b, 43) + _rotated(c, 30) + d, a + _rotated(b + _K2, 18) + c, mul)


def _up_to_64(s: Strings) -> np.ndarray:
    mul = _multiplier(s)
    a, b = s.from_start() * _K2, s.from_start(8)
    c, d = s.from_end(8) * mul, s.from_end(16) * _K2
    y = _rotated(a + b, 43) + _rotated(c, 30) + d
    z = _pair(y, a + _rotated(b + _K2, 18) + c, mul)
    e, f = s.from_start(16) * mul, s.from_start(24)
    g, h = (y + s.from_end(32)) * mul, (z + s.from_end(24)) * mul
    return _pair(_rotated(e + f, 43) + _rotated(g, 30) + h, e + _rotated(f + a, 18) + g, mul)


_BY_LENGTH = ((3, _up_to_3), (7, _up_to_7), (16, _up_to_16), (32, _up_to_32), (64, _up_to_64))


def _over_64(s: Strings, blocks: int) -> np.ndarray:
    seed = np.uint64(81)
    zero = np.zeros(len(s.starts), np.uint64)
    y = zero + (seed * _K1 + np.uint64(113))
    z = _folded(y * _K2 + np.uint64(113)) * _K2
    v = w = (zero, zero)
    x = zero + seed * _K2 + s.from_start()
    for block in range(blocks):
        at = Strings(s.words, s.starts + 64 * block, s.lengths)
        x, y, z, v, w = _block(at, x, y, z, v, w, _K1, 1)
    tail = ((s.lengths - 1) & 63).astype(np.uint64)
    mul = _K1 + ((z & np.uint64(0xFF)) << np.uint64(1))
    first = v[0] + (w[0] + tail)
    v, w = (first, v[1]), (w[0] + tail + first, w[1])
    last = Strings(s.words, s.starts + s.lengths - 64, s.lengths)
    x, y, z, v, w = _block(last, x, y, z, v, w, mul, 9)
    low = _pair(v[0], w[0], mul) + _folded(y) * _K0 + z
    return _pair(low, _pair(v[1], w[1], mul) + x, mul)


def _block(s: Strings, x: Any, y: Any, z: Any, v: Any, w: Any, mul: Any, times: int) -> Any:
    """Mix 64 bytes in; the last ones, with their own factors, too."""
    nine = np.uint64(times)
    x = _rotated(x + y + v[0] + s.from_start(8), 37) * mul
    y = _rotated(y + v[1] + s.from_start(48), 42) * mul
    x = x ^ (w[1] * nine)
    y = y + v[0] * nine + s.from_start(40)
    z = _rotated(z + w[0], 33) * mul
    v = _weak(s, 0, v[1] * mul, x + w[0])
    w = _weak(s, 32, z + w[1], y + s.from_start(16))
    return z, y, x, v, w


def _weak(s: Strings, offset: int, a: Any, b: Any) -> tuple[Any, Any]:
    one, two, three, four = (s.from_start(offset + 8 * i) for i in range(4))
    a = a + one
    b = _rotated(b + a + four, 21)
    total = a + two + three
    return total + four, b + _rotated(total, 44) + a


def _multiplier(s: Strings) -> np.ndarray:
    return _K2 + s.lengths.astype(np.uint64) * np.uint64(2)


def _pair(u: Any, v: Any, mul: Any) -> Any:
    a = _folded((u ^ v) * mul)
    return _folded((v ^ a) * mul) * mul


def _folded(x: Any) -> Any:
    return x ^ (x >> np.uint64(47))


def _rotated(x: Any, by: int) -> Any:
    """Rotate to the right."""
    return (x >> np.uint64(by)) | (x << np.uint64(64 - by))


# -- SipHash -------------------------------------------------------------------------------------


def siphash(values: list[bytes], key: tuple[int, int]) -> np.ndarray:
    """Return SipHash-2-4 of each string.

    Args:
        values: the strings.
        key: two numbers of 64 bits, the salt.

    Example:
        >>> message, key = bytes(range(15)), (0x0706050403020100, 0x0F0E0D0C0B0A0908)
        >>> hex(siphash([message], key)[0])  # the example of the paper
        '0xa129ca6149be45e5'
    """
    return siphashes(strings(values), key)


def siphashes(whole: Strings, key: Any) -> np.ndarray:
    """Return SipHash-2-4 of strings in a buffer."""
    return in_blocks(lambda some: _siphashes(some, key), whole)


def _siphashes(whole: Strings, key: Any) -> np.ndarray:
    hashed = np.zeros(len(whole.starts), np.uint64)
    low, high = (np.uint64(k & 0xFFFFFFFFFFFFFFFF) for k in key)
    with np.errstate(over="ignore"):
        for count in np.unique(whole.lengths // 8).tolist():
            chosen = whole.lengths // 8 == count
            hashed[chosen] = _sip(whole.some(chosen), count, low, high)
    return hashed


def _sip(s: Strings, count: int, low: np.uint64, high: np.uint64) -> np.ndarray:
    zero = np.zeros(len(s.starts), np.uint64)
    constants = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    state = [zero + (np.uint64(c) ^ k) for c, k in zip(constants, (low, high, low, high))]
    rest = (s.lengths % 8).astype(np.uint64)
    kept = (np.uint64(1) << (rest * np.uint64(8))) - np.uint64(1)
    last = (s.lengths.astype(np.uint64) << np.uint64(56)) | (s.from_start(8 * count) & kept)
    for word in [*(s.from_start(8 * i) for i in range(count)), last]:
        state[3] = state[3] ^ word
        state = _sip_round(_sip_round(state))
        state[0] = state[0] ^ word
    state[2] = state[2] ^ np.uint64(0xFF)
    for _ in range(4):
        state = _sip_round(state)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_round(state: list[Any]) -> list[Any]:
    a, b, c, d = state
    a, c = a + b, c + d
    b, d = _rotated(b, 51) ^ a, _rotated(d, 48) ^ c
    a, c = _rotated(a, 32) + d, c + b
    b, d = _rotated(b, 47) ^ c, _rotated(d, 43) ^ a
    return [a, b, _rotated(c, 32), d]
