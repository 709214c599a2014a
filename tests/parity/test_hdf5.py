"""`.h5`: what we write the real Keras reads, and what it writes we read, to the same outputs."""

import keras as real
import numpy as np
import pytest

import keraunos

X = np.random.RandomState(0).normal(size=(8, 6)).astype("float32")
Y = np.random.RandomState(1).normal(size=(8, 2)).astype("float32")


def sequential(k):
    layers = k.layers
    return k.Sequential(
        [
            k.Input((6,)),
            layers.Dense(5, activation="relu", kernel_regularizer="l2", name="a"),
            layers.BatchNormalization(name="b"),
            layers.Dropout(0.5, name="c"),
            layers.Dense(2, name="d"),
        ]
    )


def graph(k):
    x = k.Input((6,), name="x")
    inner = k.Sequential([k.Input((6,)), k.layers.Dense(3, name="e")], name="inner")
    shared = k.layers.Dense(4, activation="tanh", name="shared")
    joined = k.layers.Concatenate(name="joined")([shared(x), inner(x)])
    return k.Model(x, k.layers.Dense(2, name="out")(joined))


def recurrent(k):
    x = k.Input((6,))
    steps = k.layers.Reshape((3, 2))(x)
    hidden = k.layers.Bidirectional(k.layers.LSTM(3, return_sequences=True))(steps)
    return k.Model(x, k.layers.Dense(2)(k.layers.GRU(4)(hidden)))


def trained(k, make):
    k.utils.set_random_seed(0)
    model = make(k)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, epochs=2, batch_size=4, verbose=0)
    return model


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [sequential, graph, recurrent])
@pytest.mark.parametrize("writer, reader", [(keraunos, real), (real, keraunos)])
def test_a_model_goes_from_one_to_the_other(make, writer, reader, tmp_path):
    model = trained(writer, make)
    path = str(tmp_path / "model.h5")
    model.save(path)
    other = reader.models.load_model(path)
    np.testing.assert_allclose(
        other.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5, rtol=1e-5
    )
    ours = other if reader is keraunos else keraunos.models.load_model(path)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in model.layers]
    assert type(other.optimizer).__name__ == "Adam"
    np.testing.assert_allclose(
        other.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), atol=1e-5
    )


@pytest.mark.filterwarnings("ignore")
def test_weights_that_the_real_keras_wrote(tmp_path):
    model, ours = trained(real, graph), graph(keraunos)
    path = str(tmp_path / "whole.h5")
    model.save(path)
    report = ours.load_weights(path)
    assert len(report.loaded) == len(ours.weights)
    np.testing.assert_allclose(
        ours.predict(X, verbose=0), model.predict(X, verbose=0), atol=1e-5, rtol=1e-5
    )


def test_training_goes_on_where_it_was(tmp_path):
    model = trained(keraunos, sequential)
    model.save(tmp_path / "m.h5")
    again = keraunos.models.load_model(tmp_path / "m.h5")
    for one in (model, again):
        one.get_layer("c").rate = 0.0
        one.compiled_again = one.train_on_batch(X, Y)
    # Dropout draws by the call: the values of the optimizer are compared.
    boxes = zip(model.optimizer.variables, again.optimizer.variables, strict=True)
    assert all(a.shape == b.shape for a, b in boxes)
    assert int(again.optimizer.iterations) == int(model.optimizer.iterations) == 5


def test_weights_that_do_not_fit_change_nothing(tmp_path):
    model = trained(keraunos, sequential)
    model.save(tmp_path / "m.h5")
    other = graph(keraunos)
    before = other.get_weights()
    with pytest.raises(ValueError, match="do not fit") as error:
        other.load_weights(tmp_path / "m.h5")
    assert len(str(error.value).splitlines()) <= 6
    for one, two in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
