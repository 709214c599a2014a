"""GPTQ and AWQ for a model: data run through it block by block, and each block is rounded then."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np

from keraunos import errors, layers
from keraunos._core.layer import Layer
from keraunos.quantizers import _calibration as rules


def calibrate(model: Any, config: Any, chosen: Callable[[Layer], Any]) -> list[Layer]:
    """Quantize the Dense and EinsumDense layers of a model's blocks; return them.

    Args:
        model: a built model.
        config: a `GPTQConfig` or `AWQConfig`.
        chosen: whether a layer is quantized.

    Raises:
        ValueError: no data, or nothing says which blocks there are.
    """
    where = f"quantize of model {model.name!r}, {config.mode}"
    structure = config.quantization_layer_structure
    structure = structure or model.get_quantization_layer_structure(config.mode)
    if not structure or not structure.get("sequential_blocks"):
        expected = (
            "quantization_layer_structure={'pre_block_layers': [..], 'sequential_blocks': [..]}"
        )
        raise ValueError(errors.report(where, expected=expected, got=repr(structure)))
    samples: list[Any] = []
    for window in _windows(where, config):
        x: Any = jnp.asarray(window[None])
        for layer in structure.get("pre_block_layers", ()):
            x = layer(x)
        samples.append(x)
    done: list[Layer] = []
    for block in structure["sequential_blocks"]:
        samples = [x[None] if x.ndim == 2 else x for x in samples]
        inside = [one for one in block._flatten_layers() if _is_product(one) and chosen(one)]
        with _watched(inside, config.mode) as seen:
            for x in samples:
                block(x)
        for layer in inside:
            layer._take_calibrated(config, seen[id(layer)].result(layer, config))
        done += inside
        # What follows sees what the rounded block makes of the data.
        samples = [block(x)[0] for x in samples]
    return done


def _is_product(layer: Layer) -> bool:
    known = isinstance(layer, (layers.Dense, layers.EinsumDense))
    return known and layer.quantization_mode is None and not layer.lora_enabled


class _Seen:
    """What is remembered of the inputs of a layer: their products, or their magnitudes."""

    def __init__(self, mode: str) -> None:
        self._mode, self._count = mode, 0
        self._sum: Any = 0.0

    def add(self, x: np.ndarray) -> None:
        """Take (samples, inputs) in."""
        self._count += len(x)
        if self._mode == "gptq":
            self._sum = self._sum + x.T @ x
        else:
            self._sum = np.maximum(self._sum, np.abs(x).max(axis=0))

    def result(self, layer: Any, config: Any) -> rules.Calibrated:
        if not self._count:
            where = f"{config.mode} of {layer.name!r}"
            raise ValueError(errors.report(where, expected="a block that calls it", got="no data"))
        rows, columns = layer._calibrated_shape()
        weights = np.asarray(layer._large_variable._value, "float32").reshape(rows, columns).T
        if config.mode == "awq":
            return rules.awq(weights, self._sum, config)
        return rules.gptq(weights, self._sum * np.float32(2 / self._count), config)


@contextlib.contextmanager
def _watched(inside: list[Any], mode: str) -> Iterator[dict[int, _Seen]]:
    """Note what layers are called with, within the block."""
    seen = {id(layer): _Seen(mode) for layer in inside}

    def noting(layer: Any) -> Callable[..., Any]:
        def call(inputs: Any, *args: Any, **kwargs: Any) -> Any:
            rows, _ = layer._calibrated_shape()
            seen[id(layer)].add(np.asarray(inputs, "float32").reshape(-1, rows))
            return type(layer).call(layer, inputs, *args, **kwargs)

        return call

    try:
        for layer in inside:
            layer.__dict__["call"] = noting(layer)
        yield seen
    finally:
        for layer in inside:
            layer.__dict__.pop("call", None)


def _windows(where: str, config: Any) -> np.ndarray:
    """Return (samples, length) of tokens, evenly out of the whole data; short data are repeated."""
    if config.dataset is None or isinstance(config.dataset, (str, bytes)):
        got = type(config.dataset).__name__
        raise ValueError(errors.report(where, expected="a dataset: arrays or texts", got=got))
    pieces = []
    for piece in config.dataset:
        if isinstance(piece, str):
            if config.tokenizer is None:
                raise ValueError(errors.report(where, expected="a tokenizer for texts", got="None"))
            piece = config.tokenizer.tokenize(piece)
        pieces.append(np.asarray(piece).reshape(-1).astype("int32"))
    tokens = np.concatenate(pieces) if pieces else np.zeros(0, "int32")
    if not tokens.size:
        raise ValueError(errors.report(where, expected="a dataset with tokens", got="none"))
    length, count = config.sequence_length, config.num_samples
    tokens = np.tile(tokens, -(-length * count // tokens.size))
    starts = tokens.size - length + 1
    first = np.arange(count) * max(1, starts // count) % starts
    return tokens[first[:, None] + np.arange(length)]
