"""`ImageDataGenerator`: pictures turned, shifted, brightened at random, and normalised."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keraunos import _progress, config, errors
from keraunos.preprocessing.affine import apply_affine_transform
from keraunos.preprocessing.file_iterators import DirectoryIterator
from keraunos.preprocessing.frame_iterator import DataFrameIterator
from keraunos.preprocessing.iterators import NumpyArrayIterator
from keraunos.preprocessing.shifts import apply_brightness_shift, apply_channel_shift, flip_axis
from keraunos.preprocessing.whitening import Whitening

_AXES = {"channels_last": (1, 2, 3), "channels_first": (2, 3, 1)}
# Which setting brings which other one, and whether it is switched on or off.
_IMPLIED = (
    ("zca_whitening", "featurewise_center", True),
    ("zca_whitening", "featurewise_std_normalization", False),
    ("featurewise_std_normalization", "featurewise_center", True),
    ("samplewise_std_normalization", "samplewise_center", True),
)


class ImageDataGenerator:
    """Makes batches of pictures, each changed at random, from arrays or from files.

    The values are those of keras-preprocessing (Keras up to 2.8), and for the same seed of
    NumPy's global generator so are the random changes. The batches are computed in threads.
    For changes that run on the device, inside the compiled step, take the layers `Random...`.

    Args:
        featurewise_center, featurewise_std_normalization: subtract the mean, divide by the
            standard deviation of the data that `fit` has seen, channel by channel.
        samplewise_center, samplewise_std_normalization: the same by each picture's own numbers.
        zca_whitening, zca_epsilon: decorrelate the pixels by what `fit` has seen.
        rotation_range, shear_range: the largest angle, in degrees.
        width_shift_range, height_shift_range: the largest shift: a share of the side (below 1),
            pixels (from 1 on; an integer draws whole pixels), or a list of pixels to choose from.
        brightness_range: (least, most) factor.
        zoom_range: (least, most), or `z` for (1 - z, 1 + z).
        channel_shift_range: the most that is added to all the values.
        fill_mode, cval: what comes in from outside; see `apply_affine_transform`.
        horizontal_flip, vertical_flip: whether one picture in two is flipped.
        rescale: a factor, applied after the other changes.
        preprocessing_function: of one picture, before `rescale`.
        validation_split: the share that `subset="validation"` takes, from the beginning.

    Raises:
        ValueError: an argument that is not one of these.

    Example:
        >>> generator = ImageDataGenerator(rotation_range=20)
        >>> batches = generator.flow(np.ones((4, 8, 8, 3)), batch_size=2)
        >>> len(batches), next(batches).shape
        (2, (2, 8, 8, 3))
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: float | Sequence[float] = 0.0,
        height_shift_range: float | Sequence[float] = 0.0,
        brightness_range: Sequence[float] | None = None,
        shear_range: float = 0.0,
        zoom_range: float | Sequence[float] = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Callable[[np.ndarray], Any] | None = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.brightness_range = _pair("brightness_range", brightness_range)
        self.shear_range = shear_range
        self.zoom_range = _pair("zoom_range", zoom_range)
        self.channel_shift_range = channel_shift_range
        self.fill_mode = fill_mode
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.data_format = config.standardize_data_format(data_format)
        self.interpolation_order = interpolation_order
        self.dtype = dtype or config.floatx()
        self.row_axis, self.col_axis, self.channel_axis = _AXES[self.data_format]
        if validation_split and not 0 < validation_split < 1:
            where = "ImageDataGenerator: validation_split"
            expected = "a share between 0 and 1"
            raise ValueError(errors.report(where, expected=expected, got=validation_split))
        self._validation_split = validation_split
        self.mean: np.ndarray | None = None
        self.std: np.ndarray | None = None
        self.zca_whitening_matrix: np.ndarray | Whitening | None = None
        self._imply()

    def _imply(self) -> None:
        for cause, name, on in _IMPLIED:
            if getattr(self, cause) and getattr(self, name) != on:
                setattr(self, name, on)
                done = "needs" if on else "takes the place of"
                errors.warn(f"ImageDataGenerator: {cause} {done} {name}")

    # -- batches --------------------------------------------------------------------------------

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Return batches of arrays; see `NumpyArrayIterator`."""
        options = {k: v for k, v in locals().items() if k not in ("self", "x", "y")}
        layout = {"data_format": self.data_format, "dtype": self.dtype}
        return NumpyArrayIterator(x, y, self, **options, **layout)

    def flow_from_directory(
        self,
        directory: str | os.PathLike[str],
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Return batches of the pictures in a folder's folders; see `DirectoryIterator`."""
        options = {k: v for k, v in locals().items() if k not in ("self", "directory")}
        layout = {"data_format": self.data_format, "dtype": self.dtype}
        return DirectoryIterator(directory, self, **options, **layout)

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: str | os.PathLike[str] | None = None,
        x_col: str = "filename",
        y_col: str | Sequence[str] = "class",
        weight_col: str | None = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        save_to_dir: str | os.PathLike[str] | None = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        keep_aspect_ratio: bool = False,
    ) -> DataFrameIterator:
        """Return batches of the pictures that a table names; see `DataFrameIterator`."""
        options = {k: v for k, v in locals().items() if k not in ("self", "dataframe", "directory")}
        layout = {"data_format": self.data_format, "dtype": self.dtype}
        return DataFrameIterator(dataframe, directory, self, **options, **layout)

    # -- one picture ----------------------------------------------------------------------------

    def get_random_transform(
        self, img_shape: Sequence[int], seed: int | None = None
    ) -> dict[str, Any]:
        """Return what to do to a picture, drawn from NumPy's global generator.

        Args:
            img_shape: the picture's.
            seed: for that generator, if given.

        Example:
            >>> ImageDataGenerator().get_random_transform((8, 8, 3))["theta"]
            0
        """
        if seed is not None:
            np.random.seed(seed)
        # The order of the draws is keras-preprocessing's: the same seed gives the same picture.
        theta = _spread(self.rotation_range)
        tx = _shift(self.height_shift_range, img_shape[self.row_axis - 1])
        ty = _shift(self.width_shift_range, img_shape[self.col_axis - 1])
        shear = _spread(self.shear_range)
        low, high = self.zoom_range or (1, 1)
        zx, zy = (1, 1) if low == high == 1 else np.random.uniform(low, high, 2)
        horizontal = bool((np.random.random() < 0.5) * self.horizontal_flip)
        vertical = bool((np.random.random() < 0.5) * self.vertical_flip)
        wanted, light = self.channel_shift_range, self.brightness_range
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": horizontal,
            "flip_vertical": vertical,
            "channel_shift_intensity": _spread(wanted) if wanted else None,
            "brightness": np.random.uniform(light[0], light[1]) if light else None,
        }

    def apply_transform(self, x: Any, transform_parameters: dict[str, Any]) -> np.ndarray:
        """Return a picture with these changes, made in this order.

        Args:
            x: one picture.
            transform_parameters: any of `theta` and `shear` (degrees), `tx` and `ty` (rows and
                columns), `zx` and `zy`, `channel_shift_intensity`, `flip_horizontal`,
                `flip_vertical`, `brightness`.
        """
        given: Callable[..., Any] = transform_parameters.get
        row, column, channel = self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1
        axes = {"row_axis": row, "col_axis": column, "channel_axis": channel}
        amounts = {k: given(k, 0) for k in ("theta", "tx", "ty", "shear")}
        amounts |= {"zx": given("zx", 1), "zy": given("zy", 1)}
        fill = {"fill_mode": self.fill_mode, "cval": self.cval, "order": self.interpolation_order}
        x = apply_affine_transform(x, **amounts, **axes, **fill)
        if given("channel_shift_intensity") is not None:
            x = apply_channel_shift(x, given("channel_shift_intensity"), channel)
        if given("flip_horizontal", False):
            x = flip_axis(x, column)
        if given("flip_vertical", False):
            x = flip_axis(x, row)
        if given("brightness") is not None:
            x = apply_brightness_shift(x, given("brightness"), data_format=self.data_format)
        return x

    def random_transform(self, x: Any, seed: int | None = None) -> np.ndarray:
        """Return a picture changed at random.

        Example:
            >>> ImageDataGenerator(zoom_range=0.5).random_transform(np.ones((8, 8, 3))).shape
            (8, 8, 3)
        """
        return self.apply_transform(x, self.get_random_transform(np.shape(x), seed))

    def standardize(self, x: np.ndarray) -> np.ndarray:
        """Return a picture, or a batch, normalised as the generator says; floats in place.

        Example:
            >>> ImageDataGenerator(rescale=1 / 255).standardize(np.full((1, 1, 1), 51.0))
            array([[[0.2]]])
        """
        if self.preprocessing_function:
            x = self.preprocessing_function(x)
        x = np.asarray(x)
        if x.dtype.kind != "f":
            x = x.astype(self.dtype)
        elif not x.flags.writeable:
            x = x.copy()
        if self.rescale:
            x *= self.rescale
        if self.samplewise_center:
            x -= np.mean(x, keepdims=True)
        if self.samplewise_std_normalization:
            x /= np.std(x, keepdims=True) + 1e-6
        if self.featurewise_center and self._is_fitted("featurewise_center", self.mean):
            x -= self.mean
        wanted = "featurewise_std_normalization"
        if getattr(self, wanted) and self._is_fitted(wanted, self.std):
            x /= self.std + 1e-6  # pyright: ignore[reportOptionalOperand]
        matrix = self.zca_whitening_matrix
        if self.zca_whitening and self._is_fitted("zca_whitening", matrix):
            flat = x.reshape(-1, int(np.prod(x.shape[-3:])))
            x = (flat @ matrix).reshape(x.shape).astype(x.dtype, copy=False)
        return x

    def _is_fitted(self, wanted: str, found: Any) -> bool:
        if found is None:
            what = f"ImageDataGenerator: {wanted} has no effect before fit(x) has seen data"
            errors.warn(what)
        return found is not None

    def fit(self, x: Any, augment: bool = False, rounds: int = 1, seed: int | None = None) -> None:
        """Compute what the featurewise settings and the whitening need.

        Args:
            x: pictures, four axes; `rescale` is applied to them.
            augment: whether to look at changed pictures.
            rounds: how often each is changed, with `augment`.
            seed: for NumPy's global generator.

        Raises:
            ValueError: another number of axes.
        """
        x = np.array(x, dtype=self.dtype)
        if x.ndim != 4:
            where = "ImageDataGenerator.fit"
            expected = "(pictures, rows, columns, channels)"
            raise ValueError(errors.report(where, expected=expected, got=x.shape))
        if seed is not None:
            np.random.seed(seed)
        if self.rescale:
            x *= self.rescale
        if augment:
            many = itertools.chain.from_iterable(itertools.repeat(x, rounds))
            shown = _progress.over(many, rounds * len(x), "picture", "Changing pictures")
            x = np.stack([self.random_transform(one) for one in shown])
        axes = (0, self.row_axis, self.col_axis)
        if self.featurewise_center:
            mean = np.asarray(np.mean(x, axis=axes, keepdims=True, dtype=np.float64))
            self.mean = mean[0].astype(x.dtype)
            x -= self.mean
        if self.featurewise_std_normalization:
            std = np.asarray(np.std(x, axis=axes, keepdims=True, dtype=np.float64))
            self.std = std[0].astype(x.dtype)
            x /= std[0].astype(x.dtype) + 1e-6
        if self.zca_whitening:
            self.zca_whitening_matrix = Whitening.of(x.reshape(len(x), -1), self.zca_epsilon)

    def _is_plain(self) -> bool:
        """Return whether only NumPy's draws of `get_random_transform` depend on the order."""
        own = type(self)
        return (
            self.preprocessing_function is None
            and own.apply_transform is ImageDataGenerator.apply_transform
            and own.standardize is ImageDataGenerator.standardize
        )


def _spread(most: float) -> float:
    return np.random.uniform(-most, most) if most else 0


def _shift(most: Any, side: int) -> float:
    """Return a shift in pixels, up to `most`: a share, pixels, or a list of pixels."""
    if not (len(most) if np.ndim(most) else most):
        return 0
    if np.ndim(most) == 1 or isinstance(most, (int, np.integer)):
        shift = np.random.choice(most) * np.random.choice([-1, 1])
    else:
        shift = np.random.uniform(-most, most)
    return shift * side if np.max(most) < 1 else shift


def _pair(name: str, value: Any) -> list[float] | None:
    if value is None and name != "zoom_range":
        return None
    if name == "zoom_range" and isinstance(value, (int, float)):
        return [1 - value, 1 + value]
    listed = list(value) if isinstance(value, (tuple, list, np.ndarray)) else []
    if len(listed) != 2 or not all(isinstance(v, (int, float, np.number)) for v in listed):
        where = f"ImageDataGenerator: {name}"
        raise ValueError(errors.report(where, expected="(least, most)", got=repr(value)))
    return listed
