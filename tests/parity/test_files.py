"""Files go both ways: what one library saves, the other loads, predicts with and trains on."""

import functools
import json
import zipfile

import h5py
import jax
import keras
import numpy as np
import pytest
from tests.tables.models import MODELS, X

import keraunos

LIBRARIES = {"keraunos": keraunos, "keras": keras}
# Each of these takes a compilation in both libraries.
TRAINED_ON = ("sequential", "several", "recurrent", "half", "subclassed")
WAYS = [("keraunos", "keras"), ("keras", "keraunos")]
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a model of the table after two steps, and its file; each is made once."""

    @functools.cache
    def make(way, name):
        library = LIBRARIES[way]
        build, inputs, how = MODELS[name]
        library.utils.clear_session()
        library.utils.set_random_seed(1)
        model = build(library)
        model.compile(**{"optimizer": "adam", "loss": "mse", **how})
        step(model, inputs)
        step(model, inputs)
        path = tmp_path_factory.mktemp(name) / "m.keras"
        model.save(path)
        return model, path, model.predict_on_batch(inputs), values(model.weights)

    return make


def step(model, inputs):
    """Train one batch; the targets follow from the outputs' shapes."""
    outputs = model.predict_on_batch(inputs)
    targets = jax.tree.map(lambda o: np.cos(np.arange(o.size)).reshape(o.shape), outputs)
    model.train_on_batch(inputs, targets)


def close(a, b, tolerance=1e-5):
    jax.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=tolerance, atol=tolerance), a, b
    )


def values(variables):
    return [np.asarray(v.numpy(), "float32") for v in variables]


@pytest.mark.parametrize("way", WAYS, ids="->".join)
@pytest.mark.parametrize("name", MODELS)
def test_a_model_goes_over_with_its_optimizer_and_trains_on(name, way, trained):
    inputs = MODELS[name][1]
    model, path, outputs, weights = trained(way[0], name)
    target = LIBRARIES[way[1]]
    loaded = target.saving.load_model(path, custom_objects=customs(way[1], name))
    tolerance = 2e-2 if name == "half" else 1e-5
    close(outputs, loaded.predict_on_batch(inputs), tolerance)
    close(weights, values(loaded.weights), 0)
    close(values(model.optimizer.variables), values(loaded.optimizer.variables), 0)
    if name not in TRAINED_ON:
        return
    again = LIBRARIES[way[0]].saving.load_model(path, custom_objects=customs(way[0], name))
    step(again, inputs)
    step(loaded, inputs)
    close(values(again.weights), values(loaded.weights), 10 * tolerance)


def customs(way, name):
    return {"Net": type(MODELS[name][0](LIBRARIES[way]))} if name == "subclassed" else None


@pytest.mark.parametrize("way", WAYS, ids="->".join)
@pytest.mark.parametrize("name", ["several", "subclassed"])
def test_weights_alone_go_over(name, way, trained, tmp_path):
    model, _, _, weights = trained(way[0], name)
    model.save_weights(tmp_path / "m.weights.h5")
    other = MODELS[name][0](LIBRARIES[way[1]])
    other.load_weights(tmp_path / "m.weights.h5")
    close(weights, values(other.weights), 0)


def groups(path):
    """Return group -> shapes of a weights file."""
    with zipfile.ZipFile(path) as archive, archive.open("model.weights.h5") as member:
        found = {}
        with h5py.File(member) as file:
            file.visititems(lambda n, o: found.update({n: getattr(o, "shape", None)}))
    return found


@pytest.mark.parametrize("name", MODELS)
def test_the_groups_of_the_file_are_the_same(name, trained):
    ours, theirs = (groups(trained(way, name)[1]) for way in LIBRARIES)
    assert ours == theirs


def skeleton(config):
    """Return what must agree of a config: not what follows from the rest or says nothing."""
    follows = {"shared_object_id", "name", "build_config", "registered_name", "backward_layer"}
    ignored = follows | {"zero_output_for_mask", "use_cudnn"}
    if isinstance(config, dict):
        kept = {k: skeleton(v) for k, v in config.items() if k not in ignored}
        return {k: v for k, v in kept.items() if v not in (None, False, [], {}, "linear", -1)}
    if isinstance(config, list):
        found = [skeleton(v) for v in config]
        return found[0] if len(found) == 1 else found  # an axis, or a list of one axis
    return config


@pytest.mark.parametrize("name", [n for n in MODELS if n != "subclassed"])
def test_the_configs_agree(name, trained):
    found = []
    for way in LIBRARIES:
        with zipfile.ZipFile(trained(way, name)[1]) as archive:
            found.append(skeleton(json.loads(archive.read("config.json"))["config"]))
    assert found[0] == found[1]


@pytest.mark.parametrize("way", WAYS, ids="->".join)
def test_lambdas_on_the_same_python(way, tmp_path):
    source, target = (LIBRARIES[n] for n in way)
    by = 3
    layers = source.layers
    plain = layers.Lambda(lambda x, add: x * by + add, arguments={"add": 1}, output_shape=(6,))
    model = source.Sequential([source.Input((6,)), plain])
    model.save(tmp_path / "m.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        target.saving.load_model(tmp_path / "m.keras")
    loaded = target.saving.load_model(tmp_path / "m.keras", safe_mode=False)
    close(loaded.predict(X, verbose=0), X * 3 + 1)


COMPILED = {
    "schedule": lambda k: {
        "optimizer": k.optimizers.SGD(
            k.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9
        ),
        "loss": k.losses.Huber(),
    },
    "clipping": lambda k: {
        "optimizer": k.optimizers.Adam(0.01, clipnorm=0.5, weight_decay=0.1),
        "loss": "mae",
        "metrics": ["mse", k.metrics.MeanAbsoluteError(name="far")],
    },
    "accuracy": lambda k: {
        "loss": "binary_crossentropy",
        "metrics": ["accuracy"],
        "optimizer": "adam",
    },
    "average": lambda k: {
        "optimizer": k.optimizers.RMSprop(use_ema=True, ema_momentum=0.5),
        "loss": k.losses.mean_squared_error,
        "weighted_metrics": ["mae"],
    },
}


@pytest.mark.parametrize("way", WAYS, ids="->".join)
@pytest.mark.parametrize("kind", COMPILED)
def test_how_it_was_compiled_goes_over(kind, way, tmp_path):
    source, target = (LIBRARIES[n] for n in way)
    model = MODELS["sequential"][0](source)
    model.compile(**COMPILED[kind](source))
    y = (X[:, :1] > 0).astype("float32")
    for _ in range(3):
        model.train_on_batch(X, y)
    model.save(tmp_path / "m.keras")
    loaded = target.saving.load_model(tmp_path / "m.keras")
    close(values(model.optimizer.variables), values(loaded.optimizer.variables), 0)
    one = model.evaluate(X, y, verbose=0, return_dict=True)
    other = loaded.evaluate(X, y, verbose=0, return_dict=True)
    close(dict(sorted(one.items())), dict(sorted(other.items())))
    for trained_model in (model, loaded):
        trained_model.train_on_batch(X, y)
    close(values(model.weights), values(loaded.weights), 1e-4)
