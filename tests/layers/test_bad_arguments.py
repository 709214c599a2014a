"""Bad arguments raise at construction or build, with the layer's name, never from inside XLA."""

import jax.numpy as jnp
import pytest
from tests.tables.bad_layers import MISUSED, REFUSED

import keraunos
from keraunos import layers


def readable(error, name, *words):
    message = str(error)
    assert name in message
    for word in words:
        assert word in message, message
    assert len(message.splitlines()) <= 6
    assert "jax" not in message.lower()


def title(row):
    return "-".join([row[0], *(f"{k}={v}" for k, v in row[1].items())])


@pytest.mark.parametrize("row", REFUSED, ids=title)
def test_refused_at_construction(row):
    name, options, words = row
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(layers, name)(**options)
    readable(caught.value, name, *words)


@pytest.mark.parametrize("symbolic", [True, False], ids=["symbolic", "array"])
@pytest.mark.parametrize("row", MISUSED, ids=title)
def test_refused_on_inputs(row, symbolic):
    name, options, shapes, word = row
    make = (lambda s: keraunos.Input(batch_shape=s)) if symbolic else jnp.ones
    inputs = [make(shape) for shape in shapes]
    with pytest.raises((ValueError, TypeError)) as caught:
        getattr(layers, name)(**options)(inputs if len(inputs) > 1 else inputs[0])
    readable(caught.value, name, word)
