"""Layers that mirror images or cut a part out of them: no pixel is interpolated."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import ops
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import boxes as box_rules
from keraunos.layers.augmentation.base import ImageLayer, RandomImageLayer

_MODES = ("horizontal", "vertical", "horizontal_and_vertical")


@register()
class RandomFlip(RandomImageLayer):
    """Mirrors half of the images in training.

    Args:
        mode: `"horizontal"` swaps left and right, `"vertical"` top and bottom,
            `"horizontal_and_vertical"` both at once.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> image = jnp.arange(4.0).reshape(1, 2, 2, 1)
        >>> layer = RandomFlip("horizontal")
        >>> layer.transform_images(image, {"flips": True})[0, :, :, 0].tolist()
        [[1.0, 0.0], [3.0, 2.0]]
    """

    def __init__(
        self,
        mode: str = "horizontal_and_vertical",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.mode = arguments.one_of(self, "mode", mode, _MODES)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        images = data["images"] if isinstance(data, dict) else data
        batch, _, _ = self.sizes(images)
        flips = jax.random.bernoulli(self.keys(1, seed)[0], 0.5, (batch, 1, 1, 1))
        return {"flips": flips, "input_shape": np.shape(images)}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        images = jnp.asarray(images).astype(self.compute_dtype)
        if not training or transformation is None:
            return images
        sides = ((self.width_axis, "horizontal"), (self.height_axis, "vertical"))
        axes = [axis for axis, name in sides if name in self.mode]
        return jnp.where(transformation["flips"], jnp.flip(images, axes), images)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        return self.transform_images(segmentation_masks, transformation, training)

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        if not training or transformation is None:
            return bounding_boxes
        shape, form = transformation["input_shape"], str(self.bounding_box_format)
        height, width = shape[self.height_axis], shape[self.width_axis]
        parts = box_rules.convert_format(bounding_boxes, form, "rel_xyxy", height, width)
        flips = jnp.reshape(transformation["flips"], (-1, 1, 1))
        for first, name in ((0, "horizontal"), (1, "vertical")):
            if name in self.mode:
                boxes = parts["boxes"]
                mirrored = boxes.at[..., [first, first + 2]].set(1 - boxes[..., [first + 2, first]])
                parts["boxes"] = jnp.where(flips, mirrored, boxes)
        parts = box_rules.clip_to_image_size(parts, bounding_box_format="rel_xyxy")
        return box_rules.convert_format(parts, "rel_xyxy", form, height, width)


class _Crop(ImageLayer):
    """Cuts a window out of the images and, where it has another size, makes it the wanted one."""

    height: int
    width: int

    def _largest_window(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return top, left, rows and columns of the middle part that has the wanted aspect."""
        rows = max(min(height, width * self.height // self.width), 1)
        columns = max(min(width, height * self.width // self.height), 1)
        return (height - rows) // 2, (width - columns) // 2, rows, columns

    def _cut(self, images: Any, window: Any, interpolation: str) -> Any:
        top, left, rows, columns = window
        images = jnp.asarray(images).astype(self.compute_dtype)
        axis = images.ndim + self.height_axis
        images = jax.lax.dynamic_slice_in_dim(images, top, rows, axis)
        images = jax.lax.dynamic_slice_in_dim(images, left, columns, axis + 1)
        if (rows, columns) == (self.height, self.width):
            return images
        size = (self.height, self.width)
        resized = ops.image.resize(images, size, interpolation, data_format=self.data_format)
        return resized.astype(images.dtype)

    def _boxes_in(self, bounding_boxes: dict[str, Any], window: Any, size: Any) -> dict[str, Any]:
        """Return boxes of images of a (height, width) after `_cut`."""
        top, left, rows, columns = window
        form = str(self.bounding_box_format)
        inside = box_rules.convert_format(bounding_boxes, form, "xyxy", *size)
        cut = box_rules.crop(inside["boxes"], top, left, rows, columns)
        inside["boxes"] = cut * jnp.array([self.width / columns, self.height / rows] * 2)
        inside = box_rules.clip_to_image_size(inside, self.height, self.width)
        return box_rules.convert_format(inside, "xyxy", form, self.height, self.width)


@register()
class CenterCrop(_Crop):
    """The middle of the images; of smaller ones the largest part of that aspect ratio, resized.

    Args:
        height, width: of the result, in pixels.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> CenterCrop(1, 2)(jnp.arange(12.0).reshape(3, 4, 1))[..., 0].tolist()
        [[5.0, 6.0]]
    """

    def __init__(
        self, height: int, width: int, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = arguments.integer(self, "height", height)
        self.width = arguments.integer(self, "width", width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        return {"input_shape": np.shape(data["images"] if isinstance(data, dict) else data)}

    def _window(self, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
        height, width = shape[self.height_axis], shape[self.width_axis]
        if height < self.height or width < self.width:
            return self._largest_window(height, width)
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return top, left, self.height, self.width

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._cut(images, self._window(np.shape(images)), "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._cut(segmentation_masks, self._window(np.shape(segmentation_masks)), "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        shape = transformation["input_shape"]
        size = shape[self.height_axis], shape[self.width_axis]
        return self._boxes_in(bounding_boxes, self._window(shape), size)


@register()
class RandomCrop(_Crop, RandomImageLayer):
    """A part of the images at a random place, the same for the whole batch, in training.

    In inference, and of images that are smaller, it is the largest part in the middle with that
    aspect ratio, resized.

    Args:
        height, width: of the result, in pixels.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.
        name: see `Layer`.

    Raises:
        ValueError: a size below 1.

    Example:
        >>> RandomCrop(2, 3)(jnp.ones((5, 4, 4, 1))).shape
        (5, 2, 3, 1)
    """

    def __init__(
        self,
        height: int,
        width: int,
        seed: int | None = None,
        data_format: str | None = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, name=name, **kwargs)
        self.height = arguments.integer(self, "height", height)
        self.width = arguments.integer(self, "width", width)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return the window (top, left, rows, columns), and (height, width) of the images."""
        _, height, width = self.sizes(data)
        window = self._largest_window(height, width)
        if training and height >= self.height and width >= self.width:
            room = (height - self.height, width - self.width)
            draws = zip(self.keys(2, seed), room)
            top, left = (jax.random.randint(key, (), 0, n + 1) for key, n in draws)
            window = (top, left, self.height, self.width)
        return {"window": window, "size": (height, width)}

    def transform_images(self, images: Any, transformation: Any, training: bool = True) -> Any:
        return self._cut(images, transformation["window"], "bilinear")

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        return self._cut(segmentation_masks, transformation["window"], "nearest")

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        return self._boxes_in(bounding_boxes, transformation["window"], transformation["size"])
