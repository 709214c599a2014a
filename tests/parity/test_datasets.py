"""Data sets that tests make up are read as the real Keras reads them."""

import pickle
import tarfile

import keras
import numpy as np
import pytest

import keraunos

pytestmark = pytest.mark.filterwarnings("ignore:.*not the published file")


def same(mine, theirs):
    for one, other in zip(keraunos.tree.flatten(mine), keraunos.tree.flatten(theirs), strict=True):
        assert (one.dtype, one.shape) == (np.asarray(other).dtype, np.asarray(other).shape)
        assert one.tolist() == np.asarray(other).tolist()


@pytest.fixture
def place(keras_home, monkeypatch):
    """Return `make(name, **arrays)`: an `.npz` file that both find."""

    def make(name, **arrays):
        path = keras_home / "datasets" / f"{name}.npz"
        path.parent.mkdir(exist_ok=True)
        np.savez(path, **arrays)
        monkeypatch.setattr(f"keras.src.datasets.{name}.get_file", lambda *_, **__: str(path))
        return getattr(keraunos.datasets, name), getattr(keras.datasets, name)

    return make


@pytest.mark.parametrize("options", [{}, {"test_split": 0.5, "seed": 3}, {"test_split": 0}])
@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_houses(place, name, options):
    rng = np.random.default_rng(0)
    mine, theirs = place(name, x=rng.normal(size=(31, 8)), y=rng.normal(size=31))
    same(mine.load_data(**options), theirs.load_data(**options))


def test_the_small_california(place):
    numbers = np.arange(700.0)
    mine, theirs = place("california_housing", x=np.stack([numbers] * 8, 1), y=numbers)
    same(mine.load_data("small"), theirs.load_data("small"))
    with pytest.raises(ValueError, match="did you mean 'small'"):
        mine.load_data("smal")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_words": 9, "skip_top": 2, "test_split": 0.3},
        {"maxlen": 6, "oov_char": None, "seed": 5},
        {"start_char": None, "index_from": 0},
    ],
    ids=str,
)
def test_reuters(place, options):
    rng = np.random.default_rng(1)
    texts = np.empty(40, object)
    texts[:] = [rng.integers(1, 12, rng.integers(1, 9)).tolist() for _ in texts]
    mine, theirs = place("reuters", x=texts, y=rng.integers(0, 46, 40))
    same(mine.load_data(**options), theirs.load_data(**options))
    assert mine.get_label_names() == theirs.get_label_names()


TEN = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]


def pictures(members, folder, rows=20):
    """Write members as CIFAR's are; the first label says which member it is."""
    rng = np.random.default_rng(2)
    folder.mkdir(parents=True)
    for number, member in enumerate(members):
        data = {b"data": rng.integers(0, 256, (rows, 3072), np.uint8)}
        for key in (b"labels", b"fine_labels", b"coarse_labels"):
            data[key] = [number, *rng.integers(0, 10, rows - 1).tolist()]
        (folder / member).write_bytes(pickle.dumps(data, protocol=3))
    return folder


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
@pytest.mark.parametrize("mode", ["fine", "coarse"])
def test_cifar100_in_the_folder_of_keras(keras_home, monkeypatch, mode, layout):
    root = keras_home / "datasets" / "cifar-100-python-target"
    pictures(["train", "test"], root / "cifar-100-python")
    monkeypatch.setattr("keras.src.datasets.cifar100.get_file", lambda **_: str(root))
    results = []
    for api in (keraunos, keras):
        api.config.set_image_data_format(layout)
        try:
            results.append(api.datasets.cifar100.load_data(mode))
        finally:
            api.config.set_image_data_format("channels_last")
    for mine, theirs in zip(*map(keraunos.tree.flatten, results), strict=True):
        assert mine.dtype == np.uint8
        np.testing.assert_array_equal(mine, theirs)


def test_cifar10_in_its_archive(keras_home, tmp_path, monkeypatch):
    folder = pictures(TEN, tmp_path / "made" / "cifar-10-batches-py")
    archive = keras_home / "datasets" / "cifar-10-python.tar.gz"
    archive.parent.mkdir()
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(folder, folder.name)
    (x, y), (x_test, y_test) = keraunos.datasets.cifar10.load_data()
    assert (x.shape, x_test.shape, x.dtype) == ((100, 32, 32, 3), (20, 32, 32, 3), np.uint8)
    assert y[::20].ravel().tolist() == [0, 1, 2, 3, 4]
    assert y_test[0].tolist() == [5]
    whole = pickle.loads((folder / "data_batch_2").read_bytes())
    np.testing.assert_array_equal(x[25], whole[b"data"][5].reshape(3, 32, 32).transpose(1, 2, 0))


@pytest.mark.parametrize(
    "name, file",
    [
        ("boston_housing", "boston_housing.npz"),
        ("california_housing", "california_housing.npz"),
        ("cifar10", "cifar-10-python.tar.gz"),
        ("cifar100", "cifar-100-python.tar.gz"),
        ("reuters", "reuters.npz"),
    ],
)
def test_without_network_one_line_says_which_file_goes_where(keras_home, monkeypatch, name, file):
    def refuse(request, timeout):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(ConnectionError) as caught:
        getattr(keraunos.datasets, name).load_data()
    message = str(caught.value)
    assert "\n" not in message
    assert f"put the file {file} in {keras_home / 'datasets'}" in message


def test_a_damaged_archive_is_named(keras_home):
    path = keras_home / "datasets" / "cifar-10-python.tar.gz"
    path.parent.mkdir()
    path.write_bytes(b"<html>404</html>")
    with pytest.raises(ValueError, match=r"cannot read .*cifar-10-python\.tar\.gz"):
        keraunos.datasets.cifar10.load_data()


def test_a_test_split_out_of_range_is_named(place):
    mine, _ = place("boston_housing", x=np.ones((3, 2)), y=np.ones(3))
    with pytest.raises(ValueError, match="test_split"):
        mine.load_data(test_split=1.5)
