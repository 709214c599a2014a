"""`get_file`: a file or an unpacked archive from the cache, or from its source."""

from __future__ import annotations

import contextlib
import os
import tarfile
import tempfile
import urllib.parse
import zipfile
from pathlib import Path

from keraunos import config, errors
from keraunos.utils.download import download, has_hash

_FORMATS = {"auto": ("tar", "zip"), "tar": ("tar",), "zip": ("zip",), None: ()}


def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """Return the path of a file, downloaded once and kept; of the folder, if it is to be unpacked.

    Args:
        fname: its name in the cache; by default the last part of `origin`. With `extract`, a
            name without a dot is the folder's.
        origin: the URL.
        untar, md5_hash: older spellings of `extract` (of a tar file) and `file_hash`.
        file_hash: SHA-256 or MD5 of the file, which is checked.
        cache_subdir: the folder in the cache.
        hash_algorithm: `"sha256"`, `"md5"`, or `"auto"`: told by the length.
        extract: unpack it.
        archive_format: `"tar"`, `"zip"` or `"auto"`.
        cache_dir: the cache; by default the Keras home.
        force_download: download it even if it is there.

    Raises:
        ValueError: no origin, a name with folders in it, or a wrong hash.
        ConnectionError: the file is not there and cannot be downloaded.
    """
    if origin is None:
        raise ValueError(errors.report("get_file", expected="origin=<URL>", got="no origin"))
    name = _checked_name(os.fspath(fname or Path(urllib.parse.urlsplit(origin).path).name))
    folder = _cache_folder(cache_dir, cache_subdir, name)
    target, unpacked = folder / name, None
    if extract or untar:
        target, unpacked = _archive_paths(folder, name, named=fname is not None)
    if md5_hash and not file_hash:
        file_hash, hash_algorithm = md5_hash, "md5"
    _provide(origin, target, file_hash, hash_algorithm, force_download)
    if unpacked is None:
        return str(target)
    return str(_unpack(target, unpacked, "tar" if untar else archive_format))


def _provide(origin: str, target: Path, digest: str | None, algorithm: str, force: bool) -> None:
    there = target.exists()
    if there and not force and (not digest or has_hash(target, digest, algorithm)):
        return
    try:
        download(origin, target, digest, algorithm)
    except (ConnectionError, PermissionError) as error:
        if not there or force:
            raise
        what = f"{target} has another hash than expected; it is used as it is: {error}"
        errors.warn(what)


def _checked_name(name: str) -> str:
    if not name or name != Path(name).name:
        fix = "give fname, and the folder as cache_dir and cache_subdir"
        raise ValueError(errors.report("get_file", expected="a file name", got=repr(name), fix=fix))
    return name


def _cache_folder(cache_dir: str | os.PathLike[str] | None, subdir: str, name: str) -> Path:
    """Return the cache; one for temporary files, if it cannot be written and lacks the file."""
    folder = (Path(cache_dir).expanduser() if cache_dir else config.keras_home()) / subdir
    with contextlib.suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    if not os.access(folder, os.W_OK) and not (folder / name).exists():
        folder = Path(tempfile.gettempdir()) / ".keras" / subdir
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def _archive_paths(folder: Path, name: str, named: bool) -> tuple[Path, Path]:
    """Return where an archive and what is in it belong, by Keras 3's rule."""
    if named and "." in name:
        return folder / name, folder / (name.partition(".")[0] + "_extracted")
    return folder / (name + "_archive"), folder / name


def _unpack(archive: Path, folder: Path, archive_format: str | None) -> Path:
    kinds = _FORMATS.get(archive_format, ())
    if "tar" in kinds and tarfile.is_tarfile(archive):
        with tarfile.open(archive) as tar:
            # "data" refuses links and paths that lead out of the folder.
            tar.extractall(folder, filter="data")
    elif "zip" in kinds and zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
    else:
        errors.warn(f"{archive} is no archive of the format {archive_format!r}")
    return folder
