"""Folders that `callbacks.OrbaxCheckpoint` wrote, ours or Keras's: read into a model."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from keraunos import errors
from keraunos._core import registry, sharing
from keraunos._core.variable import Variable
from keraunos.saving.report import LoadReport

_MARK = "_CHECKPOINT_METADATA"


def is_checkpoint(path: Path) -> bool:
    """Return whether a path is a checkpoint, or a folder of them."""
    return path.is_dir() and ((path / _MARK).exists() or bool(_steps(path)))


def load_model(
    path: Path, custom_objects: dict[str, Any] | None, compile: bool, safe_mode: bool
) -> Any:
    """Return the model of the newest checkpoint.

    Raises:
        ValueError: it has weights only, or they do not fit.
    """
    newest = _newest(path)
    if not (newest / "model_config").exists():
        fix = "build the model, then model.load_weights(...)"
        raise ValueError(errors.report(f"{newest} holds weights only", fix=fix))
    config = json.loads(_read(newest, "model_config")["config"])
    if not compile:
        config["compile_config"] = None
    with sharing.scope():
        model = registry.deserialize(config, custom_objects, safe_mode=safe_mode)
    load_weights(model, path, skip_mismatch=False)
    return model


def load_weights(model: Any, path: Path, skip_mismatch: bool) -> LoadReport:
    """Put the values of the newest checkpoint into a model, all of them or (with an error) none.

    Raises:
        ValueError: something is missing, unexpected or of another shape.
    """
    newest = _newest(path)
    groups = {name: _flat(tree) for name, tree in _read(newest, "pytree").items()}
    stored = groups.get("trainable_variables", {}) | groups.get("non_trainable_variables", {})
    report, found = LoadReport(), []
    prefix = _shared(stored)
    for variable in model.variables:
        names = (variable.path, prefix + variable.path, f"{model.name}/{variable.path}")
        name = next((n for n in names if n in stored), None)
        value = None if name is None else stored.pop(name)
        if value is None:
            report.missing.append(variable.path)
        elif tuple(value.shape) != variable.shape:
            report.mismatched.append(f"{variable.path} {variable.shape}, not {value.shape}")
        else:
            found.append((variable, value))
            report.loaded.append(variable.path)
    report.unexpected += list(stored)
    if not report.complete:
        where = f"weights of {newest} do not fit model {model.name!r}"
        if not skip_mismatch or not found:
            raise ValueError(report.message(where, "build the same model as was saved"))
        errors.warn(f"{where}: {len(found)} weights loaded")
    found += _of_optimizer(model, groups.get("optimizer_variables"), prefix, report)
    for variable, value in found:
        variable.assign(np.asarray(value))
    return report


def _of_optimizer(
    model: Any, stored: dict[str, Any] | None, prefix: str, report: LoadReport
) -> list[tuple[Variable, Any]]:
    """Return the values of the optimizer's variables, if every one is there."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return []
    report.optimizer = "not in the file"
    if not stored:
        return []
    if not optimizer.built:
        optimizer.build(model.trainable_variables)
    plain = {_last(name, prefix.replace("/", "_")): value for name, value in stored.items()}
    found = []
    for variable in optimizer.variables:
        value = stored.get(variable.path, plain.get(_last(variable.path, f"{model.name}_")))
        if value is None or tuple(value.shape) != variable.shape:
            report.optimizer = f"left as it is: the file has no {variable.path} for it"
            return []
        found.append((variable, value))
    report.optimizer = "restored"
    return found


def _last(path: str, prefix: str) -> str:
    return path.rpartition("/")[2].removeprefix(prefix)


def _shared(paths: dict[str, Any]) -> str:
    """Return the first part of all paths, where they share it: the name of a Sequential."""
    first = {path.partition("/")[0] for path in paths}
    return f"{first.pop()}/" if len(first) == 1 else ""


def _flat(tree: dict[str, Any], before: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in tree.items():
        found |= (
            _flat(value, f"{before}{name}/") if isinstance(value, dict) else {before + name: value}
        )
    return found


def _steps(path: Path) -> list[Path]:
    numbered = (p for p in path.iterdir() if p.name.isdigit() and (p / _MARK).exists())
    return sorted(numbered, key=lambda p: int(p.name))


def _newest(path: Path) -> Path:
    return (path if (path / _MARK).exists() else _steps(path)[-1]).absolute()


def _read(path: Path, part: str) -> Any:
    ocp = errors.require("orbax.checkpoint", "checkpoint", f"reading {path}").v1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it reads from the file how arrays were spread
        return ocp.load_checkpointables(path, {part: None})[part]
