"""Config, Progbar, batches packed and unpacked, data cut in two, old configs."""

import json

import keras
import pytest

import keraunos
from keraunos import utils

# -- Config


def test_config_is_a_dictionary_with_attributes():
    for api in (keraunos, keras):
        config = api.utils.Config(units=3)
        config.rate = 0.5
        config["name"] = "b"
        assert (config["units"], config.rate, len(config), "name" in config) == (3, 0.5, 3, True)
        assert list(config) == ["name", "rate", "units"]
        assert config.as_dict() == json.loads(config.to_json())
        assert config.get("none", 7) == 7
        assert config.pop("rate") == 0.5
        config.update({"units": 4})
        config.freeze()
        assert config.frozen
        for change in (
            lambda c: setattr(c, "a", 1),
            lambda c: c.pop("units"),
            lambda c: c.update(),
        ):
            with pytest.raises(ValueError, match="frozen"):
                change(config)
        config.unfreeze()
        del config["units"]
        assert dict(config.items()) == {"name": "b"}
        with pytest.raises(AttributeError, match="nam"):
            _ = config.nam


# -- Progbar


def test_progbar_averages(capsys):
    bar = utils.Progbar(4, verbose=2, stateful_metrics=["last"])
    bar.update(1, [("loss", 4.0), ("last", 1.0)])
    bar.add(2, [("loss", 1.0), ("last", 2.0)])
    assert bar._means() == {"loss": 2.0, "last": 2.0}
    bar.add(1)
    line = capsys.readouterr().out
    assert line.startswith("4/4 - ")
    assert line.endswith("loss: 2.0000 - last: 2.0000\n")
    utils.Progbar(2, verbose=0).update(2)
    assert capsys.readouterr().out == ""
    with pytest.raises(ValueError, match="one of them"):
        utils.Progbar(2, stateful_metrics=["a"], stateless_metrics=["b"])


# -- batches


@pytest.mark.parametrize("data", [1, (1,), [1, 2], (1, 2), (1, 2, 3)], ids=repr)
def test_unpack(data):
    assert utils.unpack_x_y_sample_weight(data) == keras.utils.unpack_x_y_sample_weight(data)


@pytest.mark.parametrize("parts", [(1,), ([1, 2],), (1, 2), (1, 2, 3), (1, None, 3)], ids=repr)
def test_pack(parts):
    assert utils.pack_x_y_sample_weight(*parts) == keras.utils.pack_x_y_sample_weight(*parts)


def test_unpack_refuses_four():
    with pytest.raises(ValueError, match="4 parts"):
        utils.unpack_x_y_sample_weight((1, 2, 3, 4))


def test_source_inputs():
    a, b = keraunos.Input((3,)), keraunos.Input((3,))
    joined = keraunos.layers.add([a, keraunos.ops.relu(b), a])
    assert utils.get_source_inputs(keraunos.layers.Dense(2)(joined)) == [a, b]
    assert utils.get_source_inputs(a) == [a]


# -- legacy


def test_old_configs_of_objects():
    theirs, mine = keras.utils.legacy, utils.legacy
    assert mine.serialize_keras_object(None) is None
    saved = mine.serialize_keras_object(keraunos.initializers.RandomNormal(0.0, 0.5, seed=1))
    assert saved == theirs.serialize_keras_object(keras.initializers.RandomNormal(0.0, 0.5, seed=1))
    tables = {"module_objects": vars(keraunos.initializers)}
    again = mine.deserialize_keras_object(saved, **tables)
    assert again.get_config() == saved["config"]
    assert isinstance(mine.deserialize_keras_object("Zeros", **tables), keraunos.initializers.Zeros)
    function = mine.deserialize_keras_object("twice", custom_objects={"twice": len})
    assert function is len
    with pytest.raises(ValueError, match="did you mean 'Zeros'"):
        mine.deserialize_keras_object("Zero", **tables)
    with pytest.raises(ValueError, match="class_name"):
        mine.deserialize_keras_object({"class": "Zeros"}, **tables)
