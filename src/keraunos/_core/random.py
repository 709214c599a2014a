"""From (seed, step, call) to a random key; host-drawn numbers for initial values."""

from __future__ import annotations

import itertools
import math
import random as python_random
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos._core import state

_lock = threading.Lock()
_seed: int | None = None
_variables = itertools.count()
_eager_calls = itertools.count()


def set_random_seed(seed: int) -> None:
    """Seed Python, NumPy and everything random in keraunos: runs repeat to the same bits.

    Args:
        seed: an integer from 0 to 2**32 - 1.

    Example:
        >>> set_random_seed(1)
    """
    global _seed, _variables, _eager_calls
    if not isinstance(seed, (int, np.integer)):
        raise ValueError(f"set_random_seed: expected an integer, got {seed!r}")
    python_random.seed(int(seed))
    np.random.seed(int(seed))
    with _lock:
        _seed = int(seed)
        _variables, _eager_calls = itertools.count(), itertools.count()


def global_seed() -> int:
    """Return the seed that was set, or one drawn from the operating system, once a process."""
    global _seed
    with _lock:
        if _seed is None:
            _seed = int(np.random.SeedSequence().generate_state(1)[0])
        return _seed


def position() -> list[int]:
    """Return the seed, and how many variables and random calls there were: what a backup keeps."""
    global _variables, _eager_calls
    with _lock:
        counted = [next(_variables), next(_eager_calls)]
        _variables, _eager_calls = map(itertools.count, counted)
    return [global_seed(), *counted]


def go_to(position: list[int]) -> None:
    """Go on from what `position` has returned."""
    global _seed, _variables, _eager_calls
    with _lock:
        _seed, _variables, _eager_calls = position[0], *map(itertools.count, position[1:])


def is_seeded() -> bool:
    """Return whether the seed is fixed already."""
    return _seed is not None


def host_generator(seed: int | None = None) -> np.random.Generator:
    """Return NumPy's generator for the next variable, or for an explicit seed.

    Initial values are drawn on the host, so that building a model compiles nothing.
    """
    if seed is not None:
        return np.random.default_rng(seed)
    index = next(_variables)
    return np.random.default_rng([global_seed(), index])


def next_seed() -> int:
    """Return a new 32-bit seed that follows from the global one."""
    return int(host_generator().integers(2**31 - 1))


def next_key(seed: int | None = None) -> jax.Array:
    """Return the key of this random call.

    Inside a traced step it is the step's key, folded with the number of the call, so it depends
    on (seed, step, call) alone. Outside it follows the global seed and counts calls.

    Args:
        seed: an explicit seed of the caller, mixed in; None for none.
    """
    scope = state.current()
    key = None if scope is None else scope.next_key()
    if key is None:
        key = jax.random.fold_in(_base_key(global_seed()), next(_eager_calls))
    return key if seed is None else jax.random.fold_in(key, seed % 2**31)


def kept(key: jax.Array, rate: float, shape: tuple[int, ...]) -> jax.Array:
    """Return random booleans that are False with probability `rate`: what a dropout keeps.

    Example:
        >>> kept(jax.random.key(0), 0.0, (2, 2)).all().item()
        True
    """
    # 16 bits are fine enough for a rate. JAX draws 32 for them all the same: each word serves
    # two elements here, in half the time.
    count = math.prod(shape)
    words = jax.random.bits(key, (-(-count // 2),), "uint32")
    bits = jax.lax.bitcast_convert_type(words, "uint16").reshape(-1)[:count].reshape(shape)
    least = round(rate * 2**16)
    return bits >= np.uint16(least) if least < 2**16 else jnp.zeros(shape, bool)


def _base_key(seed: int) -> Any:
    data: Any = _key_data(seed)
    return jax.random.wrap_key_data(data, impl="threefry2x32")


def step_seed() -> np.ndarray:
    """Return the key data from which the key of each training step is derived."""
    return _key_data(global_seed())


def call_seed(number: int) -> np.ndarray:
    """Return the key data of a call that is no training step, by its number."""
    return np.array([number % 2**32, global_seed() % 2**32], np.uint32)


def _key_data(seed: int) -> np.ndarray:
    """Return what `jax.random.key(seed)` holds, without a compilation."""
    return np.array([0, seed % 2**32], np.uint32)
