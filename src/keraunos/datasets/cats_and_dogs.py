"""Cats and dogs: the book's small set of photos, from Kaggle's or Microsoft's archive."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from keraunos import _progress as progress
from keraunos import config
from keraunos.data import pictures
from keraunos.datasets import _cache
from keraunos.utils.images import reading

_MICROSOFT = "kagglecatsanddogs_5340.zip"
_ORIGIN = f"https://download.microsoft.com/download/3/E/1/3E1C3F21-ECDB-4869-8368-6DEBA77B919F/{_MICROSOFT}"
# As tensorflow_datasets has it, url_checksums/cats_vs_dogs.txt.
_SHA256 = "b7974bd00a84a99921f36ee4403f089853777b5ae8d151c76a86e64900334af9"
_ARCHIVES = ("dogs-vs-cats.zip", "train.zip", _MICROSOFT)
# Kaggle: train/cat.0.jpg; Microsoft: PetImages/Cat/0.jpg.
_PHOTO = re.compile(r"(?:^|.*/)(cat|dog)[./\\](\d+)\.jpg$", re.IGNORECASE)
_MOST = 20_000_000  # bytes of a photo: the largest has some hundred thousand
_MOST_INSIDE = 2_000_000_000  # bytes of Kaggle's inner archive: it has 570 million
_PARTS = ("train", "validation", "test")


def load_folder(
    counts: tuple[int, int, int] = (1000, 500, 500),
    path: str | None = None,
    verbose: int | str = "auto",
) -> Path:
    """Return a folder with `train`, `validation` and `test`, each with `cats` and `dogs`.

    Pass its folders to `image_dataset_from_directory` or `flow_from_directory`. The photos are
    unpacked once into `datasets/cats_and_dogs_<numbers>` of the Keras home; damaged ones are left
    out. The archive is looked for in the Keras home: `dogs-vs-cats.zip` or `train.zip` from
    https://www.kaggle.com/c/dogs-vs-cats/data (which asks for an account), or Microsoft's
    `kagglecatsanddogs_5340.zip`, which is downloaded (825 MB) if none of them is there.

    Args:
        counts: photos of each kind, to train on, to validate and to test with.
        path: of the archive, if it has another name or lies elsewhere.
        verbose: 0 shows no progress.

    Raises:
        ConnectionError: no archive is there, and none can be downloaded.
        ValueError: the archive is damaged, or has too few photos.

    Elson et al.: Asirra, a CAPTCHA that exploits interest-aligned manual image categorization,
    2007.
    """
    name = "cats_and_dogs_" + "_".join(map(str, counts))
    folder = config.keras_home() / "datasets" / name
    if folder.is_dir():
        return folder
    archive = _archive(path)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{name}.") as work:
        place = Path(work)
        with _cache.naming(archive), zipfile.ZipFile(_with_photos(archive, place)) as zipped:
            _unpack(zipped, place / name, counts, verbose)
        shutil.move(Path(work) / name, folder)  # it appears only when it is whole
    return folder


def _archive(path: str | None) -> Path:
    names = (path,) if path else _ARCHIVES
    name = next((n for n in names if _cache.find(n) is not None), path or _MICROSOFT)
    known = _SHA256 if Path(name).name == _MICROSOFT else None
    return _cache.fetch(name, known, origin=_ORIGIN)


def _unpack(
    zipped: zipfile.ZipFile, folder: Path, counts: tuple[int, int, int], verbose: int | str
) -> None:
    bar = progress.bar(2 * sum(counts), "photo", "Unpacking cats and dogs", verbose)
    done = 0
    for kind, members in _photos(zipped).items():
        sound = _sound(zipped, members)
        for part, count in zip(_PARTS, counts):
            place = folder / part / f"{kind}s"
            place.mkdir(parents=True)
            for _ in range(count):
                number, content = next(sound, (-1, b""))
                if number < 0:
                    raise ValueError(f"fewer than {sum(counts)} sound photos of a {kind}")
                # The name is ours: what the archive calls it may lead anywhere.
                (place / f"{kind}.{number}.jpg").write_bytes(content)
                bar.update(done := done + 1)


def _with_photos(archive: Path, work: Path) -> Path:
    """Return the archive with the photos: Kaggle's has it inside of another one."""
    with zipfile.ZipFile(archive) as outer:
        inner = next((m for m in outer.infolist() if m.filename.endswith("train.zip")), None)
        if inner is None:
            return archive
        if inner.file_size > _MOST_INSIDE:
            raise ValueError(f"{inner.filename} would have {inner.file_size:,} bytes")
        with outer.open(inner) as stream, (work / "train.zip").open("wb") as file:
            shutil.copyfileobj(stream, file, 1 << 20)
    return work / "train.zip"


def _photos(archive: zipfile.ZipFile) -> dict[str, list[tuple[int, zipfile.ZipInfo]]]:
    """Return the photos of an archive by kind, each with its number, in order."""
    found: dict[str, list[tuple[int, zipfile.ZipInfo]]] = {"cat": [], "dog": []}
    for member in archive.infolist():
        if (match := _PHOTO.match(member.filename)) and member.file_size <= _MOST:
            found[match[1].lower()].append((int(match[2]), member))
    return {kind: sorted(some, key=lambda it: it[0]) for kind, some in found.items()}


def _sound(
    archive: zipfile.ZipFile, members: list[tuple[int, zipfile.ZipInfo]]
) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of the photos that can be decoded."""
    for number, member in members:
        content = archive.read(member)
        try:
            with reading(member.filename):
                pictures.decode(io.BytesIO(content), "rgb")
        except ValueError:
            continue
        yield number, content
