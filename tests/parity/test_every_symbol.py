"""Every public symbol of the real Keras is exercised by a row of a table, or its reason is here.

tests/tables/public_api.json holds the names of Keras 3.15 in the rooms that are built, an alias
beside its original. A symbol counts as exercised where a table names it, or another name of the
same object.
"""

import json
from pathlib import Path

import keras
import pytest
from tests.tables import (
    attention,
    augmentation_color,
    augmentation_geometry,
    conv_lstm,
    flow,
    layers,
    losses,
    metrics,
    ops,
    optimizers,
    preprocessing,
    quantizers,
    services,
    small_rooms,
    tree,
)

import keraunos

TESTS = Path(__file__).parents[1]
API = {
    room: names.split()
    for room, names in json.loads((TESTS / "tables" / "public_api.json").read_text()).items()
}
LAYERS = [
    *(layers.CASES, attention.CASES, conv_lstm.CASES, quantizers.ADAPTED),
    *(preprocessing.CASES, preprocessing.FREE),
    *(augmentation_geometry.CASES, augmentation_color.ROWS, augmentation_color.COMPOSED),
]


def first(rows):
    return {row[0] for row in rows}


EXERCISED = {
    "layers": {case.layer for cases in LAYERS for case in cases} | set(layers.FUNCTIONS),
    "losses": first(losses.CASES) | set(losses.FUNCTIONS),
    "metrics": first(metrics.CASES + metrics.FLAT_CASES) | set(metrics.FUNCTIONS),
    "optimizers": first(optimizers.CASES)
    | {f"schedules.{name}" for name in first(optimizers.SCHEDULES)},
    "initializers": first(small_rooms.FIXED + small_rooms.DRAWN),
    "regularizers": first(small_rooms.REGULARIZERS),
    "constraints": first(small_rooms.CONSTRAINTS),
    "activations": first(small_rooms.ACTIVATIONS),
    "ops": first(ops.ROWS + flow.ROWS + flow.WHOLE),
    "random": first(small_rooms.RANDOM),
    "tree": first(tree.ROWS),
}
for _room, (_, _, _known) in services.EXAMPLES.items():
    _prefix = "schedules." if "." in _room else ""
    EXERCISED[_room.split(".")[0]] |= {_prefix + "serialize", _prefix + "deserialize"} | (
        {"get"} if _known else set()
    )

# A test of their own, which needs functions, layers or several calls.
ELSEWHERE = {
    "layers": {
        **dict.fromkeys(
            ["LSTM", "GRU", "SimpleRNN", "LSTMCell", "GRUCell", "RNN", "Bidirectional"],
            "parity/test_recurrent.py",
        ),
        "SimpleRNNCell": "layers/test_recurrent.py",
        **dict.fromkeys(["Lambda", "TimeDistributed"], "parity/test_layers.py"),
        **dict.fromkeys(["Input", "InputLayer"], "layers/test_layers.py"),
        **dict.fromkeys(
            ["SpectralNormalization", "ReversibleEmbedding"], "parity/test_attention.py"
        ),
        "Pipeline": "parity/test_augmentation_color.py",
        "JaxLayer": "parity/test_foreign.py",
        "FlaxLayer": "layers/test_foreign.py",
    },
    "metrics": dict.fromkeys(["Mean", "Sum", "MeanMetricWrapper"], "parity/test_metrics.py"),
    "optimizers": {
        **dict.fromkeys(["MultiOptimizer", "OptimizerMap"], "optimizers/test_multi.py"),
        "LossScaleOptimizer": "parity/test_optimizers.py",
    },
    "random": {"SeedGenerator": "parity/test_small_rooms.py"},
    "tree": {"MAP_TO_NONE": "parity/test_tree.py"},
    "ops": {"sparsemax": "ops/test_op.py"},
    "activations": {"sparsemax": "ops/test_op.py"},
}
BASE = "a base class, exercised by every class made from it"
REASONS = {
    "layers": {
        "Layer": BASE,
        "Wrapper": BASE,
        "StackedRNNCells": "what RNN makes of a list of cells: tests/parity/test_recurrent.py",
        "InputSpec": "what every layer checks its input with",
        "TFSMLayer": "runs a SavedModel of TensorFlow, which is never on the machine",
        "TorchModuleWrapper": "runs a module of PyTorch inside a step of JAX: no gradient passes",
    },
    "losses": {"Loss": BASE},
    "metrics": {"Metric": BASE},
    "optimizers": {
        "Optimizer": BASE,
        "schedules.LearningRateSchedule": BASE,
        **{
            f"legacy.{name}": "in Keras 3 only a name, which raises when it is called"
            for name in ("Adagrad", "Adam", "Ftrl", "Optimizer", "RMSprop", "SGD")
        },
    },
    "initializers": {"Initializer": BASE},
    "regularizers": {"Regularizer": BASE},
    "constraints": {"Constraint": BASE},
}


def find(api, room, name):
    """Return the object, or None."""
    found = getattr(api, room)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def objects(table):
    """Return the ids of the objects that a table's names mean."""
    found = [find(keraunos, room, name) for room, names in table.items() for name in names]
    return {id(one) for one in found if one is not None}


@pytest.mark.parametrize("room", API)
def test_every_symbol_is_exercised_or_has_its_reason(room):
    known = objects(EXERCISED) | objects(ELSEWHERE) | objects(REASONS)
    left = [
        name
        for name in API[room]
        if name not in REASONS.get(room, ()) and id(find(keraunos, room, name)) not in known
    ]
    assert left == []


@pytest.mark.parametrize("room", API)
def test_names_are_those_of_keras(room):
    """The list is that of the installed Keras: what newer ones add is seen here."""
    there = {name for name in dir(getattr(keras, room)) if not name.startswith("_")}
    assert there <= {name.split(".")[0] for name in API[room]}
    here = {name for name in API[room] if find(keraunos, room, name) is not None}
    assert set(API[room]) - here <= REASONS.get(room, {}).keys()


@pytest.mark.parametrize("room", ELSEWHERE)
def test_the_tests_named_here_name_what_they_test(room):
    for name, file in ELSEWHERE[room].items():
        assert name in (TESTS / file).read_text(), (name, file)


def test_reasons_are_given_only_where_they_are_needed():
    for room, names in REASONS.items():
        assert names.keys() <= set(API[room])
        assert not names.keys() & (EXERCISED[room] | ELSEWHERE.get(room, {}).keys())
