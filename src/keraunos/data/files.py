"""Elements in files: names by pattern, what `save` wrote."""

from __future__ import annotations

import glob
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.data import caching

ELEMENTS = "elements"
_ABOUT = "dataset.json"


def matching(patterns: Any) -> list[str]:
    """Return the sorted paths that match a pattern or several.

    Raises:
        FileNotFoundError: there are none.
    """
    given = [patterns] if isinstance(patterns, (str, os.PathLike)) else list(np.ravel(patterns))
    found = sorted({path for one in given for path in glob.glob(os.fspath(one))})  # noqa: PTH207
    if not found:
        got = f"none in {pathlib.Path.cwd()}"
        raise FileNotFoundError(errors.report("list_files", expected=f"files {given}", got=got))
    return found


def save(elements: Iterator[Any], folder: pathlib.Path) -> None:
    """Write elements, and then how many they are: a folder without that is not complete."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _ABOUT).unlink(missing_ok=True)
    count = 0

    def counted() -> Iterator[Any]:
        nonlocal count
        for one in elements:
            count += 1
            yield one

    caching.write(counted(), folder / ELEMENTS)
    (folder / _ABOUT).write_text(json.dumps({"count": count}))


def saved_count(folder: Any) -> int:
    """Return how many elements a folder has.

    Raises:
        FileNotFoundError: it has none, or was not written to the end.
    """
    about = pathlib.Path(os.fspath(folder)) / _ABOUT
    if not about.exists():
        expected = "a folder that Dataset.save wrote to the end"
        raise FileNotFoundError(errors.report("Dataset.load", expected=expected, got=folder))
    return int(json.loads(about.read_text())["count"])
