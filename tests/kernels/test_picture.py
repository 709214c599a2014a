"""A picture between its pixels: the compiled way and NumPy's give the slow reference's values."""

import numpy as np
import pytest

from keraunos._kernels import library, picture
from keraunos.data import pictures

SIZES = [
    *(((7, 9), new) for new in [(4, 5), (20, 13)]),
    *[((1, 1), (3, 2)), ((40, 3), (3, 40)), ((6, 5), (6, 3))],
]


def reference(x, size):
    """Each pixel on its own, as tf.image.resize documents it: half-pixel centres, clamped."""
    out = np.empty((*size, x.shape[2]))
    for i, j in np.ndindex(*size):
        ends = []
        for place, long, short in ((i, x.shape[0], size[0]), (j, x.shape[1], size[1])):
            centre = (place + 0.5) * long / short - 0.5
            low = int(np.floor(centre))
            ends.append((max(low, 0), min(low + 1, long - 1), centre - low))
        (top, bottom, down), (left, right, across) = ends
        upper = x[top, left] * (1 - across) + x[top, right] * across
        lower = x[bottom, left] * (1 - across) + x[bottom, right] * across
        out[i, j] = upper * (1 - down) + lower * down
    return out


@pytest.fixture(params=["compiled", "NumPy"])
def way(request, monkeypatch):
    if request.param == "NumPy":
        monkeypatch.setattr(picture, "_compiled", lambda: None)
    elif picture._compiled() is None:
        assert library.found() is None  # a library without the function is out of date
        pytest.skip("the package was installed without a compiler")


@pytest.mark.parametrize("old, new", SIZES, ids=str)
@pytest.mark.parametrize("bytes_, channels", [(1, 1), (4, 3), (4, 4)])
@pytest.mark.parametrize("layout", ["whole", "part of a larger one", "channels first"])
def test_both_ways_equal_the_reference(way, old, new, bytes_, channels, layout):
    x = np.random.default_rng(0).integers(0, 256, (*old, bytes_), np.uint8)
    around = np.full((new[0] + 2, new[1] + 2, channels), -1, np.float32)
    out = around[1:-1, 1:-1]
    if layout == "whole":
        out = np.empty((*new, channels), np.float32)
    elif layout == "channels first":
        out = np.empty((channels, *new), np.float32).transpose(1, 2, 0)
    pictures.resize(x, new, "bilinear", out)
    np.testing.assert_allclose(out, reference(x, new)[..., :channels], atol=1e-4)
    around[1:-1, 1:-1] = -1
    assert (around == -1).all()  # nothing was written beside it
