"""The protobuf wire format and the messages that TensorBoard reads, as functions to bytes.

The few messages of an event file never change, so writing them needs no protobuf package. A
message is its fields one after the other; the numbers are those of TensorFlow's .proto files.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

_VARINT, _DOUBLE, _BYTES = 0, 1, 2

# The dtypes of a tensor that are written here.
FLOAT, DOUBLE, STRING = 1, 2, 7

# What a summary's data is, for TensorBoard's fast reader.
_SCALAR, _TENSOR, _BLOBS = 1, 2, 3


def varint(number: int) -> bytes:
    """Return an integer in groups of seven bits, the lowest first; negative as 64 bits.

    Example:
        >>> varint(300).hex()
        'ac02'
    """
    rest, groups = number & (1 << 64) - 1, bytearray()
    while rest > 0x7F:
        groups.append(rest & 0x7F | 0x80)
        rest >>= 7
    groups.append(rest)
    return bytes(groups)


def field(number: int, value: float | str | bytes) -> bytes:
    """Return one field: an integer, a double, a text, or a message that is bytes already.

    Example:
        >>> field(2, "run").hex()
        '120372756e'
    """
    if isinstance(value, float):
        return varint(number << 3 | _DOUBLE) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3 | _VARINT) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | _BYTES) + varint(len(data)) + data


# -- an event ------------------------------------------------------------------------------------


def version_event(time: float) -> bytes:
    """Return the event that every file begins with."""
    return field(1, time) + field(3, "brain.Event:2") + field(10, field(1, "keraunos"))


def summary_event(time: float, step: int, values: Sequence[bytes]) -> bytes:
    """Return the event that holds values of one step."""
    return field(1, time) + field(2, step) + field(5, b"".join(field(1, v) for v in values))


def graph_event(time: float, graph: bytes) -> bytes:
    """Return the event that holds the graph of a run."""
    return field(1, time) + field(4, graph)


# -- a value of a summary --------------------------------------------------------------------------


def scalar(tag: str, value: float) -> bytes:
    """Return a number, as the Scalars and Time Series pages show it."""
    return _value(tag, "scalars", _SCALAR, _numbers(FLOAT, (), struct.pack("<f", value)))


def histogram(tag: str, rows: int, content: bytes) -> bytes:
    """Return a histogram: rows of (left edge, right edge, count), as little-endian doubles."""
    return _value(tag, "histograms", _TENSOR, _numbers(DOUBLE, (rows, 3), content))


def image(tag: str, width: int, height: int, png: bytes) -> bytes:
    """Return a picture, for the Images page."""
    strings = [str(width).encode(), str(height).encode(), png]
    return _value(tag, "images", _BLOBS, _strings((3,), strings))


def keras_model(tag: str, json: str) -> bytes:
    """Return a model's JSON, which the Graphs page draws as the conceptual graph."""
    strings = _strings((1,), [json.encode()])
    return _value(tag, "graph_keras_model", _BLOBS, strings, content=b"1")


def _value(tag: str, plugin: str, kind: int, tensor: bytes, content: bytes = b"") -> bytes:
    metadata = field(1, field(1, plugin) + field(2, content)) + field(4, kind)
    return field(1, tag) + field(9, metadata) + field(8, tensor)


def _numbers(dtype: int, shape: Sequence[int], content: bytes) -> bytes:
    return field(1, dtype) + field(2, tensor_shape(shape)) + field(4, content)


def _strings(shape: Sequence[int], strings: Sequence[bytes]) -> bytes:
    return (
        field(1, STRING)
        + field(2, tensor_shape(shape))
        + b"".join(field(8, one) for one in strings)
    )


def tensor_shape(shape: Sequence[int]) -> bytes:
    """Return a shape; an unknown size is -1."""
    return b"".join(field(2, field(1, size)) for size in shape)


# -- a graph ---------------------------------------------------------------------------------------


def node(name: str, kind: str, inputs: Sequence[str], attributes: dict[str, bytes]) -> bytes:
    """Return a node of a graph; an attribute is an `attribute_...` below."""
    return (
        field(1, name)
        + field(2, kind)
        + b"".join(field(3, one) for one in inputs)
        + b"".join(field(5, field(1, key) + field(2, value)) for key, value in attributes.items())
    )


def attribute_text(text: str) -> bytes:
    """Return a text that the Graphs page shows beside a node."""
    return field(2, text)


def attribute_shapes(shapes: Sequence[Sequence[int]]) -> bytes:
    """Return a list of shapes: as `_output_shapes` they label the edges."""
    return field(1, b"".join(field(7, tensor_shape(shape)) for shape in shapes))


def graph(nodes: Sequence[bytes]) -> bytes:
    """Return a graph of nodes."""
    return b"".join(field(1, one) for one in nodes) + field(4, field(1, 22))
