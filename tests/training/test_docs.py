"""What the pages about training show runs: each block, and each class that it defines."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import keraunos as keras
from keraunos import layers

DOCS = Path(__file__).parents[2] / "docs"
PAGES = ["training.md", "callbacks.md", "custom_steps.md"]
BLOCKS = [
    pytest.param(block, id=f"{page}-{number}")
    for page in PAGES
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    )
]
X = np.random.default_rng(0).normal(size=(40, 4)).astype("float32")


def made(cls=keras.Model, units=4):
    inputs = keras.Input((4,))
    model = cls(inputs, layers.Dense(units)(inputs))
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("block", BLOCKS)
def test_the_example_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = made()
    names = {
        "keras": keras,
        "np": np,
        "model": model,
        "optimizer": model.optimizer,
        "x": X,
        "y": X,
        "batches": [(X[:8], X[:8])] * 2,
        "others": [],
    }
    before = model.get_weights()[0]
    exec(textwrap.dedent(block), names)
    own = [v for v in names.values() if isinstance(v, type) and v.__module__ == "builtins"]
    for cls in own:
        if issubclass(cls, keras.Model):
            assert np.isfinite(made(cls).fit(X, X, verbose=0).history["loss"]).all()
        else:
            model.fit(X, X, verbose=0, callbacks=[cls()])
    trains = "fit(" in block or "apply(" in block or own
    others = names["model"] is not model or any(issubclass(cls, keras.Model) for cls in own)
    assert others or not trains or not np.array_equal(before, model.get_weights()[0])


def test_every_page_has_examples():
    assert {param.id.partition("-")[0] for param in BLOCKS} == set(PAGES)
