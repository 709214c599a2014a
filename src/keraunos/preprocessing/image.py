"""`keraunos.preprocessing.image`: the generator of pictures and all that it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np

from keraunos import errors
from keraunos.ops import convert_to_tensor
from keraunos.ops import image as operations
from keraunos.preprocessing.affine import apply_affine_transform
from keraunos.preprocessing.file_iterators import DirectoryIterator
from keraunos.preprocessing.frame_iterator import DataFrameIterator
from keraunos.preprocessing.generator import ImageDataGenerator
from keraunos.preprocessing.iterators import Iterator, NumpyArrayIterator
from keraunos.preprocessing.shifts import (
    apply_brightness_shift,
    apply_channel_shift,
    flip_axis,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from keraunos.utils.images import array_to_img, img_to_array, load_img, middle, save_img

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "flip_axis",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]


def smart_resize(
    x: Any,
    size: tuple[int, int],
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
) -> Any:
    """Return images of a size without stretching them: what is too much at the sides is cut off.

    Args:
        x: (height, width, channels), or a batch of them; channels first where `data_format`
            says so.
        size: (height, width).
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"`, `"lanczos5"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Returns:
        A NumPy array for a NumPy array, else an array of the device.

    Raises:
        ValueError: another number of axes or sizes.

    Example:
        >>> smart_resize(np.ones((6, 9, 3)), (4, 4)).shape
        (4, 4, 3)
    """
    if len(size) != 2:
        raise ValueError(errors.report("smart_resize", expected="(height, width)", got=size))
    images = convert_to_tensor(x)
    if images.ndim not in (3, 4):
        raise ValueError(errors.report("smart_resize", expected="3 or 4 axes", got=images.shape))
    first = data_format == "channels_first"
    height, width = images.shape[-2:] if first else images.shape[-3:-1]
    left, upper, right, lower = middle((width, height), (size[1], size[0]))
    box = (slice(upper, lower), slice(left, right))
    cut = images[(..., *box)] if first else images[(..., *box, slice(None))]
    found = operations.resize(
        cut, tuple(size), interpolation=interpolation, data_format=data_format
    )
    return np.asarray(found) if isinstance(x, np.ndarray) else found


__getattr__ = errors.missing(__name__, globals())
