"""Downloads one file: a progress bar, a second try, a checksum, and only then the rename.

What a broken download has brought is kept for the next run, if there is a checksum to say in
the end whether the pieces belong together.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import BinaryIO

from keraunos import _progress as progress
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
    kept = target.with_name(f".{target.name}.part")
    with contextlib.suppress(OSError):
        if digest:  # a rename, so that only one of several processes goes on with it
            kept.replace(part)
    try:
        resumed = part.exists()
        _fetch_into(part, origin, target)
        if resumed and digest and not has_hash(part, digest, algorithm):
            part.unlink()  # the pieces are of two files
            _fetch_into(part, origin, target)
        if digest and not has_hash(part, digest, algorithm):
            where, got = f"{origin} has other content than expected", hash_file(part, len(digest))
            part.unlink()
            raise ValueError(errors.report(where, expected=digest, got=got))
        part.replace(target)
    finally:
        if digest and part.exists() and part.stat().st_size:
            part.replace(kept)
        part.unlink(missing_ok=True)


def _fetch_into(part: Path, origin: str, target: Path) -> None:
    with part.open("ab") as file:
        _fetch(origin, target, file)


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
            if error.code == 416 and file.tell():  # what was kept is not a beginning of this file
                file.truncate(0)
                file.seek(0)
                continue
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
        _copy(reply, file, name, _size(reply, start))


def _size(reply: HTTPResponse, start: int) -> int | None:
    length = reply.headers.get("Content-Length")
    return start + int(length) if length else None


def _copy(reply: HTTPResponse, file: BinaryIO, name: str, total: int | None) -> None:
    bar = progress.bar(total, title=name, stream=sys.stderr)
    if bar.mode == "log":
        size = "" if total is None else f" {total / 1e6:.1f} MB"
        print(f"{name}: downloading{size}", file=sys.stderr, flush=True)
    try:
        while block := reply.read(_BLOCK):
            file.write(block)
            bar.update(file.tell(), finalize=False)
        if total and file.tell() < total:
            raise ConnectionError(f"it broke off after {file.tell():,} of {total:,} bytes")
        bar.update(file.tell(), finalize=True)
    finally:
        bar.close()


def _unreachable(origin: str, target: Path, reason: object) -> ConnectionError:
    # One line, and no chain of tracebacks: the cure is to put the file there.
    fix = f"put the file {target.name} in {target.parent}"
    return ConnectionError(f"cannot download {origin} ({reason}): {fix}")
