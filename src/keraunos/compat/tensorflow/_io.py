"""Files: `tf.io.read_file`, `tf.io.gfile`, CSV lines and TFRecord files."""

from __future__ import annotations

import csv
import glob
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._tensor import host, is_strings, tensor


def path_of(value: Any) -> str:
    """Return a file's name given as a string, a path or a tensor of one string."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, str):
        return value
    return host(value).numpy().decode()


def _read(filename: Any) -> Any:
    return host(Path(path_of(filename)).read_bytes())


def _write(filename: Any, contents: Any) -> None:
    path = Path(path_of(filename))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(host(contents).numpy())


def _matching(pattern: Any) -> Any:
    patterns = [pattern] if isinstance(pattern, (str, os.PathLike)) else list(pattern)
    names = sorted(n for p in patterns for n in glob.glob(path_of(p)))  # noqa: PTH207 - any pattern
    return host(np.array(names, object)) if names else host(np.zeros(0, object))


def _decode_csv(records: Any, defaults: Any, delim: str, na: str, columns: Any) -> list[Any]:
    lines = host(records).view(np.ndarray)
    table = list(csv.reader((v.decode() for v in lines.ravel().tolist()), delimiter=delim))
    chosen = range(len(table[0])) if columns is None else columns
    return [
        _column([line[i] for line in table], default, na, lines.shape)
        for i, default in zip(chosen, defaults)
    ]


def _column(words: list[str], default: Any, na: str, shape: Any) -> Any:
    if isinstance(default, str) and default in ("string", "float32", "int32", "int64"):
        kind, fill = as_dtype(default), None
    elif is_strings(default):
        kind, fill = as_dtype("string"), np.ravel(default)[0]
    else:
        array = np.asarray(tensor(default))
        kind, fill = as_dtype(array.dtype), array.ravel()[0] if array.size else None
    if fill is None and any(w in ("", na) for w in words):
        raise ValueError(errors.report("decode_csv", expected="a value in every line", got="none"))
    given = [fill if w in ("", na) else w for w in words]
    if kind == "string":
        return host(np.array(given, object).reshape(shape))
    return tensor(np.array(given).astype(kind.as_numpy_dtype).reshape(shape))


# -- gfile: the file system, by the standard library


class GFile:
    """An open file, as `open` gives it, with the methods of `tf.io.gfile.GFile`."""

    def __init__(self, name: Any, mode: str = "r") -> None:
        self._file = open(path_of(name), mode)  # noqa: SIM115, PTH123 - closed by its user

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def size(self) -> int:
        return os.fstat(self._file.fileno()).st_size

    def __enter__(self) -> GFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)


def _copy(src: Any, dst: Any, overwrite: bool = False) -> None:
    """Copy a file; over another only if told so."""
    if Path(path_of(dst)).exists() and not overwrite:
        raise FileExistsError(f"{path_of(dst)} is there already; copy(..., overwrite=True)")
    shutil.copyfile(path_of(src), path_of(dst))


def _walk(top: Any, topdown: bool = True) -> Iterator[Any]:
    """Yield (folder, its folders, its files)."""
    return os.walk(path_of(top), topdown)


GFILE = {
    "GFile": GFile,
    "exists": lambda path: Path(path_of(path)).exists(),
    "isdir": lambda path: Path(path_of(path)).is_dir(),
    "listdir": lambda path: sorted(p.name for p in Path(path_of(path)).iterdir()),
    "glob": lambda pattern: [v.decode() for v in _matching(pattern).tolist()],
    "makedirs": lambda path: Path(path_of(path)).mkdir(parents=True, exist_ok=True),
    "mkdir": lambda path: Path(path_of(path)).mkdir(),
    "remove": lambda path: Path(path_of(path)).unlink(),
    "rmtree": lambda path: shutil.rmtree(path_of(path)),
    "rename": lambda src, dst, overwrite=False: Path(path_of(src)).replace(path_of(dst)),
    "copy": _copy,
    "walk": _walk,
    "stat": lambda path: Path(path_of(path)).stat(),
    "join": lambda path, *more: str(Path(path_of(path)).joinpath(*more)),
}
OLD_GFILE = {
    "GFile": GFile,
    "FastGFile": GFile,
    "Exists": GFILE["exists"],
    "IsDirectory": GFILE["isdir"],
    "ListDirectory": GFILE["listdir"],
    "Glob": GFILE["glob"],
    "MakeDirs": GFILE["makedirs"],
    "Remove": GFILE["remove"],
    "DeleteRecursively": GFILE["rmtree"],
    "Open": GFile,
}
TABLES: dict[str, dict[str, Any]] = {
    "tensorflow.io": {
        "read_file": row(_read, "filename"),
        "write_file": row(_write, "filename, contents"),
        "matching_files": row(_matching, "pattern"),
        "decode_csv": row(
            _decode_csv,
            "records, record_defaults, field_delim=',', na_value='', select_cols=None"
            " | use_quote_delim=True",
        ),
    },
    "tensorflow.io.gfile": GFILE,
    "tensorflow.gfile": OLD_GFILE,
    "tensorflow.compat.v1.gfile": OLD_GFILE,
}
