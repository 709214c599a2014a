"""Operations of `ops` in a saved graph: each one's class in Keras, its config, and its inputs.

Keras has a class for every operation: some arguments of `ops.mean(x, axis=1)` belong to its config
(`axis`), the others to the node that calls it (`x`). The names of the arguments tell which.
"""

from __future__ import annotations

import inspect
from typing import Any

from keraunos import errors
from keraunos._core import naming, op, registry
from keraunos._core.symbolic import Node, tensors

_MODULES = ("numpy", "nn", "math", "linalg", "image", "core")
# Arguments that go to the node; all others are in the config.
_CALLED_WITH = frozenset(
    "x x1 x2 xs y a b q inputs images arrays array operands query key value values bias mask scale"
    " kernel depthwise_kernel pointwise_kernel condition condlist choicelist default indices"
    " updates data segment_ids start_indices start stop step pred true_fn false_fn f elems init"
    " init_val loop_vars branches index variable target targets output predictions weights bins"
    " constant_values transform coordinates start_points end_points angle abs_ translation"
    " output_shape elements rtol atol".split()
)
_IN_CONFIG = {
    ("bincount", "weights"),
    ("histogram", "bins"),
    ("squareplus", "b"),
    ("trapezoid", "x"),
}
_IN_NODE = {("full", "fill_value"), ("full_like", "fill_value")}
# Classes that are not spelled as their functions.
_SPELLED = {
    "allclose": "AllClose",
    "batch_normalization": "BatchNorm",
    "cdist": "CDist",
    "ctc_decode": "CTCDecode",
    "ctc_loss": "CTCLoss",
    "fft": "FFT",
    "fft2": "FFT2",
    "hsv_to_rgb": "HSVToRGB",
    "ifft2": "IFFT2",
    "irfft": "IRFFT",
    "isin": "IsIn",
    "istft": "ISTFT",
    "layer_normalization": "LayerNorm",
    "psnr": "PSNR",
    "rfft": "RFFT",
    "rgb_to_grayscale": "RGBToGrayscale",
    "rgb_to_hsv": "RGBToHSV",
    "rms_normalization": "RMSNorm",
    "searchsorted": "SearchSorted",
    "ssim": "SSIM",
    "stft": "STFT",
    "svd": "SVD",
}
_FUNCTIONS = {cls: name for name, cls in _SPELLED.items()}


def class_name(function: Any) -> str:
    """Return the name of the class that Keras has for an operation.

    Example:
        >>> from keraunos import ops
        >>> class_name(ops.expand_dims), class_name(ops.rfft)
        ('ExpandDims', 'RFFT')
    """
    name = function.__name__
    return _SPELLED.get(name, naming.camel_case(name))


def save(operation: op.Operation, node: Node) -> dict[str, Any]:
    """Return the class and config of an operation, as they stand in Keras's files."""
    module = operation.function.__module__.split(".")[-1].lstrip("_")
    _, config = split(operation, node)
    cls = class_name(operation.function)
    return {
        "module": f"keras.src.ops.{module if module in _MODULES else 'numpy'}",
        "class_name": cls,
        "config": {"name": operation.name, **{k: registry.serialize(v) for k, v in config.items()}},
        "registered_name": cls,
    }


def split(operation: op.Operation, node: Node) -> tuple[list[Any], dict[str, Any]]:
    """Return what an operation is called with, in order, and its config, without the defaults."""
    name, row = operation.function.__name__, inspect.signature(operation.function)
    bound = row.bind(*node.args, **node.kwargs).arguments
    called: list[Any] = []
    config: dict[str, Any] = {}
    for key, parameter in row.parameters.items():
        value = bound.get(key, parameter.default)
        if parameter.kind is parameter.VAR_POSITIONAL:
            called += bound.get(key, ())
        elif _goes_to_node(name, key) or tensors(value):
            called.append(value)
        elif key in bound and value is not parameter.default:
            config[key] = value
    while called and called[-1] is None:
        called.pop()
    return called, config


def _goes_to_node(name: str, key: str) -> bool:
    return (key in _CALLED_WITH and (name, key) not in _IN_CONFIG) or (name, key) in _IN_NODE


def restore(saved: dict[str, Any]) -> op.Operation:
    """Return the operation of a saved class and config.

    Raises:
        ValueError: there is no such operation.
    """
    from keraunos import ops  # noqa: F401 - fills the table of operations

    cls: str = saved["class_name"]
    wanted = _FUNCTIONS.get(cls, cls).lower().replace("_", "")
    for name, function in op.OPERATIONS.items():
        if name.replace("_", "") == wanted.replace("_", ""):
            config, known = saved["config"], inspect.signature(function).parameters
            operation = op.Operation(function, config.get("name"))
            operation.fixed = {  # pyright: ignore[reportAttributeAccessIssue]
                k: registry.deserialize(v) for k, v in config.items() if k in known and k != "name"
            }
            return operation
    raise ValueError(errors.report(f"unknown operation {cls!r} in a saved model"))


def call(operation: op.Operation, args: list[Any], kwargs: dict[str, Any]) -> None:
    """Call a restored operation: its outputs belong to it, not to a new one."""
    fixed = getattr(operation, "fixed", {})
    outputs = operation.function(*args, **kwargs, **fixed)
    first = tensors(outputs)[0].node
    assert first is not None
    Node(operation, first.args, first.kwargs, outputs)
