"""Mathematics beyond NumPy's: segments, nearest elements, Fourier transforms, special functions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from keraunos import errors
from keraunos._core.op import op, public_names

erf = op(lax.erf, "x", "Error function.")
erfc = op(jax.scipy.special.erfc, "x", "1 minus the error function, exact for large x.")
erfinv = op(jax.scipy.special.erfinv, "x", "Inverse of the error function.")
logsumexp = op(
    jax.scipy.special.logsumexp,
    "x, axis=None, keepdims=False",
    "`log(sum(exp(x)))`, without overflow.",
)
rsqrt = op(lambda x: lax.rsqrt(jnp.asarray(x)), "x", "`1 / sqrt(x)`.", name="rsqrt")


@op
def logdet(x: Any) -> Any:
    """Logarithm of the absolute value of the determinant, of each matrix."""
    return jnp.linalg.slogdet(x)[1]


@op
def cdist(x: Any, y: Any) -> Any:
    """Distances between each row of x (..., n, d) and each row of y (..., m, d): (..., n, m)."""
    if x.ndim < 2 or y.ndim < 2 or x.shape[-1] != y.shape[-1]:
        raise ValueError(
            errors.report(
                "cdist", expected="(..., n, d) and (..., m, d)", got=f"{x.shape} and {y.shape}"
            )
        )
    return jnp.sqrt(jnp.sum(jnp.square(x[..., :, None, :] - y[..., None, :, :]), axis=-1))


# -- segments and nearest elements


def _segments(reduce: Callable[..., Any], name: str, doc: str) -> Callable[..., Any]:
    def segment(
        data: Any, segment_ids: Any, num_segments: int | None = None, sorted: bool = False
    ) -> Any:
        if num_segments is None:
            raise ValueError(
                errors.report(
                    name, expected="num_segments, the number of rows of the result", got="None"
                )
            )
        return reduce(data, segment_ids, num_segments, indices_are_sorted=sorted)

    return op(segment, name=name, doc=doc)


segment_sum = _segments(
    jax.ops.segment_sum, "segment_sum", "Sum of the rows with the same segment id."
)
segment_max = _segments(
    jax.ops.segment_max, "segment_max", "Maximum of the rows with the same segment id."
)
segment_min = _segments(
    jax.ops.segment_min, "segment_min", "Minimum of the rows with the same segment id."
)
segment_prod = _segments(
    jax.ops.segment_prod, "segment_prod", "Product of the rows with the same segment id."
)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """The k largest elements of the last axis, in order, and their indices."""
    return tuple(lax.top_k(x, k))


@op
def in_top_k(targets: Any, predictions: Any, k: int) -> Any:
    """Whether the target's prediction is among the k largest; equal ones count as one place.

    Args:
        targets: (batch,), indices of classes.
        predictions: (batch, classes).
        k: number of places.
    """
    own = jnp.take_along_axis(predictions, targets[..., None], axis=-1)
    own = jnp.where(jnp.isnan(own), -jnp.inf, own)
    return jnp.sum(predictions > own, axis=-1) < k


@op
def extract_sequences(x: Any, sequence_length: int, sequence_stride: int) -> Any:
    """Overlapping pieces of the last axis: (..., time) -> (..., pieces, sequence_length)."""
    count = 1 + (x.shape[-1] - sequence_length) // sequence_stride
    index = sequence_stride * np.arange(count)[:, None] + np.arange(sequence_length)
    return x[..., index]


# -- Fourier transforms: a complex array is a pair (real, imaginary)


def _pair(x: Any) -> Any:
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(
            errors.report(
                "Fourier transform", expected="a pair (real, imaginary)", got=type(x).__name__
            )
        )
    return lax.complex(*map(jnp.asarray, x))


def _parts(z: Any) -> tuple[Any, Any]:
    return jnp.real(z), jnp.imag(z)


@op
def fft(x: Any) -> Any:
    """Fourier transform of the last axis of a pair (real, imaginary)."""
    return _parts(jnp.fft.fft(_pair(x)))


@op
def fft2(x: Any) -> Any:
    """Fourier transform of the last two axes of a pair (real, imaginary)."""
    return _parts(jnp.fft.fft2(_pair(x)))


@op
def ifft2(x: Any) -> Any:
    """Inverse of `fft2`."""
    return _parts(jnp.fft.ifft2(_pair(x)))


@op
def rfft(x: Any, fft_length: int | None = None) -> Any:
    """Fourier transform of the last axis of a real array: its non-negative frequencies."""
    return _parts(jnp.fft.rfft(x, n=fft_length))


@op
def irfft(x: Any, fft_length: int | None = None) -> Any:
    """Inverse of `rfft`, a real array."""
    return jnp.fft.irfft(_pair(x), n=fft_length)


@op
def stft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Spectra of overlapping, windowed pieces of the last axis: a pair (..., pieces, frequencies).

    Args:
        x: (..., time), real.
        sequence_length, sequence_stride: of the pieces, in samples.
        fft_length: samples of a transform; at least sequence_length.
        window: `"hann"`, `"hamming"`, an array of sequence_length, or None.
        center: whether piece t is centred on sample t * sequence_stride.
    """
    if fft_length < sequence_length:
        raise ValueError(
            errors.report("stft", expected=f"fft_length >= {sequence_length}", got=fft_length)
        )
    if center:
        x = jnp.pad(
            x, [(0, 0)] * (x.ndim - 1) + [(fft_length // 2, fft_length // 2)], mode="reflect"
        )
    frames = extract_sequences(x, fft_length, sequence_stride)
    return _parts(
        jnp.fft.rfft(frames * _window(window, sequence_length, fft_length, x.dtype), n=fft_length)
    )


@op
def istft(
    x: Any,
    sequence_length: int,
    sequence_stride: int,
    fft_length: int,
    length: int | None = None,
    window: Any = "hann",
    center: bool = True,
) -> Any:
    """Inverse of `stft`: overlapping pieces added up, divided by the window's share.

    Args:
        x: a pair (..., pieces, frequencies).
        sequence_length, sequence_stride, fft_length, window, center: as in `stft`.
        length: samples of the result.
    """
    frames = jnp.fft.irfft(_pair(x), n=fft_length)
    window = jnp.broadcast_to(
        _window(window, sequence_length, fft_length, frames.dtype), frames.shape[-2:]
    )
    total = _overlap_add(frames * window, sequence_stride)
    share = _overlap_add(jnp.square(window), sequence_stride)
    signal = total / jnp.where(share > 1e-10, share, 1)
    start = fft_length // 2 if center else 0
    end = start + length if length is not None else -start or None
    return signal[..., start:end]


def _window(window: Any, length: int, fft_length: int, dtype: Any) -> Any:
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                errors.report(
                    "stft: window", expected="'hann', 'hamming' or an array", got=repr(window)
                )
            )
        # Keras takes the periodic windows, as spectral analysis does.
        window = (np.hanning if window == "hann" else np.hamming)(length + 1)[:-1]
    before = (fft_length - length) // 2
    if window is None:
        return jnp.ones(fft_length, dtype)
    if tuple(jnp.shape(window)) != (length,):
        raise ValueError(
            errors.report("stft: window", expected=f"shape ({length},)", got=jnp.shape(window))
        )
    return jnp.pad(jnp.asarray(window, dtype), (before, fft_length - length - before))


def _overlap_add(frames: Any, stride: int) -> Any:
    count, size = frames.shape[-2:]
    index = stride * np.arange(count)[:, None] + np.arange(size)
    return (
        jnp.zeros((*frames.shape[:-2], stride * (count - 1) + size), frames.dtype)
        .at[..., index]
        .add(frames)
    )


@op
def view_as_complex(x: Any) -> Any:
    """(..., 2), real and imaginary parts, as complex numbers (...)."""
    if not x.shape or x.shape[-1] != 2:
        raise ValueError(
            errors.report(
                "view_as_complex", expected="a last axis of size 2", got=f"shape {x.shape}"
            )
        )
    return lax.complex(x[..., 0], x[..., 1])


@op
def view_as_real(x: Any) -> Any:
    """Complex numbers (...) as (..., 2), real and imaginary parts."""
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


__all__ = public_names(globals())  # pyright: ignore[reportUnsupportedDunderAll]
