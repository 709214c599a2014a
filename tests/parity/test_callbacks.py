"""The callbacks decide as the real Keras's do, driven with the same logs."""

import itertools
import re

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


@pytest.mark.parametrize(
    "name, arguments",
    [
        ("EarlyStopping", {"monitor": "loss", "patience": 1, "restore_best_weights": True}),
        ("ReduceLROnPlateau", {"monitor": "loss", "patience": 1, "min_delta": 0.15}),
        ("LearningRateScheduler", {"schedule": lambda epoch, rate: 0.5**epoch}),
        ("ModelCheckpoint", {"filepath": "{epoch:02d}.keras"}),
        ("ModelCheckpoint", {"filepath": "a.keras", "monitor": "loss", "save_best_only": True}),
        ("ModelCheckpoint", {"filepath": "{epoch}-{batch}.keras", "save_freq": 2}),
        ("TerminateOnNaN", {}),
    ],
)
def test_the_same_lines_are_printed(name, arguments, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    printed = []
    for library in (keraunos, keras):
        verbose = {} if name == "TerminateOnNaN" else {"verbose": 1}
        callback = getattr(library.callbacks, name)(**arguments, **verbose)
        logs = [{"loss": v} for v in (1.0, 0.9, 0.9, 0.95, float("nan"))]
        drive(callback, FakeModel(rate=0.5), logs, batches=3)
        lines = capsys.readouterr().out.splitlines()
        printed.append([_FLOAT.sub(lambda found: f"{float(found[0]):.6g}", line) for line in lines])
    assert printed[0] == printed[1]


_FLOAT = re.compile(r"\d+\.\d{6,}")


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_the_same_averages(swap_on_epoch):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(24, 3)).astype("float32"), rng.normal(size=24).astype("float32")
    found = []
    for library in (keraunos, keras):
        layer = library.layers.Dense(1, kernel_initializer="ones")
        model = library.Sequential([library.Input((3,)), layer])
        optimizer = library.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7)
        model.compile(optimizer, "mse")
        seen = library.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, rows=found, m=model: rows.append(m.get_weights()[0])
        )
        swap = library.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
        model.fit(
            x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=(x, y),
            callbacks=[swap, seen],
        )  # fmt: skip
        found.extend([model.history.history["val_loss"], *model.get_weights()])
        found.append(model.evaluate(x, y, verbose=0, callbacks=[swap]))
    half = len(found) // 2
    for mine, theirs in zip(found[:half], found[half:], strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6)
