"""The compiled CPU kernels: making them known to XLA, and calling them.

They are an acceleration and nothing else: where the package was installed without a compiler,
on another processor, on several devices or for another dtype, JAX's own operations do the
same work.
"""

from __future__ import annotations

import ctypes
import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors

from . import library
from ._geometry import runs_on_cpu

TARGETS = (
    "keraunos_recurrence",
    "keraunos_recurrence_gradient",
    *(f"keraunos_convolution{of}" for of in ("", "_input", "_kernel")),
    *(f"keraunos_depthwise{of}" for of in ("", "_input", "_kernel")),
    *("keraunos_largest", "keraunos_chosen", "keraunos_chosen_input", "keraunos_rows"),
)


@functools.cache
def instruction_set() -> str | None:
    """Makes the kernels known to XLA once: their instruction set, None where there are none."""
    found = library.found()
    if found is None:
        return None
    name, kernels = found
    return name if _register(kernels) else None


def _register(kernels: ctypes.CDLL) -> bool:
    try:
        for target in TARGETS:
            handler = jax.ffi.pycapsule(getattr(kernels, target))
            jax.ffi.register_ffi_target(target, handler, platform="cpu")
    except Exception as refusal:  # made against the headers of a newer jaxlib than this one
        reason = str(refusal).partition("\n")[0]
        fix = "install keraunos again in this environment, or set KERAUNOS_NATIVE=0"
        where = f"CPU kernels left out, training will be slower: jaxlib says {reason!r}"
        warnings.warn(errors.report(where, fix=fix), stacklevel=2)
        return False
    return True


def available() -> bool:
    """Whether the compiled kernels are there, and the only device is a CPU."""
    return runs_on_cpu() and jax.device_count() == 1 and instruction_set() is not None


def usable(*arrays: Any) -> bool:
    """Whether the compiled kernels can take `arrays`: float32, where they are available."""
    return all(array.dtype == jnp.float32 for array in arrays) and available()


def call(
    target: str,
    results: Any,
    *arguments: jax.Array,
    aliases: dict[int, int] | None = None,
    **attributes: Any,
) -> Any:
    """Calls the kernel `target`.

    Args:
        results: arrays or `ShapeDtypeStruct`s like what it gives.
        aliases: which argument's memory a result may take, argument -> result.
        attributes: numbers that are part of the program.
    """
    shapes = jax.tree.map(lambda r: jax.ShapeDtypeStruct(r.shape, r.dtype), results)
    run = jax.ffi.ffi_call(
        target, shapes, vmap_method="sequential", input_output_aliases=aliases or {}
    )
    return run(*arguments, **attributes)
