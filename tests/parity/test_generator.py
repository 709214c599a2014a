"""ImageDataGenerator equals keras-preprocessing's (Keras up to 2.8), and Keras 3's where it did.

Keras 3 exchanges the axes of a map and brightens without stretching: there only the draws, the
normalisation and the iterators are compared with it. keras-preprocessing 1.1.2 is compared with
where it is installed: it has had no release since 2020.
"""

import importlib

import numpy as np
import pytest
from PIL import Image

from keraunos.preprocessing import image

keras3 = pytest.importorskip("keras.src.legacy.preprocessing.image")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning")

RNG = np.random.default_rng(0)
PICTURES = (RNG.random((10, 20, 24, 3)) * 255).astype("float32")
LABELS = np.arange(10)
RANGE = 255 * 1e-5


class Fade:
    """A function of the user's, with a name that is the same in every process."""

    def __call__(self, v):
        return v * np.random.uniform(0.5, 1)

    def __repr__(self):
        return "fade"


MOVING = [
    {"rotation_range": 40},
    {"width_shift_range": 0.2, "height_shift_range": 3},
    {"width_shift_range": [-3, 4], "height_shift_range": 2.5},
    {"shear_range": 20, "fill_mode": "reflect"},
    {"zoom_range": 0.3, "fill_mode": "wrap"},
    {"zoom_range": (0.5, 0.9), "fill_mode": "constant", "cval": 9},
    {"brightness_range": (0.4, 1.6)},
    {"rotation_range": 9, "preprocessing_function": Fade()},
]
STILL = [
    {},
    {"channel_shift_range": 30.0},
    {"horizontal_flip": True, "vertical_flip": True},
    {"rescale": 1 / 255, "samplewise_center": True, "samplewise_std_normalization": True},
    {"featurewise_center": True, "featurewise_std_normalization": True},
    {"preprocessing_function": Fade(), "rescale": 0.1},
]
ALL = {"rotation_range": 30, "width_shift_range": 0.1, "height_shift_range": 0.1, "zoom_range": 0.2}
ALL |= {"shear_range": 9, "channel_shift_range": 9, "brightness_range": (0.5, 1.2)}
ALL |= {"horizontal_flip": True, "rescale": 1 / 255}


def cases():
    try:
        old = importlib.import_module("keras_preprocessing.image")
    except ImportError:
        old = None
    for options in STILL:
        yield pytest.param(keras3, options, id=f"keras3-{options}")
    for options in [*STILL, *MOVING, ALL] if old else ():
        yield pytest.param(old, options, id=f"keras_preprocessing-{options}")


def same(found, expected):
    if isinstance(expected, (tuple, list)):
        assert type(found) is type(expected)
        for one, other in zip(found, expected, strict=True):
            same(one, other)
        return
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(found, expected, atol=RANGE)


@pytest.mark.parametrize("theirs, options", [*cases()])
def test_the_same_batches_for_the_same_seed(theirs, options):
    made = []
    for room in (image, theirs):
        generator = room.ImageDataGenerator(**options)
        if options.get("featurewise_center"):
            generator.fit(PICTURES, seed=3)
        np.random.seed(7)
        flow = generator.flow(PICTURES, LABELS, batch_size=4)
        batches = [next(flow) for _ in range(4)]
        flow = generator.flow(PICTURES, LABELS, batch_size=4, seed=5, sample_weight=LABELS)
        made.append([*batches, *(next(flow) for _ in range(4)), flow[1], flow[2]])
    same(*made)


@pytest.mark.parametrize("options", [*STILL, *MOVING, ALL], ids=str)
def test_the_same_draws(options):
    drawn = []
    for room in (image, keras3):
        generator = room.ImageDataGenerator(**options)
        drawn.append([generator.get_random_transform((30, 40, 3), seed) for seed in range(20)])
    assert drawn[0] == drawn[1]


def test_the_same_whitening():
    x = (RNG.random((100, 4, 4, 3)) * 255).astype("float32")
    made = []
    for room in (image, keras3):
        generator = room.ImageDataGenerator(zca_whitening=True)
        generator.fit(x)
        made.append(next(generator.flow(x, shuffle=False)))
    same(*made)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for number in range(14):
        ending = ("jpg", "PNG", "bmp")[number % 3]
        path = root / "bac"[number % 3] / ("in" if number > 9 else "") / f"{number}.{ending}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(RNG.integers(0, 256, (20 + number, 25, 3), np.uint8)).save(path)
    return root


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "binary", "color_mode": "grayscale"},
        {"class_mode": "sparse", "classes": ["c", "a"]},
        {"class_mode": "input", "color_mode": "rgba"},
        {"class_mode": None, "interpolation": "bilinear", "keep_aspect_ratio": True},
        {"subset": "training"},
        {"subset": "validation"},
    ],
    ids=str,
)
def test_the_same_batches_of_a_folder(photos, options):
    flows = [
        room.ImageDataGenerator(
            horizontal_flip=True, channel_shift_range=9.0, validation_split=0.4, rescale=1 / 255
        ).flow_from_directory(str(photos), (16, 18), batch_size=4, seed=2, **options)
        for room in (image, keras3)
    ]
    ours, theirs = flows
    for name in ("filenames", "filepaths", "class_indices", "samples", "n", "num_classes"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.classes.tolist() == theirs.classes.tolist()
    same([next(ours) for _ in range(5)], [next(theirs) for _ in range(5)])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "sparse", "weight_col": "n"},
        {"y_col": "several"},
        {"y_col": "several", "classes": ["q", "a"]},
        {"class_mode": "raw", "y_col": ["n", "m"]},
        {"class_mode": "multi_output", "y_col": ["n", "m"]},
        {"subset": "training"},
    ],
    ids=str,
)
def test_the_same_batches_of_a_frame(photos, options):
    pandas = pytest.importorskip("pandas")
    names = [str(path.relative_to(photos)) for path in sorted(photos.rglob("*.*"))]
    frame = pandas.DataFrame({"filename": [*names, "lost.png"], "n": range(len(names) + 1)})
    frame["class"] = [name[0] for name in frame["filename"]]
    frame["m"] = frame["n"] / 2
    frame["several"] = [[c, "q"] if i % 2 else c for i, c in enumerate(frame["class"])]
    flows = [
        room.ImageDataGenerator(horizontal_flip=True, validation_split=0.4).flow_from_dataframe(
            frame, str(photos), target_size=(16, 18), batch_size=4, seed=2, **options
        )
        for room in (image, keras3)
    ]
    ours, theirs = flows
    for name in ("filenames", "filepaths", "class_indices", "classes", "n"):
        assert getattr(ours, name, None) == getattr(theirs, name, None)
    same([next(ours) for _ in range(5)], [next(theirs) for _ in range(5)])
