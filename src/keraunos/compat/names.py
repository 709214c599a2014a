"""Names that only older Keras had: which room shows them, and the module that defines them."""

from __future__ import annotations

import importlib
from typing import Any

_HOMES = {
    "keraunos.layers": {
        "keraunos.compat.locally_connected": ("LocallyConnected1D", "LocallyConnected2D"),
        "keraunos.compat.old_layers": (
            *("CuDNNGRU", "CuDNNLSTM", "Highway", "Maxout", "MaxoutDense", "ThresholdedReLU"),
        ),
    },
}


def find(module: str, name: str) -> Any:
    """Return what an older Keras had under this name in a module, or None.

    Example:
        >>> find("keraunos.layers", "Highway").__name__
        'Highway'
        >>> find("keraunos.layers", "Dense") is None
        True
    """
    for home, names in _HOMES.get(module, {}).items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    return None
