"""ConvLSTM equals the real Keras at 1e-5: outputs, states, gradients, configs, files."""

import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.conv_lstm import CASES, IMAGES, WRONG

import keraunos

QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
SMALL = {"filters": 3, "kernel_size": 2}


def pair(name, options, shape):
    """Return our layer and Keras's with the same random weights."""
    layers = [getattr(api.layers, name)(**options, name="one") for api in (keraunos, keras)]
    for layer in layers:
        layer.build(shape)
    ours, theirs = layers
    assert [(w.path, w.shape) for w in ours.weights] == [
        (w.path, tuple(w.shape)) for w in theirs.weights
    ]
    rng = np.random.default_rng(1)
    values = [0.5 * rng.normal(size=w.shape).astype("float32") for w in ours.weights]
    for layer in layers:
        layer.set_weights(values)
    return layers


def results(layer, x, slopes=False, **options):
    """Return outputs, and gradients with respect to weights, input and initial states."""
    if not slopes:
        return jax.tree.leaves(jax.jit(layer, compiler_options=QUICK)(x, **options))
    fixed = [v.value for v in layer.non_trainable_variables]

    def total(weights, x, options):
        outputs = jax.tree.leaves(layer.stateless_call(weights, fixed, x, **options)[0])
        waves = [jnp.cos(jnp.arange(y.size)).reshape(y.shape) for y in outputs]
        return sum(jnp.sum(y * wave) for y, wave in zip(outputs, waves)), outputs

    slope = jax.jit(jax.grad(total, (0, 1, 2), has_aux=True), compiler_options=QUICK)
    return jax.tree.leaves(slope([v.value for v in layer.trainable_variables], x, options))


def inputs(case):
    rng = np.random.default_rng(2)
    return rng.normal(size=case.shape).astype("float32")


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_outputs_and_gradients(case):
    layers, x = pair(case.layer, case.options, case.shape), inputs(case)
    start = {}
    if case.given:
        shapes = [state.shape for state in layers[0].get_initial_state(case.shape[0])]
        rng = np.random.default_rng(3)
        start = {"initial_state": [rng.normal(size=s).astype("float32") for s in shapes]}
    assert_close(*(results(layer, x, case.slopes, **start) for layer in layers))
    symbolic = [layer(api.Input(batch_shape=case.shape)) for layer, api in zip(layers, APIS)]
    ours, theirs = ([t.shape for t in jax.tree.leaves(s)] for s in symbolic)
    assert ours == theirs


APIS = keraunos, keras


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_configs_go_both_ways(case):
    ours, theirs = (getattr(api.layers, case.layer)(**case.options, name="one") for api in APIS)
    saved = json.loads(json.dumps(keraunos.layers.serialize(ours)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    again = json.loads(json.dumps(keras.layers.serialize(keras.layers.deserialize(saved))))
    assert again == foreign
    back = json.loads(json.dumps(keraunos.layers.serialize(keraunos.layers.deserialize(foreign))))
    assert back["config"] == saved["config"]
    assert back["config"].keys() == foreign["config"].keys()


# Keras 3.15 on JAX broadcasts a mask over the wrong axes of an image in its loop: right for a
# batch of one alone. Written out (unroll=True) its loop is right.
@pytest.mark.parametrize(
    "options", [{"return_sequences": True}, {"go_backwards": True, "return_state": True}]
)
def test_masks(options):
    ours, theirs = pair("ConvLSTM2D", SMALL | options, IMAGES)
    written_out = keras.layers.ConvLSTM2D(**SMALL, **options, unroll=True)
    written_out.build(IMAGES)
    written_out.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=IMAGES).astype("float32")
    mask = np.array([[False, True, True], [True, True, False]])
    assert_close(results(ours, x, mask=mask), results(written_out, x, mask=mask))
    alone = {"mask": mask[1:]}
    assert_close(results(ours, x[1:], **alone), results(theirs, x[1:], **alone))


def test_stateful():
    layers = pair("ConvLSTM1D", SMALL | {"stateful": True}, (2, 3, 5, 2))
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 2)).astype("float32")
    first, second = [layer(x) for layer in layers], [layer(x) for layer in layers]
    assert_close(first[:1], first[1:])
    assert_close(second[:1], second[1:])
    assert np.abs(second[0] - first[0]).max() > 1e-3
    layers[0].reset_state()
    np.testing.assert_allclose(layers[0](x), first[0], rtol=1e-5, atol=1e-5)


def test_file_of_weights_goes_both_ways(tmp_path):
    models = [
        api.Sequential([api.Input((3, 5, 6, 2)), api.layers.ConvLSTM2D(**SMALL)]) for api in APIS
    ]
    x = np.random.default_rng(0).normal(size=IMAGES).astype("float32")
    for writer, reader in (models, models[::-1]):
        writer.set_weights([w + 0.1 for w in writer.get_weights()])
        writer.save_weights(tmp_path / "m.weights.h5")
        reader.load_weights(tmp_path / "m.weights.h5")
        np.testing.assert_allclose(writer(x), reader(x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["dropout", "recurrent_dropout"])
def test_dropout_is_the_same_at_each_step_and_differs_by_gate(name):
    layer = keraunos.layers.ConvLSTM1D(2, 1, **{name: 0.5})
    layer.build((4, 3, 5, 2))
    like = jnp.ones((4, 5, 2))
    given = (
        layer.cell.get_dropout_mask(like)
        if name == "dropout"
        else layer.cell.get_recurrent_dropout_mask(like)
    )
    assert given.shape == (4, 4, 5, 2)
    assert set(np.unique(given)) == {0, 2}
    x = np.ones((4, 3, 5, 2), "float32")
    dropped = layer(x, training=True)
    assert np.abs(dropped - layer(x)).max() > 1e-3
    np.testing.assert_array_equal(layer(x, training=False), layer(x))


def test_bad_arguments():
    for options, says in WRONG:
        with pytest.raises(ValueError, match=f"(?s)ConvLSTM2D.*{says}") as caught:
            keraunos.layers.ConvLSTM2D(**SMALL | options)
        assert len(str(caught.value).splitlines()) <= 6
    x = np.ones((2, 3, 5, 6, 2), "float32")
    layer = keraunos.layers.ConvLSTM2D(2, 9)
    with pytest.raises(ValueError, match=f"{layer.name}(?s:.*)window"):
        layer(x)
    with pytest.raises(ValueError, match="known size"):
        keraunos.layers.ConvLSTM2D(2, 2)(keraunos.Input((3, None, 6, 2)))
    with pytest.raises(ValueError, match="initial states"):
        keraunos.layers.ConvLSTM2D(2, 2)(x, initial_state=[np.zeros((2, 5, 6, 2))] * 2)
    with pytest.raises(ValueError, match="5 axes"):
        keraunos.layers.ConvLSTM2D(2, 2)(x[0])
