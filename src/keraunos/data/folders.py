"""Files below a folder, their labels, their order and their split: as Keras finds them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from keraunos import config, errors
from keraunos.data.dataset import Dataset
from keraunos.utils import threads
from keraunos.utils.walking import files_below, folders_in, joined

SUBSETS = ("training", "validation", "both")
LABEL_MODES = ("int", "categorical", "binary", None)

Labels = Any  # "inferred", None, or a number for each file
PathLike = str | os.PathLike[str]


class Files(NamedTuple):
    """Paths, the label of each (None without labels), and the names of the classes."""

    paths: list[str]
    labels: np.ndarray | None
    class_names: list[str] | None


class Folder(NamedTuple):
    """What the functions `..._dataset_from_directory` are told about a folder."""

    directory: PathLike
    endings: tuple[str, ...]
    labels: Labels = "inferred"
    label_mode: str | None = "int"
    class_names: Sequence[str] | None = None
    batch_size: int | None = 32
    shuffle: bool = True
    seed: int | None = None
    validation_split: float | None = None
    subset: str | None = None
    follow_links: bool = False
    verbose: bool = True

    def datasets(self, where: str, read: Callable[[Files], Any], keep: Any = None) -> Any:
        """Return the dataset of the folder, or with `subset="both"` a list of two.

        Args:
            where: the function's name, for its errors.
            read: files -> their contents, an array that is read where it is indexed.
            keep: files -> the files to keep; all by default.
        """
        self._check(where)
        seed = self.seed if self.seed is not None else int(np.random.randint(1_000_000))
        labels = None if self.label_mode is None else self.labels
        wanted = self.directory, labels, self.endings, self.class_names
        files = paths_and_labels(*wanted, self.shuffle, seed, self.follow_links, self.verbose)
        if self.label_mode == "binary" and labels is not None and len(files.class_names or ()) != 2:
            got = files.class_names
            raise ValueError(
                errors.report(f"{where}: label_mode='binary'", expected="two classes", got=got)
            )
        files = keep(files) if keep else files
        parts = ("training", "validation") if self.subset == "both" else (self.subset,)
        found = []
        for part in parts:
            chosen = split(files, self.validation_split, part, self.verbose)
            if not chosen.paths:
                raise self._nothing(where, part, len(files.paths))
            mix = self.shuffle and not (self.subset == "both" and part == "validation")
            found.append(self._dataset(chosen, read(chosen), seed if mix else None))
        return found if self.subset == "both" else found[0]

    def _nothing(self, where: str, part: str | None, count: int) -> ValueError:
        if count:
            expected, got = f"files for {part}", f"none: {self.validation_split} of {count} files"
            return ValueError(errors.report(where, expected=expected, got=got))
        fix = "put them into a folder for each class, or pass labels=None"
        return ValueError(
            errors.report(
                f"{where}: no files in {self.directory}",
                expected="files that end with " + ", ".join(self.endings),
                got="none",
                fix=fix if isinstance(self.labels, str) else None,
            )
        )

    def _dataset(self, files: Files, contents: Any, seed: int | None) -> Dataset:
        labels = _encoded(files, None if files.labels is None else self.label_mode)
        both = contents if labels is None else (contents, labels)
        dataset = Dataset.from_tensor_slices(both)
        if seed is not None:
            dataset = dataset.shuffle(len(files.paths), seed=seed)
        if self.batch_size is not None:
            dataset = dataset.batch(self.batch_size).prefetch(2)
        vars(dataset).update(class_names=files.class_names, file_paths=files.paths)
        return dataset

    def _check(self, where: str) -> None:
        given = self.labels is not None and not isinstance(self.labels, str)
        right = self.labels in ("inferred", None) if not given else True
        if not right or (given and not isinstance(self.labels, (list, tuple, np.ndarray))):
            expected = "'inferred', None, or a number for each file"
            got = repr(self.labels)
            raise ValueError(errors.report(f"{where}: labels", expected=expected, got=got))
        if self.label_mode not in LABEL_MODES:
            fix = errors.suggest(self.label_mode, [str(m) for m in LABEL_MODES])
            raise ValueError(errors.report(f"{where}: label_mode={self.label_mode!r}", fix=fix))
        check_split(where, self.validation_split, self.subset, self.shuffle, self.seed)


class Column:
    """An array whose rows are files, read by threads when they are asked for.

    Args:
        paths: a file a row.
        read: (path, out): writes the content to `out`; with `stack`, path -> content.
        shape: of one content, None where it varies.
        dtype: of it.
        stack: contents -> one array, where their shapes vary.
    """

    def __init__(
        self,
        paths: Sequence[str],
        read: Callable[..., Any],
        shape: tuple[int | None, ...],
        dtype: Any,
        stack: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        self.paths, self._read, self._stack = paths, read, stack
        self.shape, self.dtype = (len(paths), *shape), np.dtype(dtype)

    def __len__(self) -> int:
        return len(self.paths)

    def at(self, rows: np.ndarray) -> np.ndarray:
        """Return the contents of some rows, one after another."""
        wanted = np.asarray(rows).tolist()
        if self._stack is not None:
            return self._stack(threads.each(lambda row: self._read(self.paths[row]), wanted))
        out: Any = np.empty((len(wanted), *self.shape[1:]), self.dtype)  # pyright: ignore[reportArgumentType, reportCallIssue]

        def put(it: tuple[int, int]) -> None:
            self._read(self.paths[it[1]], out[it[0]])

        threads.each(put, enumerate(wanted))
        return out


def paths_and_labels(
    directory: PathLike,
    labels: Labels = "inferred",
    formats: Sequence[str] | str = "",
    class_names: Sequence[str] | None = None,
    shuffle: bool = True,
    seed: int | None = None,
    follow_links: bool = False,
    verbose: bool = True,
) -> Files:
    """Return the files below a folder, their labels and the names of the classes.

    The order is Keras's: sorted, then shuffled by the seed.

    Args:
        directory: the folder; with `labels="inferred"` it has a folder for each class.
        labels: `"inferred"`, None, or a number for each file, in the sorted order of the files.
        formats: the endings of the files that count, small letters: `(".jpg", ".png")`.
        class_names: the folders' names in the order of the labels; by default all, sorted.
        shuffle: whether the order is shuffled.
        seed: of the order; by default drawn by NumPy's global generator.
        follow_links: go into folders that are links.
        verbose: print how many there are.

    Returns:
        `(paths, labels, class_names)`; the last two are None without labels.

    Raises:
        NotADirectoryError: there is no such folder.
        ValueError: names that are no folders, or another number of labels than of files.
    """
    if not Path(directory).expanduser().is_dir():
        fix = "give the path of a folder"
        raise NotADirectoryError(errors.report(f"{directory} is no folder", fix=fix))
    directory = os.fspath(directory)
    directory = str(Path(directory).expanduser()) if directory.startswith("~") else directory
    endings = (formats,) if isinstance(formats, str) else tuple(formats)
    inferred = isinstance(labels, str)
    folders = _classes(directory, class_names) if inferred else [""]
    if class_names is not None and not inferred:
        fix = "leave class_names out, or take labels='inferred'"
        raise ValueError(errors.report("class_names with labels that are given, or none", fix=fix))
    found = files_below(directory, folders, endings, follow_links, verbose)
    paths = joined(directory, (path for part in found for path in part))
    names: list[str] | None = folders
    if inferred:
        numbers = np.repeat(np.arange(len(folders)), [len(part) for part in found])
    else:
        numbers, names = _given(labels, len(paths), directory)
    if verbose:
        ending = "." if names is None else f" belonging to {len(names)} classes."
        say(f"Found {len(paths)} files{ending}")
    if shuffle:
        seed = int(np.random.randint(1_000_000)) if seed is None else seed
        order = np.arange(len(paths))
        np.random.RandomState(seed).shuffle(order)
        paths = [paths[i] for i in order]
        numbers = None if numbers is None else numbers[order]
    return Files(paths, None if numbers is None else numbers.astype(np.int32), names)


def split(files: Files, share: float | None, subset: str | None, verbose: bool = True) -> Files:
    """Return the part of the files that is to train on, or the one to validate with: the end."""
    if not share or subset is None:
        return files
    count = int(share * len(files.paths))
    at = len(files.paths) - count
    part = slice(at) if subset == "training" else slice(at, None)
    if verbose:
        say(f"Using {at if subset == 'training' else count} files for {subset}.")
    labels = None if files.labels is None else files.labels[part]
    return Files(files.paths[part], labels, files.class_names)


def check_split(
    where: str, share: float | None, subset: str | None, shuffle: bool, seed: int | None
) -> None:
    """Raise a ValueError where the arguments of a split do not go together."""
    problem: Any = None
    if share and not 0 < share < 1:
        problem = {"expected": "validation_split between 0 and 1", "got": share}
    elif subset not in (*SUBSETS, None):
        problem = {"got": f"subset={subset!r}", "fix": errors.suggest(subset, SUBSETS)}
    elif bool(share) != bool(subset):
        got = f"validation_split={share}, subset={subset!r}"
        problem = {"expected": "validation_split and subset, or neither", "got": got}
    elif share and shuffle and seed is None:
        fix = "give a seed, so that no file is in both parts"
        problem = {"got": "validation_split and shuffle without a seed", "fix": fix}
    if problem:
        raise ValueError(errors.report(where, **problem))


def _classes(directory: str, class_names: Sequence[str] | None) -> list[str]:
    there = folders_in(directory, hidden=False)
    absent = sorted(set(class_names or ()) - set(there))
    if absent:
        where = f"class_names that are no folders in {directory}"
        raise ValueError(errors.report(where, expected=f"among {there}", got=absent))
    return there if class_names is None else list(class_names)


def _given(labels: Any, count: int, directory: str) -> tuple[Any, list[str] | None]:
    if labels is None:
        return None, None
    if len(labels) != count:
        where = f"labels for the files in {directory}"
        raise ValueError(errors.report(where, expected=f"{count}, one a file", got=len(labels)))
    return np.asarray(labels), [str(label) for label in sorted(set(np.asarray(labels).tolist()))]


def _encoded(files: Files, mode: str | None) -> np.ndarray | None:
    if mode is None or files.labels is None:
        return None
    if mode == "binary":
        return files.labels.astype(np.float32)[:, None]
    if mode == "categorical":
        return np.eye(len(files.class_names or ()), dtype=np.float32)[files.labels]
    return files.labels


def say(text: str) -> None:
    """Print a line, or log it if interactive logging is off."""
    if config.is_interactive_logging_enabled():
        print(text, flush=True)
    else:
        logging.getLogger("keraunos").info(text)
