"""Examples of the layers that move pixels: arguments, images, and where the real Keras is wrong."""

from typing import Any, NamedTuple

import numpy as np

LAST, FIRST, SINGLE, SQUARE = (3, 6, 8, 2), (3, 2, 6, 8), (6, 8, 2), (3, 7, 7, 2)


class Case(NamedTuple):
    """One use of a layer on images."""

    layer: str
    options: dict[str, Any]
    shape: tuple[int, ...] = LAST
    wrong: str = ""  # what the real Keras gets wrong; see test_objects_stay_in_their_boxes

    def images(self, seed: int = 0, dtype: str = "float32") -> np.ndarray:
        """Return random images with values from 0 to 255."""
        return np.random.default_rng(seed).uniform(0, 255, self.shape).astype(dtype)

    @property
    def id(self) -> str:
        given = ",".join(f"{k}={v}" for k, v in self.options.items())
        return f"{self.layer}({given})-{len(self.shape)}"


_FIRST = {"data_format": "channels_first"}

# Layers that draw nothing: the whole call equals that of Keras.
FIXED = [
    *(
        Case("Resizing", {"height": 4, "width": 5, "interpolation": method})
        for method in ("bilinear", "nearest", "bicubic", "lanczos3", "lanczos5")
    ),
    Case("Resizing", {"height": 3, "width": 3, "antialias": True}, SINGLE),
    Case("Resizing", {"height": 9, "width": 5, **_FIRST}, FIRST),
    Case("Resizing", {"height": 3, "width": 3, "crop_to_aspect_ratio": True}),
    Case("Resizing", {"height": 9, "width": 5, "crop_to_aspect_ratio": True, **_FIRST}, FIRST),
    Case("Resizing", {"height": 8, "width": 8, "pad_to_aspect_ratio": True, "fill_value": 7.0}),
    Case("Resizing", {"height": 4, "width": 12, "pad_to_aspect_ratio": True}),
    Case("CenterCrop", {"height": 3, "width": 4}),
    Case("CenterCrop", {"height": 4, "width": 3, **_FIRST}, FIRST),
    Case("CenterCrop", {"height": 6, "width": 8}, SINGLE),
    # Keras resizes masks as it does images: between classes 0 and 2 it invents a class 1.
    Case("CenterCrop", {"height": 8, "width": 8}, LAST, "segmentation_masks"),
    Case("CenterCrop", {"height": 9, "width": 4}, LAST, "segmentation_masks"),
    Case("MaxNumBoundingBoxes", {"max_number": 1}),
    Case("MaxNumBoundingBoxes", {"max_number": 4, "fill_value": -2}),
]

# Layers that draw: given the same transformation, the results equal those of Keras.
DRAWN = [
    Case("RandomRotation", {"factor": 0.3}),
    Case("RandomRotation", {"factor": 0.3, "fill_mode": "constant", "fill_value": 5.0}),
    Case("RandomRotation", {"factor": (0.1, 0.2), "interpolation": "nearest"}),
    Case("RandomRotation", {"factor": 0.5, "fill_mode": "wrap", **_FIRST}, FIRST),
    Case("RandomRotation", {"factor": 0.2}, SINGLE),
    Case("RandomZoom", {"height_factor": 0.5, "fill_mode": "nearest"}),
    Case(
        "RandomZoom", {"height_factor": (0.1, 0.5), "width_factor": (-0.5, -0.2), **_FIRST}, FIRST
    ),
    Case("RandomZoom", {"height_factor": -0.4, "interpolation": "nearest"}, SINGLE),
    Case("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.2, "fill_mode": "wrap"}),
    Case("RandomTranslation", {"height_factor": (0.1, 0.2), "width_factor": 0.9, **_FIRST}, FIRST),
    # Keras shears relative coordinates as if they were pixels: right for square images only, and
    # in one direction at a time.
    Case("RandomShear", {"x_factor": 0.5, "y_factor": (0.1, 0.4)}, LAST, "boxes"),
    Case("RandomShear", {"x_factor": 0.5, "fill_mode": "constant"}, SQUARE),
    Case("RandomShear", {"y_factor": 0.5, "fill_mode": "wrap"}, SQUARE),
    Case("RandomPerspective", {"scale": 0.5, "fill_value": 3.0}),
    Case("RandomPerspective", {"factor": (0.9, 1.0), "interpolation": "nearest", **_FIRST}, FIRST),
    Case("RandomFlip", {}),
    Case("RandomFlip", {"mode": "horizontal", **_FIRST}, FIRST),
    Case("RandomFlip", {"mode": "vertical"}, SINGLE),
]

# Layers whose own draws go into the comparison by another road; see the tests.
OTHERS = [
    Case("RandomCrop", {"height": 3, "width": 5, "seed": 1}),
    Case("RandomElasticTransform", {"factor": (0.5, 1.0), "scale": (0.2, 0.5), "seed": 1}),
]

CASES = [*FIXED, *DRAWN, *OTHERS]
FIRST_OF_EACH = list({case.layer: case for case in reversed(CASES)}.values())
