"""Layers that mix the images of a batch with one another, and their labels as well."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import base
from keraunos.layers.augmentation.detail import rectangles


@register()
class MixUp(base.RandomImageLayer):
    """Adds to each image a part of another one (Zhang et al., arXiv 1710.09412).

    Labels, one-hot or numbers, are mixed in the same proportion; boxes of both images are kept.

    Args:
        alpha: the proportion is drawn from Beta(alpha, alpha): the larger, the more even.
        data_format: `"channels_last"` or `"channels_first"`.
        seed: a fixed seed of its own.

    Raises:
        ValueError: an alpha that is not positive; labels that are numbers of classes.

    Example:
        >>> layer = MixUp(seed=1)
        >>> out = layer({"images": jnp.ones((4, 8, 8, 3)), "labels": jnp.eye(4)})
        >>> out["labels"].sum(axis=1).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.alpha = positive(self, "alpha", alpha)

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        batch, *_ = self.sizes(data)
        if not training:
            return None
        order, weight = self.keys(2, seed)
        return {
            "mix_weight": betas(weight, self.alpha, (batch,)),
            "permutation_order": jax.random.permutation(order, batch),
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> jax.Array:
        if training:
            images = _mixed(jnp.asarray(images), transformation)
        return jnp.asarray(images, self.compute_dtype)

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        if not training:
            return labels
        return _mixed(_mixable(self, labels), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        if not training:
            return bounding_boxes
        order = transformation["permutation_order"]
        return {
            key: jnp.concatenate([value, jnp.asarray(value)[order]], axis=1)
            for key, value in bounding_boxes.items()
        }

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        if not training:
            return segmentation_masks
        return _mixed(jnp.asarray(segmentation_masks), transformation)


@register()
class CutMix(base.RandomImageLayer):
    """Pastes into each image a rectangle of another one (Yun et al., arXiv 1905.04899).

    Labels are mixed in proportion to the pixels. A single image stays as it is.

    Args:
        factor: (lower, upper), both from 0 to 1, of the alpha in Beta(alpha, alpha), from which
            the part that is kept is drawn; a single f means (0, f).
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor beyond 0 to 1; labels that are numbers of classes.
        NotImplementedError: bounding boxes: what is pasted need not hold a whole one.

    Example:
        >>> layer = CutMix(seed=1)
        >>> out = layer({"images": jnp.ones((4, 8, 8, 3)), "labels": jnp.eye(4)})
        >>> out["labels"].sum(axis=1).tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        batch, *_ = self.sizes(data)
        shape = np.shape(data["images"] if isinstance(data, dict) else data)
        if not training or len(shape) == 3:
            return None
        strength, weight, places, order = self.keys(4, seed)
        alpha = base.uniform(strength, (), self.factor) + 1e-6
        side = jnp.sqrt(1 - betas(weight, alpha, (batch,)))
        masks, pasted = rectangles(places, jnp.stack([side, side]), self, shape)
        return {
            "permutation_order": jax.random.permutation(order, batch),
            "batch_masks": masks,
            "mix_weight": 1 - pasted,
        }

    def transform_images(
        self, images: Any, transformation: Any = None, training: bool = True
    ) -> jax.Array:
        images = jnp.asarray(images, self.compute_dtype)
        return self._pasted(images, transformation) if training else images

    def transform_labels(self, labels: Any, transformation: Any, training: bool = True) -> Any:
        if not training or transformation is None:
            return labels
        return _mixed(_mixable(self, labels), transformation)

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        raise NotImplementedError(
            errors.report(f"CutMix {self.name!r} has no rule for bounding boxes", fix="use MixUp")
        )

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        masks = jnp.asarray(segmentation_masks)
        return self._pasted(masks, transformation) if training else masks

    def _pasted(self, images: jax.Array, transformation: Any) -> jax.Array:
        if transformation is None:
            return images
        # One plane for all channels: masks of classes have fewer of them than images.
        axis = self.channels_axis % 4
        inside = jax.lax.slice_in_dim(transformation["batch_masks"], 0, 1, axis=axis)
        return jnp.where(inside, images[transformation["permutation_order"]], images)


def positive(layer: base.ImageLayer, argument: str, value: Any) -> Any:
    """Return a number above 0."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not value > 0:
        raise arguments.complain(layer, argument, "a number above 0", value)
    return value


def betas(key: jax.Array, alpha: Any, shape: tuple[int, ...]) -> jax.Array:
    """Return numbers from Beta(alpha, alpha)."""
    # jax.random.beta compiles the gamma distribution's loop twice.
    one, other = jax.random.loggamma(key, alpha, (2, *shape), "float32")
    return jax.nn.sigmoid(one - other)


def _mixed(values: jax.Array, transformation: Any) -> jax.Array:
    """Return `weight * own + (1 - weight) * other`, in float32 at least."""
    values = values.astype(jnp.promote_types(values.dtype, "float32"))
    shape = (-1, *[1] * (values.ndim - 1))
    weight = jnp.reshape(transformation["mix_weight"], shape).astype(values.dtype)
    return weight * values + (1 - weight) * values[transformation["permutation_order"]]


def _mixable(layer: base.ImageLayer, labels: Any) -> jax.Array:
    labels = jnp.asarray(labels)
    if labels.ndim == 1 and not jnp.issubdtype(labels.dtype, jnp.floating):
        raise ValueError(
            errors.report(
                f"{type(layer).__name__} {layer.name!r}, labels",
                expected="one-hot labels, or floats: there is nothing between two classes",
                got=f"shape {labels.shape}, dtype {labels.dtype}",
                fix="keras.utils.to_categorical(labels)",
            )
        )
    return labels
