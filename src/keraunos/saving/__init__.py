"""One road in and out for each file format, and between objects and their configs."""

from keraunos import errors as _errors
from keraunos._core.registry import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from keraunos._core.registry import custom_object_scope as CustomObjectScope
from keraunos._core.registry import deserialize as deserialize_keras_object
from keraunos._core.registry import serialize as serialize_keras_object
from keraunos.saving.archive import load_model, save_model
from keraunos.saving.editor import KerasFileEditor
from keraunos.saving.report import LoadReport
from keraunos.saving.weights import load_weights, save_weights

__all__ = [
    "CustomObjectScope",
    "KerasFileEditor",
    "LoadReport",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "load_model",
    "load_weights",
    "register_keras_serializable",
    "save_model",
    "save_weights",
    "serialize_keras_object",
]

__getattr__ = _errors.missing(__name__, globals())
