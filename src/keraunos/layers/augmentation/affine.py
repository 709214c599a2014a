"""Layers that turn, zoom, move and shear images: one affine map an image, read backwards."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core.registry import register
from keraunos.layers.augmentation.base import factor_range, uniform
from keraunos.layers.augmentation.sampled import STILL, Places, SamplingLayer, affine_places

_FILLS = ("reflect", "wrap", "constant", "nearest")


class _AffineLayer(SamplingLayer):
    """Reads the pixel (x, y) from (a0 x + a1 y + a2, b0 x + b1 y + b2), a row of numbers an image.

    A subclass writes `get_random_transformation`, and `matrices` from what that returns.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        how = {"seed": seed, "data_format": data_format}
        super().__init__(interpolation, fill_mode, fill_value, _FILLS, **how, **kwargs)

    def matrices(self, transformation: Any) -> jax.Array:
        """Return (batch, 8): a0 a1 a2 b0 b1 b2 0 0."""
        raise NotImplementedError(f"{type(self).__name__} has no matrices()")

    def reading(self, transformation: Any, height: int, width: int) -> tuple[Any, Any, Places]:
        matrices = self.matrices(transformation)
        return jnp.any(matrices != STILL), matrices, affine_places

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        if not training or transformation is None:
            return bounding_boxes
        columns = jnp.moveaxis(self.matrices(transformation), -1, 0)[..., None, None]
        a0, a1, a2, b0, b1, b2 = columns[:6]

        def forwards(x: Any, y: Any) -> tuple[Any, Any]:
            x, y, area = x - a2, y - b2, a0 * b1 - a1 * b0
            return (b1 * x - a1 * y) / area, (a0 * y - b0 * x) / area

        return self.moved_boxes(bounding_boxes, transformation, forwards)


def _rows(*columns: Any) -> jax.Array:
    """Return (batch, 8) from six columns, each (batch,) or a number."""
    whole = jnp.broadcast_arrays(*columns, 0.0, 0.0)
    return jnp.stack(whole, axis=-1).astype("float32")


@register()
class RandomRotation(_AffineLayer):
    """Turns each image about its middle by a random angle, in training.

    Args:
        factor: the largest angle in parts of a full turn, or (least, largest) from -1 to 1;
            positive angles turn counterclockwise.
        fill_mode: what lies beyond the edge: `"reflect"`, `"wrap"`, `"constant"` or `"nearest"`.
        interpolation: `"bilinear"` or `"nearest"`.
        seed: a fixed seed of its own.
        fill_value: for `fill_mode="constant"`.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor outside -1 to 1, or an unknown name.

    Example:
        >>> quarter = RandomRotation((0.25, 0.25))
        >>> quarter(jnp.arange(4.0).reshape(2, 2, 1)).round(3)[..., 0].tolist()
        [[1.0, 3.0], [0.0, 2.0]]
    """

    def __init__(
        self,
        factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.factor = factor_range(self, "factor", factor)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, height, width = self.sizes(data)
        angle = 360 * uniform(self.keys(1, seed)[0], (batch,), self.factor)
        return {
            "angle": angle,
            "rotation_matrix": _turn(angle, height, width),
            "image_height": height,
            "image_width": width,
            "batch_size": batch,
        }

    def matrices(self, transformation: Any) -> jax.Array:
        return jnp.atleast_2d(transformation["rotation_matrix"])

    def image_size(self, transformation: Any) -> tuple[int, int]:
        return transformation["image_height"], transformation["image_width"]


def _turn(angle: jax.Array, height: int, width: int) -> jax.Array:
    """Return the matrices of turns about the middle by angles (batch,), in degrees."""
    x, y = (width - 1) / 2, (height - 1) / 2
    cos, sin = (f(angle * (math.pi / 180)) for f in (jnp.cos, jnp.sin))
    return _rows(cos, -sin, x - x * cos + y * sin, sin, cos, y - x * sin - y * cos)


@register()
class RandomZoom(_AffineLayer):
    """Makes what is in each image smaller or larger, by a random factor, in training.

    Args:
        height_factor: the largest change, or (least, largest), above -1 and up to 1: 0.2 is 20 %
            more of the image (smaller objects), -0.2 is 20 % less.
        width_factor: the same across; None keeps the aspect ratio.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Raises:
        ValueError: a factor outside of that range, or an unknown name.

    Example:
        >>> RandomZoom((-0.5, -0.5))(jnp.arange(9.0).reshape(1, 3, 3, 1))[0, 1, :, 0].tolist()
        [3.5, 4.0, 4.5]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any = None,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = self._zooms("height_factor", height_factor)
        self._widths = None if width_factor is None else self._zooms("width_factor", width_factor)

    def _zooms(self, argument: str, value: Any) -> tuple[float, float]:
        low, high = factor_range(self, argument, value, open_low=True, strict=True)
        return max(1 + low, 1e-6), 1 + high  # 1.0 stands for (-1, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, _, _ = self.sizes(data)
        keys = self.keys(2, seed)
        down = uniform(keys[0], (batch, 1), self._heights)
        across = down if self._widths is None else uniform(keys[1], (batch, 1), self._widths)
        shape = np.shape(data["images"] if isinstance(data, dict) else data)
        return {"height_zoom": down, "width_zoom": across, "input_shape": shape}

    def matrices(self, transformation: Any) -> jax.Array:
        height, width = self.image_size(transformation)
        across, down = (transformation[k][:, 0] for k in ("width_zoom", "height_zoom"))
        x, y = (width - 1) / 2 * (1 - across), (height - 1) / 2 * (1 - down)
        return _rows(across, 0.0, x, 0.0, down, y)


@register()
class RandomTranslation(_AffineLayer):
    """Moves each image by random parts of its height and width, in training.

    Args:
        height_factor: the largest part, or (least, largest) from -1 to 1; positive is down.
        width_factor: the same across; positive is to the right.
        fill_mode, interpolation, seed, fill_value, data_format: as in `RandomRotation`.

    Raises:
        ValueError: a factor outside -1 to 1, or an unknown name.

    Example:
        >>> layer = RandomTranslation(0.0, (0.5, 0.5), fill_mode="constant")
        >>> layer(jnp.arange(1.0, 5.0).reshape(1, 1, 4, 1))[0, 0, :, 0].tolist()
        [0.0, 0.0, 1.0, 2.0]
    """

    def __init__(
        self,
        height_factor: Any,
        width_factor: Any,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.height_factor, self.width_factor = height_factor, width_factor
        self._heights = factor_range(self, "height_factor", height_factor, strict=True)
        self._widths = factor_range(self, "width_factor", width_factor, strict=True)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, height, width = self.sizes(data)
        keys = self.keys(2, seed)
        across = width * uniform(keys[0], (batch,), self._widths)
        down = height * uniform(keys[1], (batch,), self._heights)
        shape = np.shape(data["images"] if isinstance(data, dict) else data)
        return {"translations": jnp.stack([across, down], axis=1), "input_shape": shape}

    def matrices(self, transformation: Any) -> jax.Array:
        across, down = jnp.moveaxis(transformation["translations"], -1, 0)
        return _rows(1.0, 0.0, -across, 0.0, 1.0, -down)


@register()
class RandomShear(_AffineLayer):
    """Shears each image by random factors, in training.

    Args:
        x_factor: how far at most a row moves for each row further down, or (least, largest), from 0
            to 1; the direction is random.
        y_factor: the same for columns.
        interpolation, fill_mode, fill_value, data_format, seed: as in `RandomRotation`.

    Raises:
        ValueError: a factor outside 0 to 1, or an unknown name.

    Example:
        >>> layer = RandomShear(0.5)
        >>> shear = {"shear_factor": jnp.array([[1.0, 0.0]])}
        >>> layer.transform_images(jnp.arange(4.0).reshape(1, 2, 2, 1), shear)[0, :, :, 0].tolist()
        [[0.0, 1.0], [3.0, 3.0]]
    """

    def __init__(
        self,
        x_factor: Any = 0.0,
        y_factor: Any = 0.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(fill_mode, interpolation, seed, fill_value, data_format, **kwargs)
        self.x_factor, self._across = self._shear("x_factor", x_factor)
        self.y_factor, self._down = self._shear("y_factor", y_factor)

    def _shear(self, argument: str, value: Any) -> tuple[Any, tuple[float, float]]:
        """Return a factor as it was given first, and its range."""
        # Keras writes (-f, f) for a number f into a config, and refuses to read that.
        if isinstance(value, (tuple, list)) and len(value) == 2 and value[0] == -value[1]:
            value = value[1]
        low, high = factor_range(self, argument, value, bounds=(0.0, 1.0), strict=True)
        return value, (low if isinstance(value, (tuple, list)) else -high, high)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, _, _ = self.sizes(data)
        keys = self.keys(3, seed)
        pairs = zip(keys[:2], (self._across, self._down))
        shears = jnp.stack([uniform(key, (batch,), span) for key, span in pairs], axis=1)
        sign = jnp.where(jax.random.bernoulli(keys[2], 0.5, (batch, 1)), 1, -1)
        shape = np.shape(data["images"] if isinstance(data, dict) else data)
        return {"shear_factor": shears * sign, "input_shape": shape}

    def matrices(self, transformation: Any) -> jax.Array:
        across, down = jnp.moveaxis(transformation["shear_factor"], -1, 0)
        return _rows(1.0, across, 0.0, down, 1.0, 0.0)
