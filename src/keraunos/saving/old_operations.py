"""Functions of TensorFlow in graphs that Keras 2 saved, turned into operations of Keras 3.

`tf.reduce_mean(x, axis=1)` on a symbolic tensor was a layer `TFOpLambda` with the function's name,
and its arguments stood in the node; a slice was a `SlicingOpLambda`.
"""

from __future__ import annotations

from typing import Any

from keraunos import errors

LAYERS = ("TFOpLambda", "SlicingOpLambda")

# Of two tensors (x, y); the same name in both; another name for the class.
_BINARY = (
    "add subtract multiply divide floordiv maximum minimum greater greater_equal less less_equal"
    " equal not_equal logical_and logical_or"
).split()
_SAME = (
    "abs exp expm1 log log1p sqrt square sin cos tan tanh sigmoid sign floor ceil round negative"
    " reciprocal rsqrt relu relu6 softmax softplus softsign elu selu gelu silu leaky_relu"
    " log_softmax reshape transpose squeeze expand_dims stack tile cast zeros_like ones_like"
    " argmax argmin cumsum where clip_by_value logical_not erf"
).split()
_CLASSES = {
    **{name: name for name in (*_BINARY, *_SAME)},
    **{f"reduce_{name}": name for name in "sum mean max min prod any all".split()},
    "floordiv": "floor_divide",
    "truediv": "true_divide",
    "pow": "power",
    "concat": "concatenate",
    "matmul": "matmul",
    "swish": "silu",
    "neg": "negative",
    "clip_by_value": "clip",
    "l2_normalize": "normalize",
    "reduce_variance": "var",
    "reduce_std": "std",
    "gather": "take",
    "getitem": "get_item",
}
_RENAMED: dict[str, dict[str, str]] = {
    "reshape": {"shape": "newshape"},
    "transpose": {"perm": "axes"},
    "matmul": {"b": "x2"},
    "where": {"x": "x1", "y": "x2"},
    "tile": {"multiples": "repeats"},
    "clip_by_value": {"clip_value_min": "x_min", "clip_value_max": "x_max"},
    "leaky_relu": {"alpha": "negative_slope"},
    "gather": {"params": "x"},
    **{name: {"y": "x2"} for name in (*_BINARY, "truediv", "pow")},
}
_IGNORED = ("name",)


def upgraded(layer: dict[str, Any]) -> dict[str, Any]:
    """Return the saved layer as the operation that Keras 3 would have saved.

    Raises:
        ValueError: a function that has no twin among the operations.

    Example:
        >>> upgraded({"class_name": "TFOpLambda", "name": "a", "inbound_nodes": [],
        ...           "config": {"name": "a", "function": "math.reduce_mean"}})["class_name"]
        'Mean'
    """
    path: str = layer["config"]["function"]
    function = path.rpartition(".")[2]
    name = layer["config"]["name"]
    if function not in _CLASSES:
        raise ValueError(
            errors.report(
                f"layer {name!r} of a saved model",
                got=f"TensorFlow's function {path!r}, which is not read",
                fix="put it into a layer of its own, then save again",
            )
        )
    return {
        "module": "keras.src.ops",
        "class_name": "".join(part.capitalize() for part in _CLASSES[function].split("_")),
        "config": {"name": name},
        "registered_name": None,
        "name": layer["name"],
        "inbound_nodes": [_node(node, function) for node in layer["inbound_nodes"]],
    }


def _node(node: dict[str, Any], function: str) -> dict[str, Any]:
    names = _RENAMED.get(function, {})
    options = {names.get(k, k): v for k, v in node["kwargs"].items() if k not in _IGNORED}
    args = list(node["args"])
    if function == "getitem":
        args.append([_index(one) for one in options.pop("slice_spec")])
    return {"args": args, "kwargs": options}


def _index(saved: Any) -> Any:
    if isinstance(saved, dict) and "class_name" not in saved:
        return {"class_name": "__slice__", "config": saved}
    return saved
