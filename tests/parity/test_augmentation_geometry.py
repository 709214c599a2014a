"""The layers that move pixels equal the real Keras for the same transformation."""

import itertools
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from tests.tables.augmentation_geometry import CASES, DRAWN, FIRST_OF_EACH, FIXED, Case

import keraunos

TOLERANCE = {"rtol": 1e-5, "atol": 255 * 1e-5}


def both(case, **options):
    options = case.options | options
    return (getattr(api.layers, case.layer)(**options) for api in (keraunos, keras))


def belongings(case):
    """Return masks, boxes and labels to go with the images of a case."""
    batch = case.shape[:-3]
    rng = np.random.default_rng(5)
    first = case.options.get("data_format") == "channels_first"
    height, width = case.shape[-2:] if first else case.shape[-3:-1]
    masks = rng.integers(0, 4, (*batch, 1, height, width) if first else (*batch, height, width, 1))
    corners = np.sort(rng.uniform(0, 1, (*batch, 2, 2, 2)), axis=-2)
    boxes = (corners * (width, height)).reshape(*batch, 2, 4).astype("float32")
    return {
        "labels": rng.uniform(size=(*batch, 3)).astype("float32"),
        "bounding_boxes": {"boxes": boxes, "labels": rng.integers(0, 9, (*batch, 2))},
        "segmentation_masks": masks.astype("uint8"),
    }


def assert_equal(found, expected, **tolerance):
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for one, other in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert np.shape(one) == np.shape(other)
        assert jnp.asarray(one).dtype == jnp.asarray(other).dtype
        np.testing.assert_allclose(one, other, **(tolerance or TOLERANCE))


def copied(tree):
    """Return new dictionaries: Keras writes into those that it is given."""
    return jax.tree.map(lambda x: x, tree)


@pytest.mark.parametrize("case", FIXED, ids=lambda case: case.id)
def test_layers_that_draw_nothing(case):
    layers = list(both(case, bounding_box_format="xyxy"))
    single = len(case.shape) == 3  # Keras loses its place in the boxes of a single image
    data = {"images": case.images()} | ({} if single else belongings(case))
    run = lambda data: [layer(copied(data)) for layer in layers]  # noqa: E731
    # Keras cannot compile MaxNumBoundingBoxes.
    found, expected = (run if case.layer == "MaxNumBoundingBoxes" else jax.jit(run))(data)
    for result in (found, expected) if case.wrong else ():
        del result[case.wrong]
    assert_equal(found, expected)
    if case.options.get("interpolation") == "bicubic":  # integers beyond 0 to 255
        whole = case.images().astype("uint8")
        assert_equal(*(layer(whole) for layer in layers), atol=1, rtol=0)


@pytest.mark.parametrize("case", DRAWN, ids=lambda case: case.id)
def test_layers_that_draw(case):
    layers = list(both(case, bounding_box_format="xyxy"))
    single = len(case.shape) == 3
    batch = lambda tree: jax.tree.map(lambda x: x[None] if single else x, tree)  # noqa: E731

    @jax.jit
    def results(images, parts, key):
        drawn = layers[0].get_random_transformation(images, seed=key)
        lone = [layer.transform_single_image(images, drawn) if single else 0 for layer in layers]
        images, parts = batch((images, parts))
        masks, boxes = parts["segmentation_masks"], parts["bounding_boxes"]
        return [
            (
                layer.transform_images(images, drawn),
                layer.transform_segmentation_masks(masks, drawn),
                layer.transform_bounding_boxes(copied(boxes), drawn),
                layer.transform_labels(parts["labels"], drawn),
                one,
            )
            for layer, one in zip(layers, lone, strict=True)
        ]

    found, expected = results(case.images(), belongings(case), jax.random.key(1))
    for part, (one, other) in enumerate(zip(found, expected, strict=True)):
        if not (case.wrong and part == 2):
            assert_equal(one, other)


@pytest.mark.parametrize("case", [DRAWN[0], DRAWN[-3]], ids=lambda case: case.id)
def test_half_precision(case):
    layers = list(both(case, dtype="mixed_bfloat16"))

    @jax.jit
    def results(images, key):
        drawn = layers[0].get_random_transformation(images, seed=key)
        return [layer.transform_images(images, drawn) for layer in layers]

    found, expected = results(jnp.asarray(case.images(), "bfloat16"), jax.random.key(1))
    assert found.dtype == expected.dtype == "bfloat16"
    np.testing.assert_allclose(*(np.asarray(x, "float32") for x in (found, expected)), atol=2)


@pytest.mark.parametrize("case", [DRAWN[0], DRAWN[-5], DRAWN[-3]], ids=lambda case: case.layer)
def test_gradients(case):
    layers = list(both(case))

    @jax.jit
    def slopes(images, key):
        drawn = layers[0].get_random_transformation(images, seed=key)
        waves = jnp.cos(jnp.arange(images.size)).reshape(images.shape)
        total = lambda x, layer: jnp.sum(waves * layer.transform_images(x, drawn))  # noqa: E731
        return [jax.grad(total)(images, layer) for layer in layers]

    assert_equal(*slopes(case.images(), jax.random.key(1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("case", [DRAWN[0], DRAWN[-5], DRAWN[-3]], ids=lambda case: case.id)
def test_inference_changes_nothing(case):
    layers = list(both(case, bounding_box_format="xyxy"))
    data = {"images": case.images().astype("uint8")} | belongings(case)
    assert_equal(*(layer(copied(data), training=False) for layer in layers))


@pytest.mark.parametrize("case", FIRST_OF_EACH, ids=lambda case: case.layer)
def test_shapes_are_inferred(case):
    mine, theirs = both(case)
    for shape in {case.shape, (None, *case.shape[-3:])}:
        assert mine.compute_output_shape(shape) == tuple(theirs.compute_output_shape(shape))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_config_goes_both_ways(case):
    mine, theirs = both(case, name="one", bounding_box_format="xyxy")
    saved = json.loads(json.dumps(keraunos.layers.serialize(mine)))
    foreign = json.loads(json.dumps(keras.layers.serialize(theirs)))
    assert foreign["config"].keys() <= saved["config"].keys()
    assert saved["module"] == foreign["module"]
    again = keras.layers.deserialize(saved)
    assert json.loads(json.dumps(keras.layers.serialize(again))) == foreign
    ours = keraunos.layers.deserialize(foreign)
    wrong = {"fill_value"} if case.layer == "MaxNumBoundingBoxes" else set()  # Keras forgets it
    for key, value in json.loads(json.dumps(keraunos.layers.serialize(ours)))["config"].items():
        assert saved["config"][key] == value or key in wrong, key


def test_a_cut_window():
    # Keras gives a crop as (top, left), and moves boxes by top across and by left down, which
    # is wrong: test_objects_stay_in_their_boxes says what is right.
    images = Case("RandomCrop", {}).images()
    mine, theirs = both(Case("RandomCrop", {"height": 3, "width": 5}))
    window = {"window": (2, 1, 3, 5), "size": (6, 8)}
    found = mine.transform_images(images, window)
    assert_equal(found, theirs.transform_images(jnp.asarray(images), (2, 1)))
    exact = keras.layers.RandomCrop(6, 8)
    assert_equal(keraunos.layers.RandomCrop(6, 8)(images), exact(images))


def test_elastic_waves(monkeypatch):
    # Keras bends both axes by the same waves, and cannot be compiled: the same noise for both.
    case = Case("RandomElasticTransform", {"fill_mode": "mirror"}, (2, 20, 24, 1))
    mine, theirs = both(case)
    noise = np.random.default_rng(0).normal(size=(2, 20, 24)).astype("float32")
    monkeypatch.setattr(
        jax.random, "normal", lambda key, shape, dtype=None: jnp.broadcast_to(noise, shape)
    )
    drawn = {
        "apply_transform": jnp.array([True, False]),
        "distortion_factor": jnp.float32(0.7),
        "seed": 3,
    }
    images = case.images()
    found = mine.transform_images(images, drawn)
    assert_equal(found, theirs.transform_images(jnp.asarray(images), drawn), atol=1e-2, rtol=1e-4)
    assert np.abs(found - images).max() > 1
    np.testing.assert_array_equal(found[1], images[1])


# -- keras.utils.bounding_boxes

ours, real = keraunos.utils.bounding_boxes, keras.utils.bounding_boxes
FORMATS = (
    *("xyxy", "yxyx", "xywh", "center_xywh", "center_yxhw"),
    *("rel_xyxy", "rel_yxyx", "rel_xywh", "rel_center_xywh"),
)


def some_boxes(seed=0, batch=(), count=4, size=(30.0, 20.0)):
    corners = np.sort(np.random.default_rng(seed).uniform(0, 1, (*batch, count, 2, 2)), axis=-2)
    return (corners * size).reshape(*batch, count, 4).astype("float32")


@pytest.mark.parametrize("source", FORMATS)
def test_formats(source):
    boxes = some_boxes(size=(1, 1) if source.startswith("rel") else (30, 20))
    found, expected = (
        jax.jit(lambda b, c=api.convert_format: [c(b, source.upper(), t, 20, 30) for t in FORMATS])
        for api in (ours, real)
    )
    assert_equal(found(boxes), expected(boxes))
    packed = {"boxes": boxes, "labels": np.arange(4)}
    found = ours.convert_format(packed, source, "xywh", 20, 30)
    assert packed["boxes"] is boxes  # Keras changes what it is given
    assert_equal(found, real.convert_format(packed, source, "xywh", 20, 30))


def test_clipping_cropping_padding():
    boxes = some_boxes(1, (2,)) * 1.5 - 7
    packed = {"boxes": boxes, "labels": np.arange(8).reshape(2, 4)}

    @jax.jit
    def results(boxes, packed):
        return [
            (
                api.clip_to_image_size(packed, height=20, width=30),
                api.clip_to_image_size(packed, bounding_box_format="rel_xyxy"),
                [api.crop(b, 3, 4, 10, 12) for b in (boxes, boxes[0])],
                [api.pad(b, 3, 4) for b in (boxes, boxes[0])],
            )
            for api in (ours, real)
        ]

    assert_equal(*results(boxes, packed))


def test_affine_maps():
    rng = np.random.default_rng(2)
    ends = [(-90, 90), (-0.3, 0.3), (-0.3, 0.3), (0.5, 2), (-40, 40), (-40, 40)]
    numbers = [rng.uniform(*pair, 3).astype("float32") for pair in ends]

    @jax.jit
    def results(boxes, numbers):
        size, center = {"height": 20, "width": 30}, {"center_x": 0.2, "center_y": 0.9}
        return [
            [api.affine_transform(boxes, *numbers, **size, **more) for more in ({}, center)]
            for api in (ours, real)
        ]

    assert_equal(*results(some_boxes(2, (3,)), numbers), rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("batches", list(itertools.product([(), (3,)], repeat=2)))
def test_overlaps(batches):
    one, two = (some_boxes(i, batch, 4 - i) for i, batch in enumerate(batches))
    one[..., 0, :] = -1
    pair = some_boxes(5, batches[0]), some_boxes(6, batches[0])
    same_rank = one.ndim == two.ndim  # Keras masks sets of other ranks along a wrong axis

    def overlaps(api):
        iou = api.compute_iou
        yield iou(one, two, "xyxy", use_masking=same_rank)
        yield iou(one, two, "rel_xywh", image_shape=(20, 30, 3))
        yield api.compute_ciou(*pair, "xywh")

    assert_equal(*(jax.jit(lambda api=api: list(overlaps(api)))() for api in (ours, real)))


@pytest.mark.parametrize("code", ["center_yxhw", "center_xywh"])
@pytest.mark.parametrize("variance", [None, [0.1, 0.1, 0.2, 0.2]])
def test_anchors(code, variance):
    anchors, boxes = some_boxes(7), some_boxes(8, (2,))
    how = {"anchor_format": "xyxy", "box_format": "xyxy", "variance": variance}
    deltas = ours.encode_box_to_deltas(anchors, boxes, encoding_format=code, **how)
    assert_equal(deltas, real.encode_box_to_deltas(anchors, boxes, encoding_format=code, **how))
    again = ours.decode_deltas_to_boxes(anchors, deltas, encoded_format=code, **how)
    np.testing.assert_allclose(again, boxes, rtol=1e-4, atol=1e-4)
    levels = {1: anchors, 2: anchors + 1}, {1: deltas, 2: deltas}
    found, expected = (
        api.decode_deltas_to_boxes(*levels, encoded_format=code, **how) for api in (ours, real)
    )
    assert_equal(found, expected, rtol=1e-4, atol=1e-4)
