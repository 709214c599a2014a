"""notMNIST: the letters A to J in many typefaces, 28x28 pixels, in the place of MNIST."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import numpy as np

from keraunos import _progress as progress
from keraunos import errors
from keraunos.data import pictures
from keraunos.datasets import _cache
from keraunos.utils.images import reading

_ORIGIN = "http://yaroslavvb.com/upload/notMNIST/"
# No hash is published; these bytes are what TensorFlow's Udacity course checked for.
_SIZES = {"notMNIST_small.tar.gz": 8_458_043, "notMNIST_large.tar.gz": 247_336_696}
_LETTERS = "ABCDEFGHIJ"
_SIDE = 28
_MOST = 1 << 16  # bytes of a picture: a letter has some hundred
_PIECE = 500  # pictures between two looks at the bar


def load_data(
    path: str = "notMNIST_small.tar.gz",
    test_split: float = 0.2,
    seed: int = 113,
    verbose: int | str = "auto",
) -> tuple[_cache.Split, _cache.Split]:
    """Return letters, `x` (n, 28, 28) uint8 in 0..255, and `y` (n,) uint8: 0 for A to 9 for J.

    The archive of PNG files is looked for in the Keras home, and downloaded if it is not there:
    `notMNIST_small.tar.gz` (8 MB) has 18,726 letters, `notMNIST_large.tar.gz` (247 MB) 529,119,
    less clean ones. It is read as it is, nothing is unpacked; the letters of a large one are kept
    beside it as `.npz` for the next time. A few of the files are damaged; they are left out.

    Args:
        path: the archive's name in `datasets` of the Keras home, or an absolute path.
        test_split: the share of the letters to test on.
        seed: of the order, which is always shuffled.
        verbose: 0 shows no progress.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: the archive is damaged, or `test_split` is not from 0 to below 1.

    Bulatov: notMNIST dataset, 2011.
    """
    name = Path(path).name
    archive = _cache.fetch(path, _SIZES.get(name), origin=_ORIGIN + name)
    arrays = _kept(archive) or _read(archive, verbose)
    train, test = _cache.shuffled_halves(arrays, test_split, seed)
    return (train[0], train[1]), (test[0], test[1])


def _kept(archive: Path) -> tuple[np.ndarray, ...] | None:
    """Return the letters that an earlier call has put beside the archive."""
    beside = _beside(archive)
    if not beside.is_file() or beside.stat().st_mtime < archive.stat().st_mtime:
        return None
    arrays = _cache.load_npz(beside)
    return arrays["x"], arrays["y"]


def _beside(archive: Path) -> Path:
    return archive.with_name(archive.name.partition(".")[0] + ".npz")


def _read(archive: Path, verbose: int | str) -> tuple[np.ndarray, np.ndarray]:
    images, labels, damaged = [], [], []
    with _cache.naming(archive), archive.open("rb") as file, tarfile.open(fileobj=file) as tar:
        size = archive.stat().st_size
        bar = progress.bar(size, title=f"Reading {archive.name}", verbose=verbose)
        for count, (name, label, content) in enumerate(_letters(tar)):
            image = _decoded(name, content)
            if image is None:
                damaged.append(name)
            else:
                images.append(image)
                labels.append(label)
            if count % _PIECE == 0:
                bar.update(min(file.tell(), size - 1))
        bar.update(size, finalize=True)
    if damaged:
        what = f"{archive}: {len(damaged)} damaged letters are left out: {', '.join(damaged[:3])}"
        errors.warn(what)
    if not images:
        expected = "an archive with PNG files in the folders A to J"
        raise ValueError(errors.report(f"cannot read {archive}", expected=expected, got="none"))
    x, y = np.stack(images), np.array(labels, np.uint8)
    if len(y) > 100_000:
        np.savez(_beside(archive), x=x, y=y)
    return x, y


def _letters(tar: tarfile.TarFile) -> Iterator[tuple[str, int, bytes]]:
    """Yield name, label and content of the pictures; whatever else is in there is passed by."""
    for member in tar:
        path = PurePosixPath(member.name)
        label = _LETTERS.find(path.parent.name) if len(path.parent.name) == 1 else -1
        if not member.isfile() or path.suffix.lower() != ".png" or label < 0:
            continue
        stream = tar.extractfile(member)
        yield member.name, label, stream.read(_MOST) if stream else b""


def _decoded(name: str, content: bytes) -> np.ndarray | None:
    try:
        with reading(name):
            image = pictures.decode(io.BytesIO(content), "grayscale", size=(_SIDE, _SIDE))
    except ValueError:
        return None
    return image[..., 0]
