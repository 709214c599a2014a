"""The plain loop and the GAN of the examples run and learn."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

import keraunos as keras
from keraunos import layers

EXAMPLES = Path(__file__).parents[2] / "examples"


def _run(folder, name, *arguments):
    shutil.copy(EXAMPLES / name, folder)
    command = [sys.executable, str(folder / name), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_plain_loop_is_twenty_lines_and_learns_the_digits(tmp_path):
    accuracy = re.findall(r"test accuracy: ([\d.]+)%", _run(tmp_path, "plain_loop.py"))
    assert float(accuracy[-1]) >= 95
    lines = (EXAMPLES / "plain_loop.py").read_text().splitlines()
    assert len([line for line in lines if line.strip()]) <= 20


def test_the_gan_draws_a_sheet(tmp_path):
    out = _run(tmp_path, "gan.py", "2")
    assert "judge_loss" in out
    sheet = (tmp_path / "output" / "digits-made.png").read_bytes()
    assert sheet.startswith(b"\x89PNG")


def test_value_and_grad_with_optimizer_apply_is_a_step_of_fit():
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    y, weights = x.sum(1, keepdims=True), np.arange(8.0)
    models = []
    for _ in range(2):
        keras.utils.set_random_seed(0)
        stack = [layers.Dense(3, kernel_regularizer="l2"), layers.BatchNormalization()]
        model = keras.Sequential([keras.Input((4,)), *stack, layers.Dense(1)])
        model.compile(keras.optimizers.Adam(0.1), "mse")
        models.append(model)
    by_fit, by_hand = models
    loss = by_fit.train_on_batch(x, y, sample_weight=weights)
    value, gradients = keras.training.value_and_grad(by_hand, "mse")(x, y, weights)
    by_hand.optimizer.apply(gradients, by_hand.trainable_variables)
    np.testing.assert_allclose(value, loss, rtol=1e-5)
    for a, b in zip(by_fit.get_weights(), by_hand.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
