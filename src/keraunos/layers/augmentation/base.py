"""ImageLayer: what every layer on images shares: single images, batches, and dictionaries."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors, random
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import boxes as box_rules
from keraunos.layers.preprocessing._host import DataLayer

Transformation = Any  # what get_random_transformation returns: arrays, made once for a batch


class ImageLayer(DataLayer):
    """Base of the layers that change images, and what belongs to the images with them.

    Such a layer is called on images, (height, width, channels) or a batch of them, or on a
    dictionary with `"images"` and any of `"labels"`, `"bounding_boxes"` (a dictionary of `"boxes"`
    and `"labels"`), and `"segmentation_masks"`. `get_random_transformation` draws once for the
    whole batch, and each `transform_*` applies what was drawn. A subclass writes those that do
    something; labels, boxes and masks stay as they are otherwise.

    Args:
        bounding_box_format: how boxes are given, `"xyxy"` for example; see
            `keraunos.utils.bounding_boxes.convert_format`.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: an unknown format, or an input that is neither an image nor a batch.
    """

    def __init__(
        self, bounding_box_format: str | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if bounding_box_format is not None:
            arguments.one_of(self, "bounding_box_format", bounding_box_format, box_rules.FORMATS)
        self.bounding_box_format = bounding_box_format
        self.data_format = arguments.data_format(self, data_format)

    @property
    def height_axis(self) -> int:
        """The axis of the rows, counted from the end: so for single images as for batches."""
        return -2 if self.data_format == "channels_first" else -3

    @property
    def width_axis(self) -> int:
        return self.height_axis + 1

    @property
    def channels_axis(self) -> int:
        return -3 if self.data_format == "channels_first" else -1

    # -- to be written by a subclass ------------------------------------------------------------

    def get_random_transformation(
        self, data: Any, training: bool = True, seed: Any = None
    ) -> Transformation:
        """Return what `transform_*` need, one row for each image; None where nothing is needed."""
        return None

    def transform_images(
        self, images: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        """Return a batch of images transformed."""
        raise NotImplementedError(f"{type(self).__name__} has no transform_images()")

    def transform_labels(
        self, labels: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        """Return the labels of a batch."""
        return labels

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Transformation, training: bool = True
    ) -> dict[str, Any]:
        """Return {"boxes": (batch, boxes, 4), "labels": (batch, boxes)} of a batch."""
        return bounding_boxes

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        """Return the masks of a batch: images whose values are classes."""
        return segmentation_masks

    # -- one example, without an axis of examples -----------------------------------------------

    def transform_single_image(
        self, image: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        return self._single("images", image, transformation, training)

    def transform_single_label(
        self, label: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        return self._single("labels", label, transformation, training)

    def transform_single_bounding_box(
        self, bounding_box: dict[str, Any], transformation: Transformation, training: bool = True
    ) -> dict[str, Any]:
        return self._single("bounding_boxes", bounding_box, transformation, training)

    def transform_single_segmentation_mask(
        self, segmentation_mask: Any, transformation: Transformation, training: bool = True
    ) -> Any:
        return self._single("segmentation_masks", segmentation_mask, transformation, training)

    def _single(self, key: str, value: Any, transformation: Transformation, training: bool) -> Any:
        batch = jax.tree.map(lambda x: jnp.asarray(x)[None], value)
        outputs = getattr(self, f"transform_{key}")(batch, transformation, training=training)
        return jax.tree.map(lambda x: x[0], outputs)

    # -- calling --------------------------------------------------------------------------------

    def call(self, data: Any, training: bool = True) -> Any:
        parts = dict(data) if isinstance(data, dict) else {"images": data}
        parts["images"] = jnp.asarray(parts["images"])
        single = not self.is_batched(parts["images"])
        if "bounding_boxes" in parts:
            parts["bounding_boxes"] = self._boxes(parts["bounding_boxes"])
        if "segmentation_masks" in parts:
            self._check_masks(parts["segmentation_masks"], parts["images"])
        transformation = self.get_random_transformation(parts, training=training)
        for key in ("images", "labels", "bounding_boxes", "segmentation_masks"):
            if key in parts:
                value = jax.tree.map(jnp.asarray, parts[key])
                if single:
                    parts[key] = self._single(key, value, transformation, training)
                else:
                    transform = getattr(self, f"transform_{key}")
                    parts[key] = transform(value, transformation, training=training)
        return parts if isinstance(data, dict) else parts["images"]

    def is_batched(self, images: Any) -> bool:
        """Return whether images have an axis of examples."""
        rank = np.ndim(images)
        if rank not in (3, 4):
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}",
                    expected=f"one image (3 axes) or a batch (4), {self.data_format}",
                    got=f"shape {np.shape(images)}",
                )
            )
        return rank == 4

    def sizes(self, data: Any) -> tuple[int, int, int]:
        """Return (batch, height, width) of images or of a dictionary with them."""
        images = data["images"] if isinstance(data, dict) else data
        shape = np.shape(images)
        batch = shape[0] if self.is_batched(images) else 1
        return batch, shape[self.height_axis], shape[self.width_axis]

    def _boxes(self, given: Any) -> dict[str, Any]:
        where = f"{type(self).__name__} {self.name!r}: bounding_boxes"
        if not self.bounding_box_format:
            fix = "pass bounding_box_format, 'xyxy' for example, to the layer"
            raise ValueError(errors.report(f"{where} without a format", fix=fix))
        return box_rules.dense(given, where)

    def _check_masks(self, masks: Any, images: Any) -> None:
        if np.ndim(masks) != images.ndim or self.sizes(masks) != self.sizes(images):
            where = f"{type(self).__name__} {self.name!r}: segmentation_masks"
            expected = f"an axis of channels, and else the axes of the images, {images.shape}"
            raise ValueError(errors.report(where, expected=expected, got=f"{np.shape(masks)}"))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments; the layout always, as Keras does."""
        config = super().get_config() | {"data_format": self.data_format}
        if self.bounding_box_format is None:
            config.pop("bounding_box_format", None)
        return config


class RandomImageLayer(ImageLayer):
    """Base of the layers that draw: `keys` gives them fresh random keys.

    Args:
        seed: a fixed seed of its own; None follows `keraunos.utils.set_random_seed`.
    """

    def __init__(self, seed: int | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.seed = None if seed is None else arguments.integer(self, "seed", seed, least=0)
        self.generator = random.SeedGenerator(seed)

    def keys(self, count: int, seed: Any = None) -> jax.Array:
        """Return keys for the draws of one transformation.

        Args:
            count: how many.
            seed: what `get_random_transformation` was given: None, an integer (which repeats), a
                `SeedGenerator` or a key.
        """
        return jax.random.split(as_key(self.generator if seed is None else seed), count)


def as_key(seed: Any) -> jax.Array:
    """Return a key from a generator (its next one), an integer, or a key."""
    if isinstance(seed, random.SeedGenerator):
        return seed.next_key()
    if isinstance(seed, (int, np.integer)):
        return jax.random.key(int(seed) % 2**32)
    return seed


def uniform(key: jax.Array, shape: tuple[int, ...], bounds: tuple[float, float]) -> jax.Array:
    """Return float32 numbers between two bounds."""
    return jax.random.uniform(key, shape, "float32", *bounds)


# -- arguments of constructors


def factor_range(
    layer: DataLayer,
    argument: str,
    value: Any,
    bounds: tuple[float, float] = (-1.0, 1.0),
    least: float | None = None,
    open_low: bool = False,
    strict: bool = False,
) -> tuple[float, float]:
    """Return (lower, upper) of a factor: two numbers, or one for both sides of 0.

    Args:
        layer, argument: for the error.
        value: a number or two.
        bounds: what one number must be in. A pair that reaches beyond them is taken as it is, as
            Keras's layers of colour do, if it has a part in common with them.
        least: the lower end where one number is given; by default its negative, but not below
            the bounds.
        open_low: whether the lower bound itself is refused.
        strict: whether both numbers of a pair must be in the bounds.

    Raises:
        ValueError: anything else; the message has the bounds.
    """
    low, high = bounds
    pair = isinstance(value, (tuple, list))
    values: list[Any] = sorted(value) if pair and all(map(_is_number, value)) else [value]
    fits = (
        len(values) == 1 + pair
        and all(map(_is_number, values))
        and not (open_low and values[0] <= low)
        and values[-1 if pair and not strict else 0] >= low
        and values[0 if pair and not strict else -1] <= high
    )
    if not fits:
        interval = f"{'(' if open_low else '['}{low:g}, {high:g}]"
        raise arguments.complain(layer, argument, f"one or two numbers in {interval}", value)
    if pair:
        return values[0], values[1]
    size = abs(values[0])
    return (max(-size, low) if least is None else least), size


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def value_range(layer: DataLayer, value: Any, argument: str = "value_range") -> tuple[float, float]:
    """Return the checked range of the pixels' values, (lowest, highest)."""
    good = (
        isinstance(value, (tuple, list))
        and len(value) == 2
        and all(isinstance(v, (int, float, np.number)) for v in value)
        and value[0] < value[1]
    )
    if not good:
        raise arguments.complain(layer, argument, "two numbers, the smaller one first", value)
    return tuple(value)


def rescaled(
    images: jax.Array, old: tuple[float, float], new: tuple[float, float], dtype: Any = "float32"
) -> jax.Array:
    """Return images with values in the range `old` as values in the range `new`."""
    if tuple(old) == tuple(new):
        return images
    unit = (images.astype(dtype) - old[0]) / (old[1] - old[0])
    return unit * (new[1] - new[0]) + new[0]


def saturated(images: jax.Array, dtype: Any) -> jax.Array:
    """Return images in another dtype, with values beyond its range at the end of it.

    Floats are rounded to the nearest integer where the new dtype is an integer one.
    """
    if images.dtype == dtype:
        return images
    if jnp.issubdtype(dtype, jnp.integer):
        ends = jnp.iinfo(dtype)
        images = jnp.round(images) if jnp.issubdtype(images.dtype, jnp.floating) else images
        images = jnp.clip(images, ends.min, ends.max)
    return images.astype(dtype)
