"""MelSpectrogram and STFTSpectrogram: sound as images of frequencies over time."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors, initializers, ops
from keraunos._core import dtypes
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.spec import InputSpec
from keraunos._core.variable import Variable
from keraunos._kernels import conv
from keraunos.layers import _arguments as arguments
from keraunos.layers.preprocessing import _host

_WINDOWS = ("hann", "hamming")
_MODES = ("log", "magnitude", "psd", "real", "imag", "angle", "stft")


@register()
class MelSpectrogram(_host.DataLayer):
    """Signals `(batch, samples)` or `(samples,)` to `(batch, num_mel_bins, time)`.

    Args:
        fft_length: samples of a Fourier transform.
        sequence_stride: samples from one column to the next.
        sequence_length: samples under the window; by default `fft_length`.
        window: `"hann"`, `"hamming"`, an array of `sequence_length`, or None.
        sampling_rate: samples a second.
        num_mel_bins: bands, from `min_freq` to `max_freq` Hz (by default half the sampling rate),
            of equal width on the mel scale (HTK's: 1127 ln(1 + f / 700)).
        power_to_db: whether to return decibels: 10 log10(S / ref_power).
        top_db: how far below the loudest value of the batch the scale reaches.
        mag_exp: exponent of the magnitudes, 2 for power.
        min_power, ref_power: of the decibels.

    Raises:
        ValueError: a window longer than the transform, or frequencies out of order.

    Example:
        >>> layer = MelSpectrogram(num_mel_bins=64, sampling_rate=8000, sequence_stride=256)
        >>> layer(np.zeros(16000, "float32")).shape
        (64, 63)
    """

    def __init__(
        self,
        fft_length: int = 2048,
        sequence_stride: int = 512,
        sequence_length: int | None = None,
        window: Any = "hann",
        sampling_rate: int = 16000,
        num_mel_bins: int = 128,
        min_freq: float = 20.0,
        max_freq: float | None = None,
        power_to_db: bool = True,
        top_db: float = 80.0,
        mag_exp: float = 2.0,
        min_power: float = 1e-10,
        ref_power: float = 1.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.fft_length = arguments.integer(self, "fft_length", fft_length)
        self.sequence_stride = arguments.integer(self, "sequence_stride", sequence_stride)
        self.sequence_length = arguments.integer(
            self, "sequence_length", fft_length if sequence_length is None else sequence_length
        )
        if self.sequence_length > fft_length:
            expected = f"at most fft_length={fft_length}"
            raise arguments.complain(self, "sequence_length", expected, sequence_length)
        if isinstance(window, str):
            arguments.one_of(self, "window", window, _WINDOWS)
        elif window is not None and np.shape(window) != (self.sequence_length,):
            expected = f"a name, None or {self.sequence_length} numbers"
            raise arguments.complain(self, "window", expected, window)
        self.window = window
        self.sampling_rate = arguments.between(self, "sampling_rate", sampling_rate, 1, np.inf)
        self.num_mel_bins = arguments.integer(self, "num_mel_bins", num_mel_bins)
        highest = int(sampling_rate / 2) if max_freq is None else max_freq
        self.max_freq = arguments.between(self, "max_freq", highest, 1, np.inf)
        self.min_freq = min_freq
        arguments.between(self, "min_freq", min_freq, 0, self.max_freq)
        self.power_to_db, self.top_db, self.mag_exp = power_to_db, top_db, mag_exp
        self.min_power = arguments.between(self, "min_power", min_power, 0, np.inf)
        self.ref_power = ref_power

    def call(self, inputs: jax.Array) -> jax.Array:
        # There are no Fourier transforms of half floats.
        exact = self.compute_dtype if self.compute_dtype in ("float32", "float64") else "float32"
        x = jnp.asarray(inputs).astype(exact)
        real, imaginary = ops.stft(
            x, self.sequence_length, self.sequence_stride, self.fft_length, self.window
        )
        found = jnp.sqrt(real**2 + imaginary**2) ** self.mag_exp
        found = found @ self.linear_to_mel_weight_matrix(
            self.num_mel_bins,
            found.shape[-1],
            self.sampling_rate,
            self.min_freq,
            self.max_freq,
            exact,
        )
        found = self._decibels(found) if self.power_to_db else found
        return jnp.swapaxes(found, -1, -2).astype(self.compute_dtype)

    def _decibels(self, power: jax.Array) -> jax.Array:
        reference = max(abs(self.ref_power), self.min_power)
        found = 10 * (jnp.log10(jnp.maximum(power, self.min_power)) - math.log10(reference))
        return jnp.maximum(found, jnp.max(found) - self.top_db)

    def linear_to_mel_weight_matrix(
        self,
        num_mel_bins: int = 20,
        num_spectrogram_bins: int = 129,
        sampling_rate: float = 8000,
        lower_edge_hertz: float = 125.0,
        upper_edge_hertz: float = 3800.0,
        dtype: str = "float32",
    ) -> jax.Array:
        """Return the matrix (num_spectrogram_bins, num_mel_bins) of triangles on the mel scale.

        Args:
            num_mel_bins: triangles; each begins at the peak of the one before, where it is 1.
            num_spectrogram_bins: frequencies from 0 to half the sampling rate; 0 has no weight.
            sampling_rate: samples a second.
            lower_edge_hertz, upper_edge_hertz: where the first one begins and the last one ends.
            dtype: of the result.
        """
        mel = lambda hertz: 1127.0 * np.log(1 + np.asarray(hertz) / 700.0)  # noqa: E731
        frequency = mel(np.linspace(0, sampling_rate / 2, num_spectrogram_bins))[:, None]
        edges = np.linspace(mel(lower_edge_hertz), mel(upper_edge_hertz), num_mel_bins + 2)
        low, peak, high = edges[:-2], edges[1:-1], edges[2:]
        rising, falling = (frequency - low) / (peak - low), (high - frequency) / (high - peak)
        weights = np.maximum(0, np.minimum(rising, falling))
        weights[0] = 0
        return jnp.asarray(weights, dtype)

    def get_config(self) -> dict[str, Any]:
        plain = self.window is None or isinstance(self.window, str)
        window = self.window if plain else np.asarray(self.window).tolist()
        return {**super().get_config(), "window": window}


@register()
class STFTSpectrogram(Layer):
    """Spectrograms of signals `(batch, samples, channels)`, by a convolution that can be trained.

    Args:
        mode: `"log"` or plain `"magnitude"`, `"psd"` (power, both sides added up), `"real"`,
            `"imag"`, `"angle"`, or `"stft"` (real and imaginary parts, one behind the other).
        frame_length, frame_step: of the pieces, in samples; by default each overlaps half.
        fft_length: samples of a transform; by default the next power of two.
        window: the name of a SciPy window, an array of `frame_length`, or None.
        periodic: whether the window is periodic.
        scaling: `"density"`, `"spectrum"` or None.
        padding: `"valid"` or `"same"`.
        expand_dims: keep the channels apart: `(batch, time, frequencies, channels)` instead of
            `(batch, time, channels * frequencies)`.
        data_format: with `"channels_first"` the channels come before time, here and there.

    Raises:
        ValueError: lengths, modes or windows that there are not.
        TypeError: inputs that are not floats.

    Example:
        >>> layer = STFTSpectrogram(frame_length=256, frame_step=128, fft_length=512)
        >>> layer(np.zeros((3, 16000, 1), "float32")).shape
        (3, 124, 257)
    """

    def __init__(
        self,
        mode: str = "log",
        frame_length: int = 256,
        frame_step: int | None = None,
        fft_length: int | None = None,
        window: Any = "hann",
        periodic: bool = False,
        scaling: str | None = "density",
        padding: str = "valid",
        expand_dims: bool = False,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.mode = arguments.one_of(self, "mode", mode, _MODES)
        self.frame_length = arguments.integer(self, "frame_length", frame_length, least=2)
        if frame_step is not None:
            arguments.integer(self, "frame_step", frame_step)
            arguments.between(self, "frame_step", frame_step, 1, frame_length)
        if fft_length is not None:
            arguments.integer(self, "fft_length", fft_length, least=frame_length)
            if fft_length & (fft_length - 1):
                errors.warn(f"fft_length={fft_length} is no power of two: slow")
        self.frame_step, self.fft_length = frame_step, fft_length
        self._step = frame_step or frame_length // 2
        self._bands = (fft_length or 1 << (frame_length - 1).bit_length()) // 2 + 1
        self.window, self.periodic = self._known(window), bool(periodic)
        if scaling is not None:
            arguments.one_of(self, "scaling", scaling, ("density", "spectrum"))
        self.scaling, self.expand_dims = scaling, expand_dims
        self.padding = arguments.one_of(self, "padding", padding, ("valid", "same"))
        self.data_format = arguments.data_format(self, data_format)
        self.input_spec = InputSpec(ndim=3)

    def _known(self, window: Any) -> Any:
        if window is None or (isinstance(window, str) and window in _WINDOWS):
            return window
        if not isinstance(window, str):
            if np.shape(window) != (self.frame_length,):
                expected = f"{self.frame_length} numbers"
                raise arguments.complain(self, "window", expected, np.shape(window))
            return np.asarray(window)
        from scipy.signal import get_window

        try:
            get_window(window, 1)
        except ValueError as error:
            raise arguments.complain(self, "window", "the name of a window", window) from error
        return window

    def build(self, input_shape: Any) -> None:
        self.real_kernel = self._kernel("real") if self.mode != "imag" else None
        self.imag_kernel = self._kernel("imag") if self.mode != "real" else None

    def _kernel(self, side: str) -> Variable:
        return self.add_weight(
            name=f"{side}_kernel",
            shape=(self.frame_length, 1, self._bands),
            initializer=initializers.STFT(side, self.window, self.scaling, self.periodic),
        )

    def call(self, inputs: jax.Array) -> jax.Array:
        if not dtypes.is_float(inputs.dtype):
            got = f"inputs of dtype {inputs.dtype}"
            raise TypeError(errors.report(_host.where(self), expected="floats", got=got))
        kernels = [k.value for k in (self.real_kernel, self.imag_kernel) if k is not None]
        found = self._transformed(inputs, jnp.concatenate(kernels, -1).astype(inputs.dtype))
        if self.mode in ("real", "imag", "stft"):
            return self._arranged(found)
        real, imaginary = found[..., : self._bands], found[..., self._bands :]
        if self.mode == "angle":
            return self._arranged(jnp.arctan2(imaginary, real))
        power = real**2 + imaginary**2
        if self.mode == "psd":
            # A real signal's other half of the spectrum mirrors all but the outermost bands.
            inner = np.arange(self._bands) % (self._bands - 1) > 0
            return self._arranged(jnp.where(inner, 2 * power, power))
        magnitude = jnp.sqrt(jnp.maximum(power, config.epsilon()))
        if self.mode == "log":
            magnitude = jnp.log(jnp.maximum(magnitude, config.epsilon()))
        return self._arranged(magnitude)

    def _transformed(self, x: jax.Array, kernel: jax.Array) -> jax.Array:
        """Return (batch, channels, time, frequencies)."""
        x = jnp.swapaxes(x, 1, 2) if self.data_format == "channels_last" else x
        batch, channels, samples = x.shape
        found = conv.convolution(
            x.reshape(batch * channels, samples, 1),
            kernel,
            strides=self._step,
            padding=self.padding,
        )
        return found.reshape(batch, channels, *found.shape[1:])

    def _arranged(self, x: jax.Array) -> jax.Array:
        batch, channels, time, bands = x.shape
        last = self.data_format == "channels_last"
        if self.expand_dims:
            return x.transpose(0, 2, 3, 1) if last else x
        if last:
            return x.transpose(0, 2, 1, 3).reshape(batch, time, channels * bands)
        return x.transpose(0, 1, 3, 2).reshape(batch, channels * bands, time)

    def get_config(self) -> dict[str, Any]:
        window = self.window.tolist() if isinstance(self.window, np.ndarray) else self.window
        return {**super().get_config(), "window": window}
