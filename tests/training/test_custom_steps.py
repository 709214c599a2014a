"""Steps of a program's own are compiled as the built-in step is, and give its numbers."""

import jax
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers, ops
from keraunos.training import GradientTape

RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 6)).astype("float32")
Y = X.sum(1, keepdims=True).astype("float32")


def outline(regularizer=None, normalized=True):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((6,))
    hidden = layers.Dense(8, "relu", kernel_regularizer=regularizer)(inputs)
    hidden = layers.BatchNormalization()(hidden) if normalized else hidden
    return inputs, layers.Dense(1)(layers.Dropout(0.3)(hidden))


class Keras2(keras.Model):
    """The way of tf.keras 2."""

    def train_step(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y, outputs, weights)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return self.compute_metrics(x, y, outputs, weights)

    def test_step(self, data):
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs = self(x, training=False)
        self.compute_loss(x, y, outputs, weights)
        return self.compute_metrics(x, y, outputs, weights)


class Pure(keras.Model):
    """Keras 3's way on JAX."""

    def _loss(self, trainable, other, x, y, weights):
        outputs, other = self.stateless_call(trainable, other, x, training=True)
        return self.compute_loss(x, y, outputs, weights), (outputs, other)

    def train_step(self, state, data):
        trainable, other, optimizer, measured = state
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        of = jax.value_and_grad(self._loss, has_aux=True)
        (loss, (outputs, other)), gradients = of(trainable, other, x, y, weights)
        trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
        return self._measured(measured, loss, y, outputs, trainable, other, optimizer)

    def test_step(self, state, data):
        trainable, other, measured = state
        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        outputs, other = self.stateless_call(trainable, other, x, training=False)
        loss = self.compute_loss(x, y, outputs, weights)
        return self._measured(measured, loss, y, outputs, trainable, other)

    def predict_step(self, state, data):
        trainable, other = state
        return self.stateless_call(trainable, other, data, training=False)

    def _measured(self, measured, loss, y, outputs, *rest):
        logs, new = {}, []
        for metric in self.metrics:
            mine = measured[len(new) : len(new) + len(metric.variables)]
            if metric.name == "loss":
                mine = metric.stateless_update_state(mine, loss, sample_weight=outputs.shape[0])
            else:
                mine = metric.stateless_update_state(mine, y, outputs)
            logs[metric.name] = metric.stateless_result(mine)
            new += mine
        return logs, (*rest, new)


class Default(keras.Model):
    """The default steps, run as a program's own: they call super."""

    def train_step(self, data):
        return super().train_step(data)

    def test_step(self, data):
        return super().test_step(data)

    def predict_step(self, data):
        return super().predict_step(data)


class DefaultPure(keras.Model):
    def train_step(self, state, data):
        return super().train_step(state, data)

    def test_step(self, state, data):
        return super().test_step(state, data)


class Loss(keras.Model):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight)


class Metrics(keras.Model):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        return super().compute_metrics(x, y, y_pred, sample_weight) | {"two": 2.0}


WAYS = [Keras2, Pure, Default, DefaultPure, Loss, Metrics]


def trained(cls):
    model = cls(*outline())
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=2, batch_size=16, verbose=0, validation_split=0.2).history
    return model, history


@pytest.fixture(scope="module")
def builtin():
    return trained(keras.Model)


@pytest.mark.parametrize("cls", WAYS)
def test_every_way_gives_the_numbers_of_the_built_in_step(cls, builtin):
    model, history = trained(cls)
    other, want = builtin
    check_equal(model, history, other, want)
    np.testing.assert_allclose(
        model.evaluate(X, Y, verbose=0)[:2], other.evaluate(X, Y, verbose=0), rtol=1e-4
    )
    np.testing.assert_allclose(
        model.predict(X, verbose=0), other.predict(X, verbose=0), rtol=1e-3, atol=1e-5
    )
    assert int(model.optimizer.iterations) == 2 * 4


def check_equal(model, history, other, want):
    for name, values in want.items():
        np.testing.assert_allclose(history[name], values, rtol=2e-4, atol=1e-5)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("cls", [Keras2, Pure])
def test_step_by_step_in_python_the_numbers_are_the_same(cls):
    found = []
    for kind, eagerly in ((keras.Model, False), (cls, True)):
        # One shape and few operations: each operation is compiled for each shape.
        model = kind(*outline(normalized=False))
        model.compile("sgd", "mse", metrics=["mae"], run_eagerly=eagerly)
        model.fit(X[:48], Y[:48], batch_size=16, verbose=0, validation_data=(X[:16], Y[:16]))
        found.extend([model, model.history.history])
    check_equal(*found)


def test_steps_of_a_programs_own_run_many_a_dispatch_with_the_same_bits():
    class Listener(keras.callbacks.Callback):
        batches = 0

        def on_train_batch_end(self, batch, logs=None):
            self.batches += 1

    one, many = Keras2(*outline()), Keras2(*outline())
    listener = Listener()
    for model, callbacks in ((one, [listener]), (many, None)):
        keras.utils.set_random_seed(1)
        model.compile("adam", "mse")
        model.fit(X, Y, epochs=2, batch_size=16, verbose=0, callbacks=callbacks)
    assert listener.batches == 10
    for a, b in zip(one.get_weights(), many.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_of_samples_and_classes_reach_the_step():
    seen = {}

    class Seen(Keras2):
        def train_step(self, data):
            seen["parts"] = len(data)
            return super().train_step(data)

    for cls in (keras.Model, Seen):
        model = cls(*outline("l2"))
        model.compile("sgd", "mse", weighted_metrics=["mae"])
        history = model.fit(X, Y, sample_weight=np.arange(70.0), verbose=0, shuffle=False).history
        seen[cls] = [history["loss"], history["mae"]]
    assert seen["parts"] == 3
    np.testing.assert_allclose(seen[Seen], seen[keras.Model], rtol=1e-4)


def test_x_alone_comes_as_it_is():
    class Auto(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(6)
            self.tracker = keras.metrics.Mean(name="error")

        def train_step(self, data):
            with GradientTape() as tape:
                loss = ops.mean((self.dense(data) - data) ** 2)
            self.optimizer.apply(tape.gradient(loss, self.dense.weights), self.dense.weights)
            self.tracker.update_state(loss)
            return {"error": self.tracker.result()}

    model = Auto()
    model.compile("adam")
    errors = model.fit(X, epochs=4, verbose=0).history["error"]
    assert errors[-1] < errors[0]
    assert set(model.train_on_batch(X[:4], return_dict=True)) == {"error"}


class Gan(keras.Model):
    """Two optimizers, losses and metrics as attributes, no `call`."""

    def __init__(self):
        super().__init__()
        self.judge = keras.Sequential([keras.Input((6,)), layers.Dense(8, "relu"), layers.Dense(1)])
        self.maker = keras.Sequential([keras.Input((3,)), layers.Dense(8, "relu"), layers.Dense(6)])
        self.judged, self.made = (
            keras.metrics.Mean(name="d_loss"),
            keras.metrics.Mean(name="g_loss"),
        )
        self.seed = keras.random.SeedGenerator(7)
        self.noise = []

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.judged, self.made]

    def train_step(self, real):
        size = ops.shape(real)[0]
        noise = keras.random.normal((size, 3), seed=self.seed)
        both = ops.concatenate([self.maker(noise), real])
        labels = ops.concatenate([ops.ones((size, 1)), ops.zeros((size, 1))])
        with GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.judge(both))
        weights = self.judge.trainable_weights
        self.d_optimizer.apply_gradients(zip(tape.gradient(d_loss, weights), weights, strict=True))
        with GradientTape() as tape:
            g_loss = self.loss_fn(ops.zeros((size, 1)), self.judge(self.maker(noise)))
        weights = self.maker.trainable_weights
        self.g_optimizer.apply(tape.gradient(g_loss, weights), weights)
        self.judged.update_state(d_loss)
        self.made.update_state(g_loss)
        return {"d_loss": self.judged.result(), "g_loss": self.made.result(), "noise": noise[0, 0]}


def gan(**rates):
    keras.utils.set_random_seed(2)
    model = Gan()
    model.compile(
        keras.optimizers.Adam(rates.get("d", 1e-2)),
        keras.optimizers.Adam(rates.get("g", 1e-2)),
        keras.losses.BinaryCrossentropy(from_logits=True),
    )
    return model


def test_a_gan_with_two_optimizers_is_one_compiled_step():
    model = gan()
    before = [w.copy() for w in model.get_weights()]
    history = model.fit(X, epochs=4, batch_size=10, verbose=0).history
    assert int(model.d_optimizer.iterations) == int(model.g_optimizer.iterations) == 28
    assert not any(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert len(set(history["noise"])) == 4  # each step draws its own
    assert not any(isinstance(v._value, jax.core.Tracer) for v in model.variables)
    again = gan()
    assert again.fit(X, epochs=4, batch_size=10, verbose=0).history == history


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_a_gan_in_half_precision_with_averages_and_accumulation(policy):
    keras.config.set_dtype_policy(policy)
    try:
        keras.utils.set_random_seed(2)
        model = Gan()
    finally:
        keras.config.set_dtype_policy("float32")
    judging = keras.optimizers.Adam(1e-2, use_ema=True)
    making = keras.optimizers.Adam(1e-2, gradient_accumulation_steps=2)
    model.compile(judging, making, keras.losses.BinaryCrossentropy(from_logits=True))
    whole = gan().fit(X, epochs=1, batch_size=10, verbose=0).history
    found = model.fit(X, epochs=1, batch_size=10, verbose=0).history
    np.testing.assert_allclose(found["d_loss"], whole["d_loss"], rtol=0.05)
    assert (int(judging.iterations), int(making.iterations)) == (7, 3)
    weight, average = model.judge.trainable_variables[0], judging._averages[0]
    assert 0 < np.abs(weight.numpy() - average.numpy()).max() < 0.1


def test_each_optimizer_has_its_own_rate_which_may_change_between_epochs():
    model = gan(g=0.0)
    held = model.maker.get_weights()
    model.fit(X, verbose=0)
    for a, b in zip(held, model.maker.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    model.g_optimizer.learning_rate = 1e-2
    model.fit(X, verbose=0)
    assert not np.array_equal(held[0], model.maker.get_weights()[0])


def test_a_callback_that_would_change_an_optimizer_nobody_uses_says_so():
    model, plateau = gan(), keras.callbacks.ReduceLROnPlateau("g_loss", mode="min")
    with pytest.warns(UserWarning, match="does not use"):
        model.fit(X[:10], batch_size=10, verbose=0, callbacks=[plateau])


def test_variables_of_a_programs_own_are_part_of_the_step():
    count = keras.Variable(np.zeros((), "int32"), trainable=False)

    class Counts(Keras2):
        def train_step(self, data):
            count.assign_add(1)
            return super().train_step(data) | {"count": count.value}

    model = Counts(*outline())
    model.compile("sgd", "mse")
    history = model.fit(X, Y, batch_size=10, epochs=2, verbose=0).history
    assert history["count"] == [7.0, 14.0]
    assert int(count) == 14


def test_logs_of_steps_are_flat_and_plain():
    class Nested(Keras2):
        def train_step(self, data):
            return {"a": 1, "inner": {"b": ops.ones(()), "c": 2.5}} | super().train_step(data)

    model = Nested(*outline())
    model.compile("sgd", "mse")
    history = model.fit(X, Y, verbose=0).history
    assert (history["a"], history["b"], history["c"]) == ([1.0], [1.0], [2.5])
    assert list(model.evaluate(X, Y, verbose=0, return_dict=True)) == ["loss"]


def float_of_loss(self, loss):
    return float(loss)


def branch(self, loss):
    return 0.0 if loss > 1 else 1.0


def on_the_host(self, loss):
    return np.asarray(loss) + 1


@pytest.mark.parametrize("body", [float_of_loss, branch, on_the_host])
def test_what_cannot_be_compiled_is_told_and_runs_eagerly(body):
    class Step(Keras2):
        def train_step(self, data):
            logs = super().train_step(data)
            return logs | {"extra": body(self, logs["loss"])}

    model = Step(*outline())
    model.compile("sgd", "mse")
    with pytest.raises(TypeError) as caught:
        model.fit(X[:16], Y[:16], verbose=0)
    text = str(caught.value)
    assert "Step.train_step" in text
    assert "test_custom_steps.py" in text
    assert "run_eagerly=True" in text
    assert len(text.split("\n")) <= 6
    model.compile("sgd", "mse", run_eagerly=True)
    assert "extra" in model.fit(X[:16], Y[:16], batch_size=16, verbose=0).history


def test_a_step_that_returns_no_dictionary_is_told():
    class Step(Keras2):
        def train_step(self, data):
            return list(super().train_step(data).values())

    model = Step(*outline())
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="dictionary"):
        model.fit(X, Y, verbose=0)

    class State(keras.Model):
        def train_step(self, state, data):
            return {}

    model = State(*outline())
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="logs, state"):
        model.fit(X, Y, verbose=0)


def test_freezing_between_fits_takes_effect():
    model = Keras2(*outline())
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    model.layers[1].trainable = False
    kernel = model.layers[1].kernel.numpy()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(kernel, model.layers[1].kernel.numpy())


def test_losses_of_layers_are_those_of_their_last_call():
    found = {}

    class Twice(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2, activity_regularizer="l2")
            self.other = layers.Dense(2, activity_regularizer="l1")

        def call(self, x):
            return self.dense(x)

        def train_step(self, data):
            self(data)
            outputs = self(data, training=True)
            self.other(data)
            found["count"] = [len(self.dense.losses), len(self.other.losses), len(self.losses)]
            return {"loss": ops.mean(outputs)}

    model = Twice()
    model.compile("sgd")
    model.fit(X, verbose=0)
    assert found["count"] == [1, 1, 2]


def test_the_losss_metric_is_there_for_a_step_without_targets():
    class Pairs(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x, training=None):
            return self.dense(x)

        def train_step(self, state, data):
            trainable, other, optimizer, metrics = state

            def loss_of(values):
                outputs, _ = self.stateless_call(values, other, data)
                return ops.mean(ops.square(outputs))

            loss, gradients = jax.value_and_grad(loss_of)(trainable)
            trainable, optimizer = self.optimizer.stateless_apply(optimizer, gradients, trainable)
            (tracker,) = self.metrics
            metrics = tracker.stateless_update_state(metrics, loss)
            logs = {tracker.name: tracker.stateless_result(metrics)}
            return logs, (trainable, other, optimizer, metrics)

    model = Pairs()
    assert model.metrics == []
    model.compile("sgd", "mse")
    assert [metric.name for metric in model.metrics] == ["loss"]
    losses = model.fit(np.ones((8, 3), "float32"), epochs=2, verbose=0).history["loss"]
    assert losses[1] < losses[0]


def test_a_metric_may_return_its_variable():
    class Count(keras.metrics.Metric):
        def __init__(self):
            super().__init__(name="count")
            self.seen = self.add_variable((), "zeros", name="seen")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.seen.assign_add(float(y_true.shape[0]))

        def result(self):
            return self.seen

    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Count()])
    x = np.ones((8, 3), "float32")
    assert model.fit(x, x[:, :1], batch_size=4, verbose=0).history["count"] == [8.0]
