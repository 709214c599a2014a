"""Bounding boxes: formats, clipping, cropping, affine maps, and what a program may pass."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core.op import op

# Which two pairs of numbers a box is, and whether y comes before x in each.
_LAYOUTS = {
    "xyxy": ("corners", False),
    "yxyx": ("corners", True),
    "xywh": ("corner and size", False),
    "center_xywh": ("center and size", False),
    "center_yxhw": ("center and size", True),
}
_RELATIVE = {"rel_" + name: row for name, row in _LAYOUTS.items() if name != "center_yxhw"}
FORMATS = (*_LAYOUTS, *_RELATIVE)

_TO_CORNERS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "corners": lambda low, high: (low, high),
    "corner and size": lambda low, size: (low, low + size),
    "center and size": lambda center, size: (center - size / 2, center + size / 2),
}
_FROM_CORNERS: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {
    "corners": lambda low, high: (low, high),
    "corner and size": lambda low, high: (low, high - low),
    "center and size": lambda low, high: (low + (high - low) / 2, high - low),
}


@op
def convert_format(
    boxes: Any,
    source: str,
    target: str,
    height: Any = None,
    width: Any = None,
    dtype: str = "float32",
) -> Any:
    """Bounding boxes in another format.

    Args:
        boxes: (..., 4), or a dictionary that has them under `"boxes"`.
        source, target: `"xyxy"` (left, top, right, bottom), `"yxyx"`, `"xywh"`, `"center_xywh"`,
            `"center_yxhw"`; `"rel_xyxy"`, `"rel_yxyx"`, `"rel_xywh"`, `"rel_center_xywh"`, in parts
            of the image.
        height, width: of the image, needed between pixels and parts.
        dtype: of the result.

    Raises:
        ValueError: an unknown format, or a size that is missing.

    Example:
        >>> convert_format([[10.0, 20.0, 30.0, 60.0]], "xyxy", "xywh").tolist()
        [[10.0, 20.0, 20.0, 40.0]]
    """
    if isinstance(boxes, dict):
        found = convert_format(boxes["boxes"], source, target, height, width, dtype)
        return boxes | {"boxes": found}
    boxes = jnp.asarray(boxes, dtype)
    (layout, swapped, relative), (new, swap, becomes) = described(source), described(target)
    if boxes.shape[-1] != 4:
        got = f"shape {boxes.shape}"
        raise ValueError(errors.report("convert_format", expected="boxes (..., 4)", got=got))
    if relative != becomes and (height is None or width is None):
        where = f"convert_format from {source!r} to {target!r}"
        raise ValueError(errors.report(where, expected="height and width", got=(height, width)))
    if source.lower() == target.lower():
        return boxes
    corners = _TO_CORNERS[layout](*pairs(boxes, swapped))
    if relative != becomes:
        size = _joined(width, height).astype(boxes.dtype)
        corners = tuple(p * size if relative else p / size for p in corners)
    halves = _FROM_CORNERS[new](*corners)
    return jnp.concatenate([p[..., ::-1] if swap else p for p in halves], axis=-1)


def described(name: str) -> tuple[str, bool, bool]:
    """Return the layout of a format, whether y comes first, and whether it is relative."""
    lowered = str(name).lower()
    if lowered not in FORMATS:
        fix = errors.suggest(name, FORMATS)
        raise ValueError(errors.report(f"unknown format of boxes {name!r}", fix=fix))
    relative = lowered in _RELATIVE
    return (*(_RELATIVE if relative else _LAYOUTS)[lowered], relative)


def pairs(boxes: Any, swapped: bool = False) -> tuple[Any, Any]:
    """Return the two halves of boxes (..., 4); swapped: with x first in each."""
    first, second = boxes[..., :2], boxes[..., 2:]
    return (first[..., ::-1], second[..., ::-1]) if swapped else (first, second)


def _joined(width: Any, height: Any) -> Any:
    """Return (width, height) along the last axis; both may be one number or one an image."""
    return jnp.concatenate(jnp.broadcast_arrays(*map(jnp.atleast_1d, (width, height))), axis=-1)


def clip_to_image_size(
    bounding_boxes: dict[str, Any],
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> dict[str, Any]:
    """Boxes cut off at the edges of the image; a box of which nothing is left gets label -1.

    Args:
        bounding_boxes: `"boxes"`, (..., boxes, 4), and maybe `"labels"`, (..., boxes).
        height, width: of the image; not needed for a relative format.
        bounding_box_format: see `convert_format`.

    Example:
        >>> found = {"boxes": np.array([[-5, 0, 5, 8], [9, 9, 9, 9]]), "labels": np.array([1, 2])}
        >>> clipped = clip_to_image_size(found, height=6, width=8)
        >>> clipped["boxes"].tolist(), clipped["labels"].tolist()
        ([[0, 0, 5, 6], [8, 6, 8, 6]], [1, -1])
    """
    relative = described(bounding_box_format)[2]
    corners = "rel_xyxy" if relative else "xyxy"
    if not relative and (height is None or width is None):
        where = f"clip_to_image_size in format {bounding_box_format!r}"
        raise ValueError(errors.report(where, expected="height and width", got=(height, width)))
    boxes = jnp.asarray(bounding_boxes["boxes"])
    plain = bounding_box_format.lower() == corners
    boxes = boxes if plain else convert_format(boxes, bounding_box_format, corners)
    limit = 1 if relative else _joined(width, height).astype(boxes.dtype)
    low, high = (jnp.clip(p, 0, limit) for p in pairs(boxes))
    clipped = jnp.concatenate([low, high], axis=-1)
    back = clipped if plain else convert_format(clipped, corners, bounding_box_format)
    result = dict(bounding_boxes) | {"boxes": back}
    if result.get("labels") is not None:
        labels = jnp.asarray(result["labels"])
        some = jnp.prod(high - low, axis=-1) > 0
        some = some.reshape(some.shape + (1,) * (labels.ndim - some.ndim))
        result["labels"] = jnp.where(some, labels, -1)
    return result


def _only_xyxy(where: str, name: str) -> None:
    if name != "xyxy":
        fix = "convert_format first"
        raise NotImplementedError(errors.report(where, expected="format 'xyxy'", got=name, fix=fix))


def crop(
    boxes: Any, top: Any, left: Any, height: Any, width: Any, bounding_box_format: str = "xyxy"
) -> Any:
    """Boxes (..., 4) in the part of the image that begins at (top, left).

    Example:
        >>> crop(np.array([[10, 20, 50, 60]]), top=10, left=20, height=40, width=30).tolist()
        [[0, 10, 30, 40]]
    """
    _only_xyxy("crop", bounding_box_format)
    boxes = jnp.asarray(boxes)
    start, limit = _joined(left, top), _joined(width, height)
    return jnp.concatenate([jnp.clip(p - start, 0, limit) for p in pairs(boxes)], axis=-1)


def pad(
    boxes: Any,
    top: Any,
    left: Any,
    height: Any = None,
    width: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Boxes (..., 4) in an image with `top` rows more above it and `left` columns before it.

    Example:
        >>> pad(np.array([[1, 2, 3, 4]]), top=10, left=20).tolist()
        [[21, 12, 23, 14]]
    """
    _only_xyxy("pad", bounding_box_format)
    start = _joined(left, top)
    return jnp.concatenate([p + start for p in pairs(jnp.asarray(boxes))], axis=-1)


def mapped(boxes: Any, transform: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
    """Return the upright boxes around the images of the four corners of boxes (..., 4), xyxy."""
    left, top, right, bottom = (boxes[..., i] for i in range(4))
    x, y = transform(jnp.stack([left, right] * 2, -1), jnp.stack([top, top, bottom, bottom], -1))
    return jnp.stack([x.min(-1), y.min(-1), x.max(-1), y.max(-1)], axis=-1)


def affine_transform(
    boxes: Any,
    angle: Any,
    translate_x: Any,
    translate_y: Any,
    scale: Any,
    shear_x: Any,
    shear_y: Any,
    height: Any,
    width: Any,
    center_x: Any = None,
    center_y: Any = None,
    bounding_box_format: str = "xyxy",
) -> Any:
    """Upright boxes around boxes that are turned, sheared, scaled and moved.

    Args:
        boxes: (boxes, 4) or (batch, boxes, 4), xyxy.
        angle, shear_x, shear_y: degrees, numbers or (batch,).
        translate_x, translate_y: parts of the width and the height.
        scale: a factor.
        height, width: of the image.
        center_x, center_y: the fixed point, in parts of the image; its middle by default.

    Example:
        >>> turned = affine_transform(np.array([[0.0, 0.0, 2.0, 1.0]]), 90, 0, 0, 1, 0, 0, 5, 5)
        >>> np.abs(turned.round(3)).tolist()
        [[0.0, 2.0, 1.0, 4.0]]
    """
    _only_xyxy("affine_transform", bounding_box_format)
    boxes = jnp.asarray(boxes)
    boxes = boxes.astype(jnp.promote_types(boxes.dtype, jnp.float32))
    column = lambda v: jnp.reshape(jnp.asarray(v, boxes.dtype), (-1, 1, 1))  # noqa: E731
    turn, across, down = (-column(v) * math.pi / 180 for v in (angle, shear_x, shear_y))
    cx = (0.5 if center_x is None else center_x) * (width - 1)
    cy = (0.5 if center_y is None else center_y) * (height - 1)
    from_x, from_y = cx - column(translate_x) * (width - 1), cy - column(translate_y) * (height - 1)
    # The inverse of rotation and shears has determinant 1, so its entries are read off.
    a, c = (f(turn - down) / jnp.cos(down) for f in (jnp.cos, lambda v: -jnp.sin(v)))
    b, d = a * jnp.tan(across) + jnp.sin(turn), jnp.cos(turn) - c * jnp.tan(across)
    scale = column(scale)

    def move(x: Any, y: Any) -> tuple[Any, Any]:
        x, y = x - from_x, y - from_y
        return scale * (d * x - b * y) + cx, scale * (a * y - c * x) + cy

    found = mapped(boxes if boxes.ndim == 3 else boxes[None], move)
    return found if boxes.ndim == 3 else found[0]


# -- what a program passes


def dense(given: Any, where: str) -> dict[str, Any]:
    """Return boxes and labels as arrays; lists of different lengths are filled with 0 and -1."""
    if not isinstance(given, dict) or not {"boxes", "labels"} <= given.keys():
        got = sorted(given) if isinstance(given, dict) else type(given).__name__
        expected = "a dictionary with 'boxes' and 'labels'"
        raise ValueError(errors.report(where, expected=expected, got=got))
    boxes, labels = given["boxes"], given["labels"]
    if isinstance(boxes, (list, tuple)) and _depth(boxes) == 3:
        longest = max(map(len, boxes))
        boxes = [[*rows, *[[0, 0, 0, 0]] * (longest - len(rows))] for rows in boxes]
        labels = [[*rows, *[-1] * (longest - len(rows))] for rows in labels]
    boxes = jnp.asarray(np.asarray(boxes) if isinstance(boxes, list) else boxes, "float32")
    labels = jnp.asarray(np.asarray(labels) if isinstance(labels, list) else labels)
    if (
        boxes.ndim not in (2, 3)
        or boxes.shape[-1] != 4
        or labels.shape[: boxes.ndim - 1] != boxes.shape[:-1]
    ):
        expected = "boxes ([batch,] n, 4) and labels ([batch,] n)"
        raise ValueError(
            errors.report(where, expected=expected, got=f"{boxes.shape}, {labels.shape}")
        )
    return dict(given) | {"boxes": boxes, "labels": labels}


def _depth(value: Any) -> int:
    if isinstance(value, (list, tuple)):
        return 1 + max(map(_depth, value), default=0)
    return np.ndim(value)
