"""Whether several training steps may be put into one `lax.scan` program on a platform."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend import core

# XLA's CPU backend runs a convolution in a loop's body on a naive path, 20 to 90 times slower.
SLOW_IN_LOOPS = {"cpu": {"conv_general_dilated"}}


def steps_may_loop(jaxpr: core.ClosedJaxpr | core.Jaxpr, platform: str | None = None) -> bool:
    """Tells whether the program of one step stays fast as the body of a `lax.scan`.

    Args:
        jaxpr: the step, as `jax.make_jaxpr(step)(...)` gives it.
        platform: "cpu", "gpu" or "tpu"; the default device's if None.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> steps_may_loop(jax.make_jaxpr(jnp.sin)(1.0))
        True
    """
    slow = SLOW_IN_LOOPS.get(platform or jax.default_backend(), set())
    return not slow or not any(name in slow for name in primitives(jaxpr))


def primitives(jaxpr: Any) -> Iterator[str]:
    """Names of all primitives in `jaxpr` and in the programs its equations carry."""
    jaxpr = getattr(jaxpr, "jaxpr", jaxpr)
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from primitives(inner)


def _is_jaxpr(value: Any) -> bool:
    return isinstance(value, (core.ClosedJaxpr, core.Jaxpr))
