"""Pillow's memory as an array, without a copy: it speaks Arrow's C data interface.

https://arrow.apache.org/docs/format/CDataInterface.html
"""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np


class _ArrowArray(ctypes.Structure):
    """Arrow's `struct ArrowArray`."""


_ArrowArray._fields_ = [
    *((name, ctypes.c_int64) for name in ("length", "null_count", "offset", "n_buffers")),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(_ArrowArray))),
    *((name, ctypes.c_void_p) for name in ("dictionary", "release", "private_data")),
]
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def pixels(image: Any) -> np.ndarray:
    """Return the pixels of a loaded image (modes L, RGB, RGBA): uint8, read-only.

    (height, width, 1) for L, else (height, width, 4): the fourth of RGB means nothing.
    """
    width, height = image.size
    shape = (height, width, 1 if image.mode == "L" else 4)
    try:
        _, capsule = image.__arrow_c_array__()
        flat = _view(capsule)
    except (AttributeError, ValueError, TypeError):  # an older Pillow, or an image in pieces
        flat = np.empty(0, np.uint8)
    if flat.size != height * width * shape[2]:
        content = image.tobytes("raw", "RGBX" if image.mode == "RGB" else image.mode)
        flat = np.frombuffer(content, np.uint8)
    return flat.reshape(shape)


def _view(capsule: Any) -> np.ndarray:
    array = _ArrowArray.from_address(_pointer(capsule, b"arrow_array"))
    if array.n_children:  # a pixel is a list of four bytes
        array = array.children[0].contents
    memory = (ctypes.c_uint8 * array.length).from_address(array.buffers[1] + array.offset)
    memory.owner = capsule  # it keeps the image's memory for as long as somebody looks
    found = np.frombuffer(memory, np.uint8)
    found.flags.writeable = False
    return found
