"""`tf.strings` on arrays of bytes of the host, element by element."""

from __future__ import annotations

import base64
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.compat.tensorflow._dtypes import as_dtype
from keraunos.compat.tensorflow._rows import row
from keraunos.compat.tensorflow._structures import RaggedTensor
from keraunos.compat.tensorflow._tensor import HostTensor, host, is_strings, tensor


def _each(function: Callable[[bytes], Any], value: Any, dtype: Any = None) -> Any:
    """Return the function of each string, in an array of the same shape."""
    if isinstance(value, RaggedTensor):
        return value.with_values(_each(function, value.values, dtype))
    array = _strings(value)
    results = [function(v) for v in array.ravel().tolist()]
    if dtype is not None:
        return tensor(np.array(results, as_dtype(dtype).as_numpy_dtype).reshape(array.shape))
    return host(_objects(results, array.shape))


def _strings(value: Any) -> np.ndarray:
    array = host(value).view(np.ndarray)
    if array.dtype.kind != "O":
        where = "a function of tf.strings"
        raise TypeError(errors.report(where, expected="strings", got=f"dtype {array.dtype}"))
    return array


def _objects(values: list[Any], shape: Any) -> np.ndarray:
    result = np.empty(len(values), object)
    result[:] = values
    return result.reshape(tuple(shape))


def _cased(name: str) -> Callable[..., Any]:
    plain: Callable[[bytes], bytes] = getattr(bytes, name)
    unicode: Callable[[str], str] = getattr(str, name)

    def call(value: Any, encoding: str) -> Any:
        if encoding:
            return _each(lambda v: unicode(v.decode(encoding)).encode(encoding), value)
        return _each(plain, value)

    return row(call, "input, encoding=''")


def _pattern(pattern: Any) -> re.Pattern[bytes]:
    """Return a pattern of RE2, which TensorFlow has, as Python's."""
    text = host(pattern).numpy()
    text = re.sub(rb"\\p\{P\}", rb"[!-/:-@\\[-`{-~]", text)
    text = text.replace(b"[[:punct:]]", b"[!-/:-@\\[-`{-~]").replace(
        b"[:punct:]", b"!-/:-@\\[-`{-~"
    )
    text = text.replace(b"[:alpha:]", b"a-zA-Z").replace(b"[:digit:]", b"0-9")
    text = text.replace(b"[:space:]", rb"\s").replace(b"[:alnum:]", b"a-zA-Z0-9")
    return re.compile(text)


def _regex_replace(value: Any, pattern: Any, rewrite: Any, replace_global: bool) -> Any:
    compiled, new = _pattern(pattern), host(rewrite).numpy()
    # RE2 writes \0 for the whole match.
    new = new.replace(rb"\0", rb"\g<0>")
    return _each(lambda v: compiled.sub(new, v, count=0 if replace_global else 1), value)


def _full_match(value: Any, pattern: Any) -> Any:
    compiled = _pattern(pattern)
    return _each(lambda v: compiled.fullmatch(v) is not None, value, "bool")


def _split(value: Any, sep: Any, maxsplit: int) -> Any:
    array = _strings(value)
    by = None if sep is None or host(sep).numpy() == b"" else host(sep).numpy()
    parts = [v.split(by, maxsplit) for v in array.ravel().tolist()]
    if array.ndim == 0:
        return host(_objects(parts[0], (len(parts[0]),)))
    if array.ndim > 1:
        raise ValueError(errors.report("strings.split", expected="at most 1 axis", got=array.shape))
    return RaggedTensor.from_rows([host(_objects(p, (len(p),))) for p in parts])


def _join(inputs: Any, separator: Any) -> Any:
    sep = host(separator).numpy()
    arrays = np.broadcast_arrays(*(_strings(v) for v in inputs))
    rows = zip(*(a.ravel().tolist() for a in arrays))
    return host(_objects([sep.join(r) for r in rows], arrays[0].shape))


def _reduce_join(value: Any, axis: Any, keepdims: bool, separator: Any) -> Any:
    array, sep = _strings(value), host(separator).numpy()
    if axis is None:
        return host(sep.join(array.ravel().tolist()))
    moved = np.moveaxis(array, axis, -1)
    rows = moved.reshape(-1, moved.shape[-1]).tolist()
    found = _objects([sep.join(r) for r in rows], moved.shape[:-1])
    return host(np.expand_dims(found, axis) if keepdims else found)


def _length(value: Any, unit: str) -> Any:
    if unit == "UTF8_CHAR":
        return _each(lambda v: len(v.decode(errors="replace")), value, "int32")
    return _each(len, value, "int32")


def _substr(value: Any, pos: Any, length: Any, unit: str) -> Any:
    pos, length = int(np.asarray(pos)), int(np.asarray(length))

    def cut(v: bytes) -> bytes:
        text: Any = v.decode() if unit == "UTF8_CHAR" else v
        start = pos if pos >= 0 else len(text) + pos
        part = text[start : start + length] if length >= 0 else text[start:]
        return part.encode() if isinstance(part, str) else part

    return _each(cut, value)


def _to_number(value: Any, out_type: Any) -> Any:
    kind = as_dtype(out_type)
    return _each((lambda v: int(v)) if kind.is_integer else (lambda v: float(v)), value, kind)


def as_string(value: Any, precision: int, scientific: bool, shortest: bool) -> Any:
    """Return each number as a string."""
    array = np.asarray(tensor(value))
    if is_strings(array):
        return host(array)
    if array.dtype.kind == "f":
        digits = 6 if precision < 0 else precision
        text = f"{{:.{digits}{'e' if scientific else 'g' if shortest else 'f'}}}"
        return host(
            _objects([text.format(v).encode() for v in array.ravel().tolist()], array.shape)
        )
    words = [str(v).lower() if array.dtype.kind == "b" else str(v) for v in array.ravel().tolist()]
    return host(_objects([w.encode() for w in words], array.shape))


def _format(template: str, inputs: Any, placeholder: str) -> Any:
    inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    parts = template.split(placeholder)
    pieces = [parts[0]]
    for value, part in zip(inputs, parts[1:]):
        pieces += [text_of(value), part]
    return host("".join(pieces))


def text_of(value: Any, summarize: int = 3) -> str:
    """Return a value as `tf.print` writes it: no commas, 1 for true, long axes cut short."""
    if isinstance(value, str) or not (
        isinstance(value, (int, float, bytes)) or np.ndim(value) or hasattr(value, "dtype")
    ):
        return str(value)
    array = np.asarray(tensor(value))
    single = array.ndim == 0
    if is_strings(array):
        words = [v.decode(errors="replace") for v in array.ravel().tolist()]
        array = np.array(words, object).reshape(array.shape)
        written = str if single else '"{}"'.format
    elif array.dtype.kind == "b":
        written = lambda v: str(int(v))  # noqa: E731
    else:
        written = lambda v: str(v).removesuffix(".0")  # noqa: E731
    if single:
        return written(array[()])
    ends = array.size if summarize < 0 else summarize
    return np.array2string(array, threshold=0, edgeitems=ends, formatter={"all": written})


def _code_points(value: Any, encoding: str) -> Any:
    return _characters(value, encoding, lambda c: ord(c), "int32")


def _unicode_split(value: Any, encoding: str) -> Any:
    return _characters(value, encoding, lambda c: c.encode(), None)


def _characters(value: Any, encoding: str, function: Callable[[str], Any], dtype: Any) -> Any:
    array = _strings(value)

    def line(v: bytes) -> Any:
        items = [function(c) for c in v.decode(encoding.replace("UTF-8", "utf-8"), "replace")]
        return tensor(np.array(items, np.int32)) if dtype else host(_objects(items, (len(items),)))

    if array.ndim == 0:
        return line(array.item())
    return RaggedTensor.from_rows([line(v) for v in array.tolist()])


def _encode(value: Any, encoding: str) -> Any:
    if isinstance(value, RaggedTensor):
        return host(["".join(map(chr, np.asarray(r).tolist())) for r in value])
    array = np.asarray(value)
    if array.ndim == 1:
        return host("".join(map(chr, array.tolist())))
    return host(["".join(map(chr, r)) for r in array.tolist()])


def _bucket(value: Any, num_buckets: Any) -> Any:
    from keraunos.layers.preprocessing import _hashes

    array = _strings(value)
    found = _hashes.fingerprint(array.ravel().tolist()) % np.uint64(int(num_buckets))
    return tensor(found.astype(np.int32).reshape(array.shape))


def _ngrams(value: Any, width: int, separator: Any) -> Any:
    sep = host(separator).numpy()

    def line(words: list[bytes]) -> HostTensor:
        items = [sep.join(words[i : i + width]) for i in range(len(words) - width + 1)]
        return host(_objects(items, (len(items),)))

    if isinstance(value, RaggedTensor):
        return RaggedTensor.from_rows([line(r.tolist()) for r in value])
    array = _strings(value)
    return (
        line(array.tolist())
        if array.ndim == 1
        else RaggedTensor.from_rows([line(r) for r in array.tolist()])
    )


def decode_raw(value: Any, out_type: Any, little_endian: bool = True, fixed: Any = None) -> Any:
    """Return the numbers whose bytes a string holds."""
    kind = np.dtype(as_dtype(out_type).as_numpy_dtype).newbyteorder("<" if little_endian else ">")
    array = _strings(value)
    rows = [np.frombuffer(v, kind) for v in array.ravel().tolist()]
    native = np.stack(rows).astype(kind.newbyteorder("="))
    return tensor(native.reshape(*array.shape, -1))


def _base64(decode: bool) -> Callable[..., Any]:
    if decode:
        return lambda v: _each(lambda b: base64.urlsafe_b64decode(b + b"=" * (-len(b) % 4)), v)
    return lambda v, pad: _each(
        lambda b: base64.urlsafe_b64encode(b) if pad else base64.urlsafe_b64encode(b).rstrip(b"="),
        v,
    )


def _decompress(value: Any, kind: str) -> Any:
    bits = {"ZLIB": 15, "GZIP": 31, "": 0}[kind]
    return _each(lambda b: zlib.decompress(b, bits) if bits else b, value)


STRINGS: dict[str, Any] = {
    "lower": _cased("lower"),
    "upper": _cased("upper"),
    "strip": row(lambda v: _each(bytes.strip, v), "input"),
    "regex_replace": row(_regex_replace, "input, pattern, rewrite, replace_global=True"),
    "regex_full_match": row(_full_match, "input, pattern"),
    "split": row(_split, "input, sep=None, maxsplit=-1"),
    "join": row(_join, "inputs, separator=''"),
    "reduce_join": row(_reduce_join, "inputs, axis=None, keepdims=False, separator=''"),
    "length": row(_length, "input, unit='BYTE'"),
    "substr": row(_substr, "input, pos, len, unit='BYTE'"),
    "to_number": row(_to_number, "input, out_type='float32'"),
    "as_string": row(as_string, "input, precision=-1, scientific=False, shortest=False"),
    "format": row(_format, "template, inputs, placeholder='{}'"),
    "unicode_decode": row(_code_points, "input, input_encoding='UTF-8'"),
    "unicode_encode": row(_encode, "input, output_encoding='UTF-8'"),
    "unicode_split": row(_unicode_split, "input, input_encoding='UTF-8'"),
    "bytes_split": row(
        lambda v: _characters(v, "latin-1", lambda c: c.encode("latin-1"), None), "input"
    ),
    "to_hash_bucket_fast": row(_bucket, "input, num_buckets"),
    "to_hash_bucket": row(_bucket, "input, num_buckets"),
    "ngrams": row(_ngrams, "data, ngram_width, separator=' '"),
}
TABLES = {
    "tensorflow.strings": STRINGS,
    "tensorflow": {"as_string": STRINGS["as_string"]},
    "tensorflow.io": {
        "decode_raw": row(
            decode_raw, "input_bytes, out_type, little_endian=True, fixed_length=None"
        ),
        "decode_base64": row(_base64(True), "input"),
        "encode_base64": row(_base64(False), "input, pad=False"),
        "decode_compressed": row(_decompress, "bytes, compression_type=''"),
    },
}
