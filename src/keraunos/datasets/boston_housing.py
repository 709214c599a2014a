"""Boston housing: prices in 506 districts of the 1970s, thirteen numbers each."""

from __future__ import annotations

from keraunos.datasets import _cache

_SHA256 = "f553886a1f8d56431e820c5b82552d9d95cfcb96d1e678153f8839538947dff5"


def load_data(
    path: str = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> tuple[_cache.Split, _cache.Split]:
    """Return the districts, `x` (n, 13), and the median price `y` (n,) in thousands of dollars.

    One of the thirteen columns was built on the assumption that people wish to live apart by
    race; take `california_housing` for anything but a lesson about that. The file is looked for
    in the Keras home, and downloaded (57 kB) if it is not there.

    Args:
        path: the file's name in `datasets` of the Keras home, or an absolute path.
        test_split: the share of the samples to test on.
        seed: of the order, which is always shuffled.

    Raises:
        ConnectionError: the file is not there and cannot be downloaded.
        ValueError: `test_split` is not from 0 to below 1.

    Harrison and Rubinfeld: Hedonic prices and the demand for clean air, 1978.
    """
    data = _cache.load_npz(_cache.fetch(path, _SHA256, origin="boston_housing.npz"))
    train, test = _cache.shuffled_halves((data["x"], data["y"]), test_split, seed)
    return (train[0], train[1]), (test[0], test[1])
