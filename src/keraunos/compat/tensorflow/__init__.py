"""A `tensorflow` for old programs: names over keraunos's functions, and no TensorFlow.

`module("tensorflow")` and its submodules are made from tables, one file a family: `_math`, `_nn`,
`_image` and so on, each with `TABLES = {module: {name: thing}}`. Tensors are JAX's own arrays, to
which `_tensor.attach` gives TensorFlow's few methods while the facade is in use. `tensorflow.keras`
is not here: that is keraunos itself. Nothing of this is loaded before a program asks for it.
"""

from __future__ import annotations

import sys
from types import ModuleType


def module(name: str) -> ModuleType:
    """Return the facade's module of a name, `tensorflow` or below it; its tensors get to work.

    Raises:
        ModuleNotFoundError: there is no such module here.

    Example:
        >>> float(module("tensorflow.math").reduce_sum([1.0, 2.0]))
        3.0
        >>> leave()
    """
    from keraunos.compat.tensorflow import _modules

    return _modules.module(name)


def offers(name: str) -> bool:
    """Return whether there is a module of this name.

    Example:
        >>> offers("tensorflow.nn"), offers("tensorflow.tpu")
        (True, False)
    """
    from keraunos.compat.tensorflow import _modules

    return _modules.offers(name)


def leave() -> None:
    """Undo what `module` did to JAX's classes of arrays, if it was used."""
    tensors = sys.modules.get("keraunos.compat.tensorflow._tensor")
    if tensors is not None:
        tensors.detach()
