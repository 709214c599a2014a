"""What a `.keras` file holds beside numbers: files that layers write, such as vocabularies.

They stand under `assets/`, in folders named as the groups of the weights are.
"""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path
from typing import Any

from keraunos import errors
from keraunos.saving import files
from keraunos.saving.places import TODAY, places

_ROOT = "assets"


def members(model: Any) -> dict[str, bytes]:
    """Return name -> contents of the files that the layers of a model write."""
    found = {}
    for place in places(model):
        save = getattr(place.owner, "save_assets", None)
        if save is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            save(folder)
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    name = path.relative_to(folder).as_posix()
                    found[f"{_folder(place.path)}{name}"] = path.read_bytes()
    return found


def restore(model: Any, archive: zipfile.ZipFile, path: Path, way: str = TODAY) -> None:
    """Let each layer read the files that it wrote.

    Raises:
        ValueError: a file that is damaged, or whose name leads out of its folder.
    """
    names = [n for n in archive.namelist() if n.startswith(f"{_ROOT}/") and not n.endswith("/")]
    for place in places(model, way) if names else ():
        load = getattr(place.owner, "load_assets", None)
        start = _folder(place.path)
        mine = [name for name in names if name.startswith(start)]
        if load is None or not mine:
            continue
        with tempfile.TemporaryDirectory() as folder:
            for name in mine:
                target = Path(folder, name.removeprefix(start))
                if not target.resolve().is_relative_to(Path(folder).resolve()):
                    raise ValueError(errors.report(f"{path} is refused", got=f"a member {name!r}"))
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(files.member(archive, name, path))
            load(folder)


def _folder(place: str) -> str:
    return f"{_ROOT}/{place}/" if place else f"{_ROOT}/"
