"""KerasFileEditor: what is renamed, added, deleted is so in the new file; Keras reads it."""

import keras
import numpy as np
import pytest

import keraunos
from keraunos.saving import KerasFileEditor


def model(api, units=2, name="first"):
    return api.Sequential(
        [
            api.Input((3,)),
            api.layers.Dense(4, name=name),
            api.layers.BatchNormalization(name="norm"),
            api.layers.Dense(units, name="last"),
        ]
    )


@pytest.fixture
def saved(tmp_path):
    one = model(keraunos)
    one.set_weights([np.full(w.shape, i, "float32") for i, w in enumerate(one.get_weights())])
    one.save_weights(path := tmp_path / "a.weights.h5")
    return one, path


def test_what_is_in_a_file(saved, capsys):
    one, path = saved
    editor = KerasFileEditor(path)
    assert list(editor.weights_dict["layers"]) == ["batch_normalization", "dense", "dense_1"]
    np.testing.assert_array_equal(editor.weights_dict["layers"]["dense"]["0"], np.zeros((3, 4)))
    editor.summary()
    text = capsys.readouterr().out
    assert "dense ('first')" in text
    assert "0: shape=(3, 4), dtype=float32" in text
    assert editor.compare(one) == {"status": "success", "error_count": 0, "match_count": 8}
    found = editor.compare(model(keraunos, units=5))
    assert (found["status"], found["error_count"], found["match_count"]) == ("error", 2, 6)
    assert "layers/dense_1/0: shape (4, 2) in the file, (4, 5)" in capsys.readouterr().out


def test_files_of_keras(tmp_path):
    theirs = model(keras)
    theirs.compile("adam", "mse")
    theirs.save(path := tmp_path / "k.keras")
    editor = KerasFileEditor(path)
    assert editor.config["class_name"] == "Sequential"
    assert editor.metadata["keras_version"]
    editor.save(out := tmp_path / "k.weights.h5")
    mine = model(keraunos)
    mine.load_weights(out)
    for one, other in zip(mine.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_edited_file_is_read_again(saved, tmp_path):
    one, path = saved
    editor = KerasFileEditor(path)
    editor.delete_object("dense_1")
    editor.add_object("layers/dense_1", {"0": np.ones((4, 5), "float32")})
    editor.add_weights("layers/dense_1", {"1": np.full(5, 2, "float32"), "9": np.ones(1)})
    editor.delete_weight("dense_1", "9")
    editor.rename_object("dense", "other")
    editor.rename_object("layers/other", "dense")
    editor.resave_weights(out := tmp_path / "b.weights.h5")
    for api in (keraunos, keras):
        wider = model(api, units=5)
        wider.load_weights(out)
        np.testing.assert_array_equal(wider.get_weights()[-1], np.full(5, 2))
        np.testing.assert_array_equal(wider.get_weights()[0], one.get_weights()[0])


def test_layers_inside_layers_keep_their_weights(tmp_path):
    inputs = keraunos.Input((4, 3))
    outputs = keraunos.layers.Bidirectional(keraunos.layers.LSTM(2))(inputs)
    one = keraunos.Model(inputs, outputs)
    one.save_weights(path := tmp_path / "a.weights.h5")
    editor = KerasFileEditor(path)
    assert editor.compare(one)["status"] == "success"
    editor.save(out := tmp_path / "b.weights.h5")
    one.load_weights(out)


@pytest.mark.parametrize(
    "edit, word",
    [
        (lambda e: e.delete_object("dens"), "did you mean|valid names"),
        (lambda e: e.rename_object("dense", "a/b"), "no '/'"),
        (lambda e: e.add_object("layer/x", {}), "layers"),
        (lambda e: e.add_object("layers/x", [1]), "kernel"),
        (lambda e: e.delete_weight("dense", "7"), "weight '7'"),
        (lambda e: e.save("x.keras"), "weights.h5"),
    ],
)
def test_mistakes_are_named(saved, edit, word):
    editor = KerasFileEditor(saved[1])
    with pytest.raises(ValueError, match=word) as caught:
        edit(editor)
    assert len(str(caught.value).splitlines()) <= 6
