"""The digits are scikit-learn's; files are found, checked, named if missing or damaged."""

import gzip
import hashlib
import json
import pickle
import struct
import zipfile

import numpy as np
import pytest

from keraunos.datasets import _cache, digits, fashion_mnist, imdb, mnist


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    """Downloads fail, as without a network."""

    def refuse(request, timeout):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


# --- digits -----------------------------------------------------------------------------------


def test_digits_are_those_of_scikit_learn():
    """The hash is of `load_digits().images` and `.target` as bytes, from scikit-learn 1.9."""
    with np.load(_digits_file()) as file:
        content = file["images"].tobytes() + file["labels"].tobytes()
    assert hashlib.sha256(content).hexdigest().startswith("87ff0c9e40dc7e2c0e34e7257799c2e3")


def test_digits_split_is_the_documented_one():
    with np.load(_digits_file()) as file:
        labels, is_test = file["labels"], file["is_test"]
    rng, chosen = np.random.RandomState(0), []
    for digit in range(10):
        chosen.extend(rng.permutation(np.flatnonzero(labels == digit))[:36])
    assert sorted(chosen) == np.flatnonzero(is_test).tolist()


def test_digits_shapes_and_range():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert (x_train.shape, y_train.shape) == ((1437, 8, 8), (1437,))
    assert (x_test.shape, y_test.shape) == ((360, 8, 8), (360,))
    assert x_train.dtype == np.uint8
    assert (x_train.min(), x_train.max()) == (0, 16)
    assert np.bincount(y_test).tolist() == [36] * 10


def test_digits_name_their_source_and_licence():
    text = _digits_file().with_suffix(".md").read_text()
    assert all(word in text for word in ("UCI", "Alpaydin", "Kaynak", "CC BY 4.0", "BSD-3"))


def _digits_file():
    from pathlib import Path

    return Path(digits.__file__).with_name("digits.npz")


# --- mnist ------------------------------------------------------------------------------------


def _write_mnist(path):
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (6, 28, 28), np.uint8),
        "y_train": np.arange(6, dtype=np.uint8),
        "x_test": rng.integers(0, 256, (2, 28, 28), np.uint8),
        "y_test": np.arange(2, dtype=np.uint8),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)
    return arrays


@pytest.mark.parametrize("place", ["datasets/mnist.npz", "mnist.npz"])
def test_mnist_is_found_in_the_keras_home(keras_home, place):
    arrays = _write_mnist(keras_home / place)
    with pytest.warns(UserWarning, match="not the published file"):
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    for got, array in zip((x_train, y_train, x_test, y_test), arrays.values(), strict=True):
        assert np.array_equal(got, array)


def test_mnist_without_network_says_in_one_line_which_file_goes_where(keras_home):
    with pytest.raises(ConnectionError) as caught:
        mnist.load_data()
    message = str(caught.value)
    assert "\n" not in message
    assert f"put the file mnist.npz in {keras_home / 'datasets'}" in message
    assert not list((keras_home / "datasets").iterdir()), "nothing half done is left"


@pytest.mark.filterwarnings("ignore:.*not the published file")
def test_a_damaged_file_is_named_and_kept(keras_home):
    path = keras_home / "datasets" / "mnist.npz"
    path.parent.mkdir()
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"cannot read .*mnist\.npz"):
        mnist.load_data()
    assert path.read_bytes() == b"<html>404</html>"


# --- fashion_mnist ----------------------------------------------------------------------------


def _idx(array):
    head = struct.pack(f">2xBB{array.ndim}i", 8, array.ndim, *array.shape)
    return gzip.compress(head + array.tobytes())


@pytest.mark.filterwarnings("ignore:.*not the published file")
def test_fashion_mnist_reads_idx_files(keras_home):
    folder = keras_home / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    images = np.arange(3 * 28 * 28, dtype=np.int64).astype(np.uint8).reshape(3, 28, 28)
    for part in ("train", "t10k"):
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(_idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(_idx(np.array([1, 0, 9], np.uint8)))
    (x_train, y_train), (x_test, _) = fashion_mnist.load_data()
    assert np.array_equal(x_train, images)
    assert np.array_equal(x_test, images)
    assert y_train.tolist() == [1, 0, 9]


# --- imdb -------------------------------------------------------------------------------------

REVIEWS = [[1, 2, 3], [4, 5], [6, 7, 8, 9], [1]]


def _object_array(lists):
    array = np.empty(len(lists), dtype=object)
    array[:] = lists
    return array


@pytest.fixture
def reviews(keras_home):
    path = keras_home / "datasets" / "imdb.npz"
    path.parent.mkdir()
    labels = np.array([0, 1, 0, 1])
    x = _object_array(REVIEWS)
    np.savez(path, x_train=x, y_train=labels, x_test=x, y_test=labels)
    return path


@pytest.mark.filterwarnings("ignore:.*not the published file")
@pytest.mark.parametrize(
    "arguments, rewritten",
    [
        ({}, [[1, 4, 5, 6], [1, 7, 8], [1, 9, 10, 11, 2], [1, 4]]),
        ({"start_char": None, "index_from": 0, "num_words": 99}, REVIEWS),
        ({"num_words": 7, "skip_top": 5}, [[2, 2, 5, 6], [2, 2, 2], [2, 2, 2, 2, 2], [2, 2]]),
        ({"num_words": 7, "oov_char": None}, [[1, 4, 5, 6], [1], [1], [1, 4]]),
        ({"maxlen": 4, "num_words": 99}, [[1, 7, 8], [1, 4]]),
    ],
)
def test_imdb_rewrites_words_as_keras_does(reviews, arguments, rewritten):
    (x_train, y_train), (x_test, y_test) = imdb.load_data(**arguments)
    assert sorted(x_train) == sorted(rewritten)
    assert sorted(x_test) == sorted(rewritten)
    assert all(isinstance(review, list) for review in x_train)
    assert len(y_train) == len(y_test) == len(rewritten)


@pytest.mark.filterwarnings("ignore:.*not the published file")
def test_imdb_shuffles_reviews_and_labels_together(reviews):
    order = np.random.RandomState(5).permutation(4)
    (x_train, y_train), _ = imdb.load_data(seed=5, start_char=None, index_from=0, num_words=99)
    assert x_train.tolist() == [REVIEWS[i] for i in order]
    assert y_train.tolist() == [i % 2 for i in order]


@pytest.mark.filterwarnings("ignore:.*not the published file")
def test_imdb_maxlen_below_every_review_is_an_error(reviews):
    with pytest.raises(ValueError, match="no text is shorter than maxlen=1"):
        imdb.load_data(maxlen=1)


@pytest.mark.filterwarnings("ignore:.*not the published file")
def test_imdb_word_index(keras_home):
    (keras_home / "imdb_word_index.json").write_text(json.dumps({"the": 1}))
    assert imdb.get_word_index() == {"the": 1}


class _Command:
    def __reduce__(self):
        return print, ("this must not be printed",)


def test_a_pickled_command_is_refused(tmp_path, capsys):
    array = _object_array([_Command()])
    path = tmp_path / "evil.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("x.npy", "w") as stream:
        np.lib.format.write_array(stream, array, allow_pickle=True)
    with pytest.raises(ValueError, match=r"builtins\.print"):
        _cache.load_npz(path)
    assert capsys.readouterr().out == ""


def test_load_npz_reads_what_numpy_writes(tmp_path):
    arrays = {
        "plain": np.arange(6.0).reshape(2, 3),
        "fortran": np.asfortranarray(np.arange(6).reshape(2, 3)),
        "empty": np.zeros((0, 3), np.float32),
        "lists": _object_array([[1, 2], [], [3]]),
    }
    np.savez(tmp_path / "a.npz", **arrays)
    loaded = _cache.load_npz(tmp_path / "a.npz")
    for name, array in arrays.items():
        assert loaded[name].dtype == array.dtype
        assert pickle.dumps(loaded[name].tolist()) == pickle.dumps(array.tolist()), name
