"""Augmentation inside of a model: in the compiled step, new at each step, in training only."""

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

X = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 3)).astype("uint8")
Y = np.arange(8) % 2


@pytest.fixture(params=["float32", "mixed_float16"])
def policy(request):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


def test_pipeline_and_randaugment_are_in_the_compiled_step(policy):
    """Python runs the layers while the step is traced, not at each of the steps."""
    augment = layers.RandAugment(num_ops=1, seed=1)
    if policy == "float32":
        augment.names = ("random_rotation", "equalization")  # all of them once is enough
    invert = layers.RandomInvert(seed=2)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3), dtype="uint8"),
            layers.Pipeline([invert, augment]),
            layers.Rescaling(1 / 255),
            layers.Flatten(),
            layers.Dense(2, dtype="float32"),
        ]
    )
    model.compile("sgd", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    calls = []
    transform = augment.transform_images
    augment.transform_images = lambda *args, **kwargs: calls.append(1) or transform(*args, **kwargs)
    history = model.fit(X, Y, batch_size=1, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert 0 < len(calls) < 8  # of 16 steps: it is traced for shapes, and for the program
    kernel, bias = model.get_weights()
    plain = (X / 255).reshape(8, -1) @ kernel + bias
    np.testing.assert_allclose(model.predict(X, verbose=0), plain, atol=1e-2)


def test_each_step_draws_anew():
    """The mean of a brightened image is the loss: it moves from step to step, within bounds."""
    model = keras.Sequential([layers.RandomBrightness(0.4), layers.GlobalAveragePooling2D()])
    model.compile("sgd", "mae")
    x = np.full((40, 4, 4, 1), 100, "float32")

    class Losses(keras.callbacks.Callback):
        seen = []

        def on_train_batch_end(self, batch, logs=None):
            self.seen.append(logs["loss"] * (batch + 1))

    model.fit(x, np.zeros((40, 1)), batch_size=1, verbose=0, callbacks=[Losses()])
    steps = np.diff(Losses.seen)
    assert len(set(np.round(steps, 2))) > 30
    assert -0.1 < steps.min() < 30
    assert 170 < steps.max() <= 202.1
    assert model.evaluate(x, np.zeros((40, 1)), verbose=0) == pytest.approx(100)


def test_seeds_repeat_training():
    def trained():
        keras.utils.set_random_seed(3)
        model = keras.Sequential([layers.AutoContrast(), layers.RandomErasing(), layers.Flatten()])
        model.add(layers.Dense(1))
        model.compile("sgd", "mse")
        model.fit(X[:4] / 255.0, Y[:4], batch_size=2, verbose=0)
        return model.get_weights()[0]

    np.testing.assert_array_equal(trained(), trained())
