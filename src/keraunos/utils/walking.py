"""Files below a folder, in the order and with the paths, to the letter, that Keras has."""
# ruff: noqa: PTH118
# (pathlib writes some paths in another way, "./a" as "a".)

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Sequence

from keraunos import _progress
from keraunos.utils import threads


def files_below(
    directory: str,
    folders: Sequence[str],
    endings: tuple[str, ...],
    follow_links: bool = False,
    verbose: bool | int | str = "auto",
) -> list[list[str]]:
    """Return the files below each folder of a directory, as paths from the directory.

    Args:
        directory, folders: `""` as a folder means the directory itself.
        endings: what a name ends with, small letters.
        follow_links: go into folders that are links.
        verbose: whether a bar is shown, once it takes long.
    """
    title, shown = f"Looking for files in {directory}", "auto" if verbose else 0
    bar = _progress.bar(None, "file", title, shown, after=_progress.QUIET)
    lock, seen = threading.Lock(), 0

    def below(folder: str) -> list[str]:
        nonlocal seen
        top, found = os.path.join(directory, folder), []
        for root, inside, files in os.walk(top, followlinks=follow_links):
            if follow_links:
                inside[:] = [name for name in inside if not _holds(root, name)]
            inner = os.path.relpath(root, top)
            place = folder if inner == "." else os.path.join(folder, inner)
            here = [os.path.join(place, f) for f in sorted(files) if f.lower().endswith(endings)]
            found.append((root, here))
            with lock:
                seen += len(here)
                bar.update(seen, finalize=False)
        return [path for _, here in sorted(found) for path in here]

    try:
        return threads.each(below, folders)
    finally:
        bar.update(seen, finalize=True)


def _holds(root: str, name: str) -> bool:
    """Return whether a link in a folder leads to that folder or above it: without an end."""
    target = os.path.realpath(os.path.join(root, name))
    return os.path.join(os.path.realpath(root), "").startswith(os.path.join(target, ""))


def folders_in(directory: str, hidden: bool = True) -> list[str]:
    """Return the names of a directory's folders, sorted; those with a dot in front if `hidden`."""
    with os.scandir(directory) as entries:
        return sorted(e.name for e in entries if e.is_dir() and (hidden or e.name[0] != "."))


def joined(directory: str, names: Iterable[str]) -> list[str]:
    """Return the paths of files of a directory.

    Example:
        >>> joined("photos", ["cat/1.jpg"])
        ['photos/cat/1.jpg']
    """
    return [os.path.join(directory, name) for name in names]
