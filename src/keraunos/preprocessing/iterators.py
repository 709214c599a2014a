"""Batches of pictures that change at random: from arrays; what they share with those from files."""

from __future__ import annotations

import threading
from collections.abc import Callable
from collections.abc import Iterator as PythonIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keraunos import config, errors
from keraunos.data.pydataset import PyDataset
from keraunos.utils import threads
from keraunos.utils.images import array_to_img

if TYPE_CHECKING:
    from keraunos.preprocessing.generator import ImageDataGenerator

SUBSETS = ("training", "validation")


class Iterator(PyDataset):
    """Batches of samples that a subclass makes; a sequence, and an endless iterator.

    Args:
        n: the number of samples.
        batch_size: of a batch; the last one may be smaller.
        shuffle: whether the order changes with every epoch.
        seed: of the order and of the random changes: NumPy's global generator is set to it, plus
            the number of the batch.
        kwargs: for `PyDataset`.
    """

    white_list_formats = ("png", "jpg", "jpeg", "bmp", "ppm", "tif", "tiff")

    def __init__(
        self, n: int, batch_size: int, shuffle: bool, seed: int | None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.n = n
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.batch_index = 0
        self.total_batches_seen = 0
        self.lock = threading.Lock()
        self.index_array: Any = None
        self.index_generator = self._flow_index()

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what another process makes for itself."""
        return self.__dict__ | {"lock": None, "index_generator": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.Lock()
        self.index_generator = self._flow_index()

    def __len__(self) -> int:
        return -(-self.n // self.batch_size)

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index` of this epoch."""
        if not 0 <= index < len(self):
            expected = f"a batch from 0 to {len(self) - 1}"
            raise ValueError(errors.report(type(self).__name__, expected=expected, got=index))
        self._seed()
        if self.index_array is None:
            self._set_index_array()
        order: Any = self.index_array
        first = self.batch_size * index
        samples = order[first : first + self.batch_size]
        return self._get_batches_of_transformed_samples(samples)

    def __iter__(self) -> Iterator:
        return self

    def __next__(self) -> Any:
        with self.lock:  # the order is drawn by one at a time, the pictures are made by many
            samples = next(self.index_generator)
        return self._get_batches_of_transformed_samples(samples)

    def next(self) -> Any:
        """Return the next batch; after the last one the first of a new order."""
        return next(self)

    def reset(self) -> None:
        """Start again with the first batch."""
        self.batch_index = 0

    def on_epoch_end(self) -> None:
        self._set_index_array()

    def _seed(self) -> None:
        if self.seed is not None:
            np.random.seed(self.seed + self.total_batches_seen)
        self.total_batches_seen += 1

    def _set_index_array(self) -> None:
        self.index_array = np.random.permutation(self.n) if self.shuffle else np.arange(self.n)

    def _flow_index(self) -> PythonIterator[np.ndarray]:
        self.reset()
        while True:
            self._seed()
            if self.batch_index == 0:
                self._set_index_array()
            first = self.batch_index * self.batch_size
            last = first + self.batch_size
            self.batch_index = 0 if last >= self.n else self.batch_index + 1
            yield self.index_array[first:last]

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        raise NotImplementedError(f"{type(self).__name__}._get_batches_of_transformed_samples")


class PictureIterator(Iterator):
    """An iterator whose samples are pictures: changes them, and saves what it made if told to."""

    image_data_generator: ImageDataGenerator | None = None
    data_format: str = "channels_last"
    dtype: Any = "float32"
    save_to_dir: Any = None
    save_prefix: str = ""
    save_format: str = "png"
    _marks = 10_000_000  # how many names a saved picture may have

    def _make(self, samples: np.ndarray, shape: tuple[int, ...], load: Callable[[Any], Any]) -> Any:
        """Return the pictures of a batch, (samples, *shape); `load(i)` brings one.

        What is drawn is drawn in the samples' order, so that a seed gives the same pictures
        however many threads there are.
        """
        batch = np.empty((len(samples), *shape), self.dtype)
        generator = self.image_data_generator
        if generator is None:
            threads.each(lambda k: _put(batch, k, load(samples[k])), range(len(samples)))
        elif generator._is_plain():
            todo = [(k, generator.get_random_transform(shape)) for k in range(len(samples))]
            threads.each(
                lambda it: _put(batch, it[0], self._change(load(samples[it[0]]), it[1])), todo
            )
        else:  # a function of the user's own may draw too, or not bear threads
            loaded = threads.each(load, samples)
            for k, x in enumerate(loaded):
                batch[k] = self._change(x, generator.get_random_transform(x.shape))
        self._save(batch, samples)
        return batch

    def _change(self, x: Any, parameters: dict[str, Any]) -> np.ndarray:
        generator: Any = self.image_data_generator
        return generator.standardize(generator.apply_transform(x, parameters))

    def _save(self, batch: np.ndarray, samples: np.ndarray) -> None:
        if not self.save_to_dir:
            return
        for x, sample in zip(batch, samples):
            mark = np.random.randint(self._marks)
            name = f"{self.save_prefix}_{sample}_{mark}.{self.save_format}"
            array_to_img(x, self.data_format, scale=True).save(Path(self.save_to_dir) / name)


class NumpyArrayIterator(PictureIterator):
    """Batches of an array of pictures, each changed by a generator.

    Args:
        x: four axes; or (pictures, other arrays), which go along with the pictures unchanged.
        y, sample_weight: one a picture.
        image_data_generator: makes the changes.
        batch_size, shuffle, seed: as for `Iterator`.
        data_format: the global one by default.
        save_to_dir, save_prefix, save_format: where the pictures are written to look at.
        subset: `"training"` or `"validation"`, as the generator's `validation_split` cuts them.
        ignore_class_split: do not look whether both parts have the same classes.
        dtype: of the batches.

    Raises:
        ValueError: arrays of several lengths, or not four axes; parts with different classes.
    """

    _marks = 10_000

    def __init__(
        self,
        x: Any,
        y: Any,
        image_data_generator: ImageDataGenerator,
        batch_size: int = 32,
        shuffle: bool = False,
        sample_weight: Any = None,
        seed: int | None = None,
        data_format: str | None = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        ignore_class_split: bool = False,
        dtype: Any = None,
    ) -> None:
        self.data_format = config.standardize_data_format(data_format)
        self.dtype = dtype or config.floatx()
        self.image_data_generator = image_data_generator
        self.save_to_dir, self.save_prefix = save_to_dir, save_prefix
        self.save_format = save_format
        x, beside = (x[0], x[1]) if isinstance(x, (tuple, list)) else (x, [])
        beside = beside if isinstance(beside, list) else [beside]
        parts = {"x": x, "y": y, "sample_weight": sample_weight}
        parts |= {f"x[1][{i}]": other for i, other in enumerate(beside)}
        found = _cut(_same_length(parts), image_data_generator, subset, ignore_class_split)
        self.x, self.y, self.sample_weight = (found[k] for k in ("x", "y", "sample_weight"))
        self.x_misc = list(found.values())[3:]
        self._check_axes()
        super().__init__(len(self.x), batch_size, shuffle, seed)

    def _check_axes(self) -> None:
        if self.x.ndim != 4:
            expected = "pictures of four axes"
            raise ValueError(errors.report("flow", expected=expected, got=f"shape {self.x.shape}"))
        channels = self.x.shape[3 if self.data_format == "channels_last" else 1]
        if channels not in (1, 3, 4):
            what = f"flow: pictures of {channels} channels ({self.data_format}, {self.x.shape})"
            errors.warn(what)

    def _get_batches_of_transformed_samples(self, index_array: np.ndarray) -> Any:
        def load(i: int) -> np.ndarray:
            return np.array(self.x[i], dtype=self.dtype)

        batch = self._make(index_array, self.x.shape[1:], load)
        beside = [other[index_array] for other in self.x_misc]
        output = ([batch, *beside] if beside else batch,)
        if self.y is None:
            return output[0]
        output += (self.y[index_array],)
        return output if self.sample_weight is None else (*output, self.sample_weight[index_array])


def split_of(
    generator: ImageDataGenerator | None, subset: str | None
) -> tuple[float, float] | None:
    """Return from which to which share of the samples a subset goes; None: all of them.

    Raises:
        ValueError: an unknown subset.
    """
    if subset is None:
        return None
    if subset not in SUBSETS:
        fix = errors.suggest(subset, SUBSETS)
        raise ValueError(errors.report(f"subset={subset!r}", fix=fix))
    share = generator._validation_split if generator else 0.0
    return (0.0, share) if subset == "validation" else (share, 1.0)


def _put(batch: np.ndarray, k: int, x: np.ndarray) -> None:
    batch[k] = x


def _same_length(parts: dict[str, Any]) -> dict[str, Any]:
    found = {k: None if v is None else np.asarray(v) for k, v in parts.items()}
    lengths = {k: len(v) for k, v in found.items() if v is not None}
    if len(set(lengths.values())) > 1:
        raise ValueError(errors.report("flow", expected="arrays of one length", got=lengths))
    return found


def _cut(
    parts: dict[str, Any], generator: ImageDataGenerator, subset: str | None, any_classes: bool
) -> dict[str, Any]:
    """Return the arrays' part for a subset."""
    if split_of(generator, subset) is None:
        return parts
    at = int(len(parts["x"]) * generator._validation_split)
    y = parts["y"]
    if y is not None and not any_classes:
        first, rest = np.unique(y[:at]), np.unique(y[at:])
        if not np.array_equal(first, rest):
            fix = "shuffle x and y together first, or give ignore_class_split=True"
            where = "flow: training and validation have different classes"
            raise ValueError(errors.report(where, fix=fix))
    kept = slice(at) if subset == "validation" else slice(at, None)
    return {k: None if v is None else v[kept] for k, v in parts.items()}
