"""`model(x)` outside of a step is one compiled program, and does what plain Python would."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos as keras
from keraunos import layers
from keraunos._core import context
from keraunos._core.layer import Layer

X = np.random.default_rng(0).normal(size=(8, 6)).astype("float32")


def plain(model, x, **kwargs):
    """Call a model operation by operation."""
    with context.entered():
        return Layer.__call__(model, x, **kwargs)


def programs(model):
    return model._calls._programs


def made(*stack):
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((6,)), *stack])


class Net(keras.Model):
    """A model of a program, with a body given as a function of (self, x)."""

    def __init__(self, body):
        super().__init__()
        self.dense = layers.Dense(3)
        self.body, self.rate = body, 1.0

    def call(self, x):
        return self.body(self, self.dense(x))


def test_a_call_is_one_program_a_shape(compilations):
    model = made(layers.Dense(4, "relu"), layers.BatchNormalization(), layers.Dense(2))
    first = model(X)
    with compilations() as count:
        again = model(X)
    assert count() == 0
    assert len(programs(model)) == 1
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, plain(model, X), rtol=1e-5, atol=1e-6)
    model(X[:3])
    assert len(programs(model)) == 2


def test_training_moves_means_and_draws_new_dropout_each_time():
    model = made(layers.Dense(4), layers.BatchNormalization(), layers.Dropout(0.5))
    moving = model.layers[1].moving_mean
    before = moving.numpy()
    one, two = np.asarray(model(X, training=True)), np.asarray(model(X, training=True))
    assert not np.array_equal(before, moving.numpy())
    assert not np.array_equal(one == 0, two == 0)
    still = moving.numpy()
    np.testing.assert_array_equal(model(X), model(X))
    np.testing.assert_array_equal(still, moving.numpy())
    keras.utils.set_random_seed(5)
    seeded = np.asarray(model(X, training=True))
    keras.utils.set_random_seed(5)
    np.testing.assert_array_equal(seeded == 0, np.asarray(model(X, training=True)) == 0)


def test_new_weights_and_frozen_layers_count_at_once():
    model = made(layers.Dense(4), layers.BatchNormalization())
    model(X, training=True)
    model.layers[0].kernel.assign(np.zeros((6, 4)))
    np.testing.assert_allclose(model(X), plain(model, X), atol=1e-6)
    model.layers[1].trainable = False
    held = model.layers[1].moving_mean.numpy()
    np.testing.assert_allclose(model(X, training=True), plain(model, X, training=True), atol=1e-6)
    np.testing.assert_array_equal(held, model.layers[1].moving_mean.numpy())


def test_changed_attributes_count_at_once():
    model = made(layers.Dense(4), layers.Dropout(0.5))
    one = np.asarray(model(X))
    np.testing.assert_allclose(model(X), one)
    assert programs(model)
    model.layers[0].activation = jnp.abs
    np.testing.assert_allclose(model(X), np.abs(one), rtol=1e-5)
    model.layers[1].rate = 0.0
    np.testing.assert_allclose(model(X, training=True), np.abs(one), rtol=1e-5)


def test_inside_other_traces_it_is_a_part_of_them():
    model = made(layers.Dense(4, "tanh"))
    want = np.asarray(model(X))
    np.testing.assert_allclose(jax.jit(lambda x: model(x))(X), want, atol=1e-6)
    np.testing.assert_allclose(jax.vmap(lambda x: model(x[None])[0])(jnp.asarray(X)), want, 1e-4)
    slope = jax.grad(lambda x: model(x).sum())(jnp.asarray(X))
    assert slope.shape == X.shape
    assert jax.eval_shape(lambda: model(X)).shape == (8, 4)


def side_effect(self, x):
    self.calls = getattr(self, "calls", 0) + 1
    return x


def kept(self, x):
    self.last = x
    return x


def printed(self, x):
    print("called")
    return x


def depends(self, x):
    return x if float(x.sum()) > 1e9 else -x


def drawn(self, x):
    return x + np.random.normal()


STORE = [1.0]


def helped(self, x):
    STORE[0] += 1
    return x * STORE[0]


@pytest.mark.parametrize("body", [side_effect, kept, printed, depends, drawn, helped])
def test_what_python_does_in_a_call_it_does_each_time(body, capsys):
    model = Net(body)
    results = [np.asarray(model(X)) for _ in range(4)]
    assert not programs(model)
    if body is side_effect:
        assert model.calls >= 3
        calls = model.calls
        model(X)
        assert model.calls == calls + 1
    if body is kept:
        np.testing.assert_array_equal(model.last, results[-1])
    if body is printed:
        capsys.readouterr()
        model(X)
        assert capsys.readouterr().out == "called\n"
    if body is depends:
        np.testing.assert_allclose(results[-1], -np.asarray(model.dense(X)), atol=1e-6)
    if body in (drawn, helped):
        assert not np.allclose(results[-1], results[-2])


@pytest.mark.parametrize(
    "part",
    [layers.Lambda(lambda x: helped(None, x)), layers.Activation(lambda x: helped(None, x))],
    ids=["lambda", "activation"],
)
def test_functions_of_a_program_run_each_time(part):
    model = made(layers.Dense(3), part)
    one, two = np.asarray(model(X)), np.asarray(model(X))
    assert not programs(model)
    assert not np.allclose(one, two)


def test_what_cannot_be_traced_is_tried_once():
    tried = []

    class Layers(keras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            tried.append(isinstance(x, jax.core.Tracer))
            x = self.dense(x)
            return x if x.sum() > 0 else -x

    model = Layers()
    for _ in range(5):
        model(X)
    assert sum(tried) <= 4  # to build, at two sizes, and to compile
    assert tried[-3:] == [False] * 3


def test_a_wrong_shape_is_an_error_and_changes_nothing():
    model = made(layers.Dense(4))
    want = np.asarray(model(X))
    with pytest.raises(ValueError, match="sequential"):
        model(X[:, :3])
    np.testing.assert_array_equal(model(X), want)
    assert programs(model)


def test_masks_travel_through_and_out():
    words = np.array([[1, 2, 0], [3, 0, 0]], "int32")
    model = keras.Sequential(
        [keras.Input((3,), dtype="int32"), layers.Embedding(5, 4, mask_zero=True)]
    )
    out = model(words)
    np.testing.assert_array_equal(context.get_mask(out), words != 0)
    pooled = layers.GlobalAveragePooling1D()
    whole = keras.Sequential([keras.Input((3,), dtype="int32"), model.layers[0], pooled])
    np.testing.assert_allclose(whole(words), pooled(out), atol=1e-6)
    np.testing.assert_allclose(model(words, mask=None), out)


def test_losses_are_those_of_the_last_call():
    model = made(layers.Dense(4, activity_regularizer="l2", kernel_regularizer="l2"))
    model(X)
    one = [float(loss) for loss in model.losses]
    model(X)
    assert [float(loss) for loss in model.losses] == one
    assert len(one) == 2
    assert len(model.layers[0].losses) == 2
    model(2 * X)
    assert float(model.losses[0]) > one[0]


def test_stateful_layers_carry_on():
    sequence = np.random.default_rng(1).normal(size=(2, 6, 3)).astype("float32")
    whole = keras.Sequential([keras.Input(batch_shape=(2, 6, 3)), layers.LSTM(4)])
    halves = keras.Sequential([keras.Input(batch_shape=(2, 3, 3)), layers.LSTM(4, stateful=True)])
    halves.set_weights(whole.get_weights())
    halves(sequence[:, :3])
    np.testing.assert_allclose(halves(sequence[:, 3:]), whole(sequence), atol=1e-6)


def test_structures_in_and_out():
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    model = keras.Model({"a": a, "b": b}, {"sum": a + b, "list": [layers.Dense(2)(a), b]})
    out = model({"a": X, "b": 2 * X})
    np.testing.assert_allclose(out["sum"], 3 * X, rtol=1e-6)
    assert out["list"][0].shape == (8, 2)
    assert programs(model)


def test_threads_call_and_train_at_once():
    model = made(layers.Dense(4, "relu"), layers.Dense(2))
    want, failures = np.asarray(model(X)), []

    def work(size):
        right = [np.allclose(model(X[:size]), want[:size], atol=1e-6) for _ in range(10)]
        failures.extend([size] * right.count(False))

    threads = [threading.Thread(target=work, args=(size,)) for size in (1, 3, 5, 8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_a_tape_sees_the_variables_inside():
    model = made(layers.Dense(4, "tanh"), layers.Dense(1))
    with keras.training.GradientTape() as tape:
        loss = keras.ops.mean(model(X) ** 2)
    assert programs(model)
    found = tape.gradient(loss, model.trainable_variables)

    def of(values):
        outputs, _ = model.stateless_call(values, [], X)
        return keras.ops.mean(outputs**2)

    want = jax.grad(of)([v.value for v in model.trainable_variables])
    for a, b in zip(found, want, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_predicts_of_all_lengths_compile_once_a_power_of_two(compilations):
    model = made(layers.Dense(4, "relu"), layers.Dense(2))
    data = np.tile(X, (12, 1))
    with compilations() as count:
        for size in range(1, 97):
            assert model.predict(data[:size], verbose=0).shape == (size, 2)
    assert count() <= 6  # 1, 2, 4, 8, 16, 32


# -- predict of one small array -------------------------------------------------------------------


def test_predicting_again_sees_new_weights_and_looks_at_the_data():
    model = made(layers.Dense(4, "relu"), layers.Dense(2))
    for rows in (1, 5, 8):
        first = model.predict(X[:rows], verbose=0)
        np.testing.assert_array_equal(model.predict(X[:rows], verbose=0), first)
        np.testing.assert_array_equal(model.predict(X[:rows].astype("float64"), verbose=0), first)
        np.testing.assert_allclose(first, plain(model, X[:rows]), atol=1e-6)
        np.testing.assert_allclose(model.predict_on_batch(X[:rows]), first, atol=1e-6)
    model.layers[0].kernel.assign(np.zeros((6, 4)))
    np.testing.assert_allclose(model.predict(X[:5], verbose=0), plain(model, X[:5]), atol=1e-6)
    bad = X[:5].copy()
    bad[3] = np.nan
    with pytest.warns(UserWarning, match="number 3"):
        model.predict(bad, verbose=0)


def test_predicting_again_looks_at_ids():
    model = keras.Sequential([keras.Input((2,), dtype="int32"), layers.Embedding(7, 3)])
    ids = np.array([[0, 6]], "int32")
    np.testing.assert_array_equal(model.predict(ids, verbose=0), model.predict(ids, verbose=0))
    with pytest.raises(ValueError, match="out of the range of Embedding"):
        model.predict(ids + 1, verbose=0)


@pytest.mark.parametrize("call", ["predict", "predict_on_batch"])
def test_what_is_predicted_belongs_to_the_caller(call):
    inputs = keras.Input((6,))
    model = keras.Model(inputs, {"a": layers.Dense(2)(inputs), "b": layers.Dense(1)(inputs)})
    for _ in range(2):
        found = getattr(model, call)(X)
        found["a"][:] = 0
    assert getattr(model, call)(X)["a"].any()


@pytest.mark.parametrize("rows", [8, 80])
def test_dropout_that_is_on_in_prediction_draws_anew(rows):
    keras.utils.set_random_seed(0)
    inputs = keras.Input((6,))
    model = keras.Model(inputs, layers.Dropout(0.5)(inputs, training=True))
    x = np.ones((rows, 6), "float32")
    draws = [model.predict(x, batch_size=8, verbose=0) for _ in range(4)]
    assert len({d.tobytes() for d in draws}) == 4
    assert rows == 8 or not np.array_equal(draws[0][:8], draws[0][8:16])


def test_changed_shapes_freezing_and_compiling_are_noticed():
    model = made(layers.Dense(4), layers.BatchNormalization())
    model.predict(X, verbose=0)
    model.layers[1].trainable = False
    model.compile("sgd", "mse")
    model.fit(X, np.ones((8, 4)), verbose=0)
    np.testing.assert_allclose(model.predict(X, verbose=0), plain(model, X), atol=1e-6)
    model.add(layers.Dense(3))
    assert model.predict(X, verbose=0).shape == (8, 3)
