"""Pictures and sounds between bytes and tensors, by Pillow and the standard library."""

from __future__ import annotations

import io
import wave
from typing import Any, NamedTuple

import numpy as np

from keraunos import errors
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._image import convert_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._tensor import host, tensor

_MODES = {0: None, 1: "L", 3: "RGB", 4: "RGBA"}


class Audio(NamedTuple):
    """Sound from -1 to 1, (samples, channels), and samples a second."""

    audio: Any
    sample_rate: Any


def _bytes(value: Any) -> bytes:
    found = value if isinstance(value, bytes) else host(value).numpy()
    if not isinstance(found, bytes):
        raise TypeError(errors.report("decode", expected="the bytes of one file", got=type(found)))
    return found


def _decode(contents: Any, channels: Any, dtype: Any, expand_animations: bool = True) -> Any:
    """Return the pixels of a picture, (height, width, channels), on the host."""
    from PIL import Image, ImageSequence, UnidentifiedImageError

    try:
        image = Image.open(io.BytesIO(_bytes(contents)))
    except UnidentifiedImageError as error:
        raise ValueError(errors.report("decode_image", got="bytes of no known format")) from error
    mode = _MODES.get(int(channels or 0))
    if getattr(image, "n_frames", 1) > 1 and expand_animations:
        frames = [np.asarray(f.convert("RGB")) for f in ImageSequence.Iterator(image)]
        return host(convert_dtype(np, np.stack(frames), dtype, True))
    deep = as_dtype(dtype) == "uint16" and image.mode.startswith("I")
    if not deep:
        image = image.convert(mode or _natural(image))
    pixels = np.asarray(image, np.uint16 if deep else np.uint8)
    pixels = pixels[..., None] if pixels.ndim == 2 else pixels
    kind = as_dtype(dtype)
    return host(pixels if deep or kind == "uint8" else convert_dtype(np, pixels, kind, True))


def _natural(image: Any) -> str:
    if image.mode in ("1", "L", "I", "I;16"):
        return "L"
    clear = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    return "RGBA" if clear else "RGB"


def _encode(kind: str) -> Any:
    def call(image: Any, quality: Any = None) -> Any:
        from PIL import Image

        pixels = np.asarray(tensor(image))
        if pixels.dtype != np.uint8:
            where = f"encode_{kind}"
            raise TypeError(errors.report(where, expected="uint8", got=pixels.dtype))
        stream = io.BytesIO()
        found = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
        found.save(stream, kind, **({} if quality is None else {"quality": int(quality)}))
        return host(stream.getvalue())

    return call


def _decode_wav(contents: Any, desired_channels: int, desired_samples: int) -> Audio:
    with wave.open(io.BytesIO(_bytes(contents))) as file:
        raw, rate = file.readframes(file.getnframes()), file.getframerate()
        width, channels = file.getsampwidth(), file.getnchannels()
    if width != 2:
        where = "tf.audio.decode_wav"
        raise ValueError(errors.report(where, expected="16 bits a sample", got=8 * width))
    sound = np.frombuffer(raw, "<i2").reshape(-1, channels).astype(np.float32) / 32768
    if desired_channels > 0:
        sound = sound[:, :desired_channels]
    if desired_samples > 0:
        sound = sound[:desired_samples]
        sound = np.pad(sound, [(0, desired_samples - len(sound)), (0, 0)])
    return Audio(host(sound), host(np.int32(rate)))


def _encode_wav(audio: Any, sample_rate: Any) -> Any:
    sound = np.asarray(tensor(audio))
    stream = io.BytesIO()
    with wave.open(stream, "wb") as file:
        file.setnchannels(sound.shape[-1])
        file.setsampwidth(2)
        file.setframerate(int(sample_rate))
        file.writeframes((np.clip(sound, -1, 1) * 32767).round().astype("<i2").tobytes())
    return host(stream.getvalue())


_PLAIN = row(
    lambda contents, channels, dtype: _decode(contents, channels, dtype, False),
    "contents, channels=0, dtype='uint8'"
    " | ratio=1, fancy_upscaling=True, try_recover_truncated=False, acceptable_fraction=1,"
    " dct_method=''",
)
CODECS = {
    "decode_image": row(_decode, "contents, channels=None, dtype='uint8', expand_animations=True"),
    "decode_jpeg": _PLAIN,
    "decode_png": _PLAIN,
    "decode_bmp": _PLAIN,
    "decode_gif": row(lambda contents: _decode(contents, 3, "uint8"), "contents"),
    "encode_jpeg": row(_encode("jpeg"), "image, quality=95 | format='', progressive=False"),
    "encode_png": row(_encode("png"), "image | compression=-1"),
}
IS_JPEG = row(lambda v: tensor(_bytes(v).startswith(b"\xff\xd8\xff")), "contents")
TABLES = {
    "tensorflow.image": CODECS | {"is_jpeg": IS_JPEG},
    "tensorflow.io": CODECS | {"is_jpeg": IS_JPEG},
    "tensorflow.audio": {
        "decode_wav": row(_decode_wav, "contents, desired_channels=-1, desired_samples=-1"),
        "encode_wav": row(_encode_wav, "audio, sample_rate"),
    },
}
