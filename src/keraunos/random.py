"""Random arrays: one key a call, from a seed, a generator or the step that runs."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import dtypes, naming, random, state
from keraunos._core.op import op
from keraunos._core.signature import Configurable

Shape = Sequence[int]


class SeedGenerator(Configurable):
    """A seed that gives another key at each call.

    Inside a training step the key also depends on the step, so that a resumed run repeats it.

    Args:
        seed: an integer; None draws one that follows from `set_random_seed`.
        name: for programs that pass it.

    Raises:
        ValueError: a seed that is not an integer.

    Example:
        >>> generator = SeedGenerator(1)
        >>> bool(jnp.all(uniform((2,), seed=generator) == uniform((2,), seed=generator)))
        False
    """

    def __init__(self, seed: int | None = None, name: str | None = None) -> None:
        if not isinstance(seed, (int, np.integer, type(None))):
            raise ValueError(
                errors.report("SeedGenerator", expected="an integer or None", got=f"seed={seed!r}")
            )
        self.name = name or naming.unique("seed_generator")
        self.seed = random.next_seed() if seed is None else int(seed)
        self._calls = itertools.count()

    def get_config(self) -> dict[str, Any]:
        """Return the seed as it was given, and the name."""
        return {"seed": self._arguments["seed"], "name": self.name}

    def next(self, ordered: bool = True) -> jax.Array:
        """Return the data of a new key, two unsigned integers."""
        return jax.random.key_data(self.next_key())

    def next_key(self) -> jax.Array:
        """Return a new key."""
        scope = state.current()
        key = None if scope is None else scope.next_key()
        if key is not None:
            return jax.random.fold_in(key, self.seed % 2**31)
        return _key_of(self.seed, next(self._calls))

    def next_host_seed(self) -> list[int]:
        """Return a new seed for numbers drawn on the host."""
        return [self.seed % 2**32, next(self._calls)]


def _key_of(seed: int, call: int = 0) -> jax.Array:
    data: Any = np.array([seed % 2**32, call], np.uint32)
    return jax.random.wrap_key_data(data, impl="threefry2x32")


def _key(seed: Any) -> jax.Array:
    """Return the key of a call: a new one, or for an integer always the same."""
    if seed is None:
        return random.next_key()
    if isinstance(seed, SeedGenerator):
        return seed.next_key()
    if isinstance(seed, jax.Array):
        typed = jnp.issubdtype(seed.dtype, jax.dtypes.prng_key)
        return seed if typed else jax.random.wrap_key_data(seed, impl="threefry2x32")
    if isinstance(seed, (int, np.integer)):
        return _key_of(int(seed))
    raise ValueError(
        errors.report("seed", expected="an integer, a SeedGenerator or None", got=repr(seed))
    )


def normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Return normally distributed numbers.

    Args:
        shape: of the result.
        mean, stddev: of the distribution.
        dtype: a float type; the default one if None.
        seed: an integer gives the same numbers at every call; a `SeedGenerator` or None new ones.

    Example:
        >>> normal((2, 3), seed=1).shape
        (2, 3)
    """
    return (
        jax.random.normal(_key(seed), tuple(shape), dtypes.standardize_dtype(dtype)) * stddev + mean
    )


def truncated_normal(
    shape: Shape, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Return normally distributed numbers, none beyond two standard deviations; see `normal`.

    Example:
        >>> bool(jnp.all(jnp.abs(truncated_normal((100,), seed=1)) <= 2))
        True
    """
    dtype = dtypes.standardize_dtype(dtype)
    return jax.random.truncated_normal(_key(seed), -2.0, 2.0, tuple(shape), dtype) * stddev + mean


def uniform(
    shape: Shape, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Return numbers equally likely from minval up to maxval; see `normal`.

    Example:
        >>> bool(uniform((), minval=2.0, maxval=3.0) >= 2)
        True
    """
    return jax.random.uniform(
        _key(seed), tuple(shape), dtypes.standardize_dtype(dtype), minval, maxval
    )


def randint(
    shape: Shape, minval: Any, maxval: Any, dtype: Any = "int32", seed: Any = None
) -> jax.Array:
    """Return integers equally likely from minval up to maxval, which is left out; see `normal`.

    Example:
        >>> int(randint((), 0, 1))
        0
    """
    return jax.random.randint(
        _key(seed), tuple(shape), minval, maxval, dtypes.standardize_dtype(dtype)
    )


def gamma(shape: Shape, alpha: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Return numbers of a gamma distribution with shape parameter alpha and scale 1; see `normal`.

    Example:
        >>> bool(gamma((), 2.0) > 0)
        True
    """
    return jax.random.gamma(
        _key(seed), jnp.asarray(alpha), tuple(shape), dtypes.standardize_dtype(dtype)
    )


def beta(shape: Shape, alpha: Any, beta: Any, dtype: Any = None, seed: Any = None) -> jax.Array:
    """Return numbers between 0 and 1 of a beta distribution; see `normal`.

    Example:
        >>> bool(beta((), 2.0, 3.0) < 1)
        True
    """
    first, second = jnp.asarray(alpha), jnp.asarray(beta)
    return jax.random.beta(_key(seed), first, second, tuple(shape), dtypes.standardize_dtype(dtype))


def binomial(
    shape: Shape, counts: Any, probabilities: Any, dtype: Any = None, seed: Any = None
) -> jax.Array:
    """Return numbers of successes in `counts` tries with these probabilities; see `normal`.

    Example:
        >>> float(binomial((), 3.0, 1.0))
        3.0
    """
    n, p = (jnp.asarray(v, config.floatx()) for v in (counts, probabilities))
    return jax.random.binomial(_key(seed), n, p, tuple(shape), dtypes.standardize_dtype(dtype))


def categorical(logits: Any, num_samples: int, dtype: Any = "int32", seed: Any = None) -> jax.Array:
    """Return indices of classes, drawn with the probabilities of the logits.

    Args:
        logits: (batch, classes).
        num_samples: how many to draw for each row.
        dtype: of the result, (batch, num_samples).
        seed: as in `normal`.

    Example:
        >>> categorical(jnp.zeros((2, 5)), 3).shape
        (2, 3)
    """
    logits = jnp.asarray(logits)
    shape = (logits.shape[0], num_samples)
    drawn = jax.random.categorical(_key(seed), logits[:, :, None], axis=1, shape=shape)
    return drawn.astype(dtypes.standardize_dtype(dtype))


@op
def shuffle(x: Any, axis: int = 0, seed: Any = None) -> jax.Array:
    """Return x with the elements along an axis in random order, each row by itself.

    Example:
        >>> sorted(shuffle(jnp.arange(3)).tolist())
        [0, 1, 2]
    """
    return jax.random.permutation(_key(seed), x, axis, independent=True)


@op
def dropout(inputs: Any, rate: float, noise_shape: Any = None, seed: Any = None) -> jax.Array:
    """Return the inputs with a part `rate` set to 0 and the rest scaled up by `1 / (1 - rate)`.

    Args:
        inputs: any shape.
        rate: from 0 to 1.
        noise_shape: broadcasts to the inputs' shape; axes of size 1 share one fate, None is the
            inputs' own size.
        seed: as in `normal`.

    Reference: Srivastava et al., Dropout, 2014.

    Example:
        >>> dropout(jnp.ones(2), 0.0).tolist()
        [1.0, 1.0]
    """
    if rate in (0, 1):
        return inputs if rate == 0 else jnp.zeros_like(inputs)
    sizes = (
        inputs.shape
        if noise_shape is None
        else [own if n is None else n for n, own in zip(noise_shape, inputs.shape)]
    )
    kept = jax.random.bernoulli(_key(seed), 1 - rate, tuple(sizes))
    return jnp.where(kept, inputs / (1 - rate), jnp.zeros((), inputs.dtype))


__getattr__ = errors.missing(__name__, globals())
