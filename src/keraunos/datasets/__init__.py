"""Small real data sets; each module has `load_data() -> (x_train, y_train), (x_test, y_test)`."""

from keraunos.datasets import digits, fashion_mnist, imdb, mnist

__all__ = ["digits", "fashion_mnist", "imdb", "mnist"]
