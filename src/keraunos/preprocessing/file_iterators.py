"""Batches of pictures from files, with labels in all their forms; from a folder of folders."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keraunos import config, errors
from keraunos.data.folders import say
from keraunos.preprocessing.iterators import PictureIterator, split_of
from keraunos.utils.images import img_to_array, load_img, reading
from keraunos.utils.walking import files_below, folders_in, joined

if TYPE_CHECKING:
    from keraunos.preprocessing.generator import ImageDataGenerator

_CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}


class FileIterator(PictureIterator):
    """What both iterators share: files to pictures, and the labels in all their forms."""

    allowed_class_modes: set[str | None] = set()
    class_mode: str | None
    class_indices: dict[str, int]
    classes: Any
    filenames: list[str]
    samples: int
    _filepaths: list[str]

    def set_processing_attrs(
        self,
        image_data_generator: ImageDataGenerator | None,
        target_size: tuple[int, int],
        color_mode: str,
        data_format: str | None,
        save_to_dir: Any,
        save_prefix: str,
        save_format: str,
        subset: str | None,
        interpolation: str,
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        """Keep what says how a file becomes a picture."""
        if color_mode not in _CHANNELS:
            fix = errors.suggest(color_mode, _CHANNELS)
            raise ValueError(errors.report(f"color_mode={color_mode!r}", fix=fix))
        self.image_data_generator = image_data_generator
        self.target_size, self.color_mode = tuple(target_size), color_mode
        self.data_format = config.standardize_data_format(data_format)
        self.interpolation, self.keep_aspect_ratio = interpolation, keep_aspect_ratio
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format = save_format
        self.dtype = dtype or config.floatx()
        channels = (_CHANNELS[color_mode],)
        last = self.data_format == "channels_last"
        self.image_shape = self.target_size + channels if last else channels + self.target_size
        self.subset, self.split = subset, split_of(image_data_generator, subset)

    @property
    def filepaths(self) -> list[str]:
        """The path of each sample's file."""
        return self._filepaths

    @property
    def labels(self) -> Any:
        """The label of each sample."""
        return self.classes

    @property
    def sample_weight(self) -> np.ndarray | None:
        """The weight of each sample, if there are weights."""
        return None

    def _check_mode(self, class_mode: str | None) -> None:
        if class_mode not in self.allowed_class_modes:
            modes = sorted(map(str, self.allowed_class_modes))
            fix = errors.suggest(class_mode, modes)
            raise ValueError(errors.report(f"class_mode={class_mode!r}", fix=fix))

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        paths = self.filepaths

        def load(i: int) -> np.ndarray:
            with reading(paths[i]):
                image = load_img(
                    paths[i],
                    color_mode=self.color_mode,
                    target_size=self.target_size,  # pyright: ignore[reportArgumentType]
                    interpolation=self.interpolation,
                    keep_aspect_ratio=self.keep_aspect_ratio,
                )
                return img_to_array(image, self.data_format, self.dtype)

        batch = self._make(index_array, self.image_shape, load)
        if self.class_mode is None:
            return batch
        labels, weights = self._labels(batch, index_array), self.sample_weight
        return (batch, labels) if weights is None else (batch, labels, weights[index_array])

    def _labels(self, batch: np.ndarray, samples: np.ndarray) -> Any:
        mode = self.class_mode
        if mode == "input":
            return batch.copy()
        if mode == "multi_output":
            return [output[samples] for output in self.labels]
        if mode == "raw":
            return self.labels[samples]
        if mode != "categorical":
            return np.array([self.classes[i] for i in samples], self.dtype)
        one_hot = np.zeros((len(samples), len(self.class_indices)), self.dtype)
        for row, i in zip(one_hot, samples):
            row[self.classes[i]] = 1  # a sample of a table may be of several classes
        return one_hot


class DirectoryIterator(FileIterator):
    """Batches of the pictures in a folder that has a folder for each class.

    Args:
        directory: the folder.
        image_data_generator: changes the pictures; None leaves them as they are.
        target_size: (height, width) of the batches.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        classes: the folders' names in the order of the labels; by default all, sorted.
        class_mode: `"categorical"` (one-hot), `"binary"` or `"sparse"` (numbers), `"input"` (the
            pictures again), or None (no labels).
        batch_size, shuffle, seed: as for `Iterator`.
        follow_links: go into folders that are links.
        subset: `"training"` or `"validation"`: of each class, as the generator cuts them.
        interpolation, keep_aspect_ratio: how pictures of another size are fitted; see `load_img`.
        data_format, save_to_dir, save_prefix, save_format, dtype: as for `NumpyArrayIterator`.

    Raises:
        ValueError: an unknown mode; a file that is no picture, when its batch is made.
    """

    allowed_class_modes = {"categorical", "binary", "sparse", "input", None}

    def __init__(
        self,
        directory: str | os.PathLike[str],
        image_data_generator: ImageDataGenerator | None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Sequence[str] | None = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
        dtype: Any = None,
    ) -> None:
        saving = save_to_dir, save_prefix, save_format
        self.set_processing_attrs(
            image_data_generator,
            target_size,
            color_mode,
            data_format,
            *saving,
            subset,
            interpolation,
            keep_aspect_ratio,
            dtype,
        )
        self._check_mode(class_mode)
        self.directory = os.fspath(directory)
        self.class_mode = class_mode
        names = list(classes or folders_in(self.directory))
        self.num_classes = len(names)
        self.class_indices = {name: i for i, name in enumerate(names)}
        found = files_below(self.directory, names, self.white_list_formats, follow_links)
        found = [self._part(files) for files in found]
        self.filenames = [name for part in found for name in part]
        self.samples = len(self.filenames)
        self.classes = np.repeat(np.arange(len(names)), [len(p) for p in found]).astype(np.int32)
        self._filepaths = joined(self.directory, self.filenames)
        say(f"Found {self.samples} images belonging to {self.num_classes} classes.")
        super().__init__(self.samples, batch_size, shuffle, seed)

    def _part(self, files: list[str]) -> list[str]:
        if self.split is None:
            return files
        return files[int(self.split[0] * len(files)) : int(self.split[1] * len(files))]
