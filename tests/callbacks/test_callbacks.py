"""Each callback does what it says; tests/parity/test_callbacks.py compares with the real Keras."""

import csv
import os
import types

import numpy as np
import pytest
from tests.tables.drive import FakeModel, drive

from keraunos import callbacks

NAN = float("nan")


def epochs(*values, name="val_loss"):
    return [{"loss": 1.0, name: value} for value in values]


def lines(error):
    return str(error.value).count("\n") + 1


# -- monitored values ------------------------------------------------------------------------------

MONITORS = [
    lambda **k: callbacks.EarlyStopping(**k),
    lambda **k: callbacks.ReduceLROnPlateau(**k),
    lambda **k: callbacks.ModelCheckpoint("x.keras", save_best_only=True, **k),
]


@pytest.mark.parametrize("make", MONITORS)
@pytest.mark.parametrize(
    "monitor, fix",
    [("val_loss", "validation_data"), ("val_acuracy", "validation_data"), ("acuracy", "accuracy")],
)
def test_an_unknown_monitor_is_an_error_after_the_first_epoch(make, monitor, fix, model, tmp_path):
    os.chdir(tmp_path)
    with pytest.raises(ValueError, match=fix) as error:
        drive(make(monitor=monitor, mode="min"), model, epochs(1.0, name="accuracy"))
    assert lines(error) <= 6


def test_validation_that_was_not_due_is_no_error(model):
    stopping = callbacks.EarlyStopping(patience=1)
    logs = [{"loss": 1.0}, {"loss": 1.0, "val_loss": 2.0}, {"loss": 1.0}]
    assert len(drive(stopping, model, logs, validation_freq=2)) == 3
    assert stopping.best == 2.0


@pytest.mark.parametrize(
    "monitor, up",
    [
        ("val_loss", False),
        ("accuracy", True),
        ("val_auc", True),
        ("mean_absolute_error", False),
        ("out_1_loss", False),
        ("val_out_1_accuracy", True),
    ],
)
def test_the_direction_follows_from_the_name(monitor, up, model):
    stopping = callbacks.EarlyStopping(monitor)
    stopping.set_model(model)
    assert stopping.is_improvement(2.0, 1.0) == up


def test_the_direction_of_a_metric_that_says_it(model):
    model.metrics = [types.SimpleNamespace(name="odd", _direction="up")]
    stopping = callbacks.EarlyStopping("val_odd")
    stopping.set_model(model)
    assert stopping.is_improvement(2.0, 1.0)


def test_an_unknown_direction_asks_for_the_mode(model):
    with pytest.raises(ValueError, match="mode='max'"):
        drive(callbacks.EarlyStopping("odd"), model, [{"odd": 1.0}])


def test_nan_is_never_the_best(model):
    stopping = callbacks.EarlyStopping(patience=9, restore_best_weights=True)
    drive(stopping, model, epochs(NAN, 3.0, NAN, 2.0, NAN))
    assert (stopping.best, stopping.best_epoch) == (2.0, 3)
    assert model.weights[0][0] == 3


# -- EarlyStopping ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "others, values, ran",
    [
        ([], [1.0, 0.5, 0.9, 0.9, 0.9, 0.9], 4),  # stopped by itself
        ([], [1.0, 0.5, 0.9], 3),  # the epochs are over
        ([callbacks.TerminateOnNaN()], [1.0, 0.5, NAN, 0.1], 3),  # stopped by another
    ],
)
def test_the_best_weights_are_restored_however_training_ends(others, values, ran, model):
    stopping = callbacks.EarlyStopping(patience=2, restore_best_weights=True)
    logs = [{"loss": v, "val_loss": v} for v in values]
    assert len(drive([stopping, *others], model, logs, batches=1)) == ran
    assert model.weights[0][0] == stopping.best_epoch == 1


def test_the_same_object_begins_anew_in_a_second_fit(model):
    stopping = callbacks.EarlyStopping(patience=1)
    drive(stopping, model, epochs(0.1, 0.2, 0.3))
    assert len(drive(stopping, model, epochs(5.0, 4.0, 3.0))) == 3


# -- learning rates --------------------------------------------------------------------------------


def test_the_learning_rate_is_in_the_logs(model):
    kept = callbacks.History()
    plateau = callbacks.ReduceLROnPlateau(factor=0.5, patience=1)
    drive([plateau, kept], model, epochs(1.0, 1.0, 1.0))
    assert kept.history["learning_rate"] == [0.1, 0.1, 0.05]


class Schedule:
    """What a schedule looks like from outside."""

    def __call__(self, step):
        return 0.1

    def get_config(self):
        return {}


@pytest.mark.parametrize(
    "callback",
    [callbacks.ReduceLROnPlateau(), callbacks.LearningRateScheduler(lambda epoch, rate: rate)],
)
def test_a_schedule_in_the_optimizer_is_refused_before_the_first_step(callback, model):
    model.optimizer._learning_rate = Schedule()
    callback.set_model(model)
    with pytest.raises(ValueError, match="follows a schedule") as error:
        callback.on_train_begin()
    assert lines(error) <= 6


def test_a_factor_that_does_not_reduce():
    with pytest.raises(ValueError, match="factor < 1"):
        callbacks.ReduceLROnPlateau(factor=1.0)


def test_a_schedule_must_return_a_float(model):
    with pytest.raises(ValueError, match="returns a float"):
        drive(callbacks.LearningRateScheduler(lambda epoch, rate: "fast"), model, epochs(1.0))


def test_a_type_error_inside_the_schedule_is_shown_as_it_is(model):
    def schedule(epoch, rate):
        return rate + "1"

    with pytest.raises(TypeError, match="unsupported operand"):
        drive(callbacks.LearningRateScheduler(schedule), model, epochs(1.0))


# -- TerminateOnNaN --------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [NAN, float("inf")])
def test_terminate_on_nan(bad, model, capsys):
    logs = [{"loss": 1.0}, {"loss": bad}, {"loss": 1.0}]
    assert len(drive(callbacks.TerminateOnNaN(), model, logs, batches=2)) == 2
    assert "Invalid loss" in capsys.readouterr().out


def test_terminate_on_nan_with_an_error(model):
    with pytest.raises(RuntimeError, match="nan"):
        drive(callbacks.TerminateOnNaN(raise_error=True), model, [{"loss": NAN}], batches=1)


# -- ModelCheckpoint -------------------------------------------------------------------------------


def test_names_of_files_are_filled_in(model, tmp_path):
    path = tmp_path / "new" / "{epoch:02d}-{val_loss:.2f}.keras"
    drive(callbacks.ModelCheckpoint(path), model, epochs(1.0, 0.256))
    assert model.saved == [
        ("model", f"{tmp_path}/new/01-1.00.keras"),
        ("model", f"{tmp_path}/new/02-0.26.keras"),
    ]
    assert (tmp_path / "new").is_dir()


@pytest.mark.parametrize(
    "freq, expected", [(2, [(1, 2), (2, 1), (2, 3)]), (7, []), (3, [(1, 3), (2, 3)])]
)
def test_saving_every_so_many_batches(freq, expected, model, tmp_path):
    path = tmp_path / "{epoch}-{batch}.weights.h5"
    saver = callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=freq)
    drive(saver, model, [{"loss": 1.0}] * 2, batches=3)
    assert model.saved == [("weights", f"{tmp_path}/{e}-{b}.weights.h5") for e, b in expected]


def test_a_name_in_the_path_that_the_logs_do_not_have(model, tmp_path):
    with pytest.raises(ValueError, match="names among epoch, loss") as error:
        drive(callbacks.ModelCheckpoint(tmp_path / "{acc}.keras"), model, [{"loss": 1.0}])
    assert lines(error) <= 6


@pytest.mark.parametrize(
    "given, error",
    [
        ({"filepath": "x.weights.h5"}, r"write 'x\.keras'"),
        ({"filepath": "x.hdf5", "save_weights_only": True}, r"write 'x\.weights\.h5'"),
        ({"filepath": "x.h5", "save_weights_only": True}, r"write 'x\.weights\.h5'"),
        ({"filepath": "x"}, r"write 'x\.keras'"),
        ({"filepath": "x.keras", "save_freq": "batch"}, "number of batches"),
        ({"filepath": "x.keras", "save_freq": 0}, "number of batches"),
    ],
)
def test_wrong_arguments_are_found_when_the_callback_is_made(given, error):
    with pytest.raises(ValueError, match=error):
        callbacks.ModelCheckpoint(**given)


@pytest.mark.parametrize(
    "make",
    [
        lambda path: callbacks.ModelCheckpoint(f"{path}/{{epoch}}.keras"),
        lambda path: callbacks.ModelCheckpoint(f"{path}/deep/er/x.keras"),
        lambda path: callbacks.CSVLogger(f"{path}/log.csv"),
    ],
)
def test_a_place_that_cannot_be_written_is_found_before_the_first_step(make, model, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="cannot write") as error:
        drive(make(tmp_path / "file"), model, epochs(1.0), batches=1)
    assert lines(error) <= 6
    assert not model.saved


def test_a_folder_in_the_way(model, tmp_path):
    (tmp_path / "x.keras").mkdir()
    with pytest.raises(IsADirectoryError):
        drive(callbacks.ModelCheckpoint(tmp_path / "x.keras"), model, epochs(1.0))


# -- CSVLogger -------------------------------------------------------------------------------------


def test_rows_are_on_the_disk_after_every_epoch(model, tmp_path):
    path = tmp_path / "log.csv"
    seen = []
    look = callbacks.LambdaCallback(on_epoch_end=lambda e, logs: seen.append(path.read_text()))
    drive([callbacks.CSVLogger(path), look], model, [{"loss": 1.0, "vector": np.ones(2)}] * 2)
    assert [text.count("\n") for text in seen] == [2, 3]
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert rows[0]["vector"] == '"[1.0, 1.0]"'


def test_appending_goes_on_without_a_second_header(model, tmp_path):
    path = tmp_path / "log.csv"
    drive(callbacks.CSVLogger(path, append=True), model, [{"loss": 1.0}])
    drive(callbacks.CSVLogger(path, append=True), FakeModel(), [{"loss": 2.0}], first=1)
    assert path.read_text().splitlines() == ["epoch,loss,val_loss", "0,1.0,NA", "1,2.0,NA"]
