"""Real data sets; each module has `load_data() -> (x_train, y_train), (x_test, y_test)`.

(`jena_climate`, a series, is one array; `cats_and_dogs`, photos, is a folder.)
"""

from keraunos import errors as _errors
from keraunos.datasets import (
    boston_housing,
    california_housing,
    cats_and_dogs,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    jena_climate,
    mnist,
    notmnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cats_and_dogs",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "imdb",
    "jena_climate",
    "mnist",
    "notmnist",
    "reuters",
]

__getattr__ = _errors.missing(__name__, globals())
