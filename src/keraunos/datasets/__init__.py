"""Small real data sets; each module has `load_data() -> (x_train, y_train), (x_test, y_test)`."""

from keraunos import errors as _errors
from keraunos.datasets import (
    boston_housing,
    california_housing,
    cifar10,
    cifar100,
    digits,
    fashion_mnist,
    imdb,
    mnist,
    reuters,
)

__all__ = [
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "digits",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
]

__getattr__ = _errors.missing(__name__, globals())
