"""Where arrays are made: `device("cpu:0")`."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax

from keraunos import errors


@contextlib.contextmanager
def device(device_name: str) -> Iterator[None]:
    """Make arrays and variables on the named device inside the `with` block.

    Args:
        device_name: `"cpu"`, `"gpu"` or `"tpu"`, with a number as in `"gpu:1"`, in any case.

    Raises:
        ValueError: there is no such device.

    Example:
        >>> import keraunos as keras
        >>> with keras.device("cpu:0"):
        ...     x = keras.ops.ones(3)
    """
    with jax.default_device(_find(device_name)):
        yield


def _find(name: str) -> Any:
    kind, _, number = name.lower().removeprefix("/").removeprefix("device:").partition(":")
    try:
        return jax.devices(kind)[int(number or 0)]
    except (RuntimeError, IndexError, ValueError) as error:
        there = ", ".join(f"{d.platform}:{d.id}" for d in jax.devices())
        raise ValueError(errors.report("device", expected=f"one of {there}", got=name)) from error
