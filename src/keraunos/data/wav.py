"""Reads WAV files: PCM of 8, 16, 24 and 32 bits, floats of 32 and 64."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from keraunos import errors

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
# (format, bits) -> dtype, what is subtracted, what it is divided by.
_LAYOUTS = {
    (_PCM, 8): ("u1", 128, 1 << 7),
    (_PCM, 16): ("<i2", 0, 1 << 15),
    (_PCM, 24): ("<i4", 0, 1 << 31),
    (_PCM, 32): ("<i4", 0, 1 << 31),
    (_FLOAT, 32): ("<f4", 0, 1),
    (_FLOAT, 64): ("<f8", 0, 1),
}


class Sound(NamedTuple):
    """A recording: `samples` (time, channels), float32 from -1 to 1, `rate` of them a second."""

    samples: np.ndarray
    rate: int


def read_wav(path: str | os.PathLike[str]) -> Sound:
    """Return the recording in a WAV file.

    Raises:
        ValueError: it is no WAV file, is damaged, or is compressed; the error names it.
    """
    content = Path(path).read_bytes()
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise _damaged(path, f"a file that begins with {content[:12]!r}")
    parts = _chunks(content)
    head = parts.get(b"fmt ", b"")
    if len(head) < 16 or b"data" not in parts:
        raise _damaged(path, "a file without a description or without data")
    kind, channels, rate, _, block, bits = struct.unpack("<HHIIHH", head[:16])
    if kind == _EXTENSIBLE and len(head) >= 26:
        kind = struct.unpack("<H", head[24:26])[0]
    if (kind, bits) not in _LAYOUTS or not channels or block != channels * bits // 8:
        raise _damaged(path, f"format {kind} of {bits} bits, {channels} channels")
    data = parts[b"data"]
    data = data[: len(data) // block * block]
    dtype, zero, most = _LAYOUTS[kind, bits]
    if bits == 24:  # three bytes, as the upper three of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        data = wide.tobytes()
    samples = (np.frombuffer(data, dtype).astype(np.float32) - zero) / np.float32(most)
    return Sound(samples.reshape(-1, channels), rate)


def resampled(samples: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """Return samples (time, channels) at another rate, low-pass filtered, by polyphase filters."""
    if rate == wanted:
        return samples
    from scipy.signal import resample_poly  # jax brings it

    common = np.gcd(rate, wanted)
    found = resample_poly(samples.astype(np.float64), wanted // common, rate // common, axis=0)
    return found.astype(np.float32)


def _chunks(content: bytes) -> dict[bytes, bytes]:
    found: dict[bytes, bytes] = {}
    at = 12
    while at + 8 <= len(content):
        size = struct.unpack("<I", content[at + 4 : at + 8])[0]
        # A recorder that was switched off leaves a size that is too large: what is there counts.
        found.setdefault(content[at : at + 4], content[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    return found


def _damaged(path: object, got: str) -> ValueError:
    expected = "WAV: PCM of 8, 16, 24 or 32 bits, or floats"
    return ValueError(errors.report(f"cannot read the sound {path}", expected=expected, got=got))
