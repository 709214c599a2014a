"""`.h5`: the HDF5 layout of Keras 1 and 2, which Keras 3 reads and writes too."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keraunos import errors
from keraunos._core import registry
from keraunos._core.layer import Layer
from keraunos._core.variable import Variable
from keraunos.saving import common_configs, files, old_configs, optimizer_states
from keraunos.saving.report import LoadReport
from keraunos.utils.writing import replacing

if TYPE_CHECKING:
    import h5py  # loaded when a file is read, not when keraunos is imported

SUFFIXES = (".h5", ".hdf5", ".keras.h5")
_VERSION, _BACKEND = "3.15.0", "jax"
# Attributes above this size are cut into numbered parts: HDF5 holds 64 KiB in one.
_LARGEST = 64_000
_COMPILED = ("loss", "metrics", "weighted_metrics", "loss_weights")


def save_model(
    model: Any, filepath: Any, overwrite: bool = True, include_optimizer: bool = True
) -> None:
    """Write a whole model: architecture, weights, how it was compiled, state of the optimizer.

    Args:
        model: a built model.
        filepath: of the file.
        overwrite: whether an existing file may be replaced.
        include_optimizer: whether to write how it was compiled.

    Raises:
        FileExistsError: the file is there and `overwrite` is False.
    """
    path = _writable(model, filepath, overwrite)
    _write(path, lambda file: _fill(file, model, include_optimizer))


def save_weights(model: Any, filepath: Any, overwrite: bool = True) -> None:
    """Write the weights of a model, by layer and name.

    Raises:
        FileExistsError: the file is there and `overwrite` is False.
    """
    path = _writable(model, filepath, overwrite)
    _write(path, lambda file: _put_layers(file, model))


def load_model(
    filepath: Any,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model from an open path; the arguments are those of `keras.saving.load_model`."""
    path = files.local_path(filepath)
    with files.opened_hdf5(path, path) as file:
        text = _attribute(file, "model_config")
        if text is None:
            fix = "build the model and call load_weights"
            raise ValueError(errors.report(f"{path} holds weights, but no model", fix=fix))
        warn_of_slopes(text, _attribute(file, "keras_version"), path)
        model = registry.deserialize(
            old_configs.upgraded(json.loads(text)), custom_objects, safe_mode=safe_mode
        )
        if not isinstance(model, Layer):
            raise ValueError(errors.report(f"{path} holds no model", got=type(model).__name__))
        _take_layers(file["model_weights"], model, path)
        training = _attribute(file, "training_config")
        if compile and training is not None:
            with registry.custom_object_scope(custom_objects):
                _compile(model, json.loads(training))
            _take_optimizer(file, model)
    return model


def warn_of_slopes(config: str, version: str | None, path: Path) -> None:
    """Warn where an old model has the hard sigmoid, which has had another slope since Keras 3."""
    now = float(registry.get("activations", "hard_sigmoid")(np.float32(1)))
    if '"hard_sigmoid"' in config and _is_old(version) and now < 0.69:
        what = f"{path.name}: hard_sigmoid was 0.2 x + 0.5 when it was saved, and is x / 6 + 0.5"
        fix = "keraunos.compat.install('keras2') before loading has it as it was"
        errors.warn(errors.report(what, fix=fix))


def _is_old(version: str | None) -> bool:
    """Return whether a Keras before the third wrote a file; the first said nothing."""
    return (version or "1")[:1] in "12"


def load_weights(
    model: Any, filepath: Any, by_name: bool = False, skip_mismatch: bool = False
) -> LoadReport:
    """Read weights into a built model.

    Args:
        model: the model.
        filepath: a file of weights or of a whole model.
        by_name: match layers by their names; by their order otherwise.
        skip_mismatch: with `by_name`, leave layers whose weights have other shapes.

    Raises:
        ValueError: weights that do not fit; nothing changes then.
    """
    path = files.local_path(filepath)
    with files.opened_hdf5(path, path) as file:
        group = file.get("model_weights", file)
        return _take_layers(group, model, path, by_name, skip_mismatch)


def is_legacy(path: Path) -> bool:
    """Return whether a file is of this layout."""
    import h5py

    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    with h5py.File(path, "r") as file:
        return "layer_names" in file.attrs or "model_weights" in file


# -- writing -------------------------------------------------------------------------------------


def _writable(model: Any, filepath: Any, overwrite: bool) -> Path:
    path = files.local_path(filepath)
    files.check_overwrite(path, overwrite)
    if not model.built:
        fix = "call it on a batch, or put keras.Input first"
        raise ValueError(errors.report(f"save: model {model.name!r} has no weights yet", fix=fix))
    return path


def _write(path: Path, fill: Any) -> None:
    import h5py

    # In memory first, because the HDF5 library cannot stop cleanly where a disk is full.
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        fill(file)
    with replacing(path) as part:
        part.write_bytes(buffer.getvalue())


def _fill(file: h5py.File, model: Any, include_optimizer: bool) -> None:
    config = common_configs.common(registry.serialize(model))
    for key in ("build_config", "compile_config", "registered_name", "module"):
        config.pop(key, None)
    _put_text(file, "keras_version", _VERSION)
    _put_text(file, "backend", _BACKEND)
    _put_text(file, "model_config", json.dumps(config))
    _put_layers(file.create_group("model_weights"), model)
    if not include_optimizer or not model.compiled:
        return
    given = model.get_compile_config() or {}
    optimizer = model.optimizer
    training = {key: _in_full(given.get(key)) for key in _COMPILED}
    training["optimizer_config"] = {
        "class_name": registry.get_registered_name(type(optimizer)),
        "config": optimizer.get_config(),
    }
    training = common_configs.common(training)
    _put_text(file, "training_config", json.dumps(training))
    if optimizer.built:
        _put_arrays(file.create_group("optimizer_weights"), optimizer.variables)


def _in_full(value: Any) -> Any:
    """Return losses and metrics by their whole names: Keras 3 does not read "mse" here."""
    if isinstance(value, (list, tuple)):
        return [_in_full(one) for one in value]
    if isinstance(value, dict) and "class_name" not in value:
        return {key: _in_full(one) for key, one in value.items()}
    if isinstance(value, str):
        found = registry._names["losses"].get(value) or registry._names["metrics"].get(value)
        return getattr(found, "__name__", value)
    return value


def _put_layers(group: Any, model: Any) -> None:
    layers = model.layers
    _put_names(group, "layer_names", [layer.name for layer in layers])
    _put_text(group, "backend", _BACKEND)
    _put_text(group, "keras_version", _VERSION)
    for layer in layers:
        _put_arrays(group.create_group(layer.name), _ordered(layer))
    inside = {id(v) for layer in layers for v in layer.weights}
    own = [v for v in model.weights if id(v) not in inside]
    _put_arrays(group.create_group("top_level_model_weights"), own)


def _ordered(layer: Any) -> list[Variable]:
    """Return the weights in the order of the file: those that are trained come first."""
    trained = {id(v) for v in layer.trainable_weights}
    weights = layer.weights
    return [v for v in weights if id(v) in trained] + [v for v in weights if id(v) not in trained]


def _put_arrays(group: Any, variables: list[Variable]) -> None:
    names: list[str] = []
    for variable in variables:
        name = f"{variable.path}:0"
        while name in names:
            name = name[:-2] + "_1:0"
        names.append(name)
    _put_names(group, "weight_names", names)
    for name, variable in zip(names, variables):
        value = variable.numpy()
        # HDF5 has no bfloat16.
        group.create_dataset(
            name, data=value.astype("float32") if value.dtype.kind == "V" else value
        )


def _put_names(group: Any, key: str, names: list[str]) -> None:
    encoded = [name.encode() for name in names]
    parts, size = 1, sum(map(len, encoded)) + len(encoded)
    widest = max(map(len, encoded), default=1) * max(len(encoded), 1)
    while max(size, widest) / parts > _LARGEST:
        parts += 1
    if parts == 1:
        group.attrs[key] = np.array(encoded) if encoded else np.array([], "S1")
        return
    for i, chunk in enumerate(np.array_split(np.array(encoded), parts)):
        group.attrs[f"{key}{i}"] = chunk


def _put_text(group: Any, key: str, text: str) -> None:
    # One long string does not stand in the header of the object, so it has no limit.
    group.attrs[key] = text


# -- reading -------------------------------------------------------------------------------------


def _attribute(group: Any, key: str) -> str | None:
    value = group.attrs.get(key)
    return value.decode() if isinstance(value, bytes) else value


def _names(group: Any, key: str) -> list[str]:
    if key in group.attrs:
        found = list(group.attrs[key])
    else:
        found, i = [], 0
        while f"{key}{i}" in group.attrs:
            found += list(group.attrs[f"{key}{i}"])
            i += 1
    return [n.decode() if isinstance(n, bytes) else str(n) for n in found]


def _stored(group: Any) -> list[tuple[str, Any]]:
    return [(name, np.asarray(group[name])) for name in _names(group, "weight_names")]


def _take_layers(
    group: Any, model: Any, path: Path, by_name: bool = False, skip_mismatch: bool = False
) -> LoadReport:
    """Put the file's weights into a model's: all of them or, after an error, none."""
    stored = {name: _stored(group[name]) for name in _names(group, "layer_names")}
    pairs = _by_name(stored, model) if by_name else _by_order(stored, model, path)
    if "top_level_model_weights" in group:
        inside = {id(v) for layer in model.layers for v in layer.weights}
        own = [v for v in model.weights if id(v) not in inside]
        pairs.append((model.name, own, _stored(group["top_level_model_weights"])))
    report, values = LoadReport(), []
    for name, variables, arrays in pairs:
        if len(variables) != len(arrays):
            report.mismatched.append(
                f"layer {name!r}: {len(variables)} weights, in the file {len(arrays)}"
            )
            continue
        for variable, (_, array) in zip(variables, arrays):
            if tuple(array.shape) != variable.shape:
                report.mismatched.append(
                    f"{variable.path} {variable.shape}, in the file {tuple(array.shape)}"
                )
            else:
                values.append((variable, array))
                report.loaded.append(variable.path)
    if report.mismatched:
        where = f"weights of {path.name} do not fit model {model.name!r}"
        if not skip_mismatch:
            raise ValueError(report.message(where, "build the same model as was saved"))
        errors.warn(f"{where}: {len(report.mismatched)} are left as they are")
    for variable, array in values:
        variable.assign(array)
    return report


def _by_order(stored: dict[str, Any], model: Any, path: Path) -> list[tuple[str, Any, Any]]:
    layers = [layer for layer in model.layers if layer.weights]
    arrays = {name: rows for name, rows in stored.items() if rows}
    if len(layers) != len(arrays):
        raise ValueError(
            errors.report(
                f"weights of {path.name} do not fit model {model.name!r}",
                expected=f"{len(layers)} layers with weights",
                got=f"{len(arrays)}: {', '.join(arrays)}",
                fix="build the same model as was saved, or pass by_name=True",
            )
        )
    return [(layer.name, _ordered(layer), rows) for layer, rows in zip(layers, arrays.values())]


def _by_name(stored: dict[str, Any], model: Any) -> list[tuple[str, Any, Any]]:
    return [
        (layer.name, _ordered(layer), stored[layer.name])
        for layer in model.layers
        if layer.weights and stored.get(layer.name)
    ]


def _compile(model: Any, training: dict[str, Any]) -> None:
    """Compile as the file says; an unknown loss or metric is the caller's to give."""
    saved = old_configs.upgraded_optimizer(training["optimizer_config"])
    module = {"module": "keras.optimizers"} if "module" not in saved else {}
    optimizer = registry.deserialize({**module, **saved})
    model.compile(
        optimizer=optimizer,
        **{key: registry.deserialize(old_configs.upgraded(training.get(key))) for key in _COMPILED},
    )


def _take_optimizer(file: Any, model: Any) -> None:
    if "optimizer_weights" not in file:
        return
    optimizer = model.optimizer
    optimizer.build(model.trainable_variables)
    stored = _stored(file["optimizer_weights"])
    old = _is_old(_attribute(file, "keras_version"))
    found = optimizer_states.pairs(stored, optimizer, model.trainable_variables, old)
    if found is None:
        errors.warn("the state of the optimizer does not fit: it begins anew")
        return
    for box, array in found:
        box.assign(array.astype(box.dtype))
