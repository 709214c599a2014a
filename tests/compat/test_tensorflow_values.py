"""Functions of the tensorflow facade equal the real ones: 430 arrays that TensorFlow computed."""

import numpy as np
import pytest
from tests.compat import tensorflow_values as table

from keraunos.compat import tensorflow as facade
from keraunos.compat.tensorflow._tensor import host

_EXPECTED = np.load(table.FILE)
_LOOSE = {
    "tf.linalg.inv(square)": 1e-4,
    "tf.linalg.expm(square * 0.1)": 1e-4,
    # TensorFlow reads the weights from a table of 1024.
    "tf.image.resize(image, [5, 12], method='bicubic')": 1e-3,
    # Pillow rounds where libpng cuts.
    "tf.io.decode_png(tf.io.encode_png(bytes_image), channels=1)": 1,
}
_BY_TEXT = {}
for _name in _EXPECTED.files:
    _BY_TEXT.setdefault(_name.rpartition(" #")[0], []).append(_name)


@pytest.fixture(scope="module")
def tf():
    yield facade.module("tensorflow")
    facade.leave()


def _check(tf, text):
    found, names = table.computed(tf, text), _BY_TEXT[text]
    assert len(found) == len(names)
    for array, name in zip(found, names):
        expected = _EXPECTED[name]
        assert array.shape == expected.shape
        if expected.dtype.kind in "Sb":
            np.testing.assert_array_equal(array, expected)
        else:
            close = _LOOSE.get(text, 2e-5)
            assert array.dtype.kind == expected.dtype.kind
            np.testing.assert_allclose(array, expected, rtol=min(close, 1e-3), atol=close)


@pytest.mark.parametrize("text", table.expressions())
def test_equals_tensorflow(tf, text):
    _check(tf, text)


@pytest.mark.parametrize("text", [t for t in table.expressions() if t.startswith("tf.image.")])
def test_equals_tensorflow_on_the_host(tf, text, monkeypatch):
    """What a Dataset's function computes with host tensors is the same."""
    for name in ("image", "bytes_image", "images"):
        monkeypatch.setitem(table.NAMES, name, host(table.NAMES[name]))
    _check(tf, text)
