"""Pictures between files, Pillow and arrays."""

from __future__ import annotations

import contextlib
import io
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from keraunos import config, errors

if TYPE_CHECKING:
    from PIL import Image  # loaded when a picture is, not when keraunos is imported

_METHODS = ("nearest", "bilinear", "bicubic", "lanczos", "box", "hamming")
_MODES = {"grayscale": ("L", "I;16", "I"), "rgb": ("RGB",), "rgba": ("RGBA",)}
_CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Image.Image:
    """Return an array (height, width, channels) as a Pillow image.

    Args:
        x: one, three or four channels; channels first where `data_format` says so.
        data_format: `"channels_last"` or `"channels_first"`; by default the global one.
        scale: whether the smallest number becomes 0 and the largest 255; else x is 0..255.
        dtype: in which the scaling is computed.

    Raises:
        ValueError: another number of axes or channels.

    Example:
        >>> array_to_img(np.zeros((2, 3, 1))).size
        (3, 2)
    """
    from PIL import Image

    layout = config.standardize_data_format(data_format)
    array = np.asarray(x, dtype or config.floatx())
    if array.ndim != 3:
        raise ValueError(errors.report("array_to_img", expected="3 axes", got=array.shape))
    array = array.transpose(1, 2, 0) if layout == "channels_first" else array
    channels = array.shape[2]
    if channels not in _CHANNELS:
        where = f"array_to_img, {layout}"
        raise ValueError(errors.report(where, expected="1, 3 or 4 channels", got=array.shape))
    if scale:
        array = array - array.min()
        most = array.max()
        array = array / (most or 1) * 255  # in this order: the largest is 255 and no more
    if channels == 1 and array.max(initial=0) > 255:
        return Image.fromarray(array[..., 0].astype("int32"))  # 32 bits a pixel
    pixels = array.astype("uint8")
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Return a Pillow image as an array (height, width, channels).

    Args:
        img: the image, or anything of two or three axes.
        data_format: `"channels_first"` puts the channels in front; by default the global one.
        dtype: of the array; the default float type, if not given.

    Raises:
        ValueError: another number of axes.

    Example:
        >>> img_to_array(array_to_img(np.zeros((2, 3, 1)))).shape
        (2, 3, 1)
    """
    layout = config.standardize_data_format(data_format)
    array = np.asarray(img, dtype or config.floatx())
    if array.ndim not in (2, 3):
        raise ValueError(errors.report("img_to_array", expected="2 or 3 axes", got=array.shape))
    array = array[..., None] if array.ndim == 2 else array
    return array.transpose(2, 0, 1) if layout == "channels_first" else array


def save_img(
    path: str | os.PathLike[str] | IO[bytes],
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Write an array (height, width, channels) as a picture.

    Args:
        path: of the file, whose ending says the format; or an open file.
        x, data_format, scale: see `array_to_img`.
        file_format: Pillow's name of the format, where the path has no ending.
        kwargs: for Pillow, `quality=95` for example.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = Path(path).suffix[1:] or None
    file_format = file_format and {"jpg": "jpeg"}.get(file_format.lower(), file_format.lower())
    image = array_to_img(x, data_format, scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        errors.warn("a JPEG file has no fourth channel: it is left out")
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def load_img(
    path: str | os.PathLike[str] | io.BytesIO,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image.Image:
    """Read a picture as a Pillow image.

    Args:
        path: of the file, or its contents in an `io.BytesIO`.
        color_mode: `"grayscale"`, `"rgb"` or `"rgba"`.
        target_size: (height, width); the picture's own by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"lanczos"`, `"box"`, `"hamming"`.
        keep_aspect_ratio: cut off what is too much at the sides, instead of stretching.

    Raises:
        TypeError: `path` is no path.
        ValueError: an unknown mode or interpolation.
    """
    from PIL import Image

    for argument, value, choices in (
        ("color_mode", color_mode, _MODES),
        ("interpolation", interpolation, _METHODS),
    ):
        if value not in choices:
            fix = errors.suggest(value, choices)
            raise ValueError(errors.report(f"load_img: {argument}={value!r}", fix=fix))
    if not isinstance(path, (str, bytes, os.PathLike, io.BytesIO)):
        got = type(path).__name__
        raise TypeError(errors.report("load_img", expected="a path or io.BytesIO", got=got))
    with Image.open(path) as image:
        image.load()
    modes = _MODES[color_mode]
    image = image if image.mode in modes else image.convert(modes[0])
    if target_size is None or image.size == (target_size[1], target_size[0]):
        return image
    size = (target_size[1], target_size[0])
    box = middle(image.size, size) if keep_aspect_ratio else None
    return image.resize(size, Image.Resampling[interpolation.upper()], box=box)


@contextlib.contextmanager
def reading(path: object) -> Iterator[None]:
    """Name the file in whatever goes wrong while it is read as a picture.

    Raises:
        ValueError: it is no picture, it is damaged, or far too large.
    """
    from PIL import Image

    try:
        yield
    except (OSError, SyntaxError, struct.error, Image.DecompressionBombError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        where = f"cannot read the picture {path}"
        fix = "put a sound picture in its place, or remove the file"
        raise ValueError(errors.report(where, got=error, fix=fix)) from error


def middle(size: tuple[int, int], target: tuple[int, int]) -> tuple[int, int, int, int]:
    """Return the largest box (left, upper, right, lower) of the target's proportions."""
    (width, height), (wide, high) = size, target
    box_width = max(1, min(width, height * wide // high))
    box_height = max(1, min(height, width * high // wide))
    left, upper = (width - box_width) // 2, (height - box_height) // 2
    return left, upper, left + box_width, upper + box_height
