"""EventWriter: an event file that is whole after every write, whatever ends the process."""

from __future__ import annotations

import io
import itertools
import os
import socket
import struct
import time
from collections.abc import Sequence
from pathlib import Path

from keraunos import errors
from keraunos.callbacks._tensorboard import wire

_counter = itertools.count()


def _crc_table() -> list[int]:
    """Return the checksum of each byte: the Castagnoli polynomial, bits reversed."""
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        table.append(byte)
    return table


_CRC = _crc_table()


def crc32c(data: bytes) -> int:
    """Return the CRC-32C of bytes.

    Example:
        >>> hex(crc32c(b"123456789"))
        '0xe3069283'
    """
    crc, table = 0xFFFFFFFF, _CRC
    for byte in data:
        crc = table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def framed(data: bytes) -> bytes:
    """Return a TFRecord: length, its checksum, the data, their checksum, all little-endian."""
    length = struct.pack("<Q", len(data))
    return length + _masked(length) + data + _masked(data)


def _masked(data: bytes) -> bytes:
    # Turned and shifted, as the format wants it: a checksum of data that holds checksums is weak.
    crc = crc32c(data)
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)


class EventWriter:
    """Writes one event file, each event with a single call to the system.

    So a process that is killed leaves all that it wrote, and TensorBoard sees an event at once.
    If the disk is full the file is cut back to its last whole event, one warning is given, and
    training goes on: a later event is written if there is room again.

    Args:
        folder: of the file; made if it is not there.

    Raises:
        OSError: the folder or the file cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        name = f"{int(time.time()):010d}.{socket.gethostname()}.{os.getpid()}.{next(_counter):04d}"
        self.path = Path(folder, f"events.out.tfevents.{name}.v2")
        self._end = 0  # of the last whole event
        self._complained = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file: io.FileIO | None = self.path.open("xb", buffering=0)
        except OSError as error:
            where = f"TensorBoard cannot write to {folder}: {error.strerror}"
            raise type(error)(error.errno, errors.report(where, fix="another log_dir")) from error
        self._write(wire.version_event(time.time()))

    def add(self, step: int, values: Sequence[bytes]) -> None:
        """Write values of one step: `wire.scalar(...)`, `wire.histogram(...)` and so on."""
        if values:
            self._write(wire.summary_event(time.time(), int(step), values))

    def add_graph(self, graph: bytes) -> None:
        """Write the graph of the run, of `wire.graph(...)`."""
        self._write(wire.graph_event(time.time(), graph))

    def flush(self) -> None:
        """Do nothing: what was added is in the file."""

    def close(self) -> None:
        """Close the file; a closed writer may be closed again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self.close()

    def _write(self, event: bytes) -> None:
        if self._file is None:
            raise ValueError(errors.report(f"event file {self.path} is closed"))
        rest = memoryview(framed(event))
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
            self._end = self._file.tell()
        except OSError as error:
            # Half an event would hide every later one from the reader.
            self._file.truncate(self._end)
            self._file.seek(self._end)
            self._complain(error)

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            text = errors.report(
                f"TensorBoard cannot write to {self.path}: {error.strerror}",
                note="these values are lost; training goes on",
            )
            errors.warn(text)
