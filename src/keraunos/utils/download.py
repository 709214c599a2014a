"""Downloads one file: a progress bar, a second try, a checksum, and only then the rename."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from keraunos import errors

_ATTEMPTS = 3
_TIMEOUT = 15  # seconds without a byte
_BLOCK = 1 << 16


def download(origin: str, target: Path, digest: str | None = None, algorithm: str = "auto") -> None:
    """Fetch `origin` into `target`, which appears only when it is whole and has the given hash.

    Raises:
        ConnectionError: the source cannot be reached, or breaks off again and again.
        ValueError: what came does not have the hash; `target` is as it was.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            _fetch(origin, target, file)
        if digest and not has_hash(part, digest, algorithm):
            where, got = f"{origin} has other content than expected", hash_file(part, len(digest))
            raise ValueError(errors.report(where, expected=digest, got=got))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def has_hash(path: Path, digest: str, algorithm: str = "auto") -> bool:
    """Return whether the file has this SHA-256 or MD5 (`"auto"` tells them by their length)."""
    length = {"sha256": 64, "md5": 32}.get(algorithm, len(digest))
    return hash_file(path, length) == digest.lower()


def hash_file(path: Path, length: int = 64) -> str:
    """Return the file's SHA-256 in hexadecimal, or its MD5 if the length asked for is 32."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "md5" if length == 32 else "sha256").hexdigest()


def _fetch(origin: str, target: Path, file: BinaryIO) -> None:
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            _continue(origin, target.name, file)
            return
        except urllib.error.HTTPError as error:
            error.close()
            raise _unreachable(origin, target, f"HTTP {error.code} {error.reason}") from None
        except (OSError, HTTPException) as error:
            # A source that never answered will not at once; one that broke off may go on.
            if attempt == _ATTEMPTS or not file.tell():
                raise _unreachable(origin, target, getattr(error, "reason", error)) from None


def _continue(origin: str, name: str, file: BinaryIO) -> None:
    """Append what is missing of `origin`, from the start if the source cannot skip."""
    start = file.tell()
    headers = {"User-Agent": "keraunos"} | ({"Range": f"bytes={start}-"} if start else {})
    request = urllib.request.Request(origin, headers=headers)
    with contextlib.closing(urllib.request.urlopen(request, timeout=_TIMEOUT)) as reply:
        if getattr(reply, "status", 200) != 206:
            file.seek(start := 0)
            file.truncate()
        _copy(reply, file, _Bar(name, _size(reply, start)))


def _size(reply: HTTPResponse, start: int) -> int | None:
    length = reply.headers.get("Content-Length")
    return start + int(length) if length else None


def _copy(reply: HTTPResponse, file: BinaryIO, bar: _Bar) -> None:
    while block := reply.read(_BLOCK):
        file.write(block)
        bar.show(file.tell())
    if bar.total and file.tell() < bar.total:
        raise ConnectionError(f"it broke off after {file.tell():,} of {bar.total:,} bytes")
    bar.close(file.tell())


def _unreachable(origin: str, target: Path, reason: object) -> ConnectionError:
    # One line, and no chain of tracebacks: the cure is to put the file there.
    fix = f"put the file {target.name} in {target.parent}"
    return ConnectionError(f"cannot download {origin} ({reason}): {fix}")


class _Bar:
    """A bar in a terminal; in a file or a log two plain lines."""

    def __init__(self, name: str, total: int | None) -> None:
        self.name, self.total = name, total
        self._live = sys.stderr.isatty()
        self._shown = self._begun = time.monotonic()
        if not self._live:
            print(f"{name}: downloading {_megabytes(total)}", file=sys.stderr, flush=True)

    def show(self, done: int) -> None:
        now = time.monotonic()
        if self._live and now - self._shown > 0.1:
            self._shown = now
            self._draw(done, now)

    def close(self, done: int) -> None:
        if self._live:
            self._draw(done, time.monotonic())
        print("" if self._live else f"{self.name}: done", file=sys.stderr, flush=True)

    def _draw(self, done: int, now: float) -> None:
        speed = done / max(now - self._begun, 1e-3)
        share = min(1.0, done / self.total) if self.total else 0.0
        cells = "=" * int(20 * share)
        text = f"{self.name} [{cells:<20}] {share:4.0%} {_megabytes(done)}, {_megabytes(speed)}/s"
        print(f"\r{text:<79}", end="", file=sys.stderr, flush=True)


def _megabytes(size: float | None) -> str:
    return "" if size is None else f"{size / 1e6:.1f} MB"
