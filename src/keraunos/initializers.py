"""Initial values of variables, drawn on the host: building a model compiles nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np

from keraunos import errors
from keraunos._core import dtypes, random, registry
from keraunos._core.naming import snake_case
from keraunos._core.signature import Configurable

Shape = Sequence[int]
# The standard deviation of a normal distribution cut off at two standard deviations.
_CUT_DEVIATION = 0.87962566103423978


class Initializer(Configurable):
    """Base class: an initializer is a function `(shape, dtype=None) -> array` with a config.

    Example:
        >>> class Sevens(Initializer):
        ...     def __call__(self, shape, dtype=None):
        ...         return np.full(shape, 7.0)
        >>> Sevens()((2,))
        array([7., 7.])
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__(shape, dtype=None)")

    def clone(self) -> Self:
        """Return a new initializer with the same config."""
        return type(self).from_config(self.get_config())


def _named(*aliases: str) -> Callable[[type], type]:
    """Register a class under its name, Keras's lower-case spelling, and these."""

    def enter(cls: type) -> type:
        return registry.register(snake_case(cls.__name__), *aliases)(cls)

    return enter


@_named("zero")
class Zeros(Initializer):
    """All zeros.

    Example:
        >>> Zeros()((2,))
        array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return np.zeros(tuple(shape), dtypes.numpy_dtype(dtype))


@_named("one")
class Ones(Initializer):
    """All ones.

    Example:
        >>> Ones()((2,))
        array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return np.ones(tuple(shape), dtypes.numpy_dtype(dtype))


@_named()
class Constant(Initializer):
    """One number everywhere, or an array that broadcasts to the shape.

    Example:
        >>> Constant(3.0)((2,))
        array([3., 3.], dtype=float32)
    """

    def __init__(self, value: Any = 0.0) -> None:
        self.value = value

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        dtypes.check_fits(self.value, dtypes.standardize_dtype(dtype))
        value = np.asarray(self.value).astype(dtypes.numpy_dtype(dtype))
        return np.broadcast_to(value, tuple(shape)).copy()


@_named("IdentityInitializer")
class Identity(Initializer):
    """The identity matrix times `gain`; for two axes only.

    Raises:
        ValueError: the shape has not two axes.

    Example:
        >>> Identity()((2, 2))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0) -> None:
        self.gain = gain

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        if len(shape) != 2:
            raise ValueError(
                errors.report("Identity", expected="two axes", got=f"shape {tuple(shape)}")
            )
        return np.asarray(self.gain * np.eye(shape[0], shape[1]), dtypes.numpy_dtype(dtype))


class _Random(Initializer):
    """What all random initializers share: a seed, an int for the same values at every call."""

    seed: Any

    def _generator(self) -> np.random.Generator:
        seed = self.seed
        return random.host_generator(
            seed.next_host_seed() if hasattr(seed, "next_host_seed") else seed
        )


@_named("normal")
class RandomNormal(_Random):
    """Normally distributed values.

    Args:
        mean, stddev: of the distribution.
        seed: an int gives the same values at every call; None follows `set_random_seed`.

    Example:
        >>> RandomNormal(seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return _cast(_normal(self._generator(), shape) * self.stddev + self.mean, dtype)


@_named()
class TruncatedNormal(_Random):
    """Normally distributed values; those beyond two standard deviations are drawn again.

    Args:
        mean, stddev: of the distribution before it is cut.
        seed: as in `RandomNormal`.

    Example:
        >>> bool(abs(TruncatedNormal(stddev=1.0)((100,))).max() <= 2)
        True
    """

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: Any = None) -> None:
        self.mean, self.stddev, self.seed = mean, stddev, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        return _cast(_cut_normal(self._generator(), shape) * self.stddev + self.mean, dtype)


@_named("uniform")
class RandomUniform(_Random):
    """Values equally likely between `minval` and `maxval`.

    Args:
        minval, maxval: ends of the range, the upper one excluded.
        seed: as in `RandomNormal`.

    Example:
        >>> RandomUniform(seed=1)((2, 3)).shape
        (2, 3)
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: Any = None) -> None:
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        drawn = _uniform(self._generator(), shape)
        return _cast(drawn * (self.maxval - self.minval) + self.minval, dtype)


@_named()
class VarianceScaling(_Random):
    """Values whose variance is `scale / n`, n being the number of inputs or outputs of a unit.

    Args:
        scale: a positive number.
        mode: `"fan_in"`, `"fan_out"`, or `"fan_avg"` for their mean.
        distribution: `"truncated_normal"`, `"untruncated_normal"` or `"uniform"`.
        seed: as in `RandomNormal`.
        input_axes, output_axes: the axes that count as inputs and outputs, where the shape is not
            (..., inputs, outputs).

    Raises:
        ValueError: a mode or distribution that is none of these, or a scale that is not positive.

    Example:
        >>> VarianceScaling(mode="fan_avg", distribution="uniform")((2, 3)).dtype
        dtype('float32')
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        mode, distribution = str(mode).lower(), str(distribution).lower()
        distribution = _DISTRIBUTIONS.get(distribution, distribution)
        for name, value, choices in (("mode", mode, _MODES), ("distribution", distribution, _DRAW)):
            if value not in choices:
                fix = errors.suggest(value, choices)
                raise ValueError(
                    errors.report(f"VarianceScaling, {name}", got=repr(value), fix=fix)
                )
        if scale <= 0:
            raise ValueError(
                errors.report("VarianceScaling", expected="scale > 0", got=f"scale={scale}")
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed
        self.input_axes, self.output_axes = input_axes, output_axes

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        n = _MODES[self.mode](*compute_fans(shape, self.input_axes, self.output_axes))
        deviation = math.sqrt(self.scale / max(1.0, n))
        return _cast(_DRAW[self.distribution](self._generator(), shape) * deviation, dtype)


def compute_fans(
    shape: Shape, input_axes: Sequence[int] | None = None, output_axes: Sequence[int] | None = None
) -> tuple[int, int]:
    """Return the number of inputs and outputs of a unit with a kernel of this shape.

    Example:
        >>> compute_fans((3, 3, 16, 32))
        (144, 288)
    """
    if input_axes is not None and output_axes is not None:
        return math.prod(shape[a] for a in input_axes), math.prod(shape[a] for a in output_axes)
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    *window, inputs, outputs = shape
    return math.prod(window) * inputs, math.prod(window) * outputs


_MODES: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}
_DISTRIBUTIONS = {"normal": "truncated_normal"}


def _normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return np.asarray(generator.standard_normal(tuple(shape), np.float32))


def _uniform(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    return np.asarray(generator.random(tuple(shape), np.float32))


def _cut_normal(generator: np.random.Generator, shape: Shape) -> np.ndarray:
    values = _normal(generator, shape).ravel()
    outside = np.flatnonzero(np.abs(values) > 2)
    while outside.size:
        values[outside] = generator.standard_normal(outside.size, np.float32)
        outside = outside[np.abs(values[outside]) > 2]
    return values.reshape(tuple(shape))


# Each draws values of standard deviation 1.
_DRAW: dict[str, Callable[[np.random.Generator, Shape], np.ndarray]] = {
    "truncated_normal": lambda g, shape: _cut_normal(g, shape) / _CUT_DEVIATION,
    "untruncated_normal": _normal,
    "uniform": lambda g, shape: math.sqrt(3) * (2 * _uniform(g, shape) - 1),
}


def _cast(values: np.ndarray, dtype: Any) -> np.ndarray:
    return np.asarray(values).astype(dtypes.numpy_dtype(dtype), copy=False)


class _Scaled(VarianceScaling):
    """A `VarianceScaling` with fixed scale, mode and distribution, as papers name them."""

    _row: tuple[float, str, str]

    def __init__(
        self,
        seed: Any = None,
        input_axes: Sequence[int] | None = None,
        output_axes: Sequence[int] | None = None,
    ) -> None:
        super().__init__(*self._row, seed=seed, input_axes=input_axes, output_axes=output_axes)


@_named()
class GlorotUniform(_Scaled):
    """Uniform with variance 2 / (inputs + outputs): the default of most layers.

    Reference: Glorot and Bengio, Understanding the difficulty of training deep networks, 2010.

    Example:
        >>> bool(abs(GlorotUniform()((3, 3))).max() <= 1)
        True
    """

    _row = (1.0, "fan_avg", "uniform")


@_named()
class GlorotNormal(_Scaled):
    """Truncated normal with variance 2 / (inputs + outputs); see `GlorotUniform`."""

    _row = (1.0, "fan_avg", "truncated_normal")


@_named()
class HeNormal(_Scaled):
    """Truncated normal with variance 2 / inputs, for networks of `relu`.

    Reference: He et al., Delving deep into rectifiers, 2015.
    """

    _row = (2.0, "fan_in", "truncated_normal")


@_named()
class HeUniform(_Scaled):
    """Uniform with variance 2 / inputs; see `HeNormal`."""

    _row = (2.0, "fan_in", "uniform")


@_named()
class LecunNormal(_Scaled):
    """Truncated normal with variance 1 / inputs, for networks of `selu`.

    Reference: Klambauer et al., Self-normalizing neural networks, 2017.
    """

    _row = (1.0, "fan_in", "truncated_normal")


@_named()
class LecunUniform(_Scaled):
    """Uniform with variance 1 / inputs; see `LecunNormal`."""

    _row = (1.0, "fan_in", "uniform")


@_named("OrthogonalInitializer")
class Orthogonal(_Random):
    """A matrix with orthonormal columns (or rows, if these are fewer), times `gain`.

    More than two axes are taken as (all but the last, last).

    Reference: Saxe et al., Exact solutions to the nonlinear dynamics of learning, 2013.

    Raises:
        ValueError: the shape has less than two axes.

    Example:
        >>> q = Orthogonal(seed=1)((3, 3))
        >>> bool(np.allclose(q @ q.T, np.eye(3), atol=1e-5))
        True
    """

    def __init__(self, gain: float = 1.0, seed: Any = None) -> None:
        self.gain, self.seed = gain, seed

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        if len(shape) < 2:
            raise ValueError(
                errors.report(
                    "Orthogonal", expected="two axes or more", got=f"shape {tuple(shape)}"
                )
            )
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(_normal(self._generator(), (max(rows, columns), min(rows, columns))))
        # Without the signs Q would not be uniform over all orthogonal matrices.
        q = q * np.sign(np.diag(r))
        return _cast(self.gain * (q.T if rows < columns else q).reshape(tuple(shape)), dtype)


@_named("STFTInitializer")
class STFT(Initializer):
    """The kernel of a short-time Fourier transform, real or imaginary part.

    Args:
        side: `"real"` or `"imag"`.
        window: name of a SciPy window, an array of the frame's length, or None.
        scaling: `"density"`, `"spectrum"` or None.
        periodic: whether the window is periodic.

    Example:
        >>> STFT("real")((4, 1, 3)).shape
        (4, 1, 3)
    """

    def __init__(
        self,
        side: str = "real",
        window: Any = "hann",
        scaling: str | None = "density",
        periodic: bool = False,
    ) -> None:
        if side not in ("real", "imag"):
            raise ValueError(
                errors.report("STFT", expected="side 'real' or 'imag'", got=repr(side))
            )
        if scaling not in ("density", "spectrum", None):
            raise ValueError(
                errors.report(
                    "STFT", expected="scaling 'density', 'spectrum' or None", got=repr(scaling)
                )
            )
        self.side, self.window, self.scaling, self.periodic = side, window, scaling, periodic

    def __call__(self, shape: Shape, dtype: Any = None) -> np.ndarray:
        frame, _, bands = shape
        time, band = np.arange(frame)[:, None, None], np.arange(bands)[None, None, :]
        angle = -2 * np.pi * time * band / (2 * (bands - 1))
        kernel = np.cos(angle) if self.side == "real" else np.sin(angle)
        if self.window is not None:
            window = self._window(frame).reshape(frame, 1, 1)
            scale = {
                "density": np.sqrt(np.sum(window**2)),
                "spectrum": np.abs(window).sum(),
                None: 1.0,
            }
            kernel = kernel * window / scale[self.scaling]
        return _cast(kernel, dtype)

    def _window(self, length: int) -> np.ndarray:
        if not isinstance(self.window, str):
            return np.asarray(self.window)
        # Imported here: SciPy's windows take longer to import than all of this package.
        from scipy.signal import get_window

        return np.asarray(get_window(self.window, length, self.periodic))


zeros, ones, constant, identity = Zeros, Ones, Constant, Identity
random_normal, truncated_normal, random_uniform = RandomNormal, TruncatedNormal, RandomUniform
variance_scaling, orthogonal, stft = VarianceScaling, Orthogonal, STFT
glorot_normal, glorot_uniform = GlorotNormal, GlorotUniform
he_normal, he_uniform, lecun_normal, lecun_uniform = HeNormal, HeUniform, LecunNormal, LecunUniform
IdentityInitializer, OrthogonalInitializer, STFTInitializer = Identity, Orthogonal, STFT


def get(identifier: Any) -> Any:
    """Return the initializer that a name, config, class, function or array means.

    An array becomes the initial value itself.

    Example:
        >>> get("he_normal")((2, 2)).shape
        (2, 2)
    """
    if isinstance(identifier, dict):
        identifier = registry.deserialize(identifier)
    if hasattr(identifier, "shape") and hasattr(identifier, "dtype"):
        return _given(identifier)
    return registry.get("initializers", identifier)


def _given(array: Any) -> Callable[..., np.ndarray]:
    def initialize(shape: Shape, dtype: Any = None) -> np.ndarray:
        if tuple(shape) != tuple(array.shape):
            where = "an array given as initializer"
            raise ValueError(
                errors.report(
                    where, expected=f"shape {tuple(shape)}", got=f"shape {tuple(array.shape)}"
                )
            )
        return _cast(np.array(array), dtype)

    return initialize


def serialize(initializer: Any) -> Any:
    """Return the initializer as JSON can hold it."""
    return registry.serialize(initializer)


def deserialize(config: Any, custom_objects: dict[str, Any] | None = None) -> Any:
    """Return the initializer of a saved config or name."""
    with registry.custom_object_scope(custom_objects):
        return get(config)


__getattr__ = errors.missing(__name__, globals())
