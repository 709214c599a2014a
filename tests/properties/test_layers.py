"""For every layer: the symbolic shape is the real one, a config makes the same layer again."""

import json

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.tables.layers import CASES

import keraunos
from keraunos import layers


def make(case, **options):
    return getattr(layers, case.layer)(**case.options | options)


def symbolic(case, unknown):
    """Return symbolic inputs; the first `unknown` axes have no size."""
    shapes = [(None,) * min(unknown, len(s)) + s[unknown:] for s in case.shapes]
    inputs = [keraunos.Input(batch_shape=shape, dtype=case.dtype) for shape in shapes]
    return inputs if len(inputs) > 1 else inputs[0]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_symbolic_shape_is_the_real_shape(case):
    layer = make(case)
    output = layer(symbolic(case, 1))
    real = jax.eval_shape(layer, case.inputs())
    assert output.shape == (None, *real.shape[1:])
    assert output.dtype == real.dtype.name
    shapes = case.shapes if len(case.shapes) > 1 else case.shapes[0]
    assert layer.compute_output_shape(shapes) == real.shape


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_config_makes_the_same_layer(case):
    layer = make(case, name="one", dtype="mixed_bfloat16", trainable=False)
    saved = json.loads(json.dumps(layers.serialize(layer)))
    again = layers.deserialize(saved)
    assert type(again) is type(layer)
    assert json.loads(json.dumps(layers.serialize(again))) == saved
    layer(symbolic(case, 1))
    again(symbolic(case, 1))
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    built = json.loads(json.dumps(layers.serialize(layer)))
    assert [w.shape for w in layers.deserialize(built).weights] == [w.shape for w in layer.weights]


@settings(max_examples=15)
@given(
    size=st.integers(3, 9),
    kernel=st.integers(1, 3),
    stride=st.integers(1, 3),
    dilation=st.integers(1, 2),
    padding=st.sampled_from(["valid", "same", "causal"]),
    first=st.booleans(),
)
def test_unknown_steps_are_unknown_in_the_output(size, kernel, stride, dilation, padding, first):
    if (kernel - 1) * dilation + 1 > size:
        return
    layout = "channels_first" if first else "channels_last"
    layer = layers.Conv1D(2, kernel, stride, padding, layout, dilation)
    shape = (1, 3, size) if first else (1, size, 3)
    unknown = tuple(None if n == size else n for n in (1, *shape[1:])) if size != 3 else shape
    output = layer(keraunos.Input(batch_shape=unknown)).shape
    real = jax.eval_shape(layer, np.zeros(shape, "float32")).shape
    assert all(a in (None, b) for a, b in zip(output, real, strict=True))
    assert output.count(None) == unknown.count(None)
