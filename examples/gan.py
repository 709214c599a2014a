"""A GAN on the digits on board: a train_step of its own with two optimizers, compiled as one.

    python examples/gan.py [epochs]

It draws a sheet of digits that nobody wrote: examples/output/digits-made.png.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image

import keraunos as keras
from keraunos import layers, ops
from keraunos.training import GradientTape

OUTPUT = Path(__file__).with_name("output")
NOISE = 16


class Gan(keras.Model):
    """A maker of images, and a judge who tells made ones (1) from real ones (0)."""

    def __init__(self, maker, judge):
        super().__init__()
        self.maker, self.judge = maker, judge
        self.of_judge = keras.metrics.Mean(name="judge_loss")
        self.of_maker = keras.metrics.Mean(name="maker_loss")
        self.seed = keras.random.SeedGenerator(1)

    def compile(self, judge_optimizer, maker_optimizer, loss):
        super().compile()
        self.judge_optimizer, self.maker_optimizer = judge_optimizer, maker_optimizer
        self.loss_of = loss

    @property
    def metrics(self):
        return [self.of_judge, self.of_maker]

    def train_step(self, real):
        count = ops.shape(real)[0]
        noise = keras.random.normal((count, NOISE), seed=self.seed)
        made, is_real = ops.ones((count, 1)), ops.zeros((count, 1))
        with GradientTape() as tape:
            judged = self.judge(ops.concatenate([self.maker(noise), real]), training=True)
            judge_loss = self.loss_of(ops.concatenate([made, is_real]), judged)
        weights = self.judge.trainable_variables
        self.judge_optimizer.apply(tape.gradient(judge_loss, weights), weights)

        with GradientTape() as tape:
            judged = self.judge(self.maker(noise, training=True))
            maker_loss = self.loss_of(is_real, judged)  # the maker wants to pass for real
        weights = self.maker.trainable_variables
        self.maker_optimizer.apply(tape.gradient(maker_loss, weights), weights)

        self.of_judge.update_state(judge_loss)
        self.of_maker.update_state(maker_loss)
        return {metric.name: metric.result() for metric in self.metrics}


def build():
    maker = keras.Sequential(
        [
            keras.Input((NOISE,)),
            layers.Dense(4 * 4 * 32, "relu"),
            layers.Reshape((4, 4, 32)),
            layers.Conv2DTranspose(32, 4, strides=2, padding="same", activation="relu"),
            layers.Conv2D(1, 3, padding="same", activation="sigmoid"),
        ],
        name="maker",
    )
    judge = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(32, 3, strides=2, padding="same"),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(1),
        ],
        name="judge",
    )
    gan = Gan(maker, judge)
    rate = {"learning_rate": 1e-3, "beta_1": 0.5}
    loss = keras.losses.BinaryCrossentropy(from_logits=True)
    gan.compile(keras.optimizers.Adam(**rate), keras.optimizers.Adam(**rate), loss)
    return gan


def draw(images, path, columns=12):
    """Write images (n, 8, 8, 1) in 0..1 as one sheet."""
    rows = len(images) // columns
    sheet = images[: rows * columns, :, :, 0].reshape(rows, columns, 8, 8)
    sheet = (sheet.swapaxes(1, 2).reshape(rows * 8, columns * 8) * 255).astype("uint8")
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(sheet).resize((columns * 32, rows * 32), Image.NEAREST).save(path)


def main():
    keras.utils.set_random_seed(0)
    (x, _), _ = keras.datasets.digits.load_data()
    x = x[..., np.newaxis].astype("float32") / 16
    gan = build()
    gan.fit(x, batch_size=64, epochs=int(sys.argv[1]) if len(sys.argv) > 1 else 60, verbose=2)
    noise = np.random.default_rng(0).normal(size=(96, NOISE)).astype("float32")
    made = gan.maker.predict(noise, verbose=0)
    draw(made, OUTPUT / "digits-made.png")
    print(f"mean of the real digits: {x.mean():.3f}, of the made ones: {made.mean():.3f}")
    print(f"written: {OUTPUT / 'digits-made.png'}")


if __name__ == "__main__":
    main()
