"""Pictures: arrays, Pillow and files, as the real Keras."""

import io

import keras
import numpy as np
import pytest

import keraunos
from keraunos import utils

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("options", [{}, {"scale": False}, {"data_format": "channels_first"}])
def test_array_to_img_and_back(channels, options):
    x = RNG.uniform(0, 255, (5, 6, channels))
    x = x.transpose(2, 0, 1) if options.get("data_format") else x
    mine, theirs = (api.array_to_img(x, **options) for api in (utils, keras.utils))
    assert mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
    layout = options.get("data_format")
    back, expected = (api.img_to_array(theirs, layout, "float32") for api in (utils, keras.utils))
    np.testing.assert_array_equal(back, expected)
    assert back.dtype == expected.dtype


def test_the_brightest_becomes_255_and_no_more():
    for most in np.arange(1, 200, dtype="float32"):
        image = utils.array_to_img(np.array([[[0], [most]]]))
        assert (image.mode, image.getpixel((1, 0))) == ("L", 255)


def test_numbers_above_255_keep_32_bits():
    image = utils.array_to_img(np.full((2, 2, 1), 300.0), scale=False)
    assert (image.mode, image.getpixel((0, 0))) == ("I", 300)


@pytest.mark.parametrize("options", [{}, {"color_mode": "grayscale"}, {"color_mode": "rgba"}])
@pytest.mark.parametrize("size", [{}, {"target_size": (4, 9)}])
@pytest.mark.parametrize("kept", [{}, {"keep_aspect_ratio": True, "interpolation": "bilinear"}])
def test_files(tmp_path, options, size, kept):
    path = tmp_path / "a.png"
    utils.save_img(path, RNG.uniform(size=(7, 8, 3)))
    mine, theirs = (api.load_img(path, **options, **size, **kept) for api in (utils, keras.utils))
    assert mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))
    same = utils.load_img(io.BytesIO(path.read_bytes()), **options, **size, **kept)
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(same))


def test_jpeg_has_no_fourth_channel(tmp_path):
    with pytest.warns(UserWarning, match="fourth channel"):
        utils.save_img(tmp_path / "a.jpg", np.ones((4, 4, 4)), quality=90)
    assert utils.load_img(tmp_path / "a.jpg").size == (4, 4)


@pytest.mark.parametrize(
    "call",
    [
        lambda: utils.array_to_img(np.ones((2, 2))),
        lambda: utils.array_to_img(np.ones((2, 2, 2))),
        lambda: utils.img_to_array(np.ones(3)),
        lambda: utils.load_img("a.png", color_mode="grey"),
        lambda: utils.load_img("a.png", interpolation="best"),
    ],
)
def test_bad_arguments(call):
    with pytest.raises(ValueError) as caught:
        call()
    assert len(str(caught.value).splitlines()) <= 6


def test_something_that_is_no_path():
    with pytest.raises(TypeError, match="a path"):
        utils.load_img(3)


@pytest.mark.parametrize(
    "shape, size, layout",
    [
        ((7, 9, 3), (4, 4), "channels_last"),
        ((2, 6, 5, 1), (3, 8), "channels_last"),
        ((3, 7, 9), (5, 2), "channels_first"),
    ],
)
def test_smart_resize(shape, size, layout):
    x = RNG.uniform(size=shape).astype("float32")
    mine, theirs = (
        api.preprocessing.image.smart_resize(x, size, data_format=layout)
        for api in (keraunos, keras)
    )
    assert isinstance(mine, np.ndarray)
    np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape, size", [((4, 4), (2, 2)), ((4, 4, 3), (2,))])
def test_smart_resize_refuses(shape, size):
    with pytest.raises(ValueError, match="smart_resize"):
        keraunos.preprocessing.image.smart_resize(np.ones(shape), size)
