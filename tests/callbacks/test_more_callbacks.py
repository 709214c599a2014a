"""RemoteMonitor, SwapEMAWeights, and what hooks may do to the model in a real `fit`."""

import http.server
import json
import threading
import urllib.parse
import warnings

import numpy as np
import pytest
from tests.tables.drive import FakeModel, drive

import keraunos as keras
from keraunos import callbacks, layers, optimizers

X = np.linspace(-1, 1, 48, dtype="float32").reshape(24, 2)


def made(optimizer="sgd"):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model


def fit(model, *listed, **given):
    given = {"batch_size": 4, "epochs": 3, "verbose": 0} | given
    return model.fit(X, X[:, :1], callbacks=list(listed), **given)


# -- RemoteMonitor ---------------------------------------------------------------------------------


@pytest.fixture
def server():
    """A server that keeps what is posted to it, and answers with `status`."""
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posted.append((self.path, dict(self.headers), body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *_):
            pass

    made = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    made.posted, made.status = posted, 200
    thread = threading.Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


LOGS = {"loss": np.float32(0.5), "parts": np.array([1.0, 2.0])}
SENT = {"epoch": 0, "loss": 0.5, "parts": [1.0, 2.0]}


@pytest.mark.parametrize("status", [200, 500])
@pytest.mark.parametrize("as_json", [True, False])
def test_logs_are_posted(as_json, status, server, recwarn):
    server.status = status
    root = f"http://127.0.0.1:{server.server_port}"
    monitor = callbacks.RemoteMonitor(root, "/here/", "rows", {"X-Run": "7"}, as_json)
    drive(monitor, FakeModel(), [LOGS])
    [(path, headers, body)] = server.posted
    text = body if as_json else urllib.parse.parse_qs(body)["rows"][0]
    assert (path, headers["X-Run"], json.loads(text)) == ("/here/", "7", SENT)
    assert ("json" in headers["Content-Type"]) == as_json
    assert not recwarn.list


@pytest.mark.parametrize("root", ["http://127.0.0.1:9", "nowhere"])
def test_a_server_that_is_not_there_is_a_warning(root):
    with pytest.warns(UserWarning, match="could not reach"):
        drive(callbacks.RemoteMonitor(root), FakeModel(), [LOGS])


# -- SwapEMAWeights; tests/parity/test_callbacks.py compares with the real Keras -------------------


@pytest.mark.parametrize("optimizer", ["sgd", optimizers.LossScaleOptimizer(optimizers.SGD())])
def test_an_optimizer_without_averages_is_refused_before_the_first_step(optimizer):
    model = made(optimizer)
    with pytest.raises(ValueError, match="use_ema=True") as error:
        fit(model, callbacks.SwapEMAWeights())
    assert str(error.value).count("\n") < 6
    assert int(model.optimizer.iterations.numpy()) == 0


def averaging():
    return optimizers.SGD(0.1, use_ema=True, ema_momentum=0.7)


@pytest.mark.parametrize("swap_on_epoch", [False, True])
@pytest.mark.parametrize("outer", [lambda o: o, optimizers.LossScaleOptimizer])
def test_averages_stay_when_fit_ends_early(swap_on_epoch, outer):
    """Keras leaves the weights of the last step there, if the averages were swapped in."""
    found = []
    for extra in ([], [callbacks.EarlyStopping("loss", mode="max")]):
        model = made(outer(averaging()))
        swap = callbacks.SwapEMAWeights(swap_on_epoch)
        fit(model, swap, *extra, epochs=20 if extra else 2, validation_data=(X, X[:, :1]))
        assert len(model.history.epoch) == 2
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_prediction_and_evaluation_use_the_averages_and_give_the_weights_back():
    model = made(averaging())
    for _ in range(5):
        model.train_on_batch(X, X[:, :1])
    before, swap = model.get_weights(), callbacks.SwapEMAWeights()
    averaged = model.predict(X, verbose=0, callbacks=[swap])
    assert not np.allclose(averaged, model.predict(X, verbose=0))
    model.evaluate(X, X[:, :1], verbose=0, callbacks=[swap])
    assert all(np.array_equal(*pair) for pair in zip(before, model.get_weights(), strict=True))


def test_a_validation_that_fails_gives_the_weights_back():
    class Failing(callbacks.Callback):
        def on_test_begin(self, logs=None):
            seen.append(self.model.get_weights())
            raise RuntimeError

    seen, model = [], made(averaging())
    model.optimizer.finalize_variable_values = lambda variables: None
    with pytest.raises(RuntimeError):
        fit(model, callbacks.SwapEMAWeights(), Failing(), validation_data=(X, X[:, :1]))
    assert not np.array_equal(seen[0][0], model.get_weights()[0])


def test_averages_are_in_place_when_fit_ends():
    model = made(averaging())
    fit(model)
    for weight, average in zip(model.trainable_variables, model.optimizer._averages, strict=True):
        np.testing.assert_array_equal(weight.numpy(), average.numpy())


# -- hooks and the model ---------------------------------------------------------------------------


def test_the_model_of_a_callback_can_be_set():
    callback, model = callbacks.Callback(), FakeModel()
    callback.model = model
    assert callback.model is model


def test_hooks_read_and_set_the_learning_rate():
    rates = []

    class Halving(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            rates.append(float(self.model.optimizer.learning_rate))
            self.model.optimizer.learning_rate = rates[-1] / 2

    model = made(optimizers.SGD(0.5))
    fit(model, Halving(), epochs=1)
    assert rates == [0.5 / 2**i for i in range(6)]
    by_hand = made(optimizers.SGD(0.5))
    fit(by_hand, callbacks.LambdaCallback(on_train_batch_begin=lambda b, logs: None), epochs=1)
    assert not np.allclose(model.get_weights()[0], by_hand.get_weights()[0])


@pytest.mark.parametrize("hook", ["on_train_batch_end", "on_train_batch_begin", "on_epoch_end"])
def test_stop_training_in_any_hook(hook):
    def stop(number, logs):
        model.stop_training = model.stop_training or number == 1

    model = made()
    fit(model, callbacks.LambdaCallback(**{hook: stop}))
    steps = {"on_train_batch_end": 2, "on_train_batch_begin": 2, "on_epoch_end": 12}
    assert int(model.optimizer.iterations.numpy()) == steps[hook]


@pytest.mark.parametrize("ends", ["patience", "another", "last epoch", "error", "ctrl-c"])
def test_best_weights_are_restored_however_fit_ends(ends):
    def end(epoch, logs):
        logs["score"] = float(epoch == 1)
        best.append(model.get_weights()[0])
        if epoch == 3 and ends == "another":
            model.stop_training = True
        if epoch == 3 and ends in ("error", "ctrl-c"):
            raise RuntimeError if ends == "error" else KeyboardInterrupt

    best: list = []
    model = made()
    patience = 2 if ends == "patience" else 100
    stopping = callbacks.EarlyStopping(
        "score", mode="max", patience=patience, restore_best_weights=True
    )
    raised = None
    try:
        fit(model, callbacks.LambdaCallback(on_epoch_end=end), stopping, epochs=5)
    except (RuntimeError, KeyboardInterrupt) as error:
        raised = error
    assert (raised is not None) == (ends in ("error", "ctrl-c"))
    assert np.array_equal(model.get_weights()[0], best[1])
    assert len(best) == (5 if ends == "last epoch" else 4)


def decaying():
    return optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9))


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (decaying, "follows a schedule"),
        (lambda: optimizers.LossScaleOptimizer(decaying()), "follows a schedule"),
        (lambda: optimizers.SGD(lambda: 0.1), "follows a schedule"),
        (
            lambda: optimizers.MultiOptimizer(optimizers.OptimizerMap(optimizers.SGD())),
            "several optimizers",
        ),
    ],
)
@pytest.mark.parametrize(
    "callback",
    [
        lambda: callbacks.ReduceLROnPlateau("loss"),
        lambda: callbacks.LearningRateScheduler(lambda epoch, rate: rate),
    ],
)
def test_what_cannot_be_set_is_refused_before_the_first_step(optimizer, text, callback):
    model = made(optimizer())
    with pytest.raises(ValueError, match=text) as error:
        fit(model, callback())
    assert str(error.value).count("\n") < 6
    assert int(np.asarray(model.optimizer.iterations)) == 0


@pytest.mark.parametrize(
    "callback",
    [
        lambda: callbacks.EarlyStopping("val_los"),
        lambda: callbacks.ReduceLROnPlateau("val_los"),
        lambda: callbacks.ModelCheckpoint("x.keras", "val_los", save_best_only=True),
    ],
)
def test_an_unknown_monitor_is_told_after_one_epoch_with_the_names_there_are(callback):
    model = made()
    with pytest.raises(ValueError, match="no such value") as error:
        fit(model, callback(), validation_data=(X, X[:, :1]))
    assert "loss" in str(error.value)
    assert "val_loss" in str(error.value)
    assert int(model.optimizer.iterations.numpy()) == 6


def test_hooks_read_and_set_weights():
    seen = []

    class Still(callbacks.Callback):
        def on_train_batch_begin(self, batch, logs=None):
            seen.append(self.model.get_weights()[0])
            self.model.set_weights([np.zeros((2, 1)), np.zeros(1)])

        def on_epoch_end(self, epoch, logs=None):
            self.model.layers[0].kernel.assign(np.full((2, 1), 7.0))

    model = made()
    fit(model, Still(), epochs=1)
    assert not np.array_equal(seen[1], np.zeros((2, 1)))  # a step was taken from there
    assert np.abs(seen[1]).max() < 0.1
    np.testing.assert_array_equal(model.get_weights()[0], np.full((2, 1), 7.0))


# -- chunks ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("freq", [1, 4, 7])
def test_checkpoints_after_batches_come_at_the_same_steps_however_many_are_dispatched(
    freq, tmp_path
):
    saved = []
    for extra in ([], [callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]):
        folder = tmp_path / str(len(extra))
        path = folder / "{epoch}-{batch}.weights.h5"
        checkpoint = callbacks.ModelCheckpoint(path, save_weights_only=True, save_freq=freq)
        fit(made(), checkpoint, *extra)
        saved.append(sorted(p.name for p in folder.iterdir()))
    expected = [divmod(step, 6) for step in range(freq - 1, 18, freq)]
    assert saved[0] == saved[1] == [f"{e + 1}-{b + 1}.weights.h5" for e, b in expected]


def test_a_hook_of_a_subclass_sees_every_batch(tmp_path):
    class Counting(callbacks.ModelCheckpoint):
        seen = 0

        def on_train_batch_end(self, batch, logs=None):
            self.seen += 1

    counting = Counting(tmp_path / "x.keras")
    fit(made(), counting, callbacks.TerminateOnNaN(), epochs=1)
    assert counting.seen == 6


@pytest.mark.parametrize("ending", ["keras", "h5", "weights.h5"])
def test_checkpoints_of_each_format_are_read_again(ending, tmp_path):
    path, model = str(tmp_path / ("{epoch}-{loss:.2f}." + ending)), made()
    only = ending == "weights.h5"
    fit(model, callbacks.ModelCheckpoint(path, save_weights_only=only), epochs=1)
    [file] = tmp_path.iterdir()
    other = made()
    if only:
        other.load_weights(file)
    else:
        other = keras.models.load_model(file)
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), other.get_weights()))


# -- class weights ---------------------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kind", ["arrays", "split", "batches"])
def test_class_weights_beside_validation_without_weights_are_a_warning(kind, weighted):
    y, ones = (X[:, 0] > 0).astype("int32"), np.ones(24, "float32")
    rest = (ones,) if weighted else ()
    model = keras.Sequential([keras.Input((2,)), layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    given = {
        "arrays": {"validation_data": (X, y, *rest)},
        "split": {"validation_split": 0.5, **({"sample_weight": ones} if weighted else {})},
        "batches": {"validation_data": [(X, y, *rest), (X, y, *rest)].__iter__()},
    }[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, class_weight={0: 1.0, 1: 9.0}, verbose=0, **given)
    assert any("class_weight" in str(w.message) for w in caught) != weighted
