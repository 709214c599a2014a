"""GPTQ and AWQ: weights as small integers, rounded with a look at what is multiplied by them.

Pure functions on the host; a weight lies as (outputs, inputs) here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

_BLOCK = 128  # columns whose errors are gathered before they are handed on


class Grid(NamedTuple):
    """Scales and zero points, (outputs, groups), and the greatest integer."""

    scale: np.ndarray
    zero: np.ndarray
    most: int

    def integers(self, weights: Any) -> np.ndarray:
        """Return the nearest integers of 0 to `most`."""
        return np.clip(np.round(weights / self.scale + self.zero), 0, self.most)

    def floats(self, integers: Any) -> np.ndarray:
        return (integers - self.zero) * self.scale


class Calibrated(NamedTuple):
    """A weight as it is kept: integers, scales and zero points, the group of each input."""

    integers: np.ndarray
    scale: np.ndarray
    zero: np.ndarray
    groups: np.ndarray
    input_scales: np.ndarray | None = None


def grid(weights: np.ndarray, bits: int, symmetric: bool = False, per_channel: bool = True) -> Grid:
    """Return the steps between the least and the greatest weight of each output.

    Args:
        weights: (outputs, inputs) of one group.
        bits: there are 2 ** bits steps.
        symmetric: whether they lie about zero.
        per_channel: False: all outputs have the same.
    """
    rows = weights if per_channel else weights.reshape(1, -1)
    # A zero point below zero cannot be kept in a byte.
    least, most = np.minimum(rows.min(1), 0), rows.max(1)
    if symmetric:
        most = np.maximum(np.abs(least), most)
        least = np.where(least < 0, -most, least)
    flat = least == most
    least, most = np.where(flat, least - 1, least), np.where(flat, most + 1, most)
    last = 2**bits - 1
    scale = (most - least) / np.float32(last)
    zero = np.full_like(scale, (last + 1) / 2) if symmetric else np.round(-least / scale)
    shape = (len(weights), 1)
    scale, zero = (np.broadcast_to(part[:, None], shape) for part in (scale, zero))
    return Grid(scale, zero, last)


def gptq(weights: np.ndarray, hessian: np.ndarray, config: Any) -> Calibrated:
    """Round input by input; the error of each is made up for by the inputs that follow.

    Args:
        weights: (outputs, inputs).
        hessian: (inputs, inputs), the mean of the products of inputs, doubled.
        config: a `GPTQConfig`.
    """
    count = weights.shape[1]
    hessian = _damped(hessian, config.hessian_damping)
    inverse = np.linalg.inv(hessian).astype("float32")
    order = np.arange(count)
    if config.activation_order:
        order = np.argsort(-np.diagonal(hessian), kind="stable")
    weights, inverse = weights[:, order].copy(), inverse[np.ix_(order, order)]
    size = count if config.group_size == -1 else config.group_size
    integers, grids = np.zeros_like(weights), {}
    for start in range(0, count, _BLOCK):
        block = weights[:, start : start + _BLOCK].copy()
        end = start + block.shape[1]
        errors = np.zeros_like(block)
        for i in range(start, end):
            group = i // size
            if group not in grids:
                inside = weights[:, group * size : (group + 1) * size]
                options = (config.weight_bits, config.symmetric, config.per_channel)
                grids[group] = grid(inside, *options)
            column = block[:, i - start, None]
            rounded = grids[group].integers(column)
            integers[:, i] = rounded[:, 0]
            error = (column - grids[group].floats(rounded)) / inverse[i, i]
            errors[:, i - start] = error[:, 0]
            block[:, i - start + 1 :] -= error * inverse[i, i + 1 : end]
        weights[:, end:] -= errors @ inverse[start:end, end:]
    back = np.argsort(order)
    scale, zero = (np.concatenate([g[k] for g in grids.values()], axis=1) for k in (0, 1))
    # Keras keeps the quotient with its fraction; what is read is what stands before the point.
    return Calibrated(integers[:, back], scale, zero, (order.argsort() // size).astype("float32"))


def _damped(hessian: np.ndarray, damping: float) -> np.ndarray:
    """Return the matrix with a diagonal that can be inverted."""
    diagonal = np.where(np.diagonal(hessian) == 0, 1, np.diagonal(hessian)).astype("float32")
    found = hessian.astype("float32").copy()
    np.fill_diagonal(found, diagonal + np.float32(damping) * diagonal.mean())
    return found


def awq(weights: np.ndarray, magnitudes: np.ndarray, config: Any) -> Calibrated:
    """Round weights that were scaled up where the inputs are large; the best of some scales.

    Args:
        weights: (outputs, inputs).
        magnitudes: (inputs,) the largest magnitude of each input.
        config: an `AWQConfig`.
    """
    count = weights.shape[1]
    size = count if config.group_size == -1 else config.group_size
    groups = np.arange(count) // size
    magnitudes = np.where(magnitudes < 1e-8, 1, magnitudes).astype("float32")
    best, found = np.inf, None
    for i in range(config.num_grid_points + 1):
        scales = np.maximum(magnitudes ** np.float32(i / config.num_grid_points), 1e-4)
        scales = scales / np.maximum(np.sqrt(scales.max() * scales.min()), 1e-8)
        scaled = weights * scales
        grids = [grid(_filled(scaled, k, size), 4) for k in range(groups[-1] + 1)]
        scale, zero = (np.concatenate([g[k] for g in grids], axis=1) for k in (0, 1))
        whole = Grid(scale[:, groups], zero[:, groups], 15)
        integers = whole.integers(scaled)
        error = (weights - whole.floats(integers) / scales) ** 2 * magnitudes**2
        if error.mean() < best:
            best = error.mean()
            found = Calibrated(integers, scale, zero, groups.astype("float32"), scales)
    assert found is not None
    return found


def _filled(weights: np.ndarray, group: int, size: int) -> np.ndarray:
    """Return a group of inputs; the last one is filled up with zeros, as Keras has it."""
    inside = weights[:, group * size : (group + 1) * size]
    return np.pad(inside, ((0, 0), (0, size - inside.shape[1])))
