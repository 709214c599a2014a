"""Examples for LoRA and quantization: layers, their inputs, modes."""

from typing import Any, NamedTuple

import numpy as np


class Adapted(NamedTuple):
    """A layer with a large weight, and the shape of its input."""

    layer: str
    options: dict[str, Any]
    shape: tuple[int, ...]
    large: str = "kernel"

    def inputs(self) -> np.ndarray:
        rng = np.random.default_rng(5)
        if self.layer == "Embedding":
            return rng.integers(0, self.options["input_dim"], self.shape).astype("int32")
        return rng.normal(size=self.shape).astype("float32")

    @property
    def id(self) -> str:
        return f"{self.layer}({','.join(map(str, self.options.values()))})"


def _einsum(equation: str, output: Any, bias: str | None, shape: tuple[int, ...]) -> Adapted:
    options = {"equation": equation, "output_shape": output, "bias_axes": bias}
    return Adapted("EinsumDense", options, shape)


# What can be quantized. (Keras fails on equations with dots.)
QUANTIZED = [
    Adapted("Dense", {"units": 5, "activation": "tanh"}, (2, 3, 6)),
    _einsum("abc,cde->abde", (None, 2, 3), "de", (2, 3, 4)),
    _einsum("abcd,cde->abe", (None, 5), None, (2, 3, 2, 3)),
    Adapted("Embedding", {"input_dim": 7, "output_dim": 5}, (3, 4), "embeddings"),
]
CONVOLUTIONS = [
    Adapted("Conv1D", {"filters": 4, "kernel_size": 2}, (2, 5, 3)),
    Adapted("Conv2D", {"filters": 4, "kernel_size": 2, "groups": 2}, (2, 5, 4, 4)),
    Adapted("Conv3D", {"filters": 2, "kernel_size": 2, "use_bias": False}, (1, 3, 3, 3, 2)),
]
ADAPTED = [*QUANTIZED, *CONVOLUTIONS]
