"""Settings: limits that fit honours, logging, code in files, one engine, names that are missing."""

import logging
import warnings

import numpy as np
import pytest

import keraunos
from keraunos import config

X, Y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")


@pytest.fixture
def limits():
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def small_model():
    model = keraunos.Sequential([keraunos.Input((3,)), keraunos.layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def test_limits_of_fit(limits):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    model = small_model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(X, Y, batch_size=1, epochs=5, verbose=0, validation_data=(X, Y))
    assert {str(w.message) for w in caught} == {
        "epochs: 5, cut to 2 by keras.config",
        "steps of an epoch: 8, cut to 3 by keras.config",
    }
    assert len(history.epoch) == 2
    assert int(model.optimizer.iterations) == 6
    with pytest.warns(UserWarning, match="cut to 3"):
        assert len(model.predict(X, batch_size=1, verbose=0)) == 3
    with pytest.warns(UserWarning, match="cut to 3"):
        model.evaluate(X, Y, batch_size=1, verbose=0)


def test_limits_that_are_not_reached_change_nothing(limits):
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    model = small_model()
    history = model.fit(X, Y, batch_size=4, epochs=1, verbose=0)
    assert len(history.epoch) == 1
    assert int(model.optimizer.iterations) == 2


@pytest.mark.parametrize("bad", [0, -1, 1.5, "two", True])
def test_bad_limits(bad):
    for put in (config.set_max_epochs, config.set_max_steps_per_epoch):
        with pytest.raises(ValueError, match="an integer from 1, or None"):
            put(bad)


def test_logging_takes_the_place_of_the_bar(capsys, caplog):
    model = small_model()
    assert keraunos.utils.is_interactive_logging_enabled()
    config.disable_interactive_logging()
    try:
        with caplog.at_level(logging.INFO, logger="keraunos"):
            model.fit(X, Y, epochs=2, verbose="auto")
    finally:
        config.enable_interactive_logging()
    assert capsys.readouterr().out == ""
    lines = [r.getMessage() for r in caplog.records if r.name == "keraunos"]
    assert [line.split(" - ")[0] for line in lines] == ["Epoch 1/2", "Epoch 2/2"]


def test_unsafe_deserialization(tmp_path, monkeypatch):
    double = keraunos.layers.Lambda(lambda x: 2 * x)
    model = keraunos.Sequential([keraunos.Input((3,)), double])
    model.save(path := tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        keraunos.saving.load_model(path)
    monkeypatch.setitem(config._settings, "unsafe_deserialization", False)
    config.enable_unsafe_deserialization()
    np.testing.assert_array_equal(keraunos.saving.load_model(path)(X), 2 * X)


def test_there_is_one_engine():
    config.set_backend("jax")
    assert (config.backend(), config.is_nnx_enabled()) == ("jax", False)
    with pytest.raises(ValueError, match="expected: 'jax'"):
        config.set_backend("torch")


@pytest.mark.parametrize(
    "room, wrong, right",
    [
        *[("activations", "rellu", "relu"), ("callbacks", "EarlyStoping", "EarlyStopping")],
        *[("constraints", "MaxNrm", "MaxNorm"), ("datasets", "cifr10", "cifar10")],
        *[("initializers", "HeNorml", "HeNormal"), ("layers", "Dens", "Dense")],
        *[("losses", "MeanSquareError", "MeanSquaredError"), ("metrics", "AUCC", "AUC")],
        *[("models", "Sequental", "Sequential"), ("ops", "matmull", "matmul")],
        *[("optimizers", "Adm", "Adam"), ("random", "uniforme", "uniform")],
        *[("regularizers", "L1L22", "L1L2"), ("saving", "load_modl", "load_model")],
        *[("tree", "flaten", "flatten"), ("utils", "to_categoric", "to_categorical")],
        *[("backend", "floatX", "floatx"), ("config", "set_flotx", "set_floatx")],
        ("optimizers.schedules", "CosineDecy", "CosineDecay"),
    ],
)
def test_a_missing_name_has_the_nearest(room, wrong, right):
    module = keraunos
    for part in room.split("."):
        module = getattr(module, part)
    with pytest.raises(AttributeError, match=f"did you mean .*'{right}'") as caught:
        getattr(module, wrong)
    assert len(str(caught.value).splitlines()) == 2
    assert not hasattr(module, "__wrong__")
