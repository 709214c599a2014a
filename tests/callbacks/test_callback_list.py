"""Who is called, in which order, with what; and who makes the loop take single steps."""

import jax.numpy as jnp
import numpy as np
import pytest

from keraunos import callbacks as room
from keraunos.callbacks import Callback, CallbackList, History, LambdaCallback


def hook(name):
    return type("Listener", (Callback,), {name: lambda self, *a, **k: None})()


@pytest.mark.parametrize(
    "callback, expected",
    [
        (Callback(), None),
        (History(), None),
        (room.EarlyStopping(), None),
        (room.ReduceLROnPlateau(), None),
        (room.CSVLogger("x.csv"), None),
        (room.ModelCheckpoint("x.keras"), None),
        (room.ModelCheckpoint("x.keras", save_freq=3), "chunks"),
        (room.TerminateOnNaN(), "chunks"),
        (hook("on_epoch_end"), None),
        (hook("on_train_batch_begin"), "each"),
        (hook("on_train_batch_end"), "each"),
        (hook("on_batch_begin"), "each"),
        (hook("on_batch_end"), "each"),
        (hook("on_test_batch_end"), None),
        (LambdaCallback(on_epoch_end=print), None),
        (LambdaCallback(on_train_batch_end=print), "each"),
        (LambdaCallback(on_batch_end=print), "each"),
    ],
)
def test_single_steps_only_where_somebody_listens_to_batches(callback, expected):
    assert CallbackList([callback]).listens_to_batches == expected


def test_one_that_listens_to_each_batch_decides():
    both = [room.TerminateOnNaN(), hook("on_train_batch_end")]
    assert CallbackList(both).listens_to_batches == "each"


@pytest.mark.parametrize("mode", ["test", "predict"])
@pytest.mark.parametrize("end", ["begin", "end"])
def test_listeners_of_evaluate_and_predict(mode, end):
    listens = f"listens_to_{mode}_batches"
    assert getattr(CallbackList([hook(f"on_{mode}_batch_{end}")]), listens)
    assert not getattr(CallbackList([hook("on_train_batch_end")]), listens)


def test_every_hook_reaches_every_callback_in_order():
    calls = []
    names = [n for n in vars(Callback) if n.startswith("on_")]

    def recorder(tag):
        body = {n: lambda self, *a, n=n: calls.append((tag, n)) for n in names}
        return type("Recorder", (Callback,), body)()

    listed = CallbackList([recorder("a"), [recorder("b")]])
    for name in names:
        calls.clear()
        args = (0, {}) if "batch" in name or "epoch" in name else ({},)
        getattr(listed, name)(*args)
        assert calls == [("a", name), ("b", name)]


def test_the_older_batch_hooks_are_called_through_the_newer_ones():
    calls = []
    listed = CallbackList([LambdaCallback(on_batch_end=lambda b, logs: calls.append((b, logs)))])
    listed.on_train_batch_end(4, {"loss": np.float32(0.5)})
    assert calls == [(4, {"loss": 0.5})]
    assert type(calls[0][1]["loss"]) is float


def test_logs_are_plain_floats_and_one_dictionary_for_all():
    seen = []

    class Adds(Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs)
            logs["mine"] = 1.0

    history = History()
    listed = CallbackList([Adds(), history])
    listed.on_epoch_end(0, {"loss": jnp.float32(0.5), "mae": np.float64(2)})
    assert history.history == {"loss": [0.5], "mae": [2.0], "mine": [1.0]}
    assert all(type(v[0]) is float for v in history.history.values())


def test_logs_that_nobody_reads_are_not_fetched():
    def fetch():
        raise AssertionError("fetched")

    CallbackList([History()]).on_train_batch_end(0, fetch)
    with pytest.raises(AssertionError, match="fetched"):
        CallbackList([hook("on_batch_end")]).on_train_batch_end(0, fetch)


def test_a_hook_that_is_put_on_a_callback_later_is_found_when_training_begins():
    callback, calls = Callback(), []
    listed = CallbackList([callback])
    listed.on_epoch_end(0, {})
    callback.on_epoch_end = lambda epoch, logs: calls.append(epoch)
    listed.on_train_begin()
    listed.on_epoch_end(1, {})
    assert calls == [1]


def test_history_and_params_and_model_are_handed_over(model):
    listed = CallbackList([], add_history=True, model=model, epochs=3, steps=None, verbose=0)
    assert model.history is listed.callbacks[0]
    assert model.history.model is model
    assert model.history.params == {"epochs": 3, "steps": None, "verbose": 0}


def test_a_history_that_is_given_is_the_one(model):
    mine = History()
    listed = CallbackList([mine], add_history=True, model=model)
    assert listed.callbacks == [mine]
    assert model.history is mine


@pytest.mark.parametrize("wrong", [History, "EarlyStopping", 3])
def test_what_is_not_a_callback_is_named(wrong):
    with pytest.raises(TypeError, match="expected: callback objects"):
        CallbackList([wrong])


def test_lambda_callback_knows_its_hooks():
    with pytest.raises(TypeError, match="on_epoch_end"):
        LambdaCallback(on_epoch_ends=print)
