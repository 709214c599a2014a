"""Configs of models as Keras 1 and 2 wrote them, turned into those of Keras 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keraunos.saving import old_operations

# What older Keras wrote and nobody takes any more.
_RANDOM = "RandomFlip RandomRotation RandomZoom RandomContrast RandomTranslation RandomCrop"
_DROPPED: dict[str, tuple[str, ...]] = {
    "Embedding": ("input_length",),
    "BatchNormalization": ("mode",),
    "Discretization": ("trainable",),
    "MultiHeadAttention": tuple("query_shape key_shape value_shape softmax_robust_masking".split()),
    **dict.fromkeys((*_RANDOM.split(), "RandomBrightness"), ("rng_type",)),
    **dict.fromkeys(("LSTMCell", "GRUCell", "SimpleRNNCell"), ("implementation",)),
    **dict.fromkeys((f"SpatialDropout{n}D" for n in (1, 2, 3)), ("noise_shape",)),
    **dict.fromkeys((f"Conv{n}DTranspose" for n in (1, 2, 3)), ("groups",)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), ("groups",)),
    **dict.fromkeys(
        ("SeparableConv1D", "SeparableConv2D"),
        ("groups", "kernel_initializer", "kernel_regularizer", "kernel_constraint"),
    ),
}
_RENAMED = {"LeakyReLU": {"alpha": "negative_slope"}}
_OF_RECURRENT = ("time_major", "implementation")
# Layers that may have several inputs, whose shapes Keras 2 wrote down in its own way.
_SEVERAL = ("MultiHeadAttention", "Bidirectional")
_OF_OPTIMIZERS = ("jit_compile", "is_legacy_optimizer", "decay", "epsilon_hat", "schedule_decay")


def upgraded(saved: Any) -> Any:
    """Return the config of a layer or model with today's keys; a present one stays as it is.

    Args:
        saved: `{"class_name": ..., "config": ...}`.

    Example:
        >>> upgraded({"class_name": "InputLayer", "config": {"batch_input_shape": [None, 3]}})
        {'class_name': 'InputLayer', 'config': {'batch_shape': [None, 3]}}
    """
    if isinstance(saved, list):
        return [upgraded(one) for one in saved]
    if not isinstance(saved, dict):
        return saved
    if saved.get("class_name") in ("Policy", "PolicyV1"):  # of dtypes
        return saved["config"]["name"]
    made = {key: upgraded(value) for key, value in saved.items() if key != "inbound_nodes"}
    if "class_name" in saved and isinstance(saved.get("config"), (dict, list)):
        made["config"] = _config(saved["class_name"], made["config"])
        made["class_name"] = _class_name(saved["class_name"], made["config"])
        several = made["class_name"] in _SEVERAL or "return_sequences" in made["config"]
        if several and "input_shape" in made.get("build_config", ()):
            del made["build_config"]  # the model builds it
        if _is_old_graph(saved["config"]):
            # A list of one was that one.
            for key in ("input_layers", "output_layers"):
                rows = made["config"][key]
                made["config"][key] = rows[0] if len(rows) == 1 else rows
            _renumber(made["config"])
    if isinstance(saved.get("compile_config"), dict):
        made["compile_config"] = _compiling(saved["compile_config"])
    if "inbound_nodes" in saved:
        made["inbound_nodes"] = [_node(node) for node in saved["inbound_nodes"]]
        attends = made["class_name"] in ("Attention", "AdditiveAttention")
        if attends and made["config"].pop("causal", False):  # today each call says it
            for node in made["inbound_nodes"]:
                node["kwargs"]["use_causal_mask"] = True
        if made["class_name"] == "Bidirectional" or "return_sequences" in made["config"]:
            made["inbound_nodes"] = [_with_states(node) for node in made["inbound_nodes"]]
        if made.get("class_name") in old_operations.LAYERS:
            made = old_operations.upgraded(made)
    return made


def _compiling(saved: dict[str, Any]) -> dict[str, Any]:
    made = {key: upgraded(value) for key, value in saved.items()}
    if isinstance(saved.get("optimizer"), dict):
        made["optimizer"] = upgraded_optimizer(saved["optimizer"])
    return made


def upgraded_optimizer(saved: dict[str, Any]) -> dict[str, Any]:
    """Return the config of an optimizer with today's keys."""
    config = {k: v for k, v in saved["config"].items() if k not in _OF_OPTIMIZERS}
    if "lr" in config:
        config["learning_rate"] = config.pop("lr")
    if saved["config"].get("decay"):
        schedule = {"initial_learning_rate": config["learning_rate"], "decay_steps": 1}
        config["learning_rate"] = {
            "module": "keras.optimizers.schedules",
            "class_name": "InverseTimeDecay",
            "config": {**schedule, "decay_rate": saved["config"]["decay"]},
        }
    if config.get("weight_decay", 0) == 0:
        config.pop("weight_decay", None)
    if isinstance(config.get("inner_optimizer"), dict):
        config["inner_optimizer"] = upgraded_optimizer(config["inner_optimizer"])
    return {**saved, "class_name": saved["class_name"].rpartition(">")[2], "config": config}


def _is_old_graph(config: Any) -> bool:
    layers = config.get("layers", ()) if isinstance(config, dict) else ()
    nodes = [node for layer in layers for node in layer.get("inbound_nodes") or ()]
    return any(isinstance(node, list) for node in nodes)


def _renumber(graph: dict[str, Any]) -> None:
    """Count the calls of models within a model from 0: up to Keras 2 their own graph was call 0."""
    rows = list(_histories(graph["layers"])) + list(_histories(graph["output_layers"]))
    for layer in graph["layers"]:
        mine = [row for row in rows if row[0] == layer["name"]]
        if "layers" in layer["config"] and mine and all(row[1] for row in mine):
            for row in mine:
                row[1] -= 1


def _histories(value: Any) -> Iterator[list[Any]]:
    """Yield every [layer, call, tensor] in the calls of a graph."""
    if isinstance(value, list):
        if len(value) == 3 and isinstance(value[0], str):
            yield value
        else:
            for one in value:
                yield from _histories(one)
    elif isinstance(value, dict):
        inner = value.get("inbound_nodes") if "config" in value and "name" in value else value
        for one in inner.values() if isinstance(inner, dict) else [inner]:
            yield from _histories(one)


def _class_name(name: str, config: dict[str, Any]) -> str:
    return "Functional" if name == "Model" and "input_layers" in config else name


def _config(name: str, config: Any) -> dict[str, Any]:
    if name == "Sequential" and isinstance(config, list):
        return {"layers": config}  # Keras 1 and the first of Keras 2
    names = _RENAMED.get(name, {})
    config = {names.get(k, k): v for k, v in config.items() if k not in _DROPPED.get(name, ())}
    if name == "InputLayer" and "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    if config.get("reduction") == "auto":
        config["reduction"] = "sum_over_batch_size"
    if "fn" in config and not name.endswith("Wrapper"):
        del config["fn"]  # the class has it
    if "return_sequences" in config:
        config = {k: v for k, v in config.items() if k not in _OF_RECURRENT}
    if "batch_input_shape" in config:
        config["batch_shape"] = config.pop("batch_input_shape")
    return config


def _node(node: Any) -> Any:
    """Return one call: up to Keras 2 a list of [layer, node, tensor, arguments]."""
    if isinstance(node, dict):
        return node
    several = bool(node) and isinstance(node[0], list)
    tensors = [_tensor(one) for one in (node if several else [node])]
    rows = node if several else [node]
    # Each row may have them; Keras goes by the last.
    options = rows[-1][3] if rows and len(rows[-1]) > 3 else {}
    given: Any = tensors if len(tensors) > 1 else tensors[0]
    return {"args": [given], "kwargs": _options(options)}


def _with_states(node: dict[str, Any]) -> dict[str, Any]:
    """Return the call of a recurrent layer, whose first states stood behind its input."""
    first = node["args"][0]
    if not isinstance(first, list):
        return node
    return {"args": first[:1], "kwargs": {**node["kwargs"], "initial_state": first[1:]}}


def _tensor(row: list[Any]) -> Any:
    if row[0] == "_CONSTANT_VALUE":
        return row[2]
    history = [row[0], row[1], row[2]]
    return {"class_name": "__keras_tensor__", "config": {"keras_history": history}}


def _options(options: dict[str, Any]) -> dict[str, Any]:
    # A tensor among the arguments is written as its history.
    return {
        key: _tensor(value)
        if isinstance(value, list) and len(value) == 3 and isinstance(value[0], str)
        else value
        for key, value in options.items()
        if value is not None
    }
