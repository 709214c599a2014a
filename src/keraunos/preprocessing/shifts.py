"""Changes of one picture: by a given amount, and by an amount drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.preprocessing.affine import apply_affine_transform

Range = Sequence[float]


def apply_channel_shift(x: Any, intensity: float, channel_axis: int = 0) -> np.ndarray:
    """Return a picture with a number added to it, kept between its darkest and brightest value.

    Args:
        x: the picture; `channel_axis` is there for programs that pass it.

    Example:
        >>> apply_channel_shift(np.array([[[0.0, 5.0, 9.0]]]), 2)
        array([[[2., 7., 9.]]])
    """
    x = np.asarray(x)
    return np.clip(x + intensity, x.min(), x.max())


def apply_brightness_shift(
    x: Any, brightness: float, scale: bool = True, data_format: str = "channels_last"
) -> np.ndarray:
    """Return a picture, whole numbers from 0 to 255, brightened or darkened.

    Args:
        x: (rows, columns, channels), one, three or four of them.
        brightness: what each value is multiplied by; a fourth channel stays.
        scale: whether the picture's own range is stretched to 0..255 first; without it only a
            picture that lies outside of 0..255 is, and it is put back afterwards.
        data_format: `"channels_first"` for a picture with the channels first.

    Raises:
        ValueError: another number of axes or channels.

    Example:
        >>> apply_brightness_shift(np.array([[[0.0], [100.0], [255.0]]]), 0.5)[0, :, 0]
        array([  0.,  50., 127.], dtype=float32)
    """
    from PIL import Image, ImageEnhance

    x = np.asarray(x, np.float32)
    first = data_format == "channels_first"
    picture = x.transpose(1, 2, 0) if first and x.ndim == 3 else x
    if picture.ndim != 3 or picture.shape[2] not in (1, 3, 4):
        expected = f"(rows, columns, channels), 1, 3 or 4 channels, {data_format}"
        raise ValueError(errors.report("a change of brightness", expected=expected, got=x.shape))
    low, high = picture.min(), picture.max()
    stretched = scale or bool(low < 0 or high > 255)
    if stretched:  # divided first, then multiplied: as Keras does it, to the last bit
        picture = (picture - low) / ((high - low) or 1) * np.float32(255)
    pixels = picture.astype(np.uint8)
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    changed = np.asarray(ImageEnhance.Brightness(image).enhance(brightness), np.float32)
    changed = changed.reshape(picture.shape)
    if stretched and not scale:
        changed = changed / 255 * (high - low) + low
    return changed.transpose(2, 0, 1) if first else changed


def flip_axis(x: Any, axis: int) -> np.ndarray:
    """Return x reversed along an axis.

    Example:
        >>> flip_axis([[1, 2, 3]], 1)
        array([[3, 2, 1]])
    """
    return np.flip(np.asarray(x), axis)


def random_rotation(x: Any, rg: float, *axes: int, **options: Any) -> np.ndarray:
    """Return a picture rotated by at most `rg` degrees.

    Args:
        x: (channels, rows, columns), unless the axes say otherwise.
        rg: the largest angle.
        axes, options: `row_axis`, `col_axis`, `channel_axis`, `fill_mode`, `cval` and
            `interpolation_order`, as for `apply_affine_transform`. NumPy's global generator draws.

    Example:
        >>> random_rotation(np.ones((3, 4, 4)), 20).shape
        (3, 4, 4)
    """
    return _apply(x, axes, options, theta=np.random.uniform(-rg, rg))


def random_shift(x: Any, wrg: float, hrg: float, *axes: int, **options: Any) -> np.ndarray:
    """Return a picture shifted by at most these shares of its width and its height.

    Args:
        x, axes, options: as for `random_rotation`.
        wrg, hrg: the largest shares.

    Example:
        >>> random_shift(np.ones((3, 4, 4)), 0.1, 0.1).shape
        (3, 4, 4)
    """
    x, named = np.asarray(x), _named(axes, options)
    height, width = x.shape[named.get("row_axis", 1)], x.shape[named.get("col_axis", 2)]
    tx = np.random.uniform(-hrg, hrg) * height
    return _apply(x, (), named, tx=tx, ty=np.random.uniform(-wrg, wrg) * width)


def random_shear(x: Any, intensity: float, *axes: int, **options: Any) -> np.ndarray:
    """Return a picture sheared by at most so many degrees; see `random_rotation`.

    Example:
        >>> random_shear(np.ones((3, 4, 4)), 20).shape
        (3, 4, 4)
    """
    return _apply(x, axes, options, shear=np.random.uniform(-intensity, intensity))


def random_zoom(x: Any, zoom_range: Range, *axes: int, **options: Any) -> np.ndarray:
    """Return a picture zoomed, rows and columns each by their own factor; see `random_rotation`.

    Args:
        zoom_range: (least, most) pixels of x that a row or column of the result spans.

    Raises:
        ValueError: `zoom_range` is no pair.

    Example:
        >>> random_zoom(np.ones((3, 4, 4)), (0.8, 1.2)).shape
        (3, 4, 4)
    """
    low, high = _pair("zoom_range", zoom_range)
    zx, zy = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
    return _apply(x, axes, options, zx=zx, zy=zy)


def random_channel_shift(x: Any, intensity_range: float, channel_axis: int = 0) -> np.ndarray:
    """Return a picture with a number from -`intensity_range` to `intensity_range` added.

    Example:
        >>> random_channel_shift(np.ones((3, 4, 4)), 5.0).shape
        (3, 4, 4)
    """
    intensity = np.random.uniform(-intensity_range, intensity_range)
    return apply_channel_shift(x, intensity, channel_axis)


def random_brightness(x: Any, brightness_range: Range, scale: bool = True) -> np.ndarray:
    """Return a picture brightened by a factor from a range; see `apply_brightness_shift`.

    Raises:
        ValueError: `brightness_range` is no pair.

    Example:
        >>> random_brightness(np.ones((4, 4, 3)), (0.5, 1.0)).shape
        (4, 4, 3)
    """
    low, high = _pair("brightness_range", brightness_range)
    return apply_brightness_shift(x, np.random.uniform(low, high), scale)


_OPTIONS = ("row_axis", "col_axis", "channel_axis", "fill_mode", "cval", "interpolation_order")


def _named(axes: tuple[Any, ...], options: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        fix = errors.suggest(unknown[0], _OPTIONS)
        raise TypeError(errors.report(f"no argument {unknown[0]!r}", fix=fix))
    return dict(zip(_OPTIONS, axes)) | options


def _apply(x: Any, axes: tuple[Any, ...], options: dict[str, Any], **amounts: Any) -> np.ndarray:
    named = _named(axes, options)
    if "interpolation_order" in named:
        named["order"] = named.pop("interpolation_order")
    return apply_affine_transform(x, **amounts, **named)


def _pair(name: str, value: Any) -> tuple[float, float]:
    if not isinstance(value, (tuple, list, np.ndarray)) or len(value) != 2:
        raise ValueError(errors.report(name, expected="(least, most)", got=value))
    return value[0], value[1]
