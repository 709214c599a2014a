"""`tf.linalg`, `tf.matmul`, `tf.einsum` and the Fourier transforms of `tf.signal`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import ops
from keraunos.compat.tensorflow import _math
from keraunos.compat.tensorflow._array import TOP
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import graph, row
from keraunos.compat.tensorflow._tensor import tensor


def _matmul(
    a: Any, b: Any, transpose_a: bool, transpose_b: bool, conj_a: bool, conj_b: bool
) -> Any:
    a, b = tensor(a), tensor(b)
    a = _turned(a, conj_a) if transpose_a or conj_a else a
    b = _turned(b, conj_b) if transpose_b or conj_b else b
    return ops.matmul(a, b)


def _turned(x: Any, conjugate: bool = False) -> Any:
    x = ops.swapaxes(x, -1, -2)
    return ops.conj(x) if conjugate else x


def _einsum(equation: str, *inputs: Any, name: str | None = None, **_: Any) -> Any:
    """Return the sum of products that an equation like `"bij,bjk->bik"` describes."""
    return ops.einsum(equation, *map(tensor, inputs))


def _norm(x: Any, order: Any, axis: Any, keepdims: Any) -> Any:
    x, keepdims = tensor(x), bool(keepdims)
    axis = tuple(axis) if isinstance(axis, list) else axis
    if order in ("euclidean", "fro") or (order == 2 and not isinstance(axis, tuple)):
        squares = ops.square(ops.absolute(x))
        return ops.sqrt(ops.sum(squares, axis=axis, keepdims=keepdims))
    if axis is None:
        # TensorFlow takes the whole tensor for a vector.
        found = ops.norm(ops.reshape(x, (-1,)), ord=order)
        return ops.reshape(found, (1,) * x.ndim) if keepdims else found
    return ops.norm(x, ord=order, axis=axis, keepdims=keepdims)


def _normalize(x: Any, order: Any, axis: Any) -> Any:
    norm = _norm(x, order, axis, True)
    return ops.divide(tensor(x), norm), norm


def _diag(x: Any, k: int) -> Any:
    size = x.shape[-1] + abs(k)
    row = jnp.arange(x.shape[-1]) + max(-k, 0)
    return jnp.zeros((*x.shape[:-1], size, size), x.dtype).at[..., row, row + k].set(x)


def _set_diag(x: Any, diagonal: Any) -> Any:
    place = jnp.arange(diagonal.shape[-1])
    return x.at[..., place, place].set(diagonal)


def _band(x: Any, lower: Any, upper: Any) -> Any:
    rows, columns = jnp.arange(x.shape[-2])[:, None], jnp.arange(x.shape[-1])
    low = (int(lower) < 0) | (rows - columns <= int(lower))
    high = (int(upper) < 0) | (columns - rows <= int(upper))
    return jnp.where(low & high, x, jnp.zeros((), x.dtype))


def _svd(x: Any, full_matrices: bool, compute_uv: bool) -> Any:
    found = jnp.linalg.svd(x, full_matrices=full_matrices, compute_uv=compute_uv)
    return (found[1], found[0], found[2].mT.conj()) if compute_uv else found


def _solve(a: Any, b: Any, adjoint: bool) -> Any:
    return jnp.linalg.solve(a.mT.conj() if adjoint else a, b)


def _triangular_solve(a: Any, b: Any, lower: bool, adjoint: bool) -> Any:
    return jax.scipy.linalg.solve_triangular(a, b, lower=lower, trans="C" if adjoint else "N")


def _matvec(a: Any, b: Any, transpose_a: bool) -> Any:
    return jnp.einsum("...ji,...j->...i" if transpose_a else "...ij,...j->...i", a, b)


def _slogdet(x: Any) -> Any:
    return tuple(jnp.linalg.slogdet(x))


def _qr(x: Any, full_matrices: bool) -> Any:
    return ops.qr(tensor(x), mode="complete" if full_matrices else "reduced")


def _lstsq(matrix: Any, rhs: Any) -> Any:
    return jnp.linalg.lstsq(matrix, rhs)[0]


def _global_norm(t_list: Any) -> Any:
    return _math.TABLES["tensorflow"]["global_norm"](t_list)


_GRAPH: dict[str, tuple[Callable[..., Any], str]] = {
    "diag": (_diag, "diagonal, k=0"),
    "diag_part": (
        lambda x, k: jnp.diagonal(x, k, axis1=-2, axis2=-1),
        "input, k=0",
    ),
    "tensor_diag_part": (jnp.diagonal, "input"),
    "set_diag": (_set_diag, "input, diagonal"),
    "band_part": (_band, "input, num_lower, num_upper"),
    "trace": (lambda x: jnp.trace(x, axis1=-2, axis2=-1), "x"),
    "matvec": (_matvec, "a, b, transpose_a=False"),
    "matrix_transpose": (lambda a: jnp.swapaxes(a, -1, -2), "a"),
    "adjoint": (lambda a: jnp.swapaxes(a, -1, -2).conj(), "matrix"),
    "expm": (jax.scipy.linalg.expm, "input"),
    "solve": (_solve, "matrix, rhs, adjoint=False"),
    "lstsq": (_lstsq, "matrix, rhs"),
    "triangular_solve": (_triangular_solve, "matrix, rhs, lower=True, adjoint=False"),
    "cholesky_solve": (lambda c, b: jax.scipy.linalg.cho_solve((c, True), b), "chol, rhs"),
    "svd": (_svd, "tensor, full_matrices=False, compute_uv=True"),
    "eigvalsh": (jnp.linalg.eigvalsh, "tensor"),
    "slogdet": (_slogdet, "input"),
    "logdet": (lambda x: jnp.linalg.slogdet(x)[1], "matrix"),
    "cross": (jnp.cross, "a, b"),
    "kron": (jnp.kron, "a, b"),
}
LINALG: dict[str, Any] = {
    **{name: graph(f"linalg.{name}", f, signature) for name, (f, signature) in _GRAPH.items()},
    "matmul": row(
        _matmul,
        "a, b, transpose_a=False, transpose_b=False, adjoint_a=False, adjoint_b=False",
    ),
    "einsum": _einsum,
    "tensordot": row(lambda a, b, axes: ops.tensordot(tensor(a), tensor(b), axes), "a, b, axes"),
    "norm": row(_norm, "tensor, ord='euclidean', axis=None, keepdims=None"),
    "normalize": row(_normalize, "tensor, ord='euclidean', axis=None"),
    "l2_normalize": _math.TABLES["tensorflow.math"]["l2_normalize"],
    "eye": TOP["eye"],
    "inv": row(lambda x: ops.inv(tensor(x)), "input"),
    "det": row(lambda x: ops.det(tensor(x)), "input"),
    "pinv": row(lambda x, r: ops.pinv(tensor(x), r), "a, rcond=None"),
    "cholesky": row(lambda x: ops.cholesky(tensor(x)), "input"),
    "matrix_rank": row(lambda x, tol: ops.matrix_rank(tensor(x), tol), "a, tol=None"),
    "qr": row(_qr, "input, full_matrices=False"),
    "eigh": row(lambda x: ops.eigh(tensor(x)), "tensor"),
    "eig": row(lambda x: ops.eig(tensor(x)), "tensor"),
    "global_norm": row(_global_norm, "t_list"),
    "tensor_diag": graph("linalg.tensor_diag", _diag, "diagonal, k=0"),
}


# -- Fourier transforms: TensorFlow has complex tensors


def _frames(x: Any, length: Any, step: Any, pad_end: bool, pad_value: Any, axis: int) -> Any:
    length, step = int(length), int(step)
    x = jnp.moveaxis(x, axis, -1)
    if pad_end:
        count = -(-x.shape[-1] // step)
        missing = max((count - 1) * step + length - x.shape[-1], 0)
        widths = [(0, 0)] * (x.ndim - 1) + [(0, missing)]
        x = jnp.pad(x, widths, constant_values=pad_value)
    count = max(1 + (x.shape[-1] - length) // step, 0)
    place = step * np.arange(count)[:, None] + np.arange(length)
    return (
        x[..., place]
        if axis in (-1, x.ndim - 1)
        else jnp.moveaxis(x[..., place], (-2, -1), (axis, axis + 1))
    )


def _window(function: Callable[[int], Any]) -> Callable[..., Any]:
    def call(window_length: Any, periodic: bool = True, dtype: Any = "float32", name: Any = None):
        """Return the points of a window."""
        length = int(window_length)
        values = function(length + 1)[:-1] if periodic and length > 1 else function(length)
        return tensor(values.astype(as_dtype(dtype).as_numpy_dtype))

    return call


def _stft(x: Any, length: Any, step: Any, fft_length: Any, window: Any, pad_end: bool) -> Any:
    length = int(length)
    if fft_length is None:
        fft_length = 1 << (length - 1).bit_length()
    frames = _frames(x, length, step, pad_end, 0, -1)
    if window is not None:
        frames = frames * jnp.asarray(window(length, dtype="float32"), frames.dtype)
    return jnp.fft.rfft(frames, n=int(fft_length))


def _mel_matrix(
    bins: int, spectrogram_bins: int, rate: Any, lower: float, upper: float, dtype: Any
) -> Any:
    mel = lambda f: 1127.0 * np.log1p(np.asarray(f) / 700.0)  # noqa: E731
    # The first bin is the mean of the signal: no filter takes it.
    frequencies = mel(np.linspace(0.0, float(rate) / 2, spectrogram_bins)[1:])[:, None]
    edges = np.linspace(mel(lower), mel(upper), bins + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    weights = np.maximum(0, np.minimum(rising, falling))
    return tensor(np.pad(weights, [(1, 0), (0, 0)]).astype(as_dtype(dtype).as_numpy_dtype))


def _dct(x: Any, type: int, n: Any, axis: int, norm: Any) -> Any:
    return jax.scipy.fft.dct(x, type=type, n=n, axis=axis, norm=norm)


def _overlap(x: Any, step: Any) -> Any:
    count, size = x.shape[-2:]
    place = int(step) * np.arange(count)[:, None] + np.arange(size)
    total = jnp.zeros((*x.shape[:-2], int(step) * (count - 1) + size), x.dtype)
    return total.at[..., place].add(x)


def _mfccs(x: Any) -> Any:
    return jax.scipy.fft.dct(x, type=2, axis=-1) / np.sqrt(2 * x.shape[-1]).astype(np.float32)


def _fft(name: str) -> Callable[..., Any]:
    function = getattr(jnp.fft, name)
    real = name.startswith(("rfft", "irfft"))

    def call(x: Any, length: Any) -> Any:
        if length is None:
            return function(x)
        return (
            function(x, int(np.asarray(length).ravel()[0]))
            if name[-1] != "2"
            else function(x, tuple(int(n) for n in np.asarray(length)))
        )

    if real:
        return graph(f"signal.{name}", call, "input_tensor, fft_length=None")
    return graph(f"signal.{name}", lambda x: function(x), "input")


_PLAIN = {"fft": "fft", "ifft": "ifft", "fft2d": "fft2", "ifft2d": "ifft2", "rfft": "rfft"}
_PLAIN |= {"irfft": "irfft", "rfft2d": "rfft2", "irfft2d": "irfft2"}
SIGNAL: dict[str, Any] = {
    **{tf: _fft(own) for tf, own in _PLAIN.items()},
    "fftshift": graph("signal.fftshift", jnp.fft.fftshift, "x, axes=None"),
    "ifftshift": graph("signal.ifftshift", jnp.fft.ifftshift, "x, axes=None"),
    "frame": graph(
        "signal.frame",
        _frames,
        "signal, frame_length, frame_step, pad_end=False, pad_value=0, axis=-1",
    ),
    "hann_window": _window(np.hanning),
    "hamming_window": _window(np.hamming),
    "overlap_and_add": graph("signal.overlap_and_add", _overlap, "signal, frame_step"),
    "linear_to_mel_weight_matrix": row(
        _mel_matrix,
        "num_mel_bins=20, num_spectrogram_bins=129, sample_rate=8000, lower_edge_hertz=125.0,"
        " upper_edge_hertz=3800.0, dtype='float32'",
    ),
    "dct": graph("signal.dct", _dct, "input, type=2, n=None, axis=-1, norm=None"),
    "mfccs_from_log_mel_spectrograms": graph("signal.mfccs", _mfccs, "log_mel_spectrograms"),
}
SIGNAL["stft"] = graph(
    "signal.stft",
    lambda x, length, step, fft_length, window, pad_end: _stft(
        x, length, step, fft_length, SIGNAL["hann_window"] if window == "hann" else window, pad_end
    ),
    "signals, frame_length, frame_step, fft_length=None, window_fn='hann', pad_end=False",
)
TABLES = {
    "tensorflow.linalg": LINALG,
    "tensorflow.signal": SIGNAL,
    "tensorflow": {n: LINALG[n] for n in ("matmul", "einsum", "tensordot", "norm")},
}
