"""Layers that bring images, or the number of their boxes, to a fixed size."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import ops
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import boxes as box_rules
from keraunos.layers.augmentation.base import ImageLayer, saturated

_METHODS = ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")


@register()
class Resizing(ImageLayer):
    """Images of another height and width; integers stay integers.

    Args:
        height, width: of the result, in pixels.
        interpolation: `"bilinear"`, `"nearest"`, `"bicubic"`, `"lanczos3"` or `"lanczos5"`.
        crop_to_aspect_ratio: whether to cut off what does not fit, rather than to distort.
        pad_to_aspect_ratio: whether to fill up instead.
        fill_mode: only `"constant"`.
        fill_value: with what to fill up.
        antialias: whether to smooth before making smaller.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a size below 1, an unknown name, or both ways to keep the aspect ratio.

    Example:
        >>> Resizing(2, 3)(jnp.ones((5, 4, 4, 1))).shape
        (5, 2, 3, 1)
    """

    def __init__(
        self,
        height: int,
        width: int,
        interpolation: str = "bilinear",
        crop_to_aspect_ratio: bool = False,
        pad_to_aspect_ratio: bool = False,
        fill_mode: str = "constant",
        fill_value: float = 0.0,
        antialias: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, **kwargs)
        self.height = arguments.integer(self, "height", height)
        self.width = arguments.integer(self, "width", width)
        self.interpolation = arguments.one_of(self, "interpolation", interpolation, _METHODS)
        self.fill_mode = arguments.one_of(self, "fill_mode", fill_mode, ("constant",))
        if crop_to_aspect_ratio and pad_to_aspect_ratio:
            expected = "False where crop_to_aspect_ratio is True"
            raise arguments.complain(self, "pad_to_aspect_ratio", expected, pad_to_aspect_ratio)
        self.crop_to_aspect_ratio = crop_to_aspect_ratio
        self.pad_to_aspect_ratio = pad_to_aspect_ratio
        self.fill_value, self.antialias = fill_value, bool(antialias)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return (height, width) of the images as they come."""
        return self.sizes(data)[1:]

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._resized(images, self.interpolation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return self._resized(segmentation_masks, "nearest")

    def _resized(self, images: jax.Array, interpolation: str) -> jax.Array:
        resized = ops.image.resize(
            images,
            (self.height, self.width),
            interpolation=interpolation,
            antialias=self.antialias,
            crop_to_aspect_ratio=self.crop_to_aspect_ratio,
            pad_to_aspect_ratio=self.pad_to_aspect_ratio,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )
        return saturated(resized, images.dtype)

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        height, width = transformation
        boxes = bounding_boxes["boxes"]
        padding = jnp.all(boxes == -1, axis=-1) | jnp.all(boxes == 0, axis=-1)
        form = str(self.bounding_box_format)
        boxes = box_rules.convert_format(boxes, form, "xyxy", height, width)
        scale, offset = self._scale_and_offset(height, width)
        moved = bounding_boxes | {"boxes": boxes * jnp.array(scale * 2) + jnp.array(offset * 2)}
        moved = box_rules.clip_to_image_size(moved, self.height, self.width)
        moved["boxes"] = jnp.where(padding[..., None], 0, moved["boxes"])
        return box_rules.convert_format(moved, "xyxy", form, self.height, self.width)

    def _scale_and_offset(
        self, height: int, width: int
    ) -> tuple[tuple[float, float], tuple[float, float]]:
        """Return the factors of x and y, and what is added to them then, in whole pixels."""
        across, down = self.width / width, self.height / height
        if not self.crop_to_aspect_ratio and not self.pad_to_aspect_ratio:
            return (across, down), (0.0, 0.0)
        scale = max(across, down) if self.crop_to_aspect_ratio else min(across, down)
        # Rounded, so that 2.9999 and 3.0001 are the same margin.
        room = [round(s * scale - n, 6) for s, n in ((width, self.width), (height, self.height))]
        x, y = (math.copysign(1, -r) * (abs(r) // 2) for r in room)
        return (scale, scale), (x, y)


@register()
class MaxNumBoundingBoxes(ImageLayer):
    """The same number of boxes for each image: what is more is cut off, what lacks filled up.

    Args:
        max_number: the number of boxes.
        fill_value: what the boxes and labels consist of that are added.

    Raises:
        ValueError: a number below 1.

    Example:
        >>> layer = MaxNumBoundingBoxes(2, bounding_box_format="xyxy")
        >>> boxes = {"boxes": jnp.ones((1, 1, 4)), "labels": jnp.ones((1, 1), int)}
        >>> layer({"images": jnp.ones((1, 3, 3, 1)), "bounding_boxes": boxes})[
        ...     "bounding_boxes"]["labels"].tolist()
        [[1, -1]]
    """

    def __init__(self, max_number: int, fill_value: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.max_number = arguments.integer(self, "max_number", max_number)
        self.fill_value = int(fill_value)

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> Any:
        return images

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any = None, training: bool = True
    ) -> dict[str, Any]:
        parts = {key: self._fixed(bounding_boxes[key]) for key in ("boxes", "labels")}
        return bounding_boxes | parts

    def _fixed(self, x: Any) -> jax.Array:
        x = jnp.asarray(x)[:, : self.max_number]
        lacking = [(0, 0), (0, self.max_number - x.shape[1])] + [(0, 0)] * (x.ndim - 2)
        return jnp.pad(x, lacking, constant_values=self.fill_value)
