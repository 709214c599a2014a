"""`image_dataset_from_directory`: pictures decoded while the model trains."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from keraunos import _progress as progress
from keraunos import config, errors
from keraunos.data import pictures
from keraunos.data.folders import Column, Files, Folder, Labels, PathLike
from keraunos.utils import threads
from keraunos.utils.images import reading

ENDINGS = (".bmp", ".gif", ".jpeg", ".jpg", ".png", ".webp")
_WHERE = "image_dataset_from_directory"


def image_dataset_from_directory(
    directory: PathLike,
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    color_mode: str = "rgb",
    batch_size: int | None = 32,
    image_size: tuple[int, int] | int = (256, 256),
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    interpolation: str = "bilinear",
    follow_links: bool = False,
    crop_to_aspect_ratio: bool = False,
    pad_to_aspect_ratio: bool = False,
    data_format: str | None = None,
    format: str = "tf",
    verbose: bool = True,
    *,
    damaged: str = "raise",
) -> Any:
    """Return the pictures below a folder as a `Dataset` of batches, float32 from 0 to 255.

    Args:
        directory: the folder; PNG, JPEG, BMP, GIF (the first picture) and WebP files count.
        labels, class_names, follow_links, verbose: as for `paths_and_labels`.
        label_mode: `"int"` (int32), `"categorical"` (one-hot), `"binary"` (float32, (batch, 1)),
            or None: pictures without labels.
        color_mode: `"rgb"`, `"rgba"` or `"grayscale"`.
        batch_size: None gives single pictures.
        image_size: (height, width).
        shuffle, seed: whether the order is shuffled, each epoch anew.
        validation_split, subset: the share to validate with, and which part is wanted:
            `"training"`, `"validation"`, or `"both"`, a list of the two.
        interpolation: one of `tf.image.resize`'s methods, without antialiasing.
        crop_to_aspect_ratio, pad_to_aspect_ratio: cut off or fill up, instead of stretching.
        data_format: the global one by default.
        format: kept for programs that pass it.
        damaged: what to do with files that are no pictures: `"raise"` when their batch is read,
            or `"skip"`: look at all files now, and leave them out with a warning.

    The dataset has the attributes `class_names` and `file_paths`.

    Raises:
        ValueError: an argument that is none of these; no files; a damaged file, which is named.
    """
    _one_of("format", format, ("tf", "grain"))
    _one_of("damaged", damaged, ("raise", "skip"))
    ratio = crop_to_aspect_ratio, pad_to_aspect_ratio
    fit = _fit(image_size, color_mode, interpolation.lower(), ratio, data_format)
    chosen = labels, label_mode, class_names, batch_size
    order = shuffle, seed, validation_split, subset
    folder = Folder(directory, ENDINGS, *chosen, *order, follow_links, verbose)
    return folder.datasets(
        _WHERE,
        lambda files: Column(
            files.paths, lambda path, out: pictures.load(path, fit, out), fit.shape, "float32"
        ),
        (lambda files: _sound(files, verbose)) if damaged == "skip" else None,
    )


def _fit(
    image_size: Any, color_mode: str, method: str, ratio: tuple[bool, bool], data_format: str | None
) -> pictures.Fit:
    _one_of("color_mode", color_mode, pictures.MODES)
    _one_of("interpolation", method, pictures.METHODS)
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    if len(size) != 2 or not all(isinstance(n, (int, np.integer)) and n > 0 for n in size):
        expected = "(height, width), two positive integers"
        raise ValueError(errors.report(f"{_WHERE}: image_size", expected=expected, got=image_size))
    if all(ratio):
        got = "crop_to_aspect_ratio and pad_to_aspect_ratio"
        raise ValueError(errors.report(_WHERE, expected="one of them at the most", got=got))
    first = config.standardize_data_format(data_format) == "channels_first"
    return pictures.Fit(size, color_mode, method, *ratio, first)


def _one_of(name: str, value: str, choices: Iterable[str]) -> None:
    if value not in choices:
        fix = errors.suggest(value, choices)
        raise ValueError(errors.report(f"{_WHERE}: {name}={value!r}", fix=fix))


def _sound(files: Files, verbose: bool) -> Files:
    """Return the files that can be decoded; the others are named in a warning."""
    paths, step = files.paths, 64
    looks = (threads.each(_opens, paths[i : i + step]) for i in range(0, len(paths), step))
    each = itertools.chain.from_iterable(looks)
    shown = "auto" if verbose else 0
    good = list(progress.over(each, len(paths), "file", "Looking at the pictures", shown))
    bad = [path for path, opens in zip(paths, good) if not opens]
    if not bad:
        return files
    named = ", ".join(bad[:5]) + (" ..." if len(bad) > 5 else "")
    errors.warn(f"{_WHERE}: {len(bad)} damaged files are left out: {named}")
    kept = np.flatnonzero(good)
    numbers = None if files.labels is None else files.labels[kept]
    return Files([paths[i] for i in kept], numbers, files.class_names)


def _opens(path: str) -> bool:
    try:
        with reading(path):
            pictures.decode(path, "rgb")
    except (ValueError, FileNotFoundError):  # the latter: a link that leads nowhere
        return False
    return True
