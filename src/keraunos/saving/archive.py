"""`.keras`: a zip of the config, the weights and a note of who wrote them."""

from __future__ import annotations

import contextlib
import datetime as dt
import io
import json
import os
import zipfile
from pathlib import Path
from typing import Any

from keraunos import errors
from keraunos._core import registry, sharing
from keraunos._core.layer import Layer
from keraunos.saving import assets, files, hdf5, old_configs, orbax, weights
from keraunos.utils.writing import replacing

# The version of the format, as Keras writes it; readers look at no more than its first number.
_FORMAT_OF = "3.15.0"


@errors.brief
def save_model(
    model: Any,
    filepath: str | os.PathLike[str],
    overwrite: bool = True,
    zipped: bool | None = None,
    **kwargs: Any,
) -> None:
    """Write a whole model: architecture, weights, how it was compiled, state of the optimizer.

    Args:
        model: a model of any kind.
        filepath: ends in `.keras`, or in `.h5` for the layout of Keras 2.
        overwrite: whether an existing file may be replaced.
        zipped: None or True; a folder is not written.

    Raises:
        ValueError: another ending.
        TypeError: something in the model has no config; the message names it.
        FileExistsError: the file is there and `overwrite` is False.
        OSError: it cannot be written; an older file is unchanged then.

    Example:
        >>> import tempfile, keraunos as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> path = tempfile.mkdtemp() + "/model.keras"
        >>> save_model(model, path)
        >>> load_model(path).output_shape
        (None, 2)
    """
    if not isinstance(model, Layer):
        raise TypeError(errors.report("save_model", expected="a model", got=type(model).__name__))
    path = files.local_path(filepath)
    if path.suffix in hdf5.SUFFIXES:
        hdf5.save_model(model, path, overwrite, kwargs.pop("include_optimizer", True))
        return
    files.refuse_arguments("save", kwargs)
    if zipped is False:
        raise ValueError(
            errors.report(
                "save_model", expected="zipped=True", got="zipped=False: folders are not written"
            )
        )
    files.check_suffix(path, ".keras", "save_model")
    files.check_overwrite(path, overwrite)
    if not model.built and not model.weights:
        errors.warn(f"model {model.name!r} is saved without weights: it is not built yet")
    members = _members(model)
    with replacing(path) as part:
        _write(members, part)


def to_bytes(model: Layer) -> bytes:
    """Return what `save_model` writes into a `.keras` file."""
    file = io.BytesIO()
    _write(_members(model), file)
    return file.getvalue()


def from_bytes(
    data: bytes,
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = False,
) -> Any:
    """Return the model of a `.keras` file's content, by default code in it included.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
        >>> from_bytes(to_bytes(model)).output_shape
        (None, 2)
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return _read(archive, Path("a pickled model"), custom_objects, compile, safe_mode)


@errors.brief
def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: dict[str, Any] | None = None,
    compile: bool = True,
    safe_mode: bool = True,
) -> Any:
    """Read a model that keraunos, Keras 3, Keras 2 or tf_keras saved.

    Args:
        filepath: a `.keras` file, or a `.h5` file of a whole model.
        custom_objects: name -> class or function, for those that the program wrote itself. Not
            needed for classes of the running program and of modules that it has imported.
        compile: whether to compile it as it was, with the state of the optimizer.
        safe_mode: refuse to run code that lies in the file (a `Lambda` layer's).

    Raises:
        ValueError: a damaged or foreign file, an unknown class, code in safe mode, or weights
            that do not fit.
        FileNotFoundError: there is no such file.
    """
    path = files.local_path(filepath)
    if hdf5.is_legacy(path):
        return hdf5.load_model(path, custom_objects, compile, safe_mode)
    if orbax.is_checkpoint(path):
        return orbax.load_model(path, custom_objects, compile, safe_mode)
    with files.opened_archive(path) as archive:
        return _read(archive, path, custom_objects, compile, safe_mode)


def _read(
    archive: zipfile.ZipFile,
    path: Path,
    custom_objects: dict[str, Any] | None,
    compile: bool,
    safe_mode: bool,
) -> Any:
    config = _config(archive, path)
    writer = _writer(archive, path)
    if writer.startswith("2."):
        hdf5.warn_of_slopes(json.dumps(config), writer, path)
        config = old_configs.upgraded(config)
    if not compile:
        config["compile_config"] = None
    with sharing.scope():
        model = registry.deserialize(config, custom_objects, safe_mode=safe_mode)
    if not isinstance(model, Layer):
        raise ValueError(errors.report(f"{path} holds no model", got=type(model).__name__))
    where = f"weights of {path.name} do not fit its own config"
    with files.opened_member(archive, path) as file:
        made = weights.plan(model, file, where, strict_optimizer=compile)
    weights.carry_out(model, made)
    assets.restore(model, archive, path, made.way)
    return model


def _write(members: dict[str, Any], file: Any) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def _members(model: Layer) -> dict[str, Any]:
    with sharing.scope():
        config = registry.serialize(model)
    saved = dt.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return {
        files.METADATA: json.dumps({"keras_version": _FORMAT_OF, "date_saved": saved}),
        files.CONFIG: json.dumps(config),
        files.WEIGHTS: weights.to_bytes(model),
        **assets.members(model),
    }


def _writer(archive: zipfile.ZipFile, path: Path) -> str:
    """Return the version of the Keras that wrote a file; nothing where it does not say."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return str(json.loads(files.member(archive, files.METADATA, path))["keras_version"])
    return ""


def _config(archive: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        config = json.loads(files.member(archive, files.CONFIG, path))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise files.damaged(path, f"{files.CONFIG}: {error}") from error
    if not isinstance(config, dict) or "class_name" not in config:
        raise ValueError(
            errors.report(
                f"{path} is not a saved model", got=f"a {files.CONFIG} without a class_name"
            )
        )
    return config
