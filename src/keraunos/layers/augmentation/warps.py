"""Layers that bend images: another perspective, and waves as in rubber."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation.base import as_key, factor_range, uniform
from keraunos.layers.augmentation.base import value_range as checked_range
from keraunos.layers.augmentation.sampled import STILL, Places, SamplingLayer, projective_places


@register()
class RandomPerspective(SamplingLayer):
    """Moves three corners of some images at random, and the rest with them, in training.

    Args:
        factor: how likely an image is changed: (least, largest) from 0 to 1, of which a
            probability is drawn for each image; one number f is (0, f).
        scale: how far the corners move, from 0 to 1, at most half of it in parts of the image.
        interpolation: `"bilinear"` or `"nearest"`.
        fill_value: what lies beyond the edge.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor or scale outside 0 to 1, or an unknown name.

    Example:
        >>> RandomPerspective(scale=0.5)(jnp.ones((5, 4, 4, 1))).shape
        (5, 4, 4, 1)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: float = 1.0,
        interpolation: str = "bilinear",
        fill_value: float = 0.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        how = {"seed": seed, "data_format": data_format}
        super().__init__(interpolation, "constant", fill_value, **how, **kwargs)
        self.factor = factor_range(self, "factor", factor, bounds=(0.0, 1.0))
        self.scale = arguments.between(self, "scale", scale, 0, 1)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        batch, height, width = self.sizes(data)
        keys = self.keys(2, seed)
        x, y = width - 1.0, height - 1.0
        corners = jnp.array([[0.0, 0.0], [x, 0.0], [0.0, y], [x, y]])
        start = jnp.broadcast_to(corners, (batch, 4, 2))
        shift = uniform(keys[1], (batch, 4, 2), (-0.5 * self.scale, 0.5 * self.scale))
        return {
            "apply_perspective": _chosen(keys[0], batch, self.factor),
            "start_points": start,
            "end_points": start * (1 + shift),
            "input_shape": np.shape(data["images"] if isinstance(data, dict) else data),
        }

    def reading(self, transformation: Any, height: int, width: int) -> tuple[Any, Any, Places]:
        chosen = transformation["apply_perspective"][:, None]
        numbers = _homography(transformation["end_points"], transformation["start_points"])
        return jnp.any(chosen), jnp.where(chosen, numbers, STILL), projective_places

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        if not training or transformation is None:
            return bounding_boxes
        chosen = jnp.reshape(transformation["apply_perspective"], (-1, 1, 1))
        matrix = _homography(transformation["start_points"], transformation["end_points"])
        a, b, c, d, e, f, g, h = jnp.moveaxis(matrix, -1, 0)[..., None, None]

        def forwards(x: Any, y: Any) -> tuple[Any, Any]:
            depth = g * x + h * y + 1
            new = (a * x + b * y + c) / depth, (d * x + e * y + f) / depth
            return jnp.where(chosen, new[0], x), jnp.where(chosen, new[1], y)

        return self.moved_boxes(bounding_boxes, transformation, forwards)


def _chosen(key: jax.Array, batch: int, factor: tuple[float, float]) -> jax.Array:
    """Return which images are changed, each with a probability that is drawn for it."""
    keys = jax.random.split(key)
    return jax.random.uniform(keys[0], (batch,)) < uniform(keys[1], (batch,), factor)


def _homography(source: jax.Array, target: jax.Array) -> jax.Array:
    """Return the eight numbers (batch, 8) of the projective maps of four points to four others."""
    source, target = (jnp.asarray(points, "float32") for points in (source, target))
    one, zero = jnp.ones(source.shape[:-1] + (1,)), jnp.zeros(source.shape[:-1] + (3,))
    point = jnp.concatenate([source, one], axis=-1)
    rows = [
        jnp.concatenate([*sides, -target[..., i : i + 1] * source], axis=-1)
        for i, sides in enumerate(((point, zero), (zero, point)))
    ]
    wanted = jnp.concatenate([target[..., 0], target[..., 1]], axis=-1)[..., None]
    return jnp.linalg.solve(jnp.concatenate(rows, axis=1), wanted)[..., 0]


@register()
class RandomElasticTransform(SamplingLayer):
    """Distorts some images by smooth random waves, in training.

    Args:
        factor: how likely an image is changed; as in `RandomPerspective`.
        scale: strength and smoothness, (least, largest) up to 1; one number f is (0, f).
        interpolation: `"bilinear"` or `"nearest"`.
        fill_mode: `"constant"`, `"nearest"`, `"wrap"`, `"mirror"` or `"reflect"`.
        fill_value: for `fill_mode="constant"`.
        value_range: (lowest, highest) value of the pixels; the result is kept within it.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor or scale above 1, or an unknown name.

    Reference: Simard et al., Best practices for convolutional neural networks, 2003.

    Example:
        >>> RandomElasticTransform(scale=0.5)(jnp.ones((5, 8, 8, 1))).shape
        (5, 8, 8, 1)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        scale: Any = 1.0,
        interpolation: str = "bilinear",
        fill_mode: str = "reflect",
        fill_value: float = 0.0,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        how = {"seed": seed, "data_format": data_format}
        super().__init__(interpolation, fill_mode, fill_value, **how, **kwargs)
        # Below 0 is as 0: Keras writes (-f, f) for a number f into configs.
        self.factor = factor_range(self, "factor", factor, least=0.0)
        self.scale = factor_range(self, "scale", scale, least=0.0)
        self.value_range = checked_range(self, value_range)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training or self.factor[1] <= 0 or self.scale[1] <= 0:
            return None
        batch, _, _ = self.sizes(data)
        keys = self.keys(3, seed)
        return {
            "apply_transform": _chosen(keys[0], batch, self.factor),
            "distortion_factor": jnp.maximum(uniform(keys[1], (), self.scale), 0),
            "seed": keys[2],  # of the waves: the same for images and masks
        }

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        images = super().transform_images(images, transformation, training)
        changed = training and transformation is not None
        return jnp.clip(images, *self.value_range) if changed else images

    def reading(self, transformation: Any, height: int, width: int) -> tuple[Any, Any, Places]:
        chosen = transformation["apply_transform"]
        key, strength = as_key(transformation["seed"]), transformation["distortion_factor"]
        waves = _waves(key, chosen.shape[0], height, width, strength)
        return jnp.any(chosen), jnp.where(chosen[:, None, None], waves, 0), _waved_places


def _waved_places(waves: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
    return jnp.arange(height)[:, None] + waves[0], jnp.arange(width) + waves[1]


def _waves(key: jax.Array, batch: int, height: int, width: int, strength: jax.Array) -> jax.Array:
    """Return from how far down and across each pixel is read: (2, batch, height, width)."""
    sigma = jnp.maximum(0.05 * min(height, width) * strength, 1e-6)
    noise = jax.random.normal(key, (2, batch, height, width)) * sigma
    smooth = jnp.einsum(
        "ij,nbjk,lk->nbil", _smoothing(height, sigma), noise, _smoothing(width, sigma)
    )
    return 0.1 * max(height, width) * strength * smooth


def _smoothing(size: int, sigma: jax.Array) -> jax.Array:
    """Return the matrix of a Gaussian filter along an axis, cut off at three deviations."""
    # A matrix, because the width of a filter could not depend on a drawn number.
    steps = jnp.arange(1 - size, size)
    reach = jnp.floor(6 * sigma) // 2
    weights = jnp.where(jnp.abs(steps) <= reach, jnp.exp(-0.5 * (steps / sigma) ** 2), 0)
    weights = weights / jnp.sum(weights)
    distance = jnp.arange(size)[:, None] - jnp.arange(size)
    return weights[distance + size - 1]
