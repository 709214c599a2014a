"""Jena climate: fourteen readings of a weather station every ten minutes, 2009 to 2016."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import numpy as np

from keraunos.datasets import _cache

_NAME = "jena_climate_2009_2016.csv"
# No hash is published; this many bytes are what TensorFlow's tutorial on time series downloads.
_SIZE = 13_568_290
_MOST = 200_000_000  # bytes unpacked: the published file has 43 million
_FEATURES = (
    *("p (mbar)", "T (degC)", "Tpot (K)", "Tdew (degC)", "rh (%)", "VPmax (mbar)", "VPact (mbar)"),
    *("VPdef (mbar)", "sh (g/kg)", "H2OC (mmol/mol)", "rho (g/m**3)", "wv (m/s)", "max. wv (m/s)"),
    "wd (deg)",
)


def load_data(path: str = _NAME + ".zip") -> np.ndarray:
    """Return the readings in the order of time, (420,551, 14) float32; see `get_feature_names`.

    The file is looked for in the Keras home, unpacked or not, and downloaded (14 MB) if it is not
    there. Cut it into windows with `keraunos.utils.timeseries_dataset_from_array`.

    Args:
        path: the name of the CSV file, or of the zip file with it, in `datasets` of the Keras
            home; or an absolute path.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: the file is damaged.

    Max Planck Institute for Biogeochemistry, Jena; Chollet: Deep Learning with Python, 2017.
    """
    unpacked = _cache.find(path.removesuffix(".zip"))
    size = _SIZE if path == _NAME + ".zip" else None
    found = unpacked or _cache.fetch(path, size, origin=_NAME + ".zip")
    with _cache.naming(found), _text(found) as lines:
        columns = range(1, len(_FEATURES) + 1)  # the first one is the time
        return np.loadtxt(lines, np.float32, delimiter=",", skiprows=1, usecols=columns, ndmin=2)


def get_feature_names() -> tuple[str, ...]:
    """Return what the columns are, with their units.

    Example:
        >>> get_feature_names()[1]
        'T (degC)'
    """
    return _FEATURES


@contextlib.contextmanager
def _text(path: Path) -> Iterator[TextIO]:
    if path.suffix != ".zip":
        with path.open(encoding="utf-8") as file:
            yield file
        return
    with zipfile.ZipFile(path) as archive:
        member = next((m for m in archive.infolist() if m.filename.endswith(".csv")), None)
        if member is None or member.file_size > _MOST or "__MACOSX" in member.filename:
            raise ValueError("no CSV file of a sensible size in it")
        with archive.open(member) as stream:
            yield io.TextIOWrapper(stream, encoding="utf-8")
