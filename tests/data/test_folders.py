"""Folders of files become batches: labels in all forms, splits without overlap, damage by name."""

import itertools
import struct
import wave

import numpy as np
import pytest
from PIL import Image

from keraunos import utils
from keraunos.data.wav import read_wav, resampled

SPLIT = {"validation_split": 0.25, "seed": 3, "verbose": False}


@pytest.fixture
def photos(tmp_path):
    """Two classes of plain pictures whose colour is their number, in five formats."""
    endings = itertools.cycle(["png", "jpg", "bmp", "gif", "webp"])
    for number in range(12):
        path = (
            tmp_path / "photos" / ("cat" if number % 3 else "dog") / f"{number:02d}.{next(endings)}"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9 + number, 8), (20 * number,) * 3).save(path, **_options(path))
    (tmp_path / "photos" / "cat" / "notes.txt").write_text("no picture")
    (tmp_path / "photos" / ".hidden").mkdir()
    return tmp_path / "photos"


def _options(path):
    return {"lossless": True} if path.suffix == ".webp" else {}


def images(folder, **options):
    options = {"image_size": (6, 5), "batch_size": 5, "verbose": False} | options
    return utils.image_dataset_from_directory(folder, **options)


def test_pictures_of_all_formats_with_their_labels(photos):
    dataset = images(photos, shuffle=False)
    assert dataset.class_names == ["cat", "dog"]
    assert len(dataset) == 3
    assert [x.shape for x, _ in dataset] == [(5, 6, 5, 3), (5, 6, 5, 3), (2, 6, 5, 3)]
    x, y = (np.concatenate(part) for part in zip(*dataset))
    assert (x.dtype, y.dtype) == (np.float32, np.int32)
    numbers = [int(path.rsplit("/", 1)[1][:2]) for path in dataset.file_paths]
    np.testing.assert_allclose(x[:, 3, 2, 1], np.array(numbers) * 20, atol=2)
    assert y.tolist() == [int(n % 3 == 0) for n in numbers]


def test_shuffled_pictures_keep_their_labels_and_change_places_every_epoch(photos):
    dataset = images(photos, seed=1, batch_size=12)
    orders = []
    for _ in range(2):
        [(x, y)] = dataset
        numbers = np.round(x[:, 0, 0, 0] / 20).astype(int)
        assert sorted(numbers) == list(range(12))
        assert ((numbers % 3 == 0) == y).all()
        orders.append(numbers.tolist())
    assert orders[0] != orders[1]


@pytest.mark.parametrize(
    "mode, shape, dtype",
    [("int", (5,), "int32"), ("categorical", (5, 2), "float32"), ("binary", (5, 1), "float32")],
)
def test_labels_in_all_forms(photos, mode, shape, dtype):
    _, y = next(iter(images(photos, label_mode=mode)))
    assert (y.shape, y.dtype) == (shape, dtype)


@pytest.mark.parametrize("options", [{"labels": None}, {"label_mode": None}])
def test_pictures_without_labels(photos, options):
    dataset = images(photos, **options)
    assert next(iter(dataset)).shape == (5, 6, 5, 3)


def test_labels_that_are_given(photos):
    dataset = images(photos, labels=list(range(12)), shuffle=False)
    assert np.concatenate([y for _, y in dataset]).tolist() == list(range(12))
    assert dataset.class_names == sorted(map(str, range(12)), key=int)


@pytest.mark.parametrize("mode, channels", [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_colours_and_layouts(photos, mode, channels, layout):
    x, _ = next(iter(images(photos, color_mode=mode, data_format=layout)))
    assert x.shape[1:] == ((6, 5, channels) if layout == "channels_last" else (channels, 6, 5))


def test_single_pictures(photos):
    dataset = images(photos, batch_size=None)
    x, y = next(iter(dataset))
    assert (x.shape, np.shape(y), len(dataset)) == ((6, 5, 3), (), 12)


def test_both_parts_have_each_file_once(photos):
    train, validation = images(photos, subset="both", **SPLIT)
    assert (len(train.file_paths), len(validation.file_paths)) == (9, 3)
    assert not set(train.file_paths) & set(validation.file_paths)
    for name, part in (("training", train), ("validation", validation)):
        alone = images(photos, subset=name, **SPLIT)
        assert alone.file_paths == part.file_paths


def test_a_damaged_picture_is_named(photos):
    path = photos / "cat" / "10.png"
    whole = (photos / "dog" / "00.png").read_bytes()
    for content in (b"no picture", whole[: len(whole) // 2], b""):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"cannot read the picture .*10\.png"):
            list(images(photos, shuffle=False))


def test_damaged_pictures_are_left_out_when_asked(photos):
    (photos / "cat" / "10.png").write_bytes(b"no picture")
    with pytest.warns(UserWarning, match="1 damaged files are left out: .*10.png"):
        dataset = images(photos, shuffle=False, damaged="skip")
    assert len(dataset.file_paths) == 11
    assert sum(len(x) for x, _ in dataset) == 11


def test_links(photos, tmp_path):
    (photos / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(FileNotFoundError, match=r"gone\.png"):
        list(images(photos))
    with pytest.warns(UserWarning, match=r"1 damaged files are left out: .*gone\.png"):
        assert len(images(photos, damaged="skip").file_paths) == 12
    (photos / "cat" / "gone.png").unlink()
    (photos / "cat" / "up").symlink_to(photos)
    (photos / "cow").symlink_to(photos / "dog")
    assert len(images(photos, follow_links=True).file_paths) == 16  # `up` would have no end
    assert images(photos).class_names == ["cat", "cow", "dog"]


def test_pictures_of_odd_kinds_under_odd_names(tmp_path):
    plain = Image.new("RGB", (6, 6), (200, 100, 50))
    deep = Image.fromarray(np.full((6, 6), 50_000, np.uint16))
    folder = tmp_path / "Käse" / "日本 語"
    folder.mkdir(parents=True)
    plain.convert("CMYK").save(folder / "1.jpg")
    plain.convert("P").save(folder / "2.png")
    plain.convert("L").save(folder / "3.PNG")
    plain.convert("LA").save(folder / "4.png")
    deep.save(folder / "5.png")
    plain.save(folder / "6.gif", save_all=True, append_images=[Image.new("RGB", (6, 6))])
    plain.save(folder / "7.jpg", "PNG")
    [(x, _)] = images(tmp_path / "Käse", batch_size=9, shuffle=False)
    grey = [124.0] * 3
    expected = [[200, 100, 50], [200, 100, 50], grey, grey, [195] * 3, [200, 100, 50]]
    np.testing.assert_allclose(x[:, 3, 2], [*expected, [200, 100, 50]], atol=4)


def test_a_decompression_bomb_is_refused(photos, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)
    with pytest.raises(ValueError, match="cannot read the picture"):
        list(images(photos))


@pytest.mark.parametrize(
    "options, words",
    [
        ({"labels": "guessed"}, "labels"),
        ({"label_mode": "one"}, "label_mode"),
        ({"label_mode": "binary", "class_names": ["cat"]}, "two classes"),
        ({"class_names": ["cat", "cow"]}, "cow"),
        ({"labels": [1, 2]}, "12, one a file"),
        ({"labels": None, "class_names": ["cat"]}, "class_names"),
        ({"color_mode": "rbg"}, "did you mean 'rgb'"),
        ({"interpolation": "cubic"}, "did you mean 'bicubic'"),
        ({"image_size": (1, 2, 3)}, "image_size"),
        ({"image_size": (0, 2)}, "positive"),
        ({"image_size": (1.5, 2)}, "integers"),
        ({"validation_split": 0.05, "subset": "validation", "seed": 1}, "0.05 of 12 files"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "one of them"),
        ({"validation_split": 1.5, "subset": "training", "seed": 1}, "between 0 and 1"),
        ({"validation_split": 0.5}, "or neither"),
        ({"subset": "training"}, "or neither"),
        ({"validation_split": 0.5, "subset": "test", "seed": 1}, "valid names"),
        ({"validation_split": 0.5, "subset": "training"}, "without a seed"),
    ],
    ids=str,
)
def test_what_is_refused(photos, options, words):
    with pytest.raises(ValueError, match=words):
        images(photos, **options)


def test_a_folder_without_pictures_and_no_folder(tmp_path):
    (tmp_path / "cat").mkdir()
    with pytest.raises(ValueError, match=r"no files.*\n.*\.png(.*\n)*.*labels=None"):
        images(tmp_path)
    with pytest.raises(NotADirectoryError, match="nowhere"):
        images(tmp_path / "nowhere")


def test_texts(tmp_path):
    for name, text in {"pos/a": "good", "pos/b": "grüße", "neg/c": "bad " * 9}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    (tmp_path / "neg" / "d.txt").write_bytes(b"\xff bytes")
    [(x, y)] = utils.text_dataset_from_directory(tmp_path, shuffle=False, max_length=5)
    assert list(x) == ["bad b", "\ufffd byt", "good", "grüße"]
    assert y.tolist() == [0, 0, 1, 1]


# -- recordings


def _pcm(path, bits, samples, rate=8000):
    scaled = np.round(samples * (2 ** (bits - 1) - 1)).astype(np.int64)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        if bits == 8:
            content = (scaled + 128).astype("u1").tobytes()
        elif bits == 24:
            content = scaled.astype("<i4")[..., None].view("u1")[..., :3].tobytes()
        else:
            content = scaled.astype(f"<i{bits // 8}").tobytes()
        file.writeframes(content)


def _floats(path, samples, dtype, rate=8000):
    data = samples.astype(dtype).tobytes()
    size = np.dtype(dtype).itemsize
    channels = samples.shape[1]
    head = struct.pack(
        "<HHIIHH", 3, channels, rate, rate * size * channels, size * channels, 8 * size
    )
    chunks = b"LIST\x03\0\0\0abc\0" + b"fmt " + struct.pack("<I", 16) + head
    chunks += b"data" + struct.pack("<I", len(data)) + data
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks)


@pytest.mark.parametrize("bits", [8, 16, 24, 32, "<f4", "<f8"])
@pytest.mark.parametrize("channels", [1, 2])
def test_wav_files_of_all_kinds(tmp_path, bits, channels):
    samples = np.sin(np.arange(40 * channels) / 5).reshape(40, channels) * 0.9
    path = tmp_path / "a.wav"
    _floats(path, samples, bits) if isinstance(bits, str) else _pcm(path, bits, samples)
    found = read_wav(path)
    assert (found.rate, found.samples.dtype) == (8000, np.float32)
    np.testing.assert_allclose(found.samples, samples, atol=0.02 if bits == 8 else 1e-4)


@pytest.mark.parametrize(
    "content",
    [b"", b"RIFF", b"OggS" + bytes(40), b"RIFF\0\0\0\0WAVE", b"RIFF\0\0\0\0WAVEfmt \x02\0\0\0\1\0"],
)
def test_a_damaged_recording_is_named(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot read the sound .*a\.wav"):
        read_wav(tmp_path / "a.wav")


def test_a_tone_keeps_its_pitch_at_another_rate():
    tone = np.sin(2 * np.pi * 440 * np.arange(8000) / 8000)[:, None].astype("float32")
    found = resampled(tone, 8000, 16000)
    expected = np.sin(2 * np.pi * 440 * np.arange(16000) / 16000)[:, None]
    np.testing.assert_allclose(found[500:-500], expected[500:-500], atol=5e-3)


def test_recordings_are_filled_up_cut_off_or_left_ragged(tmp_path):
    for name, length in (("a/1", 5), ("a/2", 9), ("b/3", 7)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        _pcm(tmp_path / f"{name}.wav", 16, np.full((length, 1), 0.5))

    def sounds(**options):
        [(x, y)] = utils.audio_dataset_from_directory(
            tmp_path, shuffle=False, verbose=False, **options
        )
        assert y.tolist() == [0, 0, 1]
        return x

    filled = sounds()
    assert filled.shape == (3, 9, 1)
    assert (filled[0, 5:] == 0).all()
    assert sounds(output_sequence_length=4).shape == (3, 4, 1)
    assert sounds(sampling_rate=16000).shape == (3, 18, 1)
    assert [len(one) for one in sounds(ragged=True)] == [5, 9, 7]
    with pytest.raises(ValueError, match="one of them"):
        sounds(ragged=True, output_sequence_length=4)
    single = utils.audio_dataset_from_directory(tmp_path, batch_size=None, shuffle=False)
    assert [x.shape for x, _ in single] == [(5, 1), (9, 1), (7, 1)]


# -- series


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"sequence_stride": 2, "sampling_rate": 3},
        {"start_index": 4, "end_index": 25},
        {"shuffle": True},
    ],
    ids=str,
)
def test_windows_of_a_series(options):
    series = np.arange(30.0)
    dataset = utils.timeseries_dataset_from_array(series, series * 10, 4, batch_size=5, **options)
    x, y = (np.concatenate(part) for part in zip(*dataset))
    steps = np.arange(4) * options.get("sampling_rate", 1)
    np.testing.assert_array_equal(x, x[:, :1] + steps)
    np.testing.assert_array_equal(y, x[:, 0] * 10)
    low, high = options.get("start_index", 0), options.get("end_index", 30)
    starts = np.arange(low, high - steps[-1], options.get("sequence_stride", 1))
    assert sorted(x[:, 0]) == starts.tolist()


@pytest.mark.parametrize(
    "options",
    [
        {"start_index": -1},
        {"end_index": 30},
        {"end_index": 0},
        {"sampling_rate": 0},
        {"sequence_stride": 40},
        {"format": "x"},
    ],
    ids=str,
)
def test_windows_that_are_refused(options):
    with pytest.raises(ValueError, match="timeseries_dataset_from_array"):
        utils.timeseries_dataset_from_array(np.arange(30), None, 4, **options)
