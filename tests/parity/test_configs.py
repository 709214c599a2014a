"""Configs go both ways, whole: ours loads in the real Keras, the real Keras's loads here."""

import inspect
import json

import keras
import numpy as np
import pytest
from tests.tables import losses, metrics, optimizers, small_rooms
from tests.tables.services import EXAMPLES

import keraunos

pytestmark = pytest.mark.filterwarnings("ignore")

ROWS = [
    *(("losses", name, options) for name, options, _ in losses.CASES),
    *(("metrics", name, options) for name, options, _ in metrics.CASES + metrics.FLAT_CASES),
    *(("metrics", name, {}) for name in ("Mean", "Sum")),
    *(("optimizers", name, options) for name, options in optimizers.CASES),
    *(("optimizers.schedules", name, options) for name, options in optimizers.SCHEDULES),
    *(("initializers", name, options) for name, options, _ in small_rooms.FIXED),
    *(("initializers", name, options) for name, options in small_rooms.DRAWN),
    *(("regularizers", name, options) for name, options in small_rooms.REGULARIZERS),
    *(("constraints", name, options) for name, options in small_rooms.CONSTRAINTS),
]
# Keras counts the names of metrics and optimizers made without one.
NAMED = ("losses", "metrics", "optimizers")


# The real Keras forgets these arguments in its configs.
FORGOTTEN = {"Huber": "delta", "CosineSimilarity": "axis", "Identity": "gain"}
# Keys of layers that only newer files of Keras have.
LATER = ("quantization_config", "gptq_unpacked_column_size")


def room_of(api, path):
    for part in path.split("."):
        api = getattr(api, part)
    return api


def plain(value):
    """Return a config as JSON gives it back, less what the real Keras forgets."""
    value = json.loads(json.dumps(value))
    if isinstance(value, dict) and isinstance(value.get("config"), dict):
        for key in (FORGOTTEN.get(value["class_name"]), *LATER):
            value["config"].pop(key, None)
    return value


def same(one, other):
    """Compare configs; floats to seven digits, for some are kept as float32."""
    if isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in one:
            same(one[key], other[key])
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other)
        for pair in zip(one, other):
            same(*pair)
    elif isinstance(one, float) or isinstance(other, float):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    else:
        assert one == other


@pytest.mark.parametrize("room, name, options", ROWS, ids=str)
def test_both_ways(room, name, options):
    given = options | ({"name": "n"} if room in NAMED else {})
    mine, theirs = (getattr(room_of(api, room), name)(**given) for api in (keraunos, keras))
    ours = plain(keraunos.saving.serialize_keras_object(mine))
    foreign = plain(keras.saving.serialize_keras_object(theirs))
    assert (ours["module"], ours["class_name"]) == (foreign["module"], foreign["class_name"])
    read = keras.saving.deserialize_keras_object(plain(ours))
    same(plain(keras.saving.serialize_keras_object(read)), foreign)
    again = keraunos.saving.deserialize_keras_object(plain(foreign))
    assert type(again) is type(mine)
    same(plain(keraunos.saving.serialize_keras_object(again)), ours)


@pytest.mark.parametrize("room", EXAMPLES)
def test_services_of_a_room(room):
    name, options, known = EXAMPLES[room]
    for reader, writer in ((keraunos, keras), (keras, keraunos), (keraunos, keraunos)):
        here, there = room_of(reader, room), room_of(writer, room)
        if name is not None:
            saved = plain(there.serialize(getattr(there, name)(**options)))
            # Copies, for the real Keras changes what it is given.
            same(plain(here.serialize(here.deserialize(plain(saved)))), saved)
            if known is not None:
                same(plain(here.serialize(here.get(plain(saved)))), saved)
        if known is not None:
            found = here.get(known)
            assert here.get(found) is found
            pair = [plain(m.serialize(m.get(known))) for m in (here, there)]
            if inspect.isfunction(found):
                assert there.get(pair[0]) is there.get(known)
                assert here.get(pair[1]) is found
            else:
                for one in pair:
                    one["config"].pop("name", None)  # counted
                same(*pair)
            assert here.get(None) == there.get(None) or room == "activations"
            with pytest.raises(ValueError):
                here.get("no such name")
