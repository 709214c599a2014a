"""California housing: prices in 20,640 districts of the census of 1990, eight numbers each."""

from __future__ import annotations

from keraunos import errors
from keraunos.datasets import _cache

_SHA256 = "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f"
_SIZES = {"small": 600, "large": None}


def load_data(
    version: str = "large",
    path: str = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> tuple[_cache.Split, _cache.Split]:
    """Return the districts, `x` (n, 8), and the median price of a house `y` (n,) in dollars.

    The columns: median income, age of the houses, rooms and bedrooms a household, population,
    people a household, latitude, longitude. The file is looked for in the Keras home, and
    downloaded (0.7 MB) if it is not there.

    Args:
        version: `"large"`, 20,640 districts, or `"small"`, the first 600.
        path: the file's name in `datasets` of the Keras home, or an absolute path.
        test_split: the share of the samples to test on.
        seed: of the order, which is always shuffled.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: another version, or `test_split` is not from 0 to below 1.

    Pace and Barry: Sparse spatial autoregressions, 1997.
    """
    if version not in _SIZES:
        fix = errors.suggest(version, _SIZES)
        raise ValueError(errors.report(f"california_housing: version={version!r}", fix=fix))
    data = _cache.load_npz(_cache.fetch(path, _SHA256, origin="california_housing.npz"))
    arrays = data["x"][: _SIZES[version]], data["y"][: _SIZES[version]]
    train, test = _cache.shuffled_halves(arrays, test_split, seed)
    return (train[0], train[1]), (test[0], test[1])
