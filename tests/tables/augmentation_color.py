"""Examples of the layers that change pixels, and what the real Keras does otherwise.

`WRONG` lists where Keras 3.15's code departs from its own documentation; the tests named there
state what is right.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
UNIT = {"value_range": (0, 1)}


class Row(NamedTuple):
    """One use of a layer."""

    layer: str
    options: dict[str, Any]
    batch: int = 2
    size: tuple[int, int] = (7, 6)

    @property
    def range(self) -> tuple[float, float]:
        return self.options.get("value_range", (0, 255))

    def images(self, dtype: str = "float32", seed: int = 0) -> np.ndarray:
        """Return whole values from 0 to 255, brought to the range of the layer."""
        rng = np.random.default_rng(seed)
        values = rng.integers(0, 256, (self.batch, *self.size, 3))
        low, high = (0, 255) if dtype == "uint8" else self.range
        return (low + values * ((high - low) / 255)).astype(dtype)

    @property
    def id(self) -> str:
        return f"{self.layer}({','.join(f'{k}={v}' for k, v in self.options.items())})"


ROWS = [
    Row("RandomBrightness", {"factor": 0.4}),
    Row("RandomBrightness", {"factor": (-0.1, 0.6), **UNIT, "seed": 3}),
    Row("RandomContrast", {"factor": 0.4}),
    Row("RandomContrast", {"factor": (0.2, 0.9), **UNIT}),
    Row("RandomSaturation", {"factor": (0.1, 0.5)}),
    Row("RandomSaturation", {"factor": (0.4, 0.9), **UNIT, "seed": 1}),
    Row("RandomHue", {"factor": 0.8}),
    Row("RandomHue", {"factor": (0.3, 1.0), "value_range": (-1, 1)}),
    Row("RandomColorDegeneration", {"factor": (0.3, 1.0)}),
    Row("RandomColorDegeneration", {"factor": (0.5, 0.5), **UNIT}),
    Row("RandomGrayscale", {}),
    Row("RandomGrayscale", {"factor": 0.7}, batch=4),
    Row("RandomInvert", {"factor": 0.9}, batch=4),
    Row("RandomInvert", {"factor": (0.4, 0.6), **UNIT}, batch=4),
    Row("AutoContrast", {}),
    Row("AutoContrast", {"value_range": (-1, 1)}),
    Row("Equalization", {"bins": 16}, batch=1),
    Row("Equalization", {"bins": 9, **UNIT}, batch=1),
    Row("ContrastLimitedAdaptiveHistogramEqualization", {}, size=(16, 12)),
    Row(
        "ContrastLimitedAdaptiveHistogramEqualization",
        {"clip_limit": 0.0, "tile_grid_size": (2, 3), **UNIT},
    ),
    Row("ContrastLimitedAdaptiveHistogramEqualization", {"tile_grid_size": (3, 2)}, size=(9, 8)),
    Row("Solarization", {}),
    Row("Solarization", {"addition_factor": 0.3, "threshold_factor": (0.2, 0.7)}),
    Row("Solarization", {"addition_factor": 0.5, "threshold_factor": 0.9, **UNIT}),
    Row("RandomPosterization", {"factor": 6}),
    Row("RandomPosterization", {"factor": (2, 5), **UNIT}),
    Row("RandomPosterization", {"factor": (3, 3)}),
    Row("RandomSharpness", {"factor": 0.9}),
    Row("RandomSharpness", {"factor": (0.2, 1.0), **UNIT}),
    Row("RandomGaussianBlur", {}),
    Row("RandomGaussianBlur", {"kernel_size": (5, 3), "sigma": (0.5, 1.0), **UNIT}, batch=4),
    Row("RandomErasing", {}),
    Row("RandomErasing", {"fill_value": 3, "scale": (0.2, 0.6)}),
    Row("RandomErasing", {"fill_value": 0.5, "factor": (0.4, 0.8), **UNIT}, batch=4),
    Row("MixUp", {}, batch=3),
    Row("MixUp", {"alpha": 1.0, "seed": 5}, batch=3),
    Row("CutMix", {}, batch=3),
    Row("CutMix", {"factor": (0.5, 1.0)}, batch=3),
]


def run(layer: Any, data: Any, training: bool = True) -> Any:
    """Return the output of a layer; one program is quicker to compile than each operation."""
    return jax.jit(lambda data: layer(data, training=training), compiler_options=QUICK)(data)


FIRST_OF_EACH = list({row.layer: row for row in reversed(ROWS)}.values())[::-1]

COMPOSED = [
    Row(
        "RandomColorJitter",
        {
            "brightness_factor": 0.2,
            "contrast_factor": 0.3,
            "saturation_factor": (0.2, 0.5),
            "hue_factor": 0.1,
        },
    ),
    Row("RandomColorJitter", {"hue_factor": 0.4, "contrast_factor": (0.1, 0.2), **UNIT}),
    Row("RandAugment", {}),
    Row("RandAugment", {"num_ops": 3, "factor": 0.7, "interpolation": "nearest", **UNIT}),
    Row("AugMix", {}),
    Row("AugMix", {"num_chains": 2, "chain_depth": 2, "all_ops": False, "alpha": 0.5, **UNIT}),
]

# Layer -> what the real Keras does, and the test that states what is right.
WRONG = {
    "RandomBrightness": (
        "integer images are added to modulo 256, and a negative number is none",
        "test_integers_do_not_wrap",
    ),
    "RandomContrast": (
        "a single f stretches by 1 to 1 + f; it documents 1 - f to 1 + f",
        "test_contrast_goes_both_ways",
    ),
    "RandomSaturation": (
        "a single f draws from -f to f, it documents 0 to f; colours beyond full leave the range",
        "test_a_single_factor_starts_at_zero, test_saturation_stays_in_the_range",
    ),
    "RandomColorDegeneration": (
        "a single f draws from -f to f; it documents 0 to f",
        "test_a_single_factor_starts_at_zero",
    ),
    "RandomColorJitter": (
        "the layers inside do not get data_format",
        "test_channels_first_is_channels_last_moved",
    ),
    "RandomGrayscale": (
        "a dictionary is refused, and the config lacks the seed",
        "test_dictionaries",
    ),
    "RandomInvert": (
        "highest - x leaves a range that does not start at 0",
        "test_negatives_stay_in_the_range",
    ),
    "AutoContrast": (
        "channels_first is stretched over channels and rows",
        "test_channels_first_is_channels_last_moved",
    ),
    "Equalization": (
        "one histogram for the whole batch: what an image becomes depends on the others",
        "test_equalization_is_of_each_image",
    ),
    "Solarization": (
        "the lower end of a factor is not multiplied by 255",
        "test_solarization_scales_both_ends",
    ),
    "RandomPosterization": (
        "the upper number of bits is never drawn",
        "test_posterization_draws_both_ends",
    ),
    "RandomGaussianBlur": (
        "one sigma for the whole batch; it documents one for each image",
        "test_each_image_has_its_own_draw",
    ),
    "RandomErasing": (
        "a fill value for each channel is a TypeError inside JAX",
        "test_erasing_takes_a_value_for_each_channel",
    ),
    "MixUp": (
        "labels of rank 1 become a matrix, boxes' labels are joined along the batch, masks too",
        "test_mixed_labels, test_mixup_keeps_the_boxes_of_both, test_mixed_masks",
    ),
    "CutMix": (
        "masks of one plane come out with the channels of the images",
        "test_mixed_masks",
    ),
    "RandAugment": (
        "boxes go through the operations in another order than the images",
        "test_boxes_follow_the_images",
    ),
    "AugMix": (
        "in a compiled step the chains are chosen once, when it is traced",
        "test_chains_change_in_a_compiled_function",
    ),
}
