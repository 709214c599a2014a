"""Several optimizers in one: equal to the real Keras, in compiled steps and in files."""

import json

import keras
import numpy as np
import pytest

import keraunos

APIS = (keraunos, keras)


def optimizer(api, **options):
    make = api.optimizers
    rows = {".*head/.*": make.Adam(0.05, name="adam"), ".*body/bias": make.RMSprop(name="rms")}
    default = make.SGD(0.1, momentum=0.9, name="sgd")
    return make.MultiOptimizer(make.OptimizerMap(default, rows), name="multi", **options)


def model(api, made):
    found = api.Sequential(
        [
            api.Input((3,)),
            api.layers.Dense(4, name="body", activation="tanh"),
            api.layers.Dense(2, name="head"),
        ],
        name="m",
    )
    rng = np.random.default_rng(0)
    found.set_weights([rng.normal(size=w.shape).astype("float32") for w in found.weights])
    found.compile(made, "mse")
    return found


def data():
    rng = np.random.default_rng(1)
    return rng.normal(size=(24, 3)).astype("float32"), rng.normal(size=(24, 2)).astype("float32")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("scale", [None, 128.0])
def test_training_and_files_equal_the_real_keras(scale, tmp_path):
    models = [model(api, optimizer(api, loss_scale_factor=scale)) for api in APIS]
    for api, one in zip(APIS, models):
        one.fit(*data(), batch_size=8, epochs=2, shuffle=False, verbose=0)
        one.save(tmp_path / f"{api.__name__}.keras")
    mine, theirs = models
    paths = [[v.path.split("/")[-1] for v in one.weights] for one in models]
    assert paths[0] == paths[1]
    for own, other in zip(mine.weights, theirs.weights):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-5, atol=1e-6)
    state = [one.optimizer.variables for one in models]
    for own, other in zip(*state, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=5e-5, atol=1e-6)
    assert [o.name for o in mine.optimizer.optimizers] == ["adam", "rms", "sgd"]
    for api in APIS:
        for source in ("keraunos", "keras"):
            loaded = api.saving.load_model(str(tmp_path / f"{source}.keras"))
            loaded.fit(*data(), batch_size=8, epochs=1, shuffle=False, verbose=0)
            assert [int(o.iterations.numpy()) for o in loaded.optimizer.optimizers] == [9, 9, 9]


def test_config_goes_both_ways():
    saved, foreign = (
        json.loads(json.dumps(api.optimizers.serialize(optimizer(api)))) for api in APIS
    )
    assert saved["config"].keys() == foreign["config"].keys()
    assert [*keras.optimizers.deserialize(saved).optimizers[0].get_config()]
    again = keraunos.optimizers.deserialize(foreign)
    assert [o.name for o in again.optimizers] == ["adam", "rms", "sgd"]


def test_a_function_may_choose():
    adam, sgd = keraunos.optimizers.Adam(), keraunos.optimizers.SGD()
    made = keraunos.optimizers.MultiOptimizer(lambda v: adam if "head" in v.path else sgd)
    model(keraunos, made).fit(*data(), verbose=0)
    assert {id(o) for o in made.optimizers} == {id(adam), id(sgd)}
    assert [v.path for v in adam._trainable_variables] == ["m/head/kernel", "m/head/bias"]


def test_half_precision_scales_the_loss_of_all():
    inner = optimizer(keraunos)
    outer = keraunos.optimizers.LossScaleOptimizer(inner, initial_scale=4.0)
    variables = [keraunos.Variable(np.ones(2, "float32"), name=n) for n in ("body", "head")]
    outer.apply([np.full(2, 4.0, "float32")] * 2, variables)
    np.testing.assert_allclose(variables[0].numpy(), [0.9, 0.9])  # SGD of a gradient of 1
    outer.apply([np.full(2, np.inf, "float32")] * 2, variables)
    np.testing.assert_allclose(variables[0].numpy(), [0.9, 0.9])


SGD = keraunos.optimizers.SGD
BAD = [
    (lambda: keraunos.optimizers.OptimizerMap("sgd"), "default_optimizer"),
    (lambda: keraunos.optimizers.OptimizerMap(SGD(), [SGD()]), "a dictionary"),
    (lambda: keraunos.optimizers.OptimizerMap(SGD(), {"a": "adam"}), "an optimizer"),
    (lambda: keraunos.optimizers.OptimizerMap(SGD(), {3: SGD()}), "a path or a pattern"),
    (lambda: keraunos.optimizers.OptimizerMap(optimizer(keraunos)), "wraps no other"),
    (
        lambda: keraunos.optimizers.OptimizerMap(SGD(), {"a.*": SGD(), ".*b": SGD()})["ab"],
        "at most one pattern",
    ),
    (lambda: keraunos.optimizers.MultiOptimizer(SGD), "wraps"),
    (lambda: keraunos.optimizers.MultiOptimizer("adam"), "an OptimizerMap or a function"),
    (lambda: optimizer(keraunos).learning_rate, "optimizer.optimizers"),
    (lambda: setattr(optimizer(keraunos), "learning_rate", 0.1), "optimizer.optimizers"),
]


@pytest.mark.parametrize("call, text", BAD, ids=range(len(BAD)))
def test_refusals(call, text):
    if text == "wraps":
        chosen = keraunos.optimizers.MultiOptimizer(lambda variable: "sgd")
        call = lambda: chosen.build([keraunos.Variable(np.ones(2), name="v")])  # noqa: E731
        text = "an optimizer"
    with pytest.raises((ValueError, TypeError, AttributeError)) as caught:
        call()
    assert text in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 6
