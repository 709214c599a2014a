"""SamplingLayer: reads each pixel of the result from some place of the image."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._kernels import sampling
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import boxes as box_rules
from keraunos.layers.augmentation.base import RandomImageLayer

INTERPOLATIONS = ("bilinear", "nearest")
# (numbers, height, width) -> the rows and columns that are read, (batch, height, width) both
Places = Callable[[Any, int, int], tuple[jax.Array, jax.Array]]


class SamplingLayer(RandomImageLayer):
    """Base of the layers that read each pixel of the result from some place of the image.

    A subclass writes `get_random_transformation`, and `reading` for what that returns.

    Args:
        interpolation: `"bilinear"` or `"nearest"`; masks are always read by `"nearest"`.
        fill_mode: what lies beyond the edge, as in `keraunos._kernels.sampling`.
        fill_value: for `"constant"`.
        fill_modes: those that the layer knows.
    """

    def __init__(
        self,
        interpolation: str,
        fill_mode: str,
        fill_value: float,
        fill_modes: tuple[str, ...] = sampling.FILL_MODES,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.interpolation = arguments.one_of(self, "interpolation", interpolation, INTERPOLATIONS)
        self.fill_mode = arguments.one_of(self, "fill_mode", fill_mode, fill_modes)
        self.fill_value = float(fill_value)

    def reading(self, transformation: Any, height: int, width: int) -> tuple[Any, Any, Places]:
        """Return whether any image is changed, numbers, and the places that these mean.

        The function of the places must be one of a module: what is compiled for it is kept.
        """
        raise NotImplementedError(f"{type(self).__name__} has no reading()")

    def _read(self, images: jax.Array, transformation: Any, interpolation: str) -> jax.Array:
        size = images.shape[self.height_axis], images.shape[self.width_axis]
        changed, numbers, places = self.reading(transformation, *size)
        how = (interpolation, self.fill_mode, self.fill_value, self.data_format)
        return _read(images, changed, numbers, places, how)

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        images = jnp.asarray(images).astype(self.compute_dtype)
        if not training or transformation is None:
            return images
        return self._read(images, transformation, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        if not training or transformation is None:
            return segmentation_masks
        return self._read(jnp.asarray(segmentation_masks), transformation, "nearest")

    def image_size(self, transformation: Any) -> tuple[int, int]:
        """Return (height, width) of the images that a transformation was drawn for."""
        shape = transformation["input_shape"]
        return shape[self.height_axis], shape[self.width_axis]

    def moved_boxes(
        self,
        bounding_boxes: dict[str, Any],
        transformation: Any,
        move: Callable[[Any, Any], tuple[Any, Any]],
    ) -> dict[str, Any]:
        """Return upright boxes around what `move`, of x and y, makes of the corners."""
        form, size = str(self.bounding_box_format), self.image_size(transformation)
        parts = box_rules.convert_format(bounding_boxes, form, "xyxy", *size)
        parts["boxes"] = box_rules.mapped(parts["boxes"], move)
        parts = box_rules.clip_to_image_size(parts, *size)
        return box_rules.convert_format(parts, "xyxy", form, *size)


@functools.partial(jax.jit, static_argnames=("places", "how"))
def _read(
    images: jax.Array,
    changed: jax.Array,
    numbers: Any,
    places: Places,
    how: tuple[str, str, float, str],
) -> jax.Array:
    interpolation, fill_mode, fill_value, data_format = how
    fill = {"fill_mode": fill_mode, "fill_value": fill_value}

    def move(images: jax.Array) -> jax.Array:
        last = jnp.moveaxis(images, 1, -1) if data_format == "channels_first" else images
        rows, columns = places(numbers, *last.shape[1:3])
        moved = sampling.sample(last, rows, columns, interpolation=interpolation, **fill)
        return jnp.moveaxis(moved, -1, 1) if data_format == "channels_first" else moved

    # The condition also keeps XLA from computing one layer's pixels again for each pixel that the
    # next layer reads: without it, two rotations in a row took 12 times as long as one. (A choice
    # for each image by `where` would double the time: images that stay are read where they are.)
    return jax.lax.cond(changed, move, lambda images: images, images)


STILL = np.array([1, 0, 0, 0, 1, 0, 0, 0], "float32")  # the numbers that move nothing


def projective_places(numbers: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
    """Return places by numbers a0 a1 a2 b0 b1 b2 c0 c1, (batch, 8).

    x and y are read from (a0 x + a1 y + a2) / k and (b0 x + b1 y + b2) / k, k = c0 x + c1 y + 1.
    """
    x, y = jnp.arange(width, dtype="float32"), jnp.arange(height, dtype="float32")[:, None]
    column, row, depth = (
        numbers[:, i, None, None] * x + numbers[:, i + 1, None, None] * y for i in (0, 3, 6)
    )
    depth = depth + 1
    a2, b2 = (numbers[:, i, None, None] for i in (2, 5))
    return (row + b2) / depth, (column + a2) / depth


def affine_places(numbers: jax.Array, height: int, width: int) -> tuple[jax.Array, jax.Array]:
    """Return places as `projective_places` does where c0 and c1 are 0."""
    x, y = jnp.arange(width, dtype="float32"), jnp.arange(height, dtype="float32")[:, None]
    a0, a1, a2, b0, b1, b2 = (numbers[:, i, None, None] for i in range(6))
    return b0 * x + b1 * y + b2, a0 * x + a1 * y + a2
