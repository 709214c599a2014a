"""Two sets of bounding boxes: how much they overlap, and their differences from anchors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp

from keraunos import config, errors
from keraunos._core.op import op
from keraunos.layers.augmentation.boxes import convert_format, described, pairs


def _size_of(where: str, formats: Sequence[str], image_shape: Any) -> tuple[Any, Any]:
    if image_shape is None and any(described(name)[2] for name in formats):
        expected = "image_shape=(height, width, channels) for a relative format"
        raise ValueError(errors.report(where, expected=expected))
    return (None, None) if image_shape is None else tuple(image_shape)[:2]


@op
def compute_iou(
    boxes1: Any,
    boxes2: Any,
    bounding_box_format: str,
    use_masking: bool = False,
    mask_val: float = -1,
    image_shape: Any = None,
) -> Any:
    """Intersection over union of each box of one set with each of another.

    Args:
        boxes1: (m, 4) or (batch, m, 4).
        boxes2: (n, 4) or (batch, n, 4).
        bounding_box_format: see `convert_format`.
        use_masking: whether pairs with a box of negative numbers alone get `mask_val`.
        mask_val: see above.
        image_shape: (height, width, channels), for relative formats.

    Returns:
        (m, n) or (batch, m, n).

    Example:
        >>> a, b = jnp.array([[0.0, 0.0, 2.0, 2.0]]), jnp.array([[1.0, 0.0, 3.0, 2.0]])
        >>> compute_iou(a, b, "xyxy").round(2).tolist()
        [[0.33...]]
    """
    height, width = _size_of("compute_iou", [bounding_box_format], image_shape)
    one, two = (
        convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2)
    )
    if not {one.ndim, two.ndim} <= {2, 3}:
        expected = "boxes of 2 or 3 axes"
        raise ValueError(
            errors.report("compute_iou", expected=expected, got=(one.shape, two.shape))
        )
    one, two = one[..., :, None, :], two[..., None, :, :]
    (low1, high1), (low2, high2) = pairs(one), pairs(two)
    common = jnp.minimum(high1, high2) - jnp.maximum(low1, low2)
    inside = jnp.prod(jnp.maximum(common, 0), axis=-1)
    areas = jnp.prod(high1 - low1, axis=-1) + jnp.prod(high2 - low2, axis=-1)
    found = inside / (areas - inside + config.epsilon())
    if not use_masking:
        return found
    masked = (jnp.max(one, axis=-1) < 0) | (jnp.max(two, axis=-1) < 0)
    return jnp.where(masked, jnp.asarray(mask_val, found.dtype), found)


@op
def compute_ciou(
    boxes1: Any, boxes2: Any, bounding_box_format: str, image_shape: Any = None
) -> Any:
    """Complete intersection over union of pairs of boxes: (..., 4), (..., 4) -> (...).

    It also falls with the distance of the centers and with the difference of the aspect ratios.

    Reference: Zheng et al., Distance-IoU loss, 2020.

    Example:
        >>> box = jnp.array([[0.0, 0.0, 2.0, 2.0]])
        >>> compute_ciou(box, box, "xyxy").tolist()
        [1.0]
    """
    height, width = _size_of("compute_ciou", [bounding_box_format], image_shape)
    one, two = (
        convert_format(b, bounding_box_format, "xyxy", height, width) for b in (boxes1, boxes2)
    )
    tiny = config.epsilon()
    (low1, high1), (low2, high2) = pairs(one), pairs(two)
    size1, size2 = (
        high - low + jnp.array([0, tiny]) for low, high in ((low1, high1), (low2, high2))
    )
    common = jnp.minimum(high1, high2) - jnp.maximum(low1, low2)
    inside = jnp.prod(jnp.maximum(common, 0), axis=-1)
    union = jnp.prod(size1, axis=-1) + jnp.prod(size2, axis=-1) - inside + 2 * tiny
    iou = inside / union
    hull = jnp.maximum(high1, high2) - jnp.minimum(low1, low2)
    diagonal = jnp.sum(hull**2, axis=-1) + tiny
    distance = jnp.sum(((low1 + high1) / 2 - (low2 + high2) / 2) ** 2, axis=-1)
    slope1, slope2 = (jnp.arctan(size[..., 0] / size[..., 1]) for size in (size1, size2))
    shape = 4 / math.pi**2 * (slope2 - slope1) ** 2
    weight = shape / (shape - iou + (1 + tiny))
    return iou - (distance / diagonal + shape * weight)


def _delta_arguments(where: str, encoding: str, variance: Any) -> Any:
    if encoding not in ("center_xywh", "center_yxhw"):
        expected = "'center_xywh' or 'center_yxhw'"
        raise ValueError(errors.report(f"{where}: encoding", expected=expected, got=repr(encoding)))
    if variance is None:
        return jnp.ones(4)
    variance = jnp.asarray(variance, "float32")
    if variance.shape[-1:] != (4,):
        raise ValueError(
            errors.report(f"{where}: variance", expected="4 numbers", got=str(variance))
        )
    return variance


@op
def encode_box_to_deltas(
    anchors: Any,
    boxes: Any,
    anchor_format: str,
    box_format: str,
    encoding_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes as differences from anchors: of the centers in sizes, and logarithms of the sizes.

    Args:
        anchors: (n, 4).
        boxes: (n, 4) or (batch, n, 4).
        anchor_format, box_format: see `convert_format`.
        encoding_format: `"center_yxhw"` or `"center_xywh"`.
        variance: 4 numbers by which the differences are divided.
        image_shape: (height, width, channels), for relative formats.

    Example:
        >>> encode_box_to_deltas([[0, 0, 2, 2]], [[1, 0, 3, 2]], "xyxy", "xyxy").tolist()
        [[0.0, 0.5, 0.0, 0.0]]
    """
    variance = _delta_arguments("encode_box_to_deltas", encoding_format, variance)
    height, width = _size_of("encode_box_to_deltas", [anchor_format, box_format], image_shape)
    anchor = convert_format(anchors, anchor_format, encoding_format, height, width)
    box = convert_format(boxes, box_format, encoding_format, height, width)
    least = config.epsilon()
    scale, size = (jnp.maximum(b[..., 2:], least) for b in (anchor, box))
    moved = (box[..., :2] - anchor[..., :2]) / scale
    return jnp.concatenate([moved, jnp.log(size / scale)], axis=-1) / variance


@op
def decode_deltas_to_boxes(
    anchors: Any,
    boxes_delta: Any,
    anchor_format: str,
    box_format: str,
    encoded_format: str = "center_yxhw",
    variance: Any = None,
    image_shape: Any = None,
) -> Any:
    """Boxes from differences from anchors: the inverse of `encode_box_to_deltas`.

    Both may be dictionaries, level -> array.

    Example:
        >>> decode_deltas_to_boxes([[0, 0, 2, 2]], [[0, 0.5, 0, 0]], "xyxy", "xyxy").tolist()
        [[1.0, 0.0, 3.0, 2.0]]
    """
    variance = _delta_arguments("decode_deltas_to_boxes", encoded_format, variance)
    height, width = _size_of("decode_deltas_to_boxes", [anchor_format, box_format], image_shape)

    def decoded(anchors: Any, deltas: Any) -> Any:
        anchor = convert_format(anchors, anchor_format, encoded_format, height, width)
        deltas = jnp.asarray(deltas) * variance
        center = deltas[..., :2] * anchor[..., 2:] + anchor[..., :2]
        size = jnp.exp(deltas[..., 2:]) * anchor[..., 2:]
        box = jnp.concatenate([center, size], axis=-1)
        return convert_format(box, encoded_format, box_format, height, width)

    if isinstance(anchors, dict) and isinstance(boxes_delta, dict):
        return {level: decoded(anchor, boxes_delta[level]) for level, anchor in anchors.items()}
    return decoded(anchors, boxes_delta)
