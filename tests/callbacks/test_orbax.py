"""Checkpoints with Orbax: we read them, the real Keras reads them, and we read the real Keras's."""

import numpy as np
import pytest

import keraunos

pytest.importorskip("orbax.checkpoint")
keras = pytest.importorskip("keras")

X = np.linspace(-1, 1, 16, dtype="float32").reshape(8, 2)


def sequential(library):
    inputs = [library.Input((2,)), library.layers.Dense(2, name="d")]
    return library.Sequential([*inputs, library.layers.BatchNormalization(name="b")], name="s")


def functional(library):
    inputs = library.Input((2,))
    outputs = library.layers.BatchNormalization(name="b")(library.layers.Dense(2, name="d")(inputs))
    return library.Model(inputs, outputs, name="f")


def trained(library, make, folder, epochs=2, **arguments):
    model = make(library)
    model.compile("adam", "mse")
    saving = library.callbacks.OrbaxCheckpoint(str(folder), monitor="loss", **arguments)
    model.fit(X, X, batch_size=4, epochs=epochs, verbose=0, callbacks=[saving])
    return model


def assert_equal(model, other):
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("make", [sequential, functional])
@pytest.mark.parametrize("writer", [keraunos, keras], ids=lambda m: m.__name__)
def test_what_either_wrote_we_load(writer, make, tmp_path):
    model = trained(writer, make, tmp_path)
    loaded = keraunos.saving.load_model(tmp_path)
    assert_equal(model, loaded)
    for mine, theirs in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
        np.testing.assert_array_equal(mine.numpy(), theirs.numpy())
    fresh = make(keraunos)
    fresh.compile("adam", "mse")
    report = fresh.load_weights(tmp_path)
    assert report.complete
    assert report.optimizer == "restored"
    assert_equal(model, fresh)


@pytest.mark.filterwarnings("ignore:Sharding info")
def test_what_we_wrote_keras_loads(tmp_path):
    assert_equal(trained(keraunos, functional, tmp_path), keras.saving.load_model(str(tmp_path)))


@pytest.mark.parametrize(
    "arguments, names",
    [
        ({}, {"3"}),
        ({"max_to_keep": 2, "save_on_background": False}, {"2", "3"}),
        ({"max_to_keep": None}, {"0", "1", "2", "3"}),
        ({"save_freq": 3, "max_to_keep": None}, {"3", "6"}),
        ({"save_best_only": True, "max_to_keep": None, "initial_value_threshold": 0.0}, set()),
    ],
)
def test_which_checkpoints_are_there(arguments, names, tmp_path):
    trained(keraunos, functional, tmp_path, epochs=4, **arguments)
    assert {p.name for p in tmp_path.iterdir()} == names


def test_weights_alone_and_those_of_another_model(tmp_path):
    model = trained(keraunos, functional, tmp_path, save_weights_only=True)
    with pytest.raises(ValueError, match="weights only"):
        keraunos.saving.load_model(tmp_path)
    fresh = functional(keraunos)
    fresh.load_weights(tmp_path)
    assert_equal(model, fresh)
    other = keraunos.Sequential([keraunos.Input((2,)), keraunos.layers.Dense(3)])
    with pytest.raises(ValueError, match="do not fit"):
        other.load_weights(tmp_path)


def test_training_in_a_folder_again(tmp_path):
    trained(keraunos, functional, tmp_path)
    assert_equal(trained(keraunos, functional, tmp_path), keraunos.saving.load_model(tmp_path))


def test_layers_with_files_of_their_own_are_refused(tmp_path):
    words = keraunos.layers.StringLookup(vocabulary=["a"])
    model = keraunos.Sequential(
        [keraunos.Input((1,), dtype="string"), words, keraunos.layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    saving = keraunos.callbacks.OrbaxCheckpoint(tmp_path)
    with pytest.raises(ValueError, match="files of its own"):
        model.fit(np.array([["a"], ["b"]]), np.ones((2, 1)), verbose=0, callbacks=[saving])
