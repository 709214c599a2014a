"""Changes of tone: histograms stretched and flattened, values turned over, bits dropped."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import base
from keraunos.layers.augmentation.pixels import PixelLayer, column

_BYTE = (0, 255)


@register()
class AutoContrast(PixelLayer):
    """Stretches each channel of each image over the whole range, in training and outside of it.

    Args:
        value_range: (lowest, highest) value of the images.

    Raises:
        ValueError: a range that is not two numbers.

    Example:
        >>> AutoContrast()(jnp.array([[[10.0], [20.0], [60.0]]])).ravel().tolist()
        [0.0, 51.0, 255.0]
    """

    draws = 0
    in_training_only = False

    def __init__(self, value_range: Any = (0, 255), **kwargs: Any) -> None:
        super().__init__(value_range=value_range, **kwargs)

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        axes = (self.height_axis, self.width_axis)
        low = jnp.min(images, axis=axes, keepdims=True)
        spread = jnp.max(images, axis=axes, keepdims=True) - low
        share = (images - low) / jnp.where(spread > 0, spread, 1)
        stretched = self.clipped(base.rescaled(share, (0, 1), self.value_range, images.dtype))
        # A channel of one value has nothing to stretch.
        return jnp.where(spread > 0, stretched, images)


@register()
class Equalization(PixelLayer):
    """Makes all values of a channel about equally frequent, in training.

    Each image is equalized by its own histogram. (Keras takes one over the whole batch.)

    Args:
        value_range: (lowest, highest) value of the images.
        bins: how many values are told apart.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a range that is not two numbers, `bins` below 2.

    Example:
        >>> Equalization()(jnp.array([[[10.0], [11.0], [11.0], [12.0]]])).ravel().tolist()
        [0.0, 170.0, 170.0, 255.0]
    """

    draws = 0

    def __init__(
        self,
        value_range: Any = (0, 255),
        bins: int = 256,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.bins = arguments.integer(self, "bins", bins, least=2)

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        planes = jnp.moveaxis(images, self.channels_axis, 1)
        flat = planes.reshape(*planes.shape[:2], -1)
        flat = equalized(base.rescaled(flat, self.value_range, _BYTE, flat.dtype), self.bins)
        flat = base.rescaled(flat, _BYTE, self.value_range, flat.dtype)
        return jnp.moveaxis(flat.reshape(planes.shape), 1, self.channels_axis)


@register()
class ContrastLimitedAdaptiveHistogramEqualization(PixelLayer):
    """Equalizes tiles of each image by their own histograms (CLAHE; Zuiderveld, 1994).

    It acts in training and outside of it. Between the centres of the tiles the results are
    interpolated.

    Args:
        value_range: (lowest, highest) value of the images.
        clip_limit: how often a value may occur in a tile, as a multiple of the mean, before the
            rest is shared among all values; 0 for no limit.
        tile_grid_size: number of tiles (down, across).
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a negative limit, a grid that is not two positive integers.

    Example:
        >>> layer = ContrastLimitedAdaptiveHistogramEqualization(tile_grid_size=(2, 2))
        >>> layer(jnp.ones((8, 8, 3))).shape
        (8, 8, 3)
    """

    draws = 0
    in_training_only = False

    def __init__(
        self,
        value_range: Any = (0, 255),
        clip_limit: float = 4.0,
        tile_grid_size: Any = (8, 8),
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, **kwargs)
        self.clip_limit = arguments.between(self, "clip_limit", clip_limit, 0, float("inf"))
        self.tile_grid_size = arguments.per_axis(self, "tile_grid_size", tile_grid_size, 2)

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        images = jnp.moveaxis(images, self.channels_axis, -1)
        values = base.rescaled(images, self.value_range, _BYTE, images.dtype)
        values = clahe(values, self.tile_grid_size, self.clip_limit)
        images = base.rescaled(values, _BYTE, self.value_range, images.dtype)
        return jnp.moveaxis(images, -1, self.channels_axis)


@register()
class Solarization(PixelLayer):
    """Turns over the values above a threshold, after it has added a number to all.

    Args:
        addition_factor: (lower, upper) of what is added, as a part of the range, 0 to 1; a single
            f means (0, f).
        threshold_factor: (lower, upper) of the threshold, likewise.
        value_range: (lowest, highest) value of the images.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 0 to 1.

    Example:
        >>> Solarization()(jnp.array([[[59.0, 62.0, 63.0]]])).ravel().tolist()
        [196.0, 193.0, 192.0]
    """

    draws = 2

    def __init__(
        self,
        addition_factor: Any = 0.0,
        threshold_factor: Any = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, seed=seed, **kwargs)
        for name, value in (
            ("addition_factor", addition_factor),
            ("threshold_factor", threshold_factor),
        ):
            setattr(self, name, base.factor_range(self, name, value, (0, 1), least=0.0))

    addition_factor: tuple[float, float]
    threshold_factor: tuple[float, float]

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        shape = (batch, 1, 1, 1)
        return {
            "additions": 255 * base.uniform(keys[0], shape, self.addition_factor),
            "thresholds": 255 * base.uniform(keys[1], shape, self.threshold_factor),
        }

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        values = base.rescaled(images, self.value_range, _BYTE, images.dtype)
        values = jnp.clip(values + column(transformation["additions"], images), *_BYTE)
        low = values < column(transformation["thresholds"], images)
        values = jnp.where(low, values, 255 - values)
        return base.rescaled(values, _BYTE, self.value_range, images.dtype)


@register()
class RandomPosterization(PixelLayer):
    """Keeps only the highest bits of each value.

    Args:
        factor: (fewest, most) bits that are kept, both from 1 to 8 and both included; a single n
            means (1, n).
        value_range: (lowest, highest) value of the images.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: a factor beyond 1 to 8, or not whole.

    Example:
        >>> RandomPosterization((2, 2))(jnp.array([[[63.0, 64.0, 200.0]]])).ravel().tolist()
        [0.0, 64.0, 192.0]
    """

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range=value_range, data_format=data_format, seed=seed, **kwargs)
        fewest, most = base.factor_range(self, "factor", factor, (1, 8))
        if fewest != int(fewest) or most != int(most):
            raise arguments.complain(self, "factor", "one or two integers from 1 to 8", factor)
        self.factor = int(fewest), int(most)

    def drawn(self, keys: jax.Array, batch: int, data: Any) -> dict[str, jax.Array]:
        fewest, most = self.factor
        bits = jax.random.randint(keys[0], (batch,), fewest, most + 1)
        return {"shift_factor": (8 - bits).astype("uint8")}

    def changed(self, images: jax.Array, transformation: Any) -> jax.Array:
        shift = jnp.reshape(transformation["shift_factor"], (-1, 1, 1, 1)).astype("uint8")
        values = whole(base.rescaled(images, self.value_range, _BYTE, images.dtype), 256)
        values = values.astype("uint8") >> shift << shift
        return base.rescaled(values.astype(images.dtype), _BYTE, self.value_range, images.dtype)


# -- histograms


def whole(values: jax.Array, bins: int) -> jax.Array:
    """Return the bins, 0 to bins - 1, in which values from 0 to 255 lie."""
    # A pixel that was scaled to 0 ... 1 and back may be a trifle below its whole number.
    scaled = jnp.floor(values * ((bins - 1) / 255) + 1e-3)
    return jnp.clip(scaled, 0, bins - 1).astype("int32")


def histograms(indices: jax.Array, bins: int) -> jax.Array:
    """Return how often each bin occurs along the last axis: (..., values) -> (..., bins)."""
    flat = indices.reshape(-1, indices.shape[-1])
    flat = flat + bins * jnp.arange(len(flat), dtype="int32")[:, None]
    counts = jnp.bincount(flat.ravel(), length=bins * len(flat))
    return counts.reshape(*indices.shape[:-1], bins)


def equalized(values: jax.Array, bins: int) -> jax.Array:
    """Return values from 0 to 255 with the histogram along the last axis made flat."""
    indices = whole(values, bins)
    counts = histograms(indices, bins)
    below = jnp.cumsum(counts, axis=-1)
    # The lowest value that occurs becomes 0.
    lowest = jnp.min(jnp.where(below > 0, below, below[..., -1:]), axis=-1, keepdims=True)
    room = below[..., -1:] - lowest
    table = jnp.round((below - lowest) * 255 / jnp.maximum(room, 1)).clip(0, 255)
    found = jnp.take_along_axis(table.astype(values.dtype), indices, axis=-1)
    several = jnp.sum(counts > 0, axis=-1, keepdims=True) > 1
    return jnp.where(several, found, values)


def clahe(images: jax.Array, grid: tuple[int, ...], clip_limit: float) -> jax.Array:
    """Return (batch, height, width, channels), values 0 to 255, equalized tile by tile."""
    batch, *sizes, channels = images.shape
    tile = [-(-size // n) for size, n in zip(sizes, grid)]
    pads = [(0, n * t - size) for n, t, size in zip(grid, tile, sizes)]
    padded = jnp.pad(images, [(0, 0), *pads, (0, 0)], mode="symmetric")
    pixels = jnp.clip(padded, 0, 255).astype("int32")
    tiles = pixels.reshape(batch, grid[0], tile[0], grid[1], tile[1], channels)
    tiles = tiles.transpose(0, 1, 3, 5, 2, 4).reshape(batch, *grid, channels, -1)
    tables = _limited_tables(histograms(tiles, 256).astype(images.dtype), clip_limit)
    # Beyond the centres of the outermost tiles, those tiles alone count.
    tables = jnp.pad(tables, [(0, 0), (1, 1), (1, 1), (0, 0), (0, 0)], mode="edge")
    (top, down), (left, across) = (
        _between_centres(n, size, images.dtype) for n, size in zip(grid, tile)
    )
    rows, down = top[None, :, None, None], down[None, :, None, None]
    columns, across = left[None, None, :, None], across[None, None, :, None]
    which = jnp.arange(batch)[:, None, None, None]
    channel = jnp.arange(channels)

    def corner(i: int, j: int) -> jax.Array:
        return tables[which, rows + i, columns + j, channel, pixels]

    upper = corner(0, 0) * (1 - across) + corner(0, 1) * across
    lower = corner(1, 0) * (1 - across) + corner(1, 1) * across
    return (upper * (1 - down) + lower * down)[:, : sizes[0], : sizes[1]]


def _limited_tables(counts: jax.Array, clip_limit: float) -> jax.Array:
    """Return the new value of each of 256 values, from histograms with their peaks cut off."""
    area = jnp.sum(counts[..., :1, :], axis=-1, keepdims=True)
    if clip_limit > 0:
        kept = jnp.minimum(counts, clip_limit * area / 256)
        counts = kept + jnp.sum(counts - kept, axis=-1, keepdims=True) / 256
    below = jnp.cumsum(counts, axis=-1)
    room = area - below[..., :1]
    tables = (below - below[..., :1]) * 255 / jnp.where(room == 0, 1, room)
    return jnp.clip(tables, 0, 255)


def _between_centres(count: int, size: int, dtype: Any) -> tuple[jax.Array, jax.Array]:
    """Return for each pixel along an axis the tile whose centre is before it, and how far."""
    place = (jnp.arange(count * size, dtype=dtype) - size / 2) / size + 1
    before = jnp.floor(place)
    return before.astype("int32"), place - before
