"""Files below a folder, in the order and with the paths, to the letter, that Keras has."""
# ruff: noqa: PTH118
# (pathlib writes some paths in another way, "./a" as "a".)

from __future__ import annotations

import os
from collections.abc import Iterable


def files_below(
    directory: str, folder: str, endings: tuple[str, ...], follow_links: bool = False
) -> list[str]:
    """Return the files below a folder of a directory, as paths from the directory.

    Args:
        directory, folder: `""` as the folder means the directory itself.
        endings: what a name ends with, small letters.
        follow_links: go into folders that are links.
    """
    top = os.path.join(directory, folder)
    found = []
    for root, _, files in sorted(os.walk(top, followlinks=follow_links), key=lambda it: it[0]):
        inner = os.path.relpath(root, top)
        place = folder if inner == "." else os.path.join(folder, inner)
        found += [os.path.join(place, f) for f in sorted(files) if f.lower().endswith(endings)]
    return found


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
