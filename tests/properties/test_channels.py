"""Channels first is channels last with the axes moved: every layer that has a `data_format`.

The tables compare channels last with the real Keras, layer by layer; here the two layouts of
keraunos are compared with each other, so that both are what Keras computes.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.tables import attention, augmentation_color, augmentation_geometry, conv_lstm, layers

from keraunos import Input
from keraunos import layers as rooms

IMAGES = (2, 6, 8, 3)
QUICK = {"xla_backend_optimization_level": 0}  # each program runs once
# layer -> options, shape with the channels last
EXAMPLES = {}
for _case in (*layers.CASES, *attention.CASES):
    if len(_case.shapes) == 1:
        EXAMPLES.setdefault(_case.layer, (_case.options, _case.shapes[0]))
for _case in (*conv_lstm.CASES, *augmentation_geometry.CASES):
    EXAMPLES.setdefault(_case.layer, (_case.options, _case.shape))
for _row in augmentation_color.ROWS:
    EXAMPLES.setdefault(_row.layer, (_row.options, IMAGES))
EXAMPLES["STFTSpectrogram"] = (
    {"frame_length": 8, "frame_step": 4, "fft_length": 8, "expand_dims": True},
    (2, 32, 2),
)
# What they draw has the shape of the images.
NOISE = {"RandomErasing", "RandomElasticTransform"}
# Their outputs have no channels, or the same in both layouts.
PLAIN = {"Flatten"} | {n for n in EXAMPLES if n.startswith(("GlobalMax", "GlobalAverage"))}
NAMES = [
    name
    for name in EXAMPLES
    if "data_format" in inspect.signature(getattr(rooms, name)).parameters and name not in NOISE
]


def first(x, depth=1):
    """Move the last axis behind the batch, or behind the steps."""
    return jnp.moveaxis(x, -1, depth)


@pytest.mark.parametrize("name", NAMES)
def test_both_layouts_are_one(name):
    options, shape = EXAMPLES[name]
    options = {k: v for k, v in options.items() if k not in ("data_format", "return_state")}
    kind = getattr(rooms, name)
    seeded = {"seed": 3} if "seed" in inspect.signature(kind).parameters else {}
    last, other = (
        kind(**{**options, **seeded, "data_format": f"channels_{layout}"})
        for layout in ("last", "first")
    )
    rng = np.random.default_rng(0)
    pixels = hasattr(last, "transform_images")
    x = jnp.asarray(rng.uniform(0, 255, shape) if pixels else rng.normal(size=shape), "float32")
    if len(shape) < 4 and pixels:
        x = jnp.broadcast_to(x[None], (2, *shape))
    depth = 2 if name.startswith("ConvLSTM") else 1
    inputs = {"images": x, "labels": jnp.eye(len(x))} if name in ("MixUp", "CutMix") else x
    moved = {**inputs, "images": first(x)} if isinstance(inputs, dict) else first(x, depth)
    results = []
    for layer, given in ((last, inputs), (other, moved)):
        if not isinstance(given, dict):  # which need no building
            layer(Input(batch_shape=given.shape))
        values = np.random.default_rng(1)
        layer.set_weights([values.uniform(0.5, 1.5, w.shape) for w in layer.weights])
        called = jax.jit(lambda g, layer=layer: layer(g, **training(layer)), compiler_options=QUICK)
        outputs = called(given)
        results.append(outputs["images"] if isinstance(outputs, dict) else outputs)
    mine, theirs = results
    if name not in PLAIN:
        deep = depth if mine.ndim == x.ndim else 1
        mine = first(mine, deep)
    elif mine.ndim == x.ndim:
        mine = first(mine)
    np.testing.assert_allclose(theirs, mine, rtol=1e-5, atol=1e-4 if pixels else 1e-5)


def training(layer):
    """Return the keyword that makes a layer act, where there is one; dropout draws by layout."""
    acts = "training" in inspect.signature(layer.call).parameters
    return {"training": "Dropout" not in type(layer).__name__} if acts else {}


def test_every_layer_with_a_layout_is_tried():
    known = {getattr(rooms, name) for name in (*NAMES, *NOISE, *COMPOSED)}
    with_layout = [
        n
        for n in dir(rooms)
        if isinstance(getattr(rooms, n), type)
        and "data_format" in inspect.signature(getattr(rooms, n)).parameters
    ]
    assert [n for n in with_layout if getattr(rooms, n) not in known] == []


COMPOSED = {"RandAugment", "AugMix", "RandomColorJitter"}  # of layers that are tried here
