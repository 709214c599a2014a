"""Files that layers write beside their weights: kept, and never outside of their folder."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

import keraunos as keras


@keras.utils.register_keras_serializable("assets")
class Remembers(keras.layers.Layer):
    """A layer with a note, in a folder of its own."""

    note = ""

    def call(self, x):
        return x

    def save_assets(self, dir_path):
        Path(dir_path, "inner").mkdir()
        Path(dir_path, "inner", "note.txt").write_text(self.note)

    def load_assets(self, dir_path):
        self.note = Path(dir_path, "inner", "note.txt").read_text()


def saved(tmp_path):
    model = keras.Sequential([keras.Input((2,)), Remembers(), keras.layers.Dense(1)])
    model.layers[0].note = "remember"
    model.save(tmp_path / "model.keras")
    return tmp_path / "model.keras"


def test_files_of_a_layer_of_ones_own(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert "assets/layers/remembers/inner/note.txt" in archive.namelist()
    assert keras.models.load_model(path).layers[0].note == "remember"


def test_names_that_lead_out_are_refused(tmp_path):
    path = saved(tmp_path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("assets/layers/remembers/../../../../escaped.txt", "x")
    with pytest.raises(ValueError, match="refused"):
        keras.models.load_model(path)


def test_weights_of_terms_and_their_vocabulary_go_together(tmp_path):
    layer = keras.layers.TextVectorization(
        output_mode="tf_idf", max_tokens=9, pad_to_max_tokens=True
    )
    layer.adapt(["a b", "b c", "b"])
    model = keras.Sequential([keras.Input((1,), dtype="string"), layer])
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(["a c x"]), model(["a c x"]))
