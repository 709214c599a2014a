"""Layers that move pixels: what they draw, boxes that follow objects, use in a model, bad input."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import keraunos
from keraunos import layers

RANDOM = {
    "RandomFlip": {},
    "RandomRotation": {"factor": 0.2},
    "RandomZoom": {"height_factor": 0.3, "width_factor": 0.3},
    "RandomTranslation": {"height_factor": 0.3, "width_factor": 0.2},
    "RandomShear": {"x_factor": 0.3, "y_factor": 0.2},
    "RandomPerspective": {"scale": 0.5},
    "RandomElasticTransform": {"scale": 0.5},
    "RandomCrop": {"height": 5, "width": 4},
}


def made(name, **options):
    return getattr(layers, name)(**RANDOM.get(name, {}) | options)


# -- what is drawn

# layer, options, entry of the transformation, its range for images of 20 x 10
DRAWS = [
    ("RandomRotation", {"factor": 0.25}, "angle", (-90, 90)),
    ("RandomRotation", {"factor": (0.1, 0.2)}, "angle", (36, 72)),
    ("RandomZoom", {"height_factor": 0.5}, "height_zoom", (0.5, 1.5)),
    ("RandomZoom", {"height_factor": (0.2, 0.4), "width_factor": None}, "width_zoom", (1.2, 1.4)),
    ("RandomZoom", {"height_factor": 0, "width_factor": (-0.5, -0.1)}, "width_zoom", (0.5, 0.9)),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 1.0}, "translations", (-10, 10)),
    ("RandomTranslation", {"height_factor": 0.5, "width_factor": 0.5}, "translations", (-10, 10)),
    ("RandomShear", {"x_factor": 0.5, "y_factor": 0.5}, "shear_factor", (-0.5, 0.5)),
    ("RandomFlip", {}, "flips", (0, 1)),
    ("RandomPerspective", {"factor": (0.5, 0.5)}, "apply_perspective", (0, 1)),
    ("RandomElasticTransform", {"factor": (0.5, 0.5)}, "apply_transform", (0, 1)),
]


@pytest.mark.parametrize("name, options, entry, ends", DRAWS)
def test_each_image_gets_its_own_draw_from_the_whole_range(name, options, entry, ends):
    images = np.zeros((1000, 20, 10, 1), "float32")
    drawn = np.asarray(made(name, seed=1, **options).get_random_transformation(images)[entry])
    drawn = drawn.reshape(1000, -1).astype("float32")
    low, high = ends
    assert drawn.min() >= low
    assert drawn.max() <= high
    if ends != (0, 1):
        assert len(np.unique(drawn[:, 0])) > 950
    np.testing.assert_allclose(np.quantile(drawn, (0, 1)), ends, atol=0.02 * (high - low))
    assert abs(drawn.mean() - (low + high) / 2) < 0.1 * (high - low)


def test_corners_of_a_perspective():
    drawn = made("RandomPerspective", scale=0.5).get_random_transformation(np.zeros((500, 9, 5, 1)))
    shift = np.asarray(drawn["end_points"] - drawn["start_points"]) / (4, 8)
    assert np.abs(shift[:, 0]).max() == 0  # the upper left corner stays, as in Keras
    np.testing.assert_allclose([shift.min(), shift.max()], [-0.25, 0.25], atol=0.01)


def test_a_crop_is_anywhere_and_the_same_for_a_batch():
    layer = layers.RandomCrop(2, 3)
    images = np.arange(20, dtype="float32").reshape(1, 4, 5, 1).repeat(2, axis=0)
    crops = np.stack([layer(images) for _ in range(60)])
    assert (crops[:, 0] == crops[:, 1]).all()
    assert set(crops[:, 0, 0, 0, 0].astype(int)) == {r * 5 + c for r in range(3) for c in range(3)}


@pytest.mark.parametrize("name", RANDOM)
def test_seeds(name):
    images = np.random.default_rng(0).uniform(0, 255, (4, 8, 8, 1)).astype("float32")
    one, two, other = (made(name, seed=seed) for seed in (3, 3, 4))
    first = one(images)
    np.testing.assert_array_equal(first, two(images))
    later = [one(images) for _ in range(4)]
    assert any(np.abs(first - x).max() > 0 for x in later)
    assert any(np.abs(one(images) - other(images)).max() > 0 for _ in range(4))
    for _ in range(2):
        keraunos.utils.set_random_seed(7)
        later.append(made(name)(images))
    np.testing.assert_array_equal(*later[-2:])


@pytest.mark.parametrize("name", RANDOM)
def test_masks_move_with_the_images(name):
    images = np.random.default_rng(1).integers(0, 5, (4, 12, 12, 1)).astype("float32")
    layer = made(
        name, **({"interpolation": "nearest"} if "Flip" not in name != "RandomCrop" else {})
    )
    found = layer({"images": images, "segmentation_masks": images})
    np.testing.assert_array_equal(found["images"], found["segmentation_masks"])


# -- boxes

EMPTY = {"fill_mode": "constant"}  # no reflection of the square
BOXED = [
    ("RandomFlip", {}, "xywh"),
    ("RandomFlip", {"mode": "horizontal"}, "center_xywh"),
    ("RandomRotation", {"factor": 0.1, **EMPTY}, "rel_xyxy"),
    ("RandomRotation", {"factor": (0.25, 0.25), **EMPTY}, "yxyx"),
    ("RandomZoom", {"height_factor": (-0.2, 0.5), "width_factor": 0.2, **EMPTY}, "rel_xywh"),
    ("RandomTranslation", {"height_factor": 0.1, "width_factor": 0.2, **EMPTY}, "center_yxhw"),
    ("RandomShear", {"x_factor": 0.2, "y_factor": 0.1, **EMPTY}, "xywh"),
    ("RandomPerspective", {"factor": (1.0, 1.0), "scale": 0.3}, "rel_center_xywh"),
    ("RandomCrop", {"height": 40, "width": 52}, "rel_yxyx"),
    ("RandomCrop", {"height": 96, "width": 60}, "xywh"),
    ("CenterCrop", {"height": 40, "width": 40}, "rel_xyxy"),
    ("CenterCrop", {"height": 90, "width": 90}, "yxyx"),
    ("Resizing", {"height": 37, "width": 90}, "rel_xywh"),
    ("Resizing", {"height": 50, "width": 31, "crop_to_aspect_ratio": True}, "xyxy"),
    ("Resizing", {"height": 70, "width": 90, "pad_to_aspect_ratio": True}, "xyxy"),
]


@pytest.mark.parametrize("row", range(len(BOXED)))
def test_objects_stay_in_their_boxes(row):
    """A bright square that a layer moves lies where its box says, within two pixels."""
    name, options, form = BOXED[row]
    height, width, batch = 48, 64, 4
    box = np.array([24.0, 18.0, 40.0, 32.0])  # left, top, right, bottom
    images = np.zeros((batch, height, width, 1), "float32")
    images[:, 18:32, 24:40] = 1
    convert = keraunos.utils.bounding_boxes.convert_format
    boxes = np.tile(convert(box, "xyxy", form, height, width), (batch, 1, 1))
    first = row % 2 == 1
    layout = "channels_first" if first else "channels_last"
    layer = made(name, **options, bounding_box_format=form, data_format=layout)
    found = layer(
        {
            "images": np.moveaxis(images, -1, 1) if first else images,
            "bounding_boxes": {"boxes": boxes, "labels": np.full((batch, 1), 7)},
        }
    )
    pixels = np.asarray(found["images"])
    pixels = (pixels[:, 0] if first else pixels[..., 0]) > 0.5
    ends = convert(found["bounding_boxes"]["boxes"][:, 0], form, "xyxy", *pixels.shape[1:])
    for image, end in zip(pixels, ends, strict=True):
        rows, columns = (np.flatnonzero(image.any(axis)) for axis in (1, 0))
        seen = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        np.testing.assert_allclose(seen, end, atol=2.0)
    assert (np.asarray(found["bounding_boxes"]["labels"]) == 7).all()


def test_what_leaves_the_image_loses_its_label():
    layer = layers.CenterCrop(4, 4, bounding_box_format="xyxy")
    boxes = {"boxes": np.array([[[0.0, 0, 2, 2], [2, 2, 6, 6]]]), "labels": np.array([[1, 2]])}
    found = layer({"images": np.zeros((1, 8, 8, 1)), "bounding_boxes": boxes})["bounding_boxes"]
    assert found["labels"].tolist() == [[-1, 2]]
    assert found["boxes"].tolist() == [[[0, 0, 0, 0], [0, 0, 4, 4]]]


def test_lists_of_boxes_are_filled_up():
    layer = layers.MaxNumBoundingBoxes(3, bounding_box_format="xyxy")
    boxes = {"boxes": [[[0, 0, 2, 2]], [[1, 1, 2, 2], [2, 2, 3, 3]]], "labels": [[1], [2, 3]]}
    found = layer({"images": np.zeros((2, 8, 8, 1)), "bounding_boxes": boxes})["bounding_boxes"]
    assert found["labels"].tolist() == [[1, -1, -1], [2, 3, -1]]


def test_one_image_with_all_that_belongs_to_it():
    layer = layers.RandomTranslation((0.5, 0.5), 0, fill_mode="nearest", bounding_box_format="xyxy")
    given = {
        "images": np.arange(4.0).reshape(4, 1, 1).astype("float32"),
        "labels": np.float32(3),
        "bounding_boxes": {"boxes": np.array([[0.0, 0, 1, 1]]), "labels": np.array([4])},
        "segmentation_masks": np.arange(4).reshape(4, 1, 1),
        "more": "stays",
    }
    found = layer(given)
    assert found["images"].ravel().tolist() == [0, 0, 0, 1]
    assert found["segmentation_masks"].ravel().tolist() == [0, 0, 0, 1]
    assert found["bounding_boxes"]["boxes"].tolist() == [[0, 2, 1, 3]]
    assert float(found["labels"]) == 3
    assert found["more"] == "stays"
    assert given["images"].ravel().tolist() == [0, 1, 2, 3]


# -- in a model


def test_inside_the_compiled_step():
    names = [name for name in RANDOM if name != "RandomCrop"]
    model = keraunos.Sequential(
        [
            keraunos.Input((9, 8, 1)),
            *(made(name) for name in names),
            made("RandomCrop"),
            layers.Resizing(4, 4),
            layers.CenterCrop(3, 3),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    model.compile("sgd", "mse")
    images = np.random.default_rng(0).uniform(size=(6, 9, 8, 1)).astype("float32")
    losses = [model.train_on_batch(images, np.ones((6, 1))) for _ in range(2)]
    assert np.isfinite(losses).all()
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), model.predict(images, verbose=0)
    )


def test_draws_differ_between_calls_of_one_compiled_function():
    layer = made("RandomTranslation")
    images = np.random.default_rng(0).uniform(size=(2, 6, 6, 1)).astype("float32")
    run = jax.jit(
        lambda key: layer.transform_images(
            images, layer.get_random_transformation(images, seed=key)
        )
    )
    one, again, other = (run(jax.random.key(i)) for i in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0.01


def test_inference_of_a_crop_takes_the_largest_part_of_that_shape():
    # Keras 3 says so, and leaves the images as they are.
    images = np.random.default_rng(0).uniform(size=(2, 8, 16, 3)).astype("float32")
    found = layers.RandomCrop(4, 4)(images, training=False)
    expected = layers.Resizing(4, 4)(images[:, :, 4:12])
    np.testing.assert_array_equal(found, expected)
    small = layers.RandomCrop(10, 8)(images, training=True)
    np.testing.assert_array_equal(small, layers.Resizing(10, 8)(images[:, :, 5:11]))


# -- bad input

BAD = [
    ("Resizing", {"height": 0, "width": 3}, "height integer least 1 0"),
    ("Resizing", {"height": 2, "width": -3}, "width integer least 1 -3"),
    ("Resizing", {"height": 2, "width": 2.5}, "width integer 2.5"),
    ("Resizing", {"height": 2, "width": 2, "interpolation": "cubic"}, "interpolation bicubic"),
    ("Resizing", {"height": 2, "width": 2, "fill_mode": "wrap"}, "fill_mode constant wrap"),
    (
        "Resizing",
        {"height": 2, "width": 2, "crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        "pad_to_aspect_ratio crop_to_aspect_ratio",
    ),
    ("CenterCrop", {"height": -1, "width": 3}, "height least 1 -1"),
    ("RandomCrop", {"height": 3, "width": "3"}, "width integer '3'"),
    ("RandomFlip", {"mode": "sideways"}, "mode horizontal vertical sideways"),
    ("RandomRotation", {"factor": 1.5}, "factor [-1, 1] 1.5"),
    ("RandomRotation", {"factor": (0.1, 0.2, 0.3)}, "factor one or two numbers"),
    ("RandomRotation", {"factor": "0.1"}, "factor '0.1'"),
    ("RandomRotation", {"factor": 0.1, "seed": "one"}, "seed integer 'one'"),
    ("RandomRotation", {"factor": 0.1, "fill_mode": "mirror"}, "fill_mode reflect mirror"),
    ("RandomRotation", {"factor": 0.1, "interpolation": "cubic"}, "interpolation bilinear cubic"),
    ("RandomRotation", {"factor": 0.1, "data_format": "last"}, "data_format channels_last last"),
    ("RandomRotation", {"factor": 0.1, "bounding_box_format": "xy"}, "bounding_box_format xyxy"),
    ("RandomZoom", {"height_factor": -1.0}, "height_factor (-1, 1] -1.0"),
    ("RandomZoom", {"height_factor": 0.1, "width_factor": (0, 2)}, "width_factor (-1, 1]"),
    ("RandomTranslation", {"height_factor": 0, "width_factor": 1.1}, "width_factor [-1, 1] 1.1"),
    ("RandomShear", {"x_factor": -0.5}, "x_factor [0, 1] -0.5"),
    ("RandomShear", {"y_factor": (0, 1.2)}, "y_factor [0, 1] 1.2"),
    ("RandomPerspective", {"factor": -0.1}, "factor [0, 1] -0.1"),
    ("RandomPerspective", {"scale": 2}, "scale from 0 to 1 2"),
    ("RandomElasticTransform", {"scale": 2}, "scale 2"),
    ("RandomElasticTransform", {"value_range": (1, 0)}, "value_range smaller (1, 0)"),
    ("MaxNumBoundingBoxes", {"max_number": 0}, "max_number least 1 0"),
]


@pytest.mark.parametrize("layer, options, words", BAD)
def test_bad_arguments_name_the_layer_and_the_range(layer, options, words):
    with pytest.raises(ValueError) as caught:
        getattr(layers, layer)(**options)
    text = str(caught.value)
    assert text.startswith(layer)
    assert all(word in text for word in words.split()), text
    assert text.count("\n") < 6


def test_bad_inputs():
    layer = layers.RandomFlip(name="flip")
    with pytest.raises(ValueError, match=r"RandomFlip 'flip'[\s\S]*3 axes[\s\S]*\(2, 3\)"):
        layer(np.zeros((2, 3)))
    data = {"images": np.zeros((2, 4, 4, 1))}
    with pytest.raises(ValueError, match="bounding_box_format"):
        layer(data | {"bounding_boxes": {"boxes": np.zeros((2, 1, 4)), "labels": np.zeros((2, 1))}})
    with pytest.raises(ValueError, match=r"'flip': segmentation_masks[\s\S]*\(2, 4, 4\)"):
        layer(data | {"segmentation_masks": np.zeros((2, 4, 4))})
    boxed = layers.RandomFlip(name="flip", bounding_box_format="xyxy")
    for wrong in ({"boxes": np.zeros((2, 1, 4))}, {"boxes": np.zeros(4), "labels": np.zeros(1)}):
        with pytest.raises(ValueError, match=r"'flip': bounding_boxes[\s\S]*boxes"):
            boxed(data | {"bounding_boxes": wrong})


def test_bad_boxes():
    tools = keraunos.utils.bounding_boxes
    boxes = jnp.zeros((2, 4))
    for call, words in [
        (lambda: tools.convert_format(boxes, "xyxx", "xyxy"), "xyxx"),
        (lambda: tools.convert_format(boxes, "xyxy", "rel_xyxy"), "height and width"),
        (lambda: tools.convert_format(boxes[:, :3], "xyxy", "xywh"), "(2, 3)"),
        (lambda: tools.clip_to_image_size({"boxes": boxes}), "height and width"),
        (lambda: tools.compute_iou(boxes[0], boxes, "xyxy"), "2 or 3 axes"),
        (lambda: tools.compute_iou(boxes, boxes, "rel_xyxy"), "image_shape"),
        (lambda: tools.encode_box_to_deltas(boxes, boxes, "xyxy", "xyxy", "xyxy"), "center_xywh"),
        (
            lambda: tools.decode_deltas_to_boxes(boxes, boxes, "xyxy", "xyxy", variance=[1, 2]),
            "4 numbers",
        ),
    ]:
        with pytest.raises(ValueError) as caught:
            call()
        assert words in str(caught.value)
    with pytest.raises(NotImplementedError, match="xyxy"):
        tools.crop(boxes, 0, 0, 1, 1, bounding_box_format="xywh")
