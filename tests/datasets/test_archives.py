"""notMNIST, Jena's climate, cats and dogs: read from archives, hostile and damaged ones too."""

import io
import tarfile
import warnings
import zipfile

import numpy as np
import pytest
from PIL import Image

from keraunos.datasets import cats_and_dogs, jena_climate, notmnist
from keraunos.utils.download import hash_file

# What the tests put under the published names is made here.
pytestmark = pytest.mark.filterwarnings("ignore:.* is not the published file")


@pytest.fixture(autouse=True)
def _nowhere(monkeypatch):
    """Downloads fail, as without a network."""

    def refuse(request, timeout):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def picture(value, size=(28, 28), file_format="PNG"):
    buffer = io.BytesIO()
    Image.new("L", size, value).save(buffer, file_format)
    return buffer.getvalue()


# -- notMNIST


def write_tar(path, files):
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))


@pytest.mark.parametrize("place", ["datasets", ""])
def test_letters_are_read_from_the_archive(keras_home, place):
    files = {f"notMNIST_small/{'ABCDEFGHIJ'[n % 10]}/{n}.png": picture(n) for n in range(20)}
    write_tar(keras_home / place / "notMNIST_small.tar.gz", files)
    (x_train, y_train), (x_test, y_test) = notmnist.load_data(verbose=0)
    assert (x_train.shape, x_test.shape) == ((16, 28, 28), (4, 28, 28))
    assert (x_train.dtype, y_train.dtype) == (np.uint8, np.uint8)
    x, y = np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])
    assert (x[:, 0, 0] % 10 == y).all()
    assert sorted(x[:, 0, 0]) == list(range(20))
    assert y.tolist() != sorted(y)


def test_damaged_and_foreign_files_are_left_out(keras_home):
    good = {f"notMNIST_small/A/{n}.png": picture(n) for n in range(5)}
    bad = {"notMNIST_small/B/no.png": b"no picture", "notMNIST_small/B/half.png": picture(1)[:50]}
    bad |= {"notMNIST_small/C/large.png": picture(1, (3000, 3000))}
    other = {
        "../../D/out.png": b"",
        "notMNIST_small/A/notes.txt": b"x",
        "notMNIST_small/AB/1.png": b"",
    }
    write_tar(keras_home / "notMNIST_small.tar.gz", good | bad | other)
    with pytest.warns(UserWarning, match="4 damaged letters are left out"):
        (x_train, _), (x_test, _) = notmnist.load_data(verbose=0)
    assert len(x_train) + len(x_test) == 5
    assert [p.name for p in keras_home.iterdir()] == ["notMNIST_small.tar.gz"]


def test_a_large_archive_is_kept_as_arrays(keras_home):
    np.savez(
        keras_home / "notMNIST_large.npz", x=np.ones((5, 28, 28), np.uint8), y=np.zeros(5, np.uint8)
    )
    path = keras_home / "notMNIST_large.tar.gz"
    path.write_bytes(b"")
    import os

    os.utime(path, (1, 1))
    (x_train, _), _ = notmnist.load_data("notMNIST_large.tar.gz")
    assert len(x_train) == 4


# -- Jena

ROW = "01.01.2009 00:10:00," + ",".join(str(n / 2) for n in range(14))


@pytest.mark.parametrize("packed", [True, False])
def test_readings_of_the_station(keras_home, packed):
    text = "Date Time," + ",".join(f'"{n}"' for n in jena_climate.get_feature_names())
    text += "\n" + "\n".join([ROW] * 3) + "\n"
    (keras_home / "datasets").mkdir()
    path = keras_home / "datasets" / "jena_climate_2009_2016.csv"
    if packed:
        with zipfile.ZipFile(path.with_suffix(".csv.zip"), "w") as archive:
            archive.writestr("jena_climate_2009_2016.csv", text)
    else:
        path.write_text(text)
    x = jena_climate.load_data()
    assert (x.shape, x.dtype) == ((3, 14), np.float32)
    np.testing.assert_array_equal(x[1], np.arange(14) / 2)
    assert len(jena_climate.get_feature_names()) == 14


@pytest.mark.parametrize("content", [b"no archive", None])
def test_a_damaged_file_of_readings_is_named(keras_home, content):
    path = keras_home / "jena_climate_2009_2016.csv.zip"
    if content is None:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("other.txt", "")
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read .*jena_climate"):
        jena_climate.load_data()


# -- cats and dogs


def kaggle(inside):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number in range(5):
            for kind in ("cat", "dog"):
                content = picture(10 * number, (9, 9), "JPEG") if number != 1 else b"damaged"
                archive.writestr(inside.format(kind=kind, kinds=kind.title(), n=number), content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "name, content",
    [
        ("train.zip", kaggle("train/{kind}.{n}.jpg")),
        ("kagglecatsanddogs_5340.zip", kaggle("PetImages/{kinds}/{n}.jpg")),
        ("dogs-vs-cats.zip", None),
    ],
)
def test_photos_from_each_archive(keras_home, name, content):
    if content is None:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as outer:
            outer.writestr("train.zip", kaggle("train/{kind}.{n}.jpg"))
            outer.writestr("test1.zip", b"")
        content = buffer.getvalue()
    (keras_home / name).write_bytes(content)
    folder = cats_and_dogs.load_folder((2, 1, 1), verbose=0)
    assert folder == keras_home / "datasets" / "cats_and_dogs_2_1_1"
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.jpg"))
    # Number 1 is damaged: the next one takes its place.
    kinds = ("cat", "dog")
    expected = [
        f"{p}/{k}s/{k}.{n}.jpg"
        for k in kinds
        for p, n in (("train", 0), ("train", 2), ("validation", 3), ("test", 4))
    ]
    assert found == sorted(expected)
    (keras_home / name).unlink()
    assert cats_and_dogs.load_folder((2, 1, 1)) == folder


def test_too_few_photos_leave_no_half_folder(keras_home):
    (keras_home / "train.zip").write_bytes(kaggle("train/{kind}.{n}.jpg"))
    with pytest.raises(ValueError, match="fewer than 9 sound photos of a cat"):
        cats_and_dogs.load_folder((5, 2, 2), verbose=0)
    assert not list((keras_home / "datasets").iterdir())


def test_archives_that_lead_out_of_the_folder(keras_home):
    (keras_home / "train.zip").write_bytes(kaggle("../../{kind}.{n}.jpg"))
    folder = cats_and_dogs.load_folder((1, 1, 1), verbose=0)
    assert len(list(folder.rglob("*.jpg"))) == 6
    assert not list(keras_home.parent.glob("*.jpg"))


@pytest.mark.parametrize(
    "load, name",
    [
        (notmnist.load_data, "notMNIST_small.tar.gz"),
        (jena_climate.load_data, "jena_climate_2009_2016.csv.zip"),
        (cats_and_dogs.load_folder, "kagglecatsanddogs_5340.zip"),
    ],
)
def test_without_network_the_error_says_which_file_goes_where(keras_home, load, name):
    with pytest.raises(ConnectionError, match=f"put the file {name} in {keras_home / 'datasets'}"):
        load()


@pytest.mark.parametrize("published", [True, False])
@pytest.mark.parametrize(
    "module, load, name",
    [
        (notmnist, notmnist.load_data, "notMNIST_small.tar.gz"),
        (jena_climate, jena_climate.load_data, "jena_climate_2009_2016.csv.zip"),
        (cats_and_dogs, cats_and_dogs.load_folder, "kagglecatsanddogs_5340.zip"),
    ],
    ids=lambda it: it if isinstance(it, str) else "",
)
def test_a_file_that_is_not_the_published_one_is_used_with_a_warning(
    keras_home, module, load, name, published, monkeypatch
):
    path = keras_home / name
    path.write_bytes(b"something else")
    if published:
        known = {"_SIZES": {name: 14}, "_SIZE": 14, "_SHA256": hash_file(path)}
        for setting in vars(module).keys() & known.keys():
            monkeypatch.setattr(module, setting, known[setting])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with pytest.raises(ValueError, match="cannot read"):
            load()
    said = [str(one.message) for one in told if "not the published file" in str(one.message)]
    assert len(said) == (0 if published else 1)
