"""Class weights for each output, as Keras 1 and 2 had them: today they are sample weights."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos._training.feed import class_weights


def per_output(original: Callable[..., Any]) -> Callable[..., Any]:
    """Return `fit` or `train_on_batch` that takes class weights as a list, or by output."""
    place = inspect.signature(original)

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        weights = kwargs.get("class_weight")
        names: list[str] = list(getattr(self, "output_names", None) or [])
        named = isinstance(weights, dict) and any(isinstance(key, str) for key in weights)
        if len(names) > 1 and (named or isinstance(weights, (list, tuple))):
            given = place.bind(self, *args, **kwargs).arguments
            kwargs["sample_weight"] = _samples(names, given.get("y"), kwargs.pop("class_weight"))
        return original(self, *args, **kwargs)

    return call


def _samples(names: list[str], y: Any, weights: Any) -> list[Any]:
    """Return the weights of the samples of each output; ones where it has no class weights."""
    rows = weights if isinstance(weights, (list, tuple)) else [weights.get(n) for n in names]
    targets = [y[name] for name in names] if isinstance(y, dict) else list(y)
    return [
        np.ones(len(target), np.float32) if row is None else class_weights(target, row)
        for target, row in zip(targets, rows, strict=True)
    ]
