"""Configs as Keras 3 and tf_keras 2 both read them: what `.h5` files hold.

Keras 3 goes on reading what older Keras wrote, so that is the form. What it cannot say stays as
Keras 3 writes it: nodes with tensors among their other arguments, operations that are no layers.
"""

from __future__ import annotations

from typing import Any

# What tf_keras does not take: a key that says what is so there anyhow is left out.
_NEW: dict[str, Any] = {
    **dict.fromkeys("quantization_config gptq_unpacked_column_size lora_rank lora_alpha".split()),
    **dict.fromkeys("input_axes output_axes salt optional weight_decay clipnorm clipvalue".split()),
    **dict.fromkeys("ema_overwrite_frequency loss_scale_factor global_clipnorm".split()),
    **dict.fromkeys(("gradient_accumulation_steps", "seed")),
    "use_cudnn": "auto",
    "rms_scaling": False,
    "pad_to_aspect_ratio": False,
    "antialias": False,
    "use_ema": False,
    "oov_method": "floormod",
    "ema_momentum": 0.99,
}
_LAST = {"data_format": "channels_last"}
# The same of single classes.
_NEW_OF: dict[str, dict[str, Any]] = {
    **dict.fromkeys(
        "CenterCrop RandomFlip RandomRotation RandomZoom RandomTranslation".split(), _LAST
    ),
    **dict.fromkeys("RandomBrightness RandomCrop ZeroPadding1D".split(), _LAST),
    "Resizing": {**_LAST, "fill_mode": "constant", "fill_value": 0.0},
    "RandomContrast": {**_LAST, "value_range": [0, 255]},
    **{key: {"dtype": "float32"} for key in ("TextVectorization", "StringLookup", "IntegerLookup")},
    "BatchNormalization": {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99},
}
# class: today's name: the one that both know
_RENAMED = {
    "InputLayer": {"batch_shape": "batch_input_shape"},
    "LeakyReLU": {"negative_slope": "alpha"},
}


def common(saved: Any) -> Any:
    """Return a config of a model in the common form; what has none stays as it is.

    Example:
        >>> common({"class_name": "InputLayer", "config": {"batch_shape": [None, 3]}})
        {'class_name': 'InputLayer', 'config': {'batch_input_shape': [None, 3]}}
    """
    if isinstance(saved, (list, tuple)):
        return [common(one) for one in saved]
    if not isinstance(saved, dict):
        return saved
    made = {key: common(value) for key, value in saved.items()}
    if saved.get("class_name") == "DTypePolicy":
        return saved["config"]["name"]
    if "class_name" in saved and isinstance(saved.get("config"), dict):
        name = saved["class_name"]
        new = _NEW | _NEW_OF.get(name, {})
        names = _RENAMED.get(name, {})
        made["config"] = {
            names.get(key, key): value
            for key, value in made["config"].items()
            if not (key in new and value == new[key])
        }
        made.pop("build_config", None)
        layers = made["config"].get("layers")
        if isinstance(layers, list):
            models = [one["config"]["name"] for one in layers if "layers" in one["config"]]
            made["config"]["layers"] = [_in_a_model(one, models) for one in layers]
    return made


_PLACES = ("keras", "keras.layers", "keras.models")


def _in_a_model(layer: dict[str, Any], models: list[str]) -> dict[str, Any]:
    """Return a layer of a model as older Keras wrote it: without saying where its class is."""
    if "inbound_nodes" in layer:
        layer["inbound_nodes"] = [_node(node, models) for node in layer["inbound_nodes"]]
    if layer.get("module") not in _PLACES:
        return layer
    return {k: v for k, v in layer.items() if k not in ("module", "registered_name")}


def _node(node: Any, models: list[str]) -> Any:
    """Return one call as the list of its tensors, if the first argument has them all.

    The calls of a model within a model are numbered from 0 by Keras 3, from 1 by tf_keras.
    """
    if not isinstance(node, dict) or len(node.get("args", ())) != 1:
        return node
    given, kwargs = node["args"][0], node.get("kwargs", {})
    tensors = given if isinstance(given, list) else [given]
    rows = [_history(one) for one in tensors]
    if None in rows or _has_tensors(kwargs) or any(row[0] in models for row in rows):
        return node
    # A flag that nobody set is not said.
    said = {key: value for key, value in kwargs.items() if value is not None}
    return [[*row, said if i == len(rows) - 1 else {}] for i, row in enumerate(rows)]


def _history(tensor: Any) -> Any:
    if isinstance(tensor, dict) and tensor.get("class_name") == "__keras_tensor__":
        return tensor["config"]["keras_history"]
    return None


def _has_tensors(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(map(_has_tensors, value))
    if isinstance(value, dict):
        return _history(value) is not None or any(map(_has_tensors, value.values()))
    return False
