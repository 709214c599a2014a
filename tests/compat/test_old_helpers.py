"""What programs borrowed from inside older Keras, and old names of functions' arguments."""

import h5py
import numpy as np
import pytest

import keraunos
from keraunos import compat, layers, models
from keraunos.compat import old_helpers as old


def test_measures_of_predictions():
    p, y = np.array([[0.2, 0.8], [0.6, 0.4]]), np.array([[0, 1], [0, 1]])
    assert old.accuracy(old.probas_to_classes(p), [1, 1]) == 0.5
    assert old.multiclass_logloss(p, y) == pytest.approx(-np.log([0.8, 0.4]).mean())
    assert old.binary_logloss(p[:, 1], y[:, 1]) == pytest.approx(-np.log([0.8, 0.4]).mean())


def test_full_batches_are_shuffled_whole():
    found = old.batch_shuffle(np.arange(10), 4)
    assert found[8:].tolist() == [8, 9]
    assert sorted(map(tuple, found[:8].reshape(2, 4))) == [(0, 1, 2, 3), (4, 5, 6, 7)]


def test_sizes_and_names():
    assert old.get_fans((3, 3, 4, 8)) == (36, 72)
    assert old.get_fans((8, 4, 3, 3), "th") == (36, 72)
    assert old.deconv_length(4, 2, 3, "valid", output_padding=1) == 10
    assert old.is_all_none([None, None])
    assert not old.is_all_none([None, 1])
    assert old.get_from_module("relu", {"relu": 3}, "activation") == 3
    with pytest.raises(ValueError, match="did you mean 'relu'"):
        old.get_from_module("rely", {"relu": 3}, "activation")
    with pytest.raises(ValueError, match="padding"):
        old.normalize_padding("wrong")
    np.testing.assert_allclose(old.clip_norm(np.full(4, 2.0), 1.0, 4.0), np.full(4, 0.5))
    x, w = np.ones((2, 3, 4), "float32"), np.ones((4, 5), "float32")
    assert (
        np.asarray(old.time_distributed_dense(x, w, np.ones(5))).tolist()
        == np.full((2, 3, 5), 5.0).tolist()
    )


def test_layers_of_an_open_file(tmp_path):
    make = lambda: [layers.Dense(2, name="a"), layers.Dense(1, name="b")]  # noqa: E731
    one, two = models.Sequential(make()), models.Sequential(make())
    for model in (one, two):
        model.build((None, 3))
    with h5py.File(tmp_path / "w.h5", "w") as file:
        old.save_weights_to_hdf5_group(file, one.layers)
    with h5py.File(tmp_path / "w.h5") as file:
        assert old.load_attributes_from_hdf5_group(file, "layer_names") == ["a", "b"]
        old.load_weights_from_hdf5_group_by_name(file, two.layers[:1])
        np.testing.assert_array_equal(two.get_weights()[0], one.get_weights()[0])
        assert not np.array_equal(two.get_weights()[2], one.get_weights()[2])
        old.load_weights_from_hdf5_group(file, two.layers)
    np.testing.assert_array_equal(two.get_weights()[2], one.get_weights()[2])


def test_pictures_and_sums_of_files(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b.PNG").write_bytes(b"x")
    (tmp_path / "c.txt").write_bytes(b"x")
    assert old.list_pictures(tmp_path) == [str(tmp_path / "in" / "b.PNG")]
    assert old.validate_file(tmp_path / "c.txt", "9dd4e461268c8034f5c8564e155c67a6")
    assert not old.validate_file(tmp_path / "c.txt", "0" * 64)


def test_a_picture_turned_about_its_middle():
    x = np.arange(9, dtype="float32").reshape(1, 3, 3)
    turn = old.transform_matrix_offset_center([[0, -1, 0], [1, 0, 0], [0, 0, 1]], 2, 2)
    np.testing.assert_allclose(
        old.apply_transform(x, turn)[0], old.apply_transform(x[0][..., None], turn, 2)[..., 0]
    )


def test_a_layer_is_tried_out():
    found = old.layer_test(layers.Dense, {"units": 3}, input_shape=(2, 4))
    assert found.shape == (2, 3)
    with pytest.raises(AssertionError):
        old.layer_test(layers.ReLU, input_data=np.ones((1, 2)), expected_output=np.zeros((1, 2)))


def test_decorators_of_keras_2_change_nothing():
    from keraunos.compat import interfaces

    assert interfaces.legacy_get_updates_support(len) is len
    with pytest.raises(AttributeError, match="conv1d_args_preprocessor"):
        interfaces.conv1d_args_preprocessor  # noqa: B018


# function: a call in old names, and today's
CALLS = [
    ("utils.to_categorical", {"y": [1], "nb_classes": 2}, {"x": [1], "num_classes": 2}),
    ("utils.normalize", {"a": [[3.0, 4.0]]}, {"x": [[3.0, 4.0]]}),
    ("activations.relu", {"x": -1.0, "alpha": 0.5}, {"x": -1.0, "negative_slope": 0.5}),
    ("preprocessing.text.text_to_word_sequence", {"text": "a b"}, {"input_text": "a b"}),
    (
        "backend.conv2d",
        {"x": np.ones((1, 3, 4, 4)), "kernel": np.ones((3, 3, 3, 2)), "border_mode": "same"}
        | {"dim_ordering": "th", "image_shape": None, "filter_dilation": (2, 2)},
        {"x": np.ones((1, 3, 4, 4)), "kernel": np.ones((3, 3, 3, 2)), "padding": "same"}
        | {"data_format": "channels_first", "dilation_rate": (2, 2)},
    ),
    ("backend.expand_dims", {"x": [1], "dim": 0}, {"x": [1], "axis": 0}),
    ("backend.batch_get_value", {"ops": []}, {"tensors": []}),
    (
        "layers.deserialize",
        {"config": {"class_name": "Dense", "config": {"units": 2}}, "use_legacy_format": True},
        {"config": {"class_name": "Dense", "config": {"units": 2}}},
    ),
]


@pytest.mark.parametrize("path, before, today", CALLS, ids=[row[0] for row in CALLS])
def test_functions_take_their_old_arguments(path, before, today):
    def found():
        where = keraunos
        for part in path.split("."):
            where = getattr(where, part)
        return where

    expected = found()(**today)
    compat.install()
    try:
        got = found()(**before)
    finally:
        compat.uninstall()
    if isinstance(expected, layers.Layer):
        assert got.units == expected.units
    else:
        np.testing.assert_array_equal(np.asarray(got), np.asarray(expected))
    if before.keys() - today.keys():
        with pytest.raises(TypeError):
            found()(**before)


def test_a_grey_picture(tmp_path):
    keraunos.utils.save_img(tmp_path / "p.png", np.zeros((4, 5, 3)))
    compat.install()
    try:
        assert keraunos.utils.load_img(tmp_path / "p.png", grayscale=True).mode == "L"
        assert keraunos.preprocessing.image.load_img(tmp_path / "p.png", True, (2, 3)).size == (
            3,
            2,
        )
    finally:
        compat.uninstall()
