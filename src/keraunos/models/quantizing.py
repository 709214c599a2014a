"""`model.quantize`: which layers of a model are quantized, and what is said of the others."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from keraunos import errors
from keraunos._core import state
from keraunos._core.layer import Layer
from keraunos.models import calibrating
from keraunos.quantizers import _classes as configs


def quantize(model: Layer, mode: Any, type_check: bool, config: Any, filters: Any) -> None:
    """Quantize the innermost layers of a model that can be, and warn of weights that stay."""
    where = f"quantize of model {model.name!r}"
    config = configs.settled(where, mode, config)
    chosen = _chooser(where, filters)
    if not model.built:
        fix = "call it on a batch, or put keras.Input first"
        raise ValueError(errors.report(where, expected="a model that is built", fix=fix))
    if config.mode in ("gptq", "awq"):
        calibrating.calibrate(model, config, chosen)
        return
    stayed = []
    for layer in model._flatten_layers():
        if layer._layers or not chosen(layer):
            continue
        try:
            layer.quantize(config.mode, type_check=type_check, config=config)
        except NotImplementedError:
            # What has no weights has nothing to quantize: no word is lost on it.
            stayed += [layer.name] if layer.weights else []
    if stayed:
        names = ", ".join(stayed)
        errors.warn(f"{where}: these layers keep their floats: {names}")
    state.new_version()


def _chooser(where: str, filters: Any) -> Callable[[Layer], object]:
    if filters is None:
        return lambda layer: True
    if callable(filters):
        return filters
    patterns = [filters] if isinstance(filters, str) else filters
    if not isinstance(patterns, (list, tuple)):
        expected = "a pattern, a list of patterns or a function as filters"
        raise ValueError(errors.report(where, expected=expected, got=repr(filters)))
    return lambda layer: any(re.search(pattern, layer.name) for pattern in patterns)
