"""Files below a folder come in the real Keras's order, with its labels and in its parts."""

import keras
import numpy as np
import pytest
from keras.src.utils import dataset_utils
from PIL import Image

from keraunos import utils
from keraunos.data import pictures
from keraunos.data.folders import split

ENDINGS = (".png", ".jpg")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("tree")
    for name in ("b/10.png", "b/9.PNG", "b/in/deep/x.jpg", "a b/z.jpg", "a b/é.png", "c/1.txt"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    for number in range(40):
        (root / "d" / str(number % 3)).mkdir(parents=True, exist_ok=True)
        (root / "d" / str(number % 3) / f"{number}.png").write_bytes(b"")
    (root / ".git").mkdir()
    (root / ".git" / "no.png").write_bytes(b"")
    (root / "linked").mkdir()
    (root / "linked" / "to").symlink_to(root / "b", target_is_directory=True)
    return root


@pytest.mark.parametrize(
    "options",
    [
        {"shuffle": False},
        {"shuffle": True, "seed": 1},
        {"shuffle": True, "seed": 123456},
        {"class_names": ["d", "a b"], "seed": 2},
        {"follow_links": True, "seed": 2},
        {"labels": None, "seed": 4},
        {"labels": "given", "seed": 5},
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [None, 0.3])
def test_the_same_files_labels_and_parts(folder, options, share):
    options = {"labels": "inferred"} | options
    if options["labels"] == "given":
        count = len(utils.paths_and_labels(folder, None, ENDINGS, verbose=False).paths)
        options = options | {"labels": [n % 7 for n in range(count)]}
    given = (
        options["labels"] if not isinstance(options["labels"], list) else list(options["labels"])
    )
    expected = dataset_utils.index_directory(
        str(folder), formats=ENDINGS, verbose=False, **(options | {"labels": given})
    )
    files = utils.paths_and_labels(str(folder), formats=ENDINGS, verbose=False, **options)
    assert files.class_names == expected[2]
    for part in ("training", "validation") if share else (None,):
        paths, labels = dataset_utils.get_training_or_validation_split(*expected[:2], share, part)
        found = split(files, share, part, verbose=False)
        assert found.paths == paths
        assert (found.labels is None) == (labels is None)
        if labels is not None:
            np.testing.assert_array_equal(found.labels, labels)


def test_the_order_without_a_seed_follows_numpys_generator(folder):
    orders = []
    for index in (dataset_utils.index_directory, utils.paths_and_labels):
        np.random.seed(9)
        orders.append(index(str(folder), "inferred", ENDINGS, verbose=False)[0])
    assert orders[0] == orders[1]


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("shape, size", [((9, 12), (24, 30)), ((5, 5), (5, 11))])
def test_enlarged_pictures_equal_keras_resize(method, shape, size):
    # Keras on JAX antialiases where it makes smaller; TensorFlow does not, and neither do we.
    x = np.random.default_rng(0).integers(0, 256, (*shape, 4), dtype=np.uint8)
    expected = keras.ops.image.resize(x.astype("float32"), size, interpolation=method)
    np.testing.assert_allclose(pictures.resize(x, size, method), np.asarray(expected), atol=2e-3)


@pytest.mark.parametrize("size", [(6, 6), (4, 9), (20, 7)])
def test_cropped_pictures_have_the_middle(tmp_path, size):
    x = np.random.default_rng(0).integers(0, 256, (12, 18, 3), dtype=np.uint8)
    Image.fromarray(x).save(tmp_path / "x.png")
    cropped = pictures.load(tmp_path / "x.png", pictures.Fit(size, method="nearest", crop=True))
    expected = keras.preprocessing.image.smart_resize(x.astype("float32"), size, "nearest")
    np.testing.assert_array_equal(cropped, expected)


@pytest.mark.parametrize(
    "sizes", [{"left_size": 0.7}, {"right_size": 3}, {"left_size": 2, "right_size": 0.5}], ids=str
)
@pytest.mark.parametrize("seed", [1, 77])
def test_split_dataset_draws_the_same_samples(sizes, seed):
    x = np.arange(11)
    expected = []
    samples = dataset_utils._convert_dataset_to_list(x, np.ndarray)
    import random

    random.seed(seed)
    random.shuffle(samples)
    left, right = dataset_utils._rescale_dataset_split_sizes(
        sizes.get("left_size"), sizes.get("right_size"), len(x)
    )
    expected = [list(map(int, samples[:left])), list(map(int, samples[-right:]))]
    found = utils.split_dataset(x, shuffle=True, seed=seed, **sizes)
    assert [[int(n) for n in part] for part in found] == expected
