"""Handwritten digits that come with the package, so that the first program needs no network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from keraunos.datasets._cache import Split


def load_data() -> tuple[Split, Split]:
    """Return 1,437 digits to train on and 360 to test on.

    Images are (n, 8, 8) uint8 in 0..16, labels (n,) uint8. They are the 1,797 digits of
    scikit-learn's `load_digits`; the test set, 36 of each digit, never changes. Source, licence
    and split: `digits.md` beside this file.

    Example:
        >>> import keraunos as keras
        >>> (x_train, y_train), (x_test, y_test) = keras.datasets.digits.load_data()
        >>> x_train.shape, x_test.shape, int(x_train.max())
        ((1437, 8, 8), (360, 8, 8), 16)
    """
    with np.load(Path(__file__).with_name("digits.npz")) as file:
        images, labels, is_test = file["images"], file["labels"], file["is_test"]
    return (images[~is_test], labels[~is_test]), (images[is_test], labels[is_test])
