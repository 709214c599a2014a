"""The callbacks decide as the real Keras's do, driven with the same logs."""

import itertools

import keras
import numpy as np
import pytest
from tests.tables.drive import FakeModel, drive

import keraunos


def curves():
    """Return sequences of losses with plateaus, relapses and ties."""
    rng = np.random.default_rng(0)
    made = [np.round(np.abs(rng.normal(1, 0.3, 12)), 1) for _ in range(4)]
    return [[1.0, 0.9, 0.9, 0.8, 0.8, 0.8, 0.8, 0.7, 0.9, 0.9, 0.9, 0.9], *made]


def choices(name, grid):
    """Return the name with each choice of arguments from a grid."""
    return [(name, dict(zip(grid, row, strict=True))) for row in itertools.product(*grid.values())]


STOPPING = choices(
    "EarlyStopping",
    {
        "mode": ["min", "max"],
        "patience": [0, 1, 3],
        "min_delta": [0, 0.15],
        "baseline": [None, 0.85],
        "restore_best_weights": [True, False],
        "start_from_epoch": [0, 3],
    },
)
PLATEAU = choices(
    "ReduceLROnPlateau",
    {
        "mode": ["min", "max"],
        "patience": [0, 1, 2],
        "factor": [0.1, 0.5],
        "cooldown": [0, 2],
        "min_lr": [0.0, 0.02],
        "min_delta": [1e-4, 0.15],
    },
)


def outcome(library, name, arguments, curve):
    model = FakeModel()
    callback = getattr(library.callbacks, name)(**arguments)
    ran = drive(callback, model, [{"loss": 2.0, "val_loss": float(v)} for v in curve])
    rates = [round(logs.get("learning_rate", 0.0), 9) for logs in ran]
    rest = [
        getattr(callback, n, None)
        for n in ("wait", "best", "stopped_epoch", "best_epoch", "cooldown_counter")
    ]
    return len(ran), rates, model.weights[0].tolist(), rest


@pytest.mark.parametrize("curve", curves(), ids=str)
@pytest.mark.parametrize("cases", [STOPPING, PLATEAU], ids=["EarlyStopping", "ReduceLROnPlateau"])
def test_the_same_decisions(cases, curve):
    for name, arguments in cases:
        mine, theirs = (outcome(lib, name, arguments, curve) for lib in (keraunos, keras))
        assert mine == theirs, arguments


# (Keras cannot save only the best after batches: it knows its direction after an epoch.)
@pytest.mark.parametrize(
    "best_only, freq", [(True, "epoch"), (False, "epoch"), (False, 2), (False, 5)]
)
@pytest.mark.parametrize("threshold", [None, 0.85])
@pytest.mark.parametrize("weights_only", [True, False])
def test_the_same_checkpoints(best_only, threshold, freq, weights_only, tmp_path):
    name = "{epoch:02d}" + ("" if freq == "epoch" else "-{batch}") + "-{loss:.2f}"
    given = {
        "filepath": str(tmp_path / (name + (".weights.h5" if weights_only else ".keras"))),
        "monitor": "loss",
        "mode": "min",
        "save_best_only": best_only,
        "save_weights_only": weights_only,
        "save_freq": freq,
        "initial_value_threshold": threshold,
    }
    saved = []
    for library in (keraunos, keras):
        model = FakeModel()
        callback = library.callbacks.ModelCheckpoint(**given)
        drive(callback, model, [{"loss": v} for v in (1.0, 0.9, 0.9, 0.8, 0.95, 0.7)], batches=3)
        saved.append(model.saved)
    assert saved[0] == saved[1]


@pytest.mark.parametrize(
    "schedule",
    [
        lambda epoch, rate: rate * 0.9,
        lambda epoch: 0.1 / (epoch + 1),
        lambda epoch, rate: np.float32(0.5),
    ],
)
def test_the_same_learning_rates(schedule):
    rates = []
    for library in (keraunos, keras):
        ran = drive(
            library.callbacks.LearningRateScheduler(schedule), FakeModel(), [{"loss": 1.0}] * 4
        )
        rates.append([logs["learning_rate"] for logs in ran])
    np.testing.assert_allclose(rates[0], rates[1], rtol=1e-6)


@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("logs", [{"loss": 0.5, "acc": 0.25}, {"loss": 0.5, "val_loss": 1.0}])
def test_the_same_csv(separator, logs, tmp_path):
    texts = []
    for library in (keraunos, keras):
        path = tmp_path / f"{library.__name__}.csv"
        drive(library.callbacks.CSVLogger(str(path), separator), FakeModel(), [logs, logs])
        texts.append(path.read_text().splitlines())
    assert texts[0] == texts[1]
