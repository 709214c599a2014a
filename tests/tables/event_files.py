"""A reader of event files for tests, written from the description of the format."""

import dataclasses
import io
import struct
from pathlib import Path

import numpy as np


def crc32c(data):
    """Bit by bit, as the polynomial is defined."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 & -(crc & 1))
    return crc ^ 0xFFFFFFFF


def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) % (1 << 32)


def records(data):
    """Yield the records of a TFRecord file; an error if anything is cut or changed."""
    file = io.BytesIO(data)
    while head := file.read(12):
        size, crc = struct.unpack("<QI", head)
        assert crc == masked(head[:8])
        body = file.read(size)
        assert len(body) == size
        assert struct.unpack("<I", file.read(4))[0] == masked(body)
        yield body


def fields(message):
    """Return number -> list of values of a protobuf message; messages inside stay bytes."""
    found, file = {}, io.BytesIO(message)

    def varint():
        number, shift = 0, 0
        while True:
            byte = file.read(1)[0]
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number

    while file.tell() < len(message):
        key = varint()
        if key & 7 == 0:
            value = varint()
        elif key & 7 == 1:
            value = struct.unpack("<d", file.read(8))[0]
        else:
            assert key & 7 == 2
            size = varint()
            value = file.read(size)
            assert len(value) == size
        found.setdefault(key >> 3, []).append(value)
    return found


@dataclasses.dataclass
class Value:
    step: int
    tag: str
    plugin: str
    value: object


def values(path):
    """Return the values of an event file, or of all event files of a folder, in order."""
    return [value for event in events(path) for value in _values(event)]


def events(path):
    """Return the events of a file or a folder, as dictionaries of fields."""
    path = Path(path)
    files = [path] if path.is_file() else sorted(path.glob("events.out.tfevents.*"))
    return [fields(body) for file in files for body in records(file.read_bytes())]


def graphs(path):
    """Return the graphs in a folder: name -> (kind, inputs) of each node."""
    found = []
    for event in events(path):
        for graph in event.get(4, []):
            nodes = map(fields, fields(graph)[1])
            found.append(
                {
                    n[1][0].decode(): (n[2][0].decode(), [i.decode() for i in n.get(3, [])])
                    for n in nodes
                }
            )
    return found


def _values(event):
    for summary in event.get(5, []):
        for value in map(fields, fields(summary).get(1, [])):
            plugin = fields(fields(value[9][0])[1][0])[1][0].decode()
            step = event.get(2, [0])[0]
            yield Value(step, value[1][0].decode(), plugin, _tensor(fields(value[8][0])))


def _tensor(tensor):
    if 8 in tensor:
        return tensor[8]
    shape = [fields(d)[1][0] for d in fields(tensor[2][0]).get(2, [])]
    dtype = {1: "<f4", 2: "<f8"}[tensor[1][0]]
    return np.frombuffer(tensor[4][0], dtype).reshape(shape)
