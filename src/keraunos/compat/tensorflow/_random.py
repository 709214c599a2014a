"""`tf.random`: numbers that follow from `tf.random.set_seed`, new ones at each call."""

from __future__ import annotations

import random as python_random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core import random
from keraunos.compat.tensorflow import _function
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._sizes import sized, sizes
from keraunos.compat.tensorflow._tensor import HostTensor, host, tensor

_local = threading.local()
_seeded = 0


@contextmanager
def for_elements() -> Iterator[None]:
    """Draw from NumPy's generator inside the block: a Dataset's function, element by element."""
    before = getattr(_local, "inside", False)
    _local.inside = True
    try:
        yield
    finally:
        _local.inside = before


def host_generator() -> np.random.Generator | None:
    """Return this thread's generator while a Dataset's function runs, else None."""
    if not getattr(_local, "inside", False):
        return None
    if getattr(_local, "seeded", None) != _seeded:
        _local.seeded, _local.generator = _seeded, random.host_generator()
    return _local.generator


def set_seed(seed: int | None) -> None:
    """Seed everything random in keraunos; Python's and NumPy's own generators stay as they are.

    Args:
        seed: an integer from 0 to 2**32 - 1; None: one drawn from the operating system.
    """
    if seed is None:
        seed = int(np.random.SeedSequence().generate_state(1)[0])
    python, numpy = python_random.getstate(), np.random.get_state()
    global _seeded
    _seeded += 1
    random.set_random_seed(int(seed))
    python_random.setstate(python)
    np.random.set_state(numpy)


# Each distribution: drawn from a key by JAX; in a Dataset's function from a generator by NumPy.


def _normal(key: Any, shape: Any, mean: Any, stddev: Any, kind: str) -> Any:
    return jax.random.normal(key, shape, kind) * stddev + mean


def _truncated(key: Any, shape: Any, mean: Any, stddev: Any, kind: str) -> Any:
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, kind) * stddev + mean


def _uniform(key: Any, shape: Any, minval: Any, maxval: Any, kind: str) -> Any:
    if as_dtype(kind).is_integer:
        if maxval is None:
            raise ValueError(errors.report("random.uniform of integers", expected="maxval"))
        return jax.random.randint(key, shape, minval, maxval, kind)
    return jax.random.uniform(key, shape, kind, minval, 1 if maxval is None else maxval)


def _host_normal(g: np.random.Generator, shape: Any, mean: Any, stddev: Any, kind: str) -> Any:
    return g.normal(mean, stddev, shape).astype(kind)


def _host_truncated(g: np.random.Generator, shape: Any, mean: Any, stddev: Any, kind: str) -> Any:
    values = g.normal(size=shape)
    while (far := np.abs(values) > 2).any():
        values = np.where(far, g.normal(size=shape), values)
    return (values * stddev + mean).astype(kind)


def _host_uniform(g: np.random.Generator, shape: Any, minval: Any, maxval: Any, kind: str) -> Any:
    if as_dtype(kind).is_integer:
        return g.integers(minval, maxval, shape).astype(kind)
    return g.uniform(minval, 1 if maxval is None else maxval, shape).astype(kind)


_DRAWS = {
    "normal": (_normal, _host_normal, "mean=0.0, stddev=1.0"),
    "truncated_normal": (_truncated, _host_truncated, "mean=0.0, stddev=1.0"),
    "uniform": (_uniform, _host_uniform, "minval=0, maxval=None"),
}


def _draw(name: str) -> Callable[..., Any]:
    on_device, on_host, parameters = _DRAWS[name]

    def call(shape: Any, first: Any, second: Any, dtype: Any, seed: Any) -> Any:
        kind, generator = as_dtype(dtype).name, host_generator()
        if generator is not None:
            return host(on_host(generator, shape, _number(first), _number(second), kind))
        return on_device(random.next_key(seed), tuple(shape), _plain(first), _plain(second), kind)

    call.__name__ = name
    return row(sized(call, 0), f"shape, {parameters}, dtype='float32', seed=None")


def _stateless(name: str) -> Callable[..., Any]:
    on_device, _, parameters = _DRAWS[name]

    def call(shape: Any, seed: Any, first: Any, second: Any, dtype: Any) -> Any:
        first, second = _plain(first), _plain(second)
        return on_device(_key_of(seed), tuple(sizes(shape)), first, second, as_dtype(dtype).name)

    return row(call, f"shape, seed, {parameters}, dtype='float32'")


def _key_of(seed: Any) -> Any:
    """Return the key of a seed of two integers."""
    words = jnp.asarray(tensor(seed)).astype("uint32")
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else tensor(value)


def _number(value: Any) -> Any:
    return value if value is None or isinstance(value, (int, float)) else np.asarray(value)


def _shuffle(value: Any, seed: Any) -> Any:
    value, generator = tensor(value), host_generator()
    if isinstance(value, HostTensor):
        generator = generator or random.host_generator(seed)
        return host(generator.permutation(value.view(np.ndarray)))
    return jax.random.permutation(random.next_key(seed), value)


def _categorical(logits: Any, num_samples: Any, dtype: Any, seed: Any) -> Any:
    from keraunos.random import categorical

    kind = as_dtype(dtype or "int32").name
    return categorical(tensor(logits), int(num_samples), kind, random.next_key(seed))


def _stateless_categorical(logits: Any, num_samples: Any, seed: Any, dtype: Any) -> Any:
    from keraunos.random import categorical

    return categorical(tensor(logits), int(num_samples), as_dtype(dtype).name, _key_of(seed))


def _gamma(shape: Any, alpha: Any, beta: Any, dtype: Any, seed: Any) -> Any:
    alpha = jnp.asarray(tensor(alpha), as_dtype(dtype).name)
    full = (*sizes(shape), *alpha.shape)
    found = jax.random.gamma(random.next_key(seed), alpha, full, as_dtype(dtype).name)
    return found if beta is None else found / tensor(beta)


def _poisson(shape: Any, lam: Any, dtype: Any, seed: Any) -> Any:
    lam = jnp.asarray(tensor(lam))
    found = jax.random.poisson(random.next_key(seed), lam, (*sizes(shape), *lam.shape))
    return found.astype(as_dtype(dtype).name)


def _crop(value: Any, size: Any, seed: Any) -> Any:
    """Return a block of the given size, somewhere in the value."""
    value, size, generator = tensor(value), sizes(size), host_generator()
    room = [n - m for n, m in zip(value.shape, size)]
    if min(room) < 0:
        raise ValueError(errors.report("random_crop", expected=f"at least {size}", got=value.shape))
    if generator is not None or isinstance(value, HostTensor):
        generator = generator or random.host_generator(seed)
        start = [int(generator.integers(0, n + 1)) for n in room]
        return host(np.asarray(value)[tuple(slice(s, s + m) for s, m in zip(start, size))])
    start = jax.random.randint(random.next_key(seed), (len(room),), 0, np.asarray(room) + 1)
    return jax.lax.dynamic_slice(value, list(start), size)


class Generator:
    """`tf.random.Generator`: a stream of numbers of its own.

    Example:
        >>> generator = Generator.from_seed(1)
        >>> generator.normal([2]).shape
        (2,)
    """

    def __init__(self, seed: int | None = None) -> None:
        from keraunos.random import SeedGenerator

        self._seeds = SeedGenerator(seed)

    @classmethod
    def from_seed(cls, seed: Any, alg: Any = None) -> Generator:
        return cls(int(np.asarray(seed).ravel()[0]))

    @classmethod
    def from_non_deterministic_state(cls, alg: Any = None) -> Generator:
        return cls(int(np.random.SeedSequence().generate_state(1)[0]))

    def _draw(self, name: str, shape: Any, first: Any, second: Any, dtype: Any) -> Any:
        kind, function = as_dtype(dtype).name, _DRAWS[name][0]
        return function(self._seeds.next_key(), tuple(sizes(shape)), first, second, kind)

    def normal(self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32") -> Any:
        return self._draw("normal", shape, mean, stddev, dtype)

    def truncated_normal(
        self, shape: Any, mean: Any = 0.0, stddev: Any = 1.0, dtype: Any = "float32"
    ) -> Any:
        return self._draw("truncated_normal", shape, mean, stddev, dtype)

    def uniform(
        self, shape: Any, minval: Any = 0, maxval: Any = None, dtype: Any = "float32"
    ) -> Any:
        return self._draw("uniform", shape, minval, maxval, dtype)

    def make_seeds(self, count: int = 1) -> Any:
        draws = jax.random.bits(self._seeds.next_key(), (2, count), "uint32")
        return (draws >> 1).astype("int32")

    def split(self, count: int = 1) -> list[Generator]:
        return [Generator(int(n)) for n in self.make_seeds(count)[0]]


_global: list[Generator] = []


def get_global_generator() -> Generator:
    """Return the one generator of the program; it follows from `set_seed`."""
    if not _global:
        _global.append(Generator())
    return _global[0]


def set_global_generator(generator: Generator) -> None:
    """Put another generator in the global one's place."""
    _global[:] = [generator]


RANDOM: dict[str, Any] = {
    **{name: _draw(name) for name in _DRAWS},
    **{f"stateless_{name}": _stateless(name) for name in _DRAWS},
    "stateless_categorical": row(
        _stateless_categorical, "logits, num_samples, seed, dtype='int32'"
    ),
    "set_seed": set_seed,
    "shuffle": row(_shuffle, "value, seed=None"),
    "categorical": row(_categorical, "logits, num_samples, dtype=None, seed=None"),
    "gamma": row(_gamma, "shape, alpha, beta=None, dtype='float32', seed=None"),
    "poisson": row(_poisson, "shape, lam, dtype='float32', seed=None"),
    "Generator": Generator,
    "get_global_generator": get_global_generator,
    "set_global_generator": set_global_generator,
}
_EXPERIMENTAL = ("Generator", "get_global_generator", "set_global_generator")
TABLES = {
    "tensorflow.random": RANDOM,
    "tensorflow.random.experimental": {n: RANDOM[n] for n in _EXPERIMENTAL},
    "tensorflow.image": {"random_crop": row(_crop, "value, size, seed=None")},
    # Where packages look the seed up, to put it back.
    "tensorflow.python.eager.context": {
        "executing_eagerly": _function.executing_eagerly,
        "global_seed": random.global_seed,
    },
}
