"""What takes long before training shows the bar of training; what is quick shows nothing."""

import itertools
import types

import numpy as np
import pytest
from PIL import Image

import keraunos as keras
from keraunos import _progress
from keraunos.preprocessing.image import ImageDataGenerator
from keraunos.preprocessing.text import Tokenizer

WORDS = np.array(["a b", "b c"] * 5000, object)


def scan(folder):
    keras.utils.image_dataset_from_directory(folder)


def scan_for_a_generator(folder):
    ImageDataGenerator().flow_from_directory(folder)


def look_at_pictures(folder):
    keras.utils.image_dataset_from_directory(folder, damaged="skip")


def change_pictures(folder):
    ImageDataGenerator(rotation_range=9).fit(np.ones((2, 4, 4, 1)), augment=True, rounds=2)


def split(folder):
    batches = keras.data.Dataset.range(6).map(lambda n: n)
    keras.utils.split_dataset(batches, 0.5, shuffle=True)


def some(array):
    """Return a Dataset of unknown length, with all rows of an array in it."""
    return keras.data.Dataset.from_tensor_slices(array).filter(lambda row: True)


LAYERS = keras.layers
PREPARATIONS = {
    "scan": (scan, "Looking for files in", "3/Unknown"),
    "scan for a generator": (scan_for_a_generator, "Looking for files in", "3/Unknown"),
    "look at pictures": (look_at_pictures, "Looking at the pictures", "3/3"),
    "change pictures": (change_pictures, "Changing pictures", "4/4"),
    "split": (split, "Reading the dataset", "6/6"),
    "words": (lambda _: Tokenizer().fit_on_texts(WORDS[:4]), "Counting words", "4/4"),
    "words of a Dataset": (
        lambda _: Tokenizer().fit_on_texts(some(WORDS[:4])),
        "Counting words",
        "4/Unknown",
    ),
    "numbers of a Dataset": (
        lambda _: LAYERS.Normalization().adapt(some(np.ones((6, 2))).batch(2)),
        "Adapting Normalization",
        "3/Unknown",
    ),
    "texts": (lambda _: LAYERS.TextVectorization().adapt(WORDS), "Adapting TextVec", "3/3"),
    "strings": (lambda _: LAYERS.StringLookup().adapt(WORDS), "Adapting StringLookup", "3/3"),
    "batches of strings": (
        lambda _: LAYERS.StringLookup().adapt(iter([WORDS[:, None]])),
        "Adapting StringLookup",
        "1/1",
    ),
    "numbers": (
        lambda _: LAYERS.Normalization().adapt([np.ones((4, 2))] * 3),
        "Adapting Normalization",
        "3/3",
    ),
    "bins": (
        lambda _: LAYERS.Discretization(num_bins=2).adapt([np.arange(4.0)] * 2),
        "Adapting Discretization",
        "2/2",
    ),
}


@pytest.fixture
def folder(tmp_path):
    for name in ("a/1", "a/2", "b/c/3"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / f"{name}.png")
    return tmp_path


@pytest.fixture
def slow(monkeypatch):
    """A clock on which two seconds pass between two looks."""
    time = types.SimpleNamespace(monotonic=itertools.count(0, 2).__next__)
    monkeypatch.setattr(_progress, "time", time)


@pytest.mark.parametrize("name", PREPARATIONS)
def test_a_line_in_a_log_where_it_takes_long(name, folder, slow, capsys):
    prepare, title, count = PREPARATIONS[name]
    prepare(folder)
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith(title)]
    assert f" - {count} - " in line


@pytest.mark.parametrize("name", PREPARATIONS)
def test_nothing_where_it_is_quick(name, folder, monkeypatch, capsys):
    monkeypatch.setattr(_progress, "QUIET", 1e9)
    prepare, *_ = PREPARATIONS[name]
    prepare(folder)
    printed = capsys.readouterr().out.splitlines()
    assert [line for line in printed if not line.startswith("Found ")] == []


@pytest.mark.parametrize("mode", ["terminal", "notebook"])
def test_a_bar_in_a_terminal_and_a_notebook(mode, slow, monkeypatch, capsys):
    shown = []
    monkeypatch.setattr(_progress, "_mode", lambda *_: mode)
    monkeypatch.setattr(_progress.Progbar, "_show", lambda self, text: shown.append(text))
    keras.layers.Normalization(name="n").adapt([np.ones((4, 2))] * 3)
    drawn = [capsys.readouterr().out] if mode == "terminal" else shown
    assert all(text.count("Adapting Normalization 'n'") == 1 for text in drawn)
    for count in ("1/3", "2/3", "3/3"):
        assert any(count in text for text in drawn)


def test_verbose_false_scans_in_silence(folder, slow, capsys):
    keras.utils.image_dataset_from_directory(folder, verbose=False)
    assert capsys.readouterr().out == ""
