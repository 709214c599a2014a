"""`text_dataset_from_directory`: a folder of texts as batches of strings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keraunos import errors
from keraunos.data.folders import Column, Folder, Labels, PathLike
from keraunos.data.structure import objects

_WHERE = "text_dataset_from_directory"


def text_dataset_from_directory(
    directory: PathLike,
    labels: Labels = "inferred",
    label_mode: str | None = "int",
    class_names: Sequence[str] | None = None,
    batch_size: int | None = 32,
    max_length: int | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    validation_split: float | None = None,
    subset: str | None = None,
    follow_links: bool = False,
    format: str = "tf",
    verbose: bool = True,
) -> Any:
    """Return the `.txt` files below a folder as a `Dataset` of batches of strings.

    Args:
        directory: the folder; the files are UTF-8, and bytes that are not are replaced.
        max_length: characters of a text at the most; what follows is cut off.

    The other arguments are those of `image_dataset_from_directory`. `TextVectorization` takes
    the strings: `dataset.map(lambda text, label: (vectorize(text), label))`.

    Raises:
        ValueError: an argument that is none of these; no files.
    """
    if format not in ("tf", "grain"):
        raise ValueError(errors.report(_WHERE, expected="format='tf' or 'grain'", got=repr(format)))

    def read(path: str) -> str:
        return Path(path).read_bytes().decode("utf-8", "replace")[:max_length]

    chosen = labels, label_mode, class_names, batch_size
    order = shuffle, seed, validation_split, subset
    folder = Folder(directory, (".txt",), *chosen, *order, follow_links, verbose)
    return folder.datasets(_WHERE, lambda files: Column(files.paths, read, (), object, objects))
