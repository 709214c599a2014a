"""Layers made of other layers: random choices of augmentations, and plain pipelines."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import Tracer

from keraunos import errors
from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos.layers import _arguments as arguments
from keraunos.layers.augmentation import affine, base, color, detail, tone
from keraunos.layers.augmentation.mixing import positive

_GEOMETRIC = ("random_shear", "random_translation", "random_rotation")
_TONES = ("random_posterization", "solarization", "auto_contrast", "equalization")
_COLORS = ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")

# Attribute -> class, and the arguments that the strength, (lower, upper), goes to.
_OPERATIONS: dict[str, tuple[Callable[..., Layer], Callable[[Any], dict[str, Any]]]] = {
    "random_shear": (affine.RandomShear, lambda f: {"x_factor": f, "y_factor": f}),
    "random_translation": (
        affine.RandomTranslation,
        lambda f: {"height_factor": f, "width_factor": f},
    ),
    "random_rotation": (affine.RandomRotation, lambda f: {"factor": f}),
    "random_posterization": (
        tone.RandomPosterization,
        lambda f: {"factor": max(1, int(8 * f[1]))},
    ),
    "solarization": (
        tone.Solarization,
        lambda f: {"addition_factor": f, "threshold_factor": f},
    ),
    "auto_contrast": (tone.AutoContrast, lambda f: {}),
    "equalization": (tone.Equalization, lambda f: {}),
    "random_brightness": (color.RandomBrightness, lambda f: {"factor": f}),
    "random_color_degeneration": (color.RandomColorDegeneration, lambda f: {"factor": f}),
    "random_contrast": (color.RandomContrast, lambda f: {"factor": f}),
    "random_sharpness": (detail.RandomSharpness, lambda f: {"factor": f}),
}


class _Policy(base.RandomImageLayer):
    """Base of the layers that choose among operations of one strength."""

    names: tuple[str, ...]  # of the operations: attributes of the layer

    def __init__(
        self, value_range: Any, factor: Any, interpolation: str, seed: Any, **kwargs: Any
    ) -> None:
        super().__init__(seed=seed, **kwargs)
        self.value_range = base.value_range(self, value_range)
        self.factor = base.factor_range(self, "factor", factor, (0, 1))
        self.interpolation = arguments.one_of(
            self, "interpolation", interpolation, ("nearest", "bilinear")
        )

    def _make(self, names: tuple[str, ...]) -> None:
        self.names = names
        shared = {
            "data_format": self.data_format,
            "bounding_box_format": self.bounding_box_format,
            "dtype": self.dtype_policy,
            "seed": self.seed,
        }
        for name in names:
            kind, options = _OPERATIONS[name]
            where = "interpolation" if name in _GEOMETRIC else "value_range"
            own = options(self.factor) | {where: getattr(self, where)}
            setattr(self, name, kind(**own, **shared))


@register()
class RandAugment(_Policy):
    """Applies a few operations to a batch, chosen anew each time (Cubuk et al., arXiv 1909.13719).

    All images of a batch get the same operations, each in a strength of its own.

    Args:
        value_range: (lowest, highest) value of the images.
        num_ops: how many operations, one after the other.
        factor: (lower, upper) of the strength, both from 0 to 1; a single f means (0, f).
        interpolation: `"bilinear"` or `"nearest"`, where pixels move.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor beyond 0 to 1, `num_ops` that is no positive integer.

    Example:
        >>> RandAugment(num_ops=3, factor=0.4)(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format=data_format, **kwargs
        )
        self.num_ops = arguments.integer(self, "num_ops", num_ops)
        self._make((*_GEOMETRIC, *_COLORS, *_TONES))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        if not training:
            return None
        choice, *keys = self.keys(1 + len(self.names), seed)
        return {
            "transforms": {
                name: getattr(self, name).get_random_transformation(data, seed=key)
                for name, key in zip(self.names, keys)
            },
            "layer_idxes": jax.random.randint(choice, (self.num_ops,), 0, len(self.names)),
        }

    def transform_images(
        self, images: Any, transformation: Any, training: bool = True
    ) -> jax.Array:
        images = jnp.asarray(images, self.compute_dtype)
        return self._applied("images", images, transformation) if training else images

    def transform_bounding_boxes(
        self, bounding_boxes: dict[str, Any], transformation: Any, training: bool = True
    ) -> dict[str, Any]:
        if not training:
            return bounding_boxes
        return self._applied("bounding_boxes", bounding_boxes, transformation)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        masks = jnp.asarray(segmentation_masks)
        return self._applied("segmentation_masks", masks, transformation) if training else masks

    def _applied(self, what: str, value: Any, transformation: Any) -> Any:
        def branch(name: str) -> Callable[[Any], Any]:
            transform = getattr(getattr(self, name), f"transform_{what}")
            return lambda x: transform(x, transformation["transforms"][name])

        branches = [branch(name) for name in self.names]
        return _in_turn(branches, transformation["layer_idxes"], value)


@register()
class AugMix(_Policy):
    """Mixes a batch with chains of operations on it (Hendrycks et al., arXiv 1912.02781).

    All images of a batch go through the same chains, which are chosen anew at each step.

    Args:
        value_range: (lowest, highest) value of the images; results are clipped to it.
        num_chains: how many chains are mixed.
        chain_depth: the most operations in a chain; each place stays empty now and then.
        factor: (lower, upper) of the strength, both from 0 to 1; a single f means (0, f).
        alpha: of the Beta and Dirichlet distributions that weigh the mixture.
        all_ops: whether brightness, colour, contrast and sharpness are among the operations.
        interpolation: `"bilinear"` or `"nearest"`, where pixels move.
        seed: a fixed seed of its own.
        data_format: `"channels_last"` or `"channels_first"`.

    Raises:
        ValueError: a factor beyond 0 to 1, an alpha that is not positive, counts that are none.

    Example:
        >>> AugMix(num_chains=1, chain_depth=1)(jnp.ones((2, 8, 8, 3))).shape
        (2, 8, 8, 3)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            value_range, factor, interpolation, seed, data_format=data_format, **kwargs
        )
        self.num_chains = arguments.integer(self, "num_chains", num_chains)
        self.chain_depth = arguments.integer(self, "chain_depth", chain_depth)
        self.alpha = positive(self, "alpha", alpha)
        self.all_ops = all_ops
        self._make((*_GEOMETRIC, *_TONES, *(_COLORS if all_ops else ())))

    def get_random_transformation(self, data: Any, training: bool = True, seed: Any = None) -> Any:
        """Return the weights, and (chains, depth) numbers of operations and keys to draw with.

        The number after the last operation stands for none.
        """
        if not training:
            return None
        weights, choice, draws = self.keys(3, seed)
        shape = self.num_chains, self.chain_depth
        # Both distributions are made of gammas: their loop is compiled once.
        gammas = jax.random.loggamma(weights, self.alpha, (self.num_chains + 2,), "float32")
        return {
            "chain_mixing_weights": jax.nn.softmax(gammas[2:]),
            "weight_sample": jax.nn.sigmoid(gammas[0] - gammas[1]),
            "layer_idxes": jax.random.randint(choice, shape, 0, len(self.names) + 1),
            "keys": jax.random.split(draws, shape),
        }

    def transform_images(
        self, images: Any, transformation: Any, training: bool = True
    ) -> jax.Array:
        images = jnp.asarray(images, self.compute_dtype)
        if not training:
            return images
        mixed = self._mixed("images", images, transformation)
        return jnp.clip(mixed, *self.value_range).astype(self.compute_dtype)

    def transform_segmentation_masks(
        self, segmentation_masks: Any, transformation: Any, training: bool = True
    ) -> Any:
        masks = jnp.asarray(segmentation_masks)
        return self._mixed("segmentation_masks", masks, transformation) if training else masks

    def _mixed(self, what: str, value: jax.Array, transformation: Any) -> jax.Array:
        def branch(name: str) -> Callable[[Any, Any], Any]:
            layer = getattr(self, name)
            transform = getattr(layer, f"transform_{what}")
            return lambda x, key: transform(x, layer.get_random_transformation(x, seed=key))

        branches = [*(branch(name) for name in self.names), lambda x, key: x]
        wide = value.astype(jnp.promote_types(value.dtype, "float32"))

        def added(total: jax.Array, chain: Any) -> jax.Array:
            weight, choices, keys = chain
            return total + weight * _in_turn(branches, choices, value, keys).astype(wide.dtype)

        chains = [transformation[k] for k in ("chain_mixing_weights", "layer_idxes", "keys")]
        own = transformation["weight_sample"]
        return own * wide + (1 - own) * _folded(added, jnp.zeros_like(wide), chains)


@register()
class Pipeline(Layer):
    """Layers one after the other, as one layer.

    Args:
        layers: the layers.
        name: a name.

    Raises:
        TypeError: something that is not a layer.

    Example:
        >>> import keraunos as keras
        >>> augment = Pipeline([keras.layers.RandomFlip(), keras.layers.RandAugment()])
        >>> augment(jnp.ones((2, 8, 8, 3)), training=True).shape
        (2, 8, 8, 3)
    """

    def __init__(self, layers: Sequence[Layer], name: str | None = None) -> None:
        super().__init__(name=name, autocast=False)
        wrong = [one for one in layers if not isinstance(one, Layer)]
        if wrong:
            raise TypeError(
                errors.report(f"Pipeline {self.name!r}", expected="layers", got=repr(wrong[0]))
            )
        self._pipeline_layers = list(layers)

    @property
    def layers(self) -> list[Layer]:
        return list(self._pipeline_layers)

    def call(self, inputs: Any, training: bool = True, mask: Any = None) -> Any:
        for layer in self._pipeline_layers:
            inputs = layer(inputs, training=training)
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the layers and the name: Keras takes no other argument."""
        return {"layers": registry.serialize(self._pipeline_layers), "name": self.name}


def _in_turn(branches: Sequence[Callable[..., Any]], choices: Any, value: Any, *more: Any) -> Any:
    """Return `value` after the chosen branches, one after the other.

    Args:
        branches: functions of the value and of one element of each of `more`; what they return is
            brought to the value's dtypes.
        choices: numbers of branches, known or traced.
        value: an array, or a structure of arrays.
        more: arrays with an element for each choice.
    """

    def kept(branch: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x, *rest: jax.tree.map(
            lambda new, old: jnp.asarray(new, jnp.asarray(old).dtype), branch(x, *rest), x
        )

    branches = [kept(branch) for branch in branches]

    def step(value: Any, row: Any) -> Any:
        choice, *rest = row
        if isinstance(choice, Tracer):
            return jax.lax.switch(choice, branches, value, *rest)
        return branches[int(choice)](value, *rest)

    return _folded(step, jax.tree.map(jnp.asarray, value), [choices, *more])


def _folded(step: Callable[[Any, Any], Any], value: Any, rows: list[Any]) -> Any:
    """Return `value` after `step(value, row)` for each row: a scan, inside a compiled step."""
    if any(isinstance(one, Tracer) for one in rows):
        # Each branch is compiled once, however many rows there are.
        return jax.lax.scan(lambda v, row: (step(v, row), None), value, rows)[0]
    for i in range(len(rows[0])):
        value = step(value, [row[i] for row in rows])
    return value
