"""`keras.backend` as Keras 1 and 2 had it: `keraunos.backend` finds these names here."""

from __future__ import annotations

import builtins
from typing import Any

from keraunos import config
from keraunos._core.naming import name_scope
from keraunos._core.naming import reset as reset_uids
from keraunos._core.symbolic import SymbolicTensor
from keraunos.compat.keras_backend import arrays, graph, loops, networks

_PARTS = (arrays, networks, loops, graph)
_NOT_OURS = (
    "Any Callable Iterator annotations Graph Node Operation SymbolicTensor Variable tensors op jax"
    " jnp np config constraints context contextlib errors initializers make_op naming ops random"
    " state keras_random builtins inspect"
).split()
__all__ = sorted(
    {name for part in _PARTS for name in vars(part) if not name.startswith("_")} - set(_NOT_OURS)
    | {"experimental", "image_dim_ordering", "name_scope", "normalize_data_format", "reset_uids"}
    | {"set_image_dim_ordering", "has_arg", "legacy_weight_ordering", "set_legacy_weight_ordering"}
)

for _part in _PARTS:
    globals().update({name: value for name, value in vars(_part).items() if name in __all__})

_ORDERINGS = {"tf": "channels_last", "th": "channels_first"}


def image_dim_ordering() -> str:
    """Return Keras 1's name of the layout of images, `"tf"` or `"th"`."""
    return next(old for old, new in _ORDERINGS.items() if new == config.image_data_format())


def set_image_dim_ordering(dim_ordering: str) -> None:
    """Set the layout of images by Keras 1's name."""
    config.set_image_data_format(_ORDERINGS[dim_ordering])


def normalize_data_format(value: str | None) -> str:
    """Return a checked layout; None means the global one."""
    found = (value or config.image_data_format()).lower()
    if found not in _ORDERINGS.values():
        raise ValueError(f"data_format: channels_last or channels_first, not {value!r}")
    return found


def has_arg(fn: Any, name: str, accept_all: bool = False) -> bool:
    """Return whether a function has an argument of a name."""
    import inspect

    found = inspect.signature(fn).parameters
    return name in found or (
        accept_all and builtins.any(p.kind is p.VAR_KEYWORD for p in found.values())
    )


def _get_available_gpus() -> list[str]:
    """Return the names of GPUs, which programs asked for before they used several."""
    import jax

    return [f"/device:GPU:{d.id}" for d in jax.devices() if d.platform == "gpu"]


def legacy_weight_ordering() -> bool:
    """Return False: there is one order of weights."""
    return False


def set_legacy_weight_ordering(value: bool) -> None:
    """Do nothing: there is one order of weights."""


class experimental:
    """`keras.backend.experimental`."""

    @staticmethod
    def disable_tf_random_generator() -> None:
        """Do nothing: random numbers are JAX's."""

    @staticmethod
    def enable_tf_random_generator() -> None:
        """Do nothing: random numbers are JAX's."""

    @staticmethod
    def is_tf_random_generator_enabled() -> bool:
        """Return False: random numbers are JAX's."""
        return False
