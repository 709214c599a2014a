"""fit, evaluate and predict: the loop changes nothing but speed, and state is one truth."""

import threading

import jax
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = RNG.integers(0, 3, 70)


def made(**compile_arguments):
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(8, "relu"),
            layers.Dropout(0.3),
            layers.Dense(3, "softmax"),
        ]
    )
    given = {
        "optimizer": "adam",
        "loss": "sparse_categorical_crossentropy",
        "metrics": ["accuracy"],
    }
    model.compile(**(given | compile_arguments))
    return model


class Listener(keras.callbacks.Callback):
    """Listens to batches, so that the loop takes one step a dispatch."""

    def __init__(self, action=lambda model, batch: None):
        super().__init__()
        self.action, self.losses = action, []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])
        self.action(self.model, batch)


def weights_equal(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a.get_weights(), b.get_weights(), strict=True))


def test_history_and_returned_numbers_are_plain_floats():
    history = made().fit(X, Y, epochs=2, batch_size=16, validation_split=0.2, verbose=0)
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert all(type(v) is float for row in history.history.values() for v in row)
    assert history.epoch == [0, 1]


def test_many_steps_a_dispatch_give_the_same_bits_as_one():
    one, many = made(), made()
    listener = Listener()
    one.fit(X, Y, epochs=3, batch_size=16, verbose=0, callbacks=[listener])
    many.fit(X, Y, epochs=3, batch_size=16, verbose=0)
    assert len(listener.losses) == 3 * 5
    assert weights_equal(one, many)


def test_two_runs_of_one_seed_are_equal_and_of_two_seeds_not():
    a, b, c = made(), made(), made()
    a.fit(X, Y, batch_size=16, verbose=0)
    b.fit(X, Y, batch_size=16, verbose=0)
    assert weights_equal(a, b)
    keras.utils.set_random_seed(4)
    c.fit(X, Y, batch_size=16, verbose=0)
    assert not weights_equal(a, c)


def test_eager_training_equals_compiled_training():
    compiled, eager = made(), made(run_eagerly=True)
    compiled.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    eager.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    for a, b in zip(compiled.get_weights(), eager.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@pytest.mark.parametrize("size", [1, 7, 32, 33, 70])
def test_the_odd_last_batch_changes_no_result(size):
    model = made()
    whole = model.predict(X, batch_size=70, verbose=0)
    np.testing.assert_allclose(model.predict(X[:size], verbose=0), whole[:size], atol=1e-6)
    loss, accuracy = model.evaluate(X[:size], Y[:size], batch_size=32, verbose=0)
    rows = whole[np.arange(size), Y[:size]]
    np.testing.assert_allclose(loss, -np.log(rows).mean(), rtol=1e-5)
    np.testing.assert_allclose(accuracy, (whole[:size].argmax(1) == Y[:size]).mean(), rtol=1e-5)


def test_evaluate_and_predict_compile_once_for_all_sizes_of_the_last_batch(compilations):
    model = made()
    model.evaluate(X[:64], Y[:64], batch_size=16, verbose=0)
    model.predict(X[:64], batch_size=16, verbose=0)
    with compilations() as count:
        for size in (49, 50, 63):
            model.predict(X[:size], batch_size=16, verbose=0)
    assert count() <= 6  # one for each power of two at the most, and the cut


def test_a_callback_reads_and_sets_current_weights():
    seen = []

    def zero_the_bias(model, batch):
        seen.append(model.layers[0].kernel.numpy())
        model.layers[-1].bias.assign(np.zeros(3))

    model = made()
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Listener(zero_the_bias)])
    assert not np.array_equal(seen[0], seen[1])
    assert np.array_equal(model.layers[-1].bias.numpy(), np.zeros(3))


def test_a_value_that_a_user_holds_survives_the_next_step():
    model = made()
    held = model.layers[0].kernel.value
    before = np.array(held)
    model.fit(X, Y, batch_size=16, verbose=0)
    np.testing.assert_array_equal(np.array(held), before)
    assert not np.array_equal(before, model.layers[0].kernel.numpy())


def test_freezing_a_layer_in_a_hook_takes_effect_at_once():
    def freeze(model, batch):
        model.layers[0].trainable = False

    model = made()
    model.fit(X, Y, batch_size=16, epochs=1, verbose=0, callbacks=[Listener(freeze)])
    kernel = model.layers[0].kernel.numpy()
    model.fit(X, Y, batch_size=16, epochs=1, verbose=0)
    np.testing.assert_array_equal(kernel, model.layers[0].kernel.numpy())
    assert len(model.trainable_variables) == 2


def test_the_learning_rate_set_in_a_hook_counts_from_the_next_step():
    def stop_learning(model, batch):
        model.optimizer.learning_rate = 0.0

    model = made(optimizer="sgd")
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Listener(stop_learning)])
    kernel = model.layers[0].kernel.numpy()
    model.fit(X, Y, batch_size=16, verbose=0)
    np.testing.assert_array_equal(kernel, model.layers[0].kernel.numpy())


def test_after_an_exception_in_a_hook_the_weights_are_current_and_training_goes_on():
    def fail(model, batch):
        if batch == 2:
            raise ZeroDivisionError

    model, whole = made(), made()
    with pytest.raises(ZeroDivisionError):
        model.fit(X, Y, batch_size=16, verbose=0, callbacks=[Listener(fail)])
    assert int(model.optimizer.iterations.numpy()) == 3
    whole.fit(X, Y, batch_size=16, verbose=0)
    model.fit(X, Y, batch_size=16, verbose=0)
    assert all(np.isfinite(w).all() for w in model.get_weights())


def test_stop_training_ends_after_the_step():
    def stop(model, batch):
        model.stop_training = batch == 1

    model = made()
    model.fit(X, Y, batch_size=16, epochs=5, verbose=0, callbacks=[Listener(stop)])
    assert int(model.optimizer.iterations.numpy()) == 2


def test_steps_per_epoch_goes_through_the_data_across_epochs():
    model = made()
    model.fit(X, Y, batch_size=16, epochs=3, steps_per_epoch=2, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 6


def test_initial_epoch_counts_from_there():
    history = made().fit(X, Y, epochs=5, initial_epoch=3, verbose=0)
    assert history.epoch == [3, 4]


def test_generators_and_sequences_of_batches():
    def forever():
        while True:
            yield X[:16], Y[:16]

    model = made()
    history = model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0)
    assert len(history.history["loss"]) == 2
    assert int(model.optimizer.iterations.numpy()) == 6

    class Batches:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[index * 16 : index * 16 + 16], Y[index * 16 : index * 16 + 16]

    model.fit(Batches(), epochs=2, verbose=0, validation_data=Batches())
    assert int(model.optimizer.iterations.numpy()) == 10


def test_threads_predict_and_call_rightly_at_once():
    model = made()
    want = model.predict(X, verbose=0)
    failures = []

    def work(size):
        for _ in range(3):
            if not np.allclose(model.predict(X[:size], verbose=0), want[:size], atol=1e-6):
                failures.append(size)
            if not np.allclose(np.asarray(model(X[:size])), want[:size], atol=1e-6):
                failures.append(-size)

    threads = [threading.Thread(target=work, args=(size,)) for size in (3, 17, 33, 70)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_batch_forms():
    model = made()
    first = model.train_on_batch(X[:16], Y[:16], return_dict=True)
    assert sorted(first) == ["accuracy", "loss"]
    loss, accuracy = model.test_on_batch(X[:16], Y[:16])
    assert np.isfinite(loss)
    assert 0 <= accuracy <= 1
    assert model.predict_on_batch(X[:5]).shape == (5, 3)


def test_a_batch_is_measured_alone():
    model = keras.Sequential([keras.Input((X.shape[1],)), layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    expected = [model.evaluate(X[i : i + 16], Y[i : i + 16], verbose=0) for i in (0, 16)]
    found = [model.test_on_batch(X[i : i + 16], Y[i : i + 16]) for i in (0, 16)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    model.train_on_batch(X[:16], Y[:16])
    expected = model.evaluate(X[16:32], Y[16:32], verbose=0)[0]
    assert model.train_on_batch(X[16:32], Y[16:32])[0] == pytest.approx(expected, rel=1e-5)


def test_an_output_without_a_loss_needs_no_targets():
    inputs = keras.Input((X.shape[1],))
    hidden = layers.Dense(4, name="hidden")(inputs)
    model = keras.Model(inputs, [layers.Dense(3, name="out")(hidden), hidden])
    model.compile("sgd", [keras.losses.SparseCategoricalCrossentropy(from_logits=True), None])
    alone = model.evaluate(X, Y, verbose=0)
    assert alone == model.evaluate(X, [Y, None], verbose=0)
    with pytest.raises(ValueError, match="labels out of range"):
        model.fit(X, Y + 3, verbose=0)


def test_what_callbacks_add_is_printed(capsys):
    class Add(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["extra"] = 2.0
            logs["text"] = {"kept": "as it is"}

    made().fit(X, Y, verbose=2, callbacks=[keras.callbacks.ReduceLROnPlateau("loss"), Add()])
    line = capsys.readouterr().out.strip()
    assert "\n" not in line
    assert "learning_rate: 0.0" in line
    assert "extra: 2.0000" in line
    assert "as it is" in line


def test_uint8_images_stay_small_on_the_device_and_train():
    images = RNG.integers(0, 255, (20, 4, 4, 1), dtype=np.uint8)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(images, Y[:20], verbose=0)
    assert model.predict(images, verbose=0).dtype == np.float32


def test_a_subclassed_model_is_built_by_fit():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.hidden, self.out = layers.Dense(4, "relu"), layers.Dense(3, "softmax")

        def call(self, x):
            return self.out(self.hidden(x))

    model = Net()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    assert model.count_params() == 6 * 4 + 4 + 4 * 3 + 3


def test_several_outputs_by_name_and_by_position():
    inputs = keras.Input((6,))
    hidden = layers.Dense(4, "relu")(inputs)
    model = keras.Model(
        inputs,
        [layers.Dense(3, "softmax", name="kind")(hidden), layers.Dense(1, name="size")(hidden)],
    )
    model.compile(
        "adam",
        loss={"kind": "sparse_categorical_crossentropy", "size": "mse"},
        loss_weights={"kind": 1.0, "size": 0.5},
        metrics={"kind": "accuracy", "size": ["mae"]},
    )
    size = X.sum(1)
    history = model.fit(X, {"kind": Y, "size": size}, verbose=0, validation_split=0.1).history
    want = {"loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae"}
    assert set(history) == want | {"val_" + name for name in want}
    by_position = model.evaluate(X, [Y, size], verbose=0, return_dict=True)
    by_name = model.evaluate(X, {"kind": Y, "size": size}, verbose=0, return_dict=True)
    assert by_position == by_name
    np.testing.assert_allclose(
        by_name["loss"], by_name["kind_loss"] + 0.5 * by_name["size_loss"], rtol=1e-5
    )


def test_training_leaves_no_tracer_behind():
    model = made()
    model.fit(X, Y, verbose=0)
    assert not any(isinstance(v._value, jax.core.Tracer) for v in model.variables)
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)


def test_stateful_layers_carry_on_from_batch_to_batch_in_predict_and_fit():
    sequence = RNG.normal(size=(4, 6, 3)).astype("float32")
    whole = keras.Sequential([keras.Input(batch_shape=(4, 6, 3)), layers.LSTM(5)])
    halves = keras.Sequential([keras.Input(batch_shape=(4, 3, 3)), layers.LSTM(5, stateful=True)])
    halves.set_weights(whole.get_weights())
    halves.predict(sequence[:, :3], batch_size=4, verbose=0)
    carried = halves.predict(sequence[:, 3:], batch_size=4, verbose=0)
    np.testing.assert_allclose(carried, whole.predict(sequence, batch_size=4, verbose=0), atol=1e-6)
    halves.compile("sgd", "mse")
    halves.layers[0].reset_state()
    halves.fit(sequence[:, :3], carried, batch_size=4, verbose=0)
    assert any(np.abs(v.numpy()).max() > 0 for v in halves.variables if "state" in v.name)


class Centred(keras.Model):
    """Looks at all rows of a batch."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(3)

    def call(self, x):
        x = self.dense(x)
        return x - keras.ops.mean(x, axis=0, keepdims=True)


@pytest.mark.parametrize("count", [3, 33, 70])
def test_an_odd_batch_is_not_filled_up_where_rows_look_at_each_other(count):
    model = Centred()
    model.compile("sgd", "mse")
    x, y = np.linspace(0, 1, 280, dtype="float32").reshape(70, 4)[:count], np.ones((count, 3))
    batches = [slice(i, i + 32) for i in range(0, count, 32)]
    expected = np.concatenate([np.asarray(model(x[b])) for b in batches])
    loss = np.mean(np.square(expected - y))
    assert model.evaluate(x, y, verbose=0) == pytest.approx(loss, rel=1e-5)
    for _ in range(2):
        np.testing.assert_allclose(model.predict(x, verbose=0), expected, atol=1e-6)
    np.testing.assert_allclose(model.predict_on_batch(x[:7]), np.asarray(model(x[:7])), atol=1e-6)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(loss, rel=1e-5)
