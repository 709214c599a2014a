"""ImageDataGenerator: what each setting does, batches from arrays, files and tables, and errors."""

import pickle

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from keraunos.preprocessing import image

RNG = np.random.default_rng(0)
PICTURES = (RNG.random((10, 12, 14, 3)) * 255).astype("float32")
LABELS = np.arange(10)


# -- one picture: equal to the slow reference


def _reference(x, matrix, mode, cval):
    planes = [
        ndimage.affine_transform(
            x[..., c], matrix[:, :2], matrix[:, 2], order=1, mode=mode, cval=cval
        )
        for c in range(x.shape[2])
    ]
    return np.stack(planes, axis=-1)


@pytest.mark.parametrize("mode", ["nearest", "constant", "reflect", "wrap", "mirror", "grid-wrap"])
@pytest.mark.parametrize("shape", [(15, 17, 3), (28, 28, 1), (70, 80, 4), (1, 5, 2), (6, 1, 3)])
def test_any_affine_map_equals_scipy_channel_by_channel(mode, shape):
    from keraunos.preprocessing.affine import warp

    rng = np.random.default_rng(1)
    x = (rng.random(shape) * 255).astype("float32")
    for _ in range(12):
        matrix = np.hstack([rng.uniform(-1.5, 1.5, (2, 2)), rng.uniform(-30, 50, (2, 1))])
        found = warp(x, np.vstack([matrix, [0, 0, 1]]), mode, 7.0)
        np.testing.assert_allclose(found, _reference(x, matrix, mode, 7.0), atol=255 * 1e-5)
        assert found.dtype == np.float32


@pytest.mark.parametrize("order", [0, 2, 3])
def test_other_orders_and_types_are_scipys(order):
    x = PICTURES[0]
    found = image.apply_affine_transform(
        x, theta=20, row_axis=0, col_axis=1, channel_axis=2, order=order
    )
    assert found.shape == x.shape
    assert not np.allclose(found, x)
    double = image.apply_affine_transform(
        x.astype("float64"), theta=20, row_axis=0, col_axis=1, channel_axis=2
    )
    single = image.apply_affine_transform(x, theta=20, row_axis=0, col_axis=1, channel_axis=2)
    assert double.dtype == np.float64
    np.testing.assert_allclose(single, double, atol=1e-3)
    half = image.apply_affine_transform(
        x.astype("float16"), theta=20, row_axis=0, col_axis=1, channel_axis=2, order=order
    )
    assert half.dtype == np.float16
    np.testing.assert_allclose(half, found, atol=1)


@pytest.mark.parametrize("mode", ["nearest", "constant", "reflect", "wrap"])
def test_whole_shifts_move_whole_pixels(mode):
    generator = image.ImageDataGenerator(fill_mode=mode, cval=9.0)
    x = PICTURES[0]
    found = generator.apply_transform(x, {"tx": 2, "ty": -3})
    np.testing.assert_allclose(found[:-2, 3:], x[2:, :-3], atol=1e-3)
    if mode == "constant":
        assert (found[-2:] == 9).all()
    if mode == "nearest":
        np.testing.assert_allclose(found[-2:, 3:], np.stack([x[-1, :-3]] * 2), atol=1e-3)


def test_channels_first_is_the_same_picture():
    parameters = {"theta": 30, "tx": 1, "zx": 0.8, "channel_shift_intensity": 9, "brightness": 0.5}
    parameters |= {"flip_horizontal": True}
    last = image.ImageDataGenerator().apply_transform(PICTURES[0], parameters)
    first = image.ImageDataGenerator(data_format="channels_first")
    found = first.apply_transform(PICTURES[0].transpose(2, 0, 1), parameters)
    np.testing.assert_allclose(found.transpose(1, 2, 0), last, atol=1e-3)


@pytest.mark.parametrize("scale", [True, False])
def test_brightness(scale):
    x = np.array([[[50.0, 100.0, 150.0]]])
    found = image.apply_brightness_shift(x, 0.5, scale=scale)
    expected = [0, 63, 127] if scale else [25, 50, 75]
    assert found.ravel().tolist() == expected
    outside = image.apply_brightness_shift(x * 10 - 500, 1.0, scale=False)
    np.testing.assert_allclose(outside, x * 10 - 500, atol=4)


@pytest.mark.parametrize(
    "change, arguments",
    [
        ("random_rotation", (20,)),
        ("random_shift", (0.2, 0.3)),
        ("random_shear", (9,)),
        ("random_zoom", ((0.8, 1.2),)),
        ("random_channel_shift", (30.0,)),
    ],
)
def test_random_changes_are_numpys_draws(change, arguments):
    x = PICTURES[0].transpose(2, 0, 1)
    made = []
    for _ in range(2):
        np.random.seed(3)
        made.append(getattr(image, change)(x, *arguments))
    np.testing.assert_array_equal(*made)
    assert made[0].shape == x.shape
    assert not np.allclose(made[0], x)


@pytest.mark.parametrize("shift, whole", [(3, True), ([1, 2], True), (2.5, False), (0.2, False)])
def test_shifts_in_pixels_lists_and_shares(shift, whole):
    generator = image.ImageDataGenerator(width_shift_range=shift)
    np.random.seed(0)
    drawn = [generator.get_random_transform((10, 20, 3))["ty"] for _ in range(50)]
    most = {3: 2, 2.5: 2.5, 0.2: 4}.get(shift if not isinstance(shift, list) else None, 2)
    assert max(map(abs, drawn)) <= most
    assert (np.mod(drawn, 1) == 0).all() == whole


# -- normalisation


def test_normalisation_of_each_picture_and_of_all():
    each = image.ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True)
    x = next(each.flow(PICTURES, batch_size=10))
    np.testing.assert_allclose(x.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(1, 2, 3)), 1, atol=1e-4)
    together = image.ImageDataGenerator(featurewise_center=True, featurewise_std_normalization=True)
    together.fit(PICTURES)
    x = next(together.flow(PICTURES, batch_size=10))
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 1, 2)), 1, atol=1e-4)


@pytest.mark.parametrize("count", [200, 30])
def test_whitened_pixels_have_no_correlation(count):
    x = (np.random.default_rng(2).random((count, 4, 4, 3)) * 255).astype("float64")
    generator = image.ImageDataGenerator(
        zca_whitening=True, featurewise_center=True, dtype="float64"
    )
    generator.fit(x)
    white = generator.standardize(x.copy()).reshape(count, -1)
    covariance = white.T @ white / count
    expected = np.eye(48) if count > 48 else covariance @ covariance
    np.testing.assert_allclose(covariance, expected, atol=1e-6)


def test_large_pictures_are_whitened_by_factors():
    x = np.random.default_rng(2).random((5, 80, 80, 1)).astype("float32")
    generator = image.ImageDataGenerator(zca_whitening=True, featurewise_center=True)
    generator.fit(x)
    white = generator.standardize(x.copy()).reshape(5, -1)
    norms = np.linalg.svd(white, compute_uv=False)[:4]
    np.testing.assert_allclose(norms, np.sqrt(5), rtol=1e-2)


@pytest.mark.parametrize(
    "setting, words",
    [
        ("zca_whitening", "needs featurewise_center"),
        ("featurewise_std_normalization", "needs featurewise_center"),
        ("samplewise_std_normalization", "needs samplewise_center"),
    ],
)
def test_settings_that_need_another_switch_it_on(setting, words):
    with pytest.warns(UserWarning, match=words):
        image.ImageDataGenerator(**{setting: True})


def test_without_fit_the_settings_that_need_it_warn():
    generator = image.ImageDataGenerator(featurewise_center=True)
    with pytest.warns(UserWarning, match="no effect before fit"):
        generator.standardize(PICTURES[0].copy())


# -- batches of arrays


def test_batches_by_number_and_by_turns():
    flow = image.ImageDataGenerator().flow(PICTURES, LABELS, batch_size=4, shuffle=False)
    assert (len(flow), flow.n) == (3, 10)
    assert [y.tolist() for _, y in (flow[i] for i in range(3))] == [
        [0, 1, 2, 3],
        [4, 5, 6, 7],
        [8, 9],
    ]
    turns = [next(flow)[1].tolist() for _ in range(4)]
    assert turns[3] == turns[0]
    flow.reset()
    assert flow.next()[1].tolist() == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="from 0 to 2"):
        flow[3]


def test_each_epoch_has_every_sample_in_another_order():
    flow = image.ImageDataGenerator().flow(PICTURES, LABELS, batch_size=4)
    np.random.seed(0)
    orders = []
    for _ in range(2):
        orders.append(np.concatenate([flow[i][1] for i in range(3)]).tolist())
        flow.on_epoch_end()
    assert sorted(orders[0]) == sorted(orders[1]) == LABELS.tolist()
    assert orders[0] != orders[1]


def test_a_seed_gives_the_same_pictures_however_many_threads(monkeypatch):
    generator = image.ImageDataGenerator(rotation_range=40, zoom_range=0.2, horizontal_flip=True)
    made = []
    for cores in (1, 2, 5):
        monkeypatch.setattr("keraunos.utils.threads.cores", lambda cores=cores: cores)
        made.append(next(generator.flow(PICTURES, batch_size=10, seed=4)))
    np.testing.assert_array_equal(made[0], made[1])
    np.testing.assert_array_equal(made[0], made[2])


def test_weights_and_other_arrays_go_along():
    weights = LABELS * 1.0
    flow = image.ImageDataGenerator().flow(PICTURES, LABELS, sample_weight=weights, batch_size=4)
    _, y, w = next(flow)
    assert (y == w).all()
    both = image.ImageDataGenerator().flow((PICTURES, [LABELS, LABELS * 2]), LABELS, batch_size=4)
    (x, one, two), y = next(both)
    assert x.shape == (4, 12, 14, 3)
    assert (one == y).all()
    assert (two == 2 * y).all()


def test_parts_to_train_on_and_to_validate_with():
    generator = image.ImageDataGenerator(validation_split=0.3)
    both = {
        part: generator.flow(PICTURES, LABELS, subset=part, shuffle=False, ignore_class_split=True)
        for part in ("training", "validation")
    }
    assert next(both["validation"])[1].tolist() == [0, 1, 2]
    assert next(both["training"])[1].tolist() == [3, 4, 5, 6, 7, 8, 9]
    with pytest.raises(ValueError, match="different classes"):
        generator.flow(PICTURES, LABELS, subset="training")


def test_functions_of_the_users_own_are_called_in_order():
    seen = []

    def keep(x):
        seen.append(float(x[0, 0, 0]))
        return x * 2

    generator = image.ImageDataGenerator(preprocessing_function=keep, rescale=0.5)
    x = next(generator.flow(PICTURES, batch_size=10, shuffle=False))
    np.testing.assert_allclose(x, PICTURES, rtol=1e-6)
    assert seen == PICTURES[:, 0, 0, 0].tolist()


def test_pictures_are_saved_to_look_at(tmp_path):
    flow = image.ImageDataGenerator().flow(
        PICTURES,
        batch_size=4,
        shuffle=False,
        save_to_dir=tmp_path,
        save_prefix="look",
        save_format="jpeg",
    )
    next(flow)
    names = sorted(path.name.rsplit("_", 1)[0] for path in tmp_path.iterdir())
    assert names == ["look_0", "look_1", "look_2", "look_3"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".jpeg"}


def test_an_iterator_can_be_sent_to_another_process():
    flow = image.ImageDataGenerator(rotation_range=9).flow(PICTURES, LABELS, batch_size=4, seed=1)
    again = pickle.loads(pickle.dumps(flow))
    np.testing.assert_array_equal(again[0][0], flow[0][0])


# -- files


@pytest.fixture
def photos(tmp_path):
    for number in range(9):
        path = tmp_path / "bac"[number % 3] / ("in" if number > 5 else "") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8 + number, 9), (25 * number,) * 3).save(path)
    return tmp_path


@pytest.mark.parametrize(
    "mode, shape",
    [("categorical", (9, 3)), ("sparse", (9,)), ("binary", (9,)), ("input", (9, 6, 5, 3))],
)
def test_a_folder_with_labels_in_all_forms(photos, mode, shape, capsys):
    flow = image.ImageDataGenerator().flow_from_directory(
        photos, (6, 5), class_mode=mode, shuffle=False
    )
    assert capsys.readouterr().out == "Found 9 images belonging to 3 classes.\n"
    assert flow.class_indices == {"a": 0, "b": 1, "c": 2}
    assert flow.filenames[:3] == ["a/1.png", "a/4.png", "a/in/7.png"]
    assert flow.filepaths[0] == str(photos / "a" / "1.png")
    assert flow.classes.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert (flow.samples, flow.n, flow.num_classes) == (9, 9, 3)
    x, y = next(flow)
    assert (x.shape, y.shape, y.dtype) == ((9, 6, 5, 3), shape, np.float32)
    np.testing.assert_allclose(x[:, 0, 0, 0], [25, 100, 175, 0, 75, 150, 50, 125, 200])


def test_a_folder_without_labels_in_grey_and_in_parts(photos):
    generator = image.ImageDataGenerator(validation_split=0.34)
    part = generator.flow_from_directory(
        photos, (6, 5), color_mode="grayscale", class_mode=None, subset="validation", shuffle=False
    )
    assert part.filenames == ["a/1.png", "b/0.png", "c/2.png"]
    assert next(part).shape == (3, 6, 5, 1)
    rest = generator.flow_from_directory(photos, subset="training")
    assert not set(rest.filenames) & set(part.filenames)


def test_a_damaged_file_is_named(photos):
    (photos / "a" / "1.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"cannot read the picture .*1\.png"):
        next(image.ImageDataGenerator().flow_from_directory(photos, (6, 5)))


class Table(dict):
    """A table without pandas: a dictionary of columns."""


@pytest.fixture
def table(photos):
    names = sorted(str(path.relative_to(photos)) for path in photos.rglob("*.png"))
    numbers = list(range(9))
    kinds = [name[0] for name in names]
    several = [[kind, "even"] if i % 2 == 0 else kind for i, kind in enumerate(kinds)]
    two = ["x" if i < 4 else "y" for i in numbers]
    columns = {"filename": names, "class": kinds, "several": several, "two": two}
    return Table(columns | {"n": numbers, "m": [2 * i for i in numbers]})


@pytest.mark.parametrize(
    "options, expected",
    [
        ({"class_mode": "sparse"}, [0, 0, 0, 1, 1, 1, 2, 2, 2]),
        ({"class_mode": "sparse", "classes": ["c", "a"]}, [1, 1, 1, 0, 0, 0]),
        ({"class_mode": "binary", "y_col": "two"}, [0, 0, 0, 0, 1, 1, 1, 1, 1]),
        ({"class_mode": "raw", "y_col": "n"}, list(range(9))),
        ({"class_mode": "raw", "y_col": ["n", "m"]}, [[i, 2 * i] for i in range(9)]),
        (
            {"class_mode": "categorical", "y_col": "several", "classes": ["even", "a"]},
            [[1, 1], [0, 1], [1, 1], [1, 0], [1, 0], [1, 0]],
        ),
    ],
    ids=str,
)
def test_a_table_with_labels_in_all_forms(photos, table, options, expected):
    options = {"target_size": (6, 5), "shuffle": False} | options
    flow = image.ImageDataGenerator().flow_from_dataframe(table, photos, **options)
    _, y = next(flow)
    assert y.tolist() == expected


def test_a_table_with_several_outputs_weights_and_lost_files(photos, table):
    (photos / table["filename"][0]).unlink()
    with pytest.warns(UserWarning, match="1 names are no picture's"):
        flow = image.ImageDataGenerator().flow_from_dataframe(
            table,
            photos,
            y_col=["n", "m"],
            weight_col="n",
            class_mode="multi_output",
            shuffle=False,
        )
    _, (n, m), weights = flow[0]
    assert n.tolist() == weights.tolist() == list(range(1, 9))
    assert (m == 2 * n).all()


@pytest.mark.parametrize(
    "options, error, words",
    [
        ({"class_mode": "binary"}, ValueError, "2 classes"),
        ({"class_mode": "sparse", "y_col": "n"}, TypeError, "strings"),
        ({"x_col": "n"}, TypeError, "strings"),
        ({"class_mode": "multi_output"}, TypeError, "list of columns"),
        ({"weight_col": "class"}, TypeError, "numbers"),
        ({"y_col": "nothing"}, KeyError, "nothing"),
        ({"class_mode": "other"}, ValueError, "class_mode"),
        ({"color_mode": "grey"}, ValueError, "color_mode"),
        ({"subset": "test"}, ValueError, "subset"),
    ],
    ids=str,
)
def test_tables_that_are_refused(photos, table, options, error, words):
    with pytest.raises(error, match=words):
        image.ImageDataGenerator().flow_from_dataframe(table, photos, **options)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"zoom_range": (1, 2, 3)}, "zoom_range"),
        ({"brightness_range": 0.5}, "brightness_range"),
        ({"validation_split": 1.5}, "validation_split"),
        ({"data_format": "last"}, "data_format"),
    ],
    ids=str,
)
def test_settings_that_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        image.ImageDataGenerator(**options)


@pytest.mark.parametrize(
    "arrays, words",
    [
        ((PICTURES, LABELS[:3]), "one length"),
        ((PICTURES[0], None), "four axes"),
        (((PICTURES, LABELS[:3]), LABELS), "one length"),
    ],
    ids=["labels", "axes", "others"],
)
def test_arrays_that_are_refused(arrays, words):
    with pytest.raises(ValueError, match=words):
        image.ImageDataGenerator().flow(*arrays)


def test_a_fill_mode_that_is_not_one():
    with pytest.raises(ValueError, match="did you mean 'nearest'"):
        image.ImageDataGenerator(fill_mode="nearst").apply_transform(PICTURES[0], {"tx": 1})
