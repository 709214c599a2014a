"""What Keras keeps in `keras.utils`: files, arrays before training, names of other rooms."""

import importlib
from typing import Any

from keraunos import errors as _errors
from keraunos._core.dtypes import standardize_dtype
from keraunos._core.random import set_random_seed
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
from keraunos.backend import clear_session, is_keras_tensor
from keraunos.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
)
from keraunos.utils import legacy
from keraunos.utils.arrays import normalize, pad_sequences, to_categorical
from keraunos.utils.batches import (
    get_source_inputs,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from keraunos.utils.devices import device
from keraunos.utils.files import get_file
from keraunos.utils.images import array_to_img, img_to_array, load_img, save_img
from keraunos.utils.progbar import Progbar
from keraunos.utils.settings import Config

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",  # pyright: ignore[reportUnsupportedDunderAll]
    "Progbar",
    "array_to_img",
    "bounding_boxes",  # pyright: ignore[reportUnsupportedDunderAll]
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "device",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "legacy",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

_missing = _errors.missing(__name__, globals())


def __getattr__(name: str) -> Any:
    if name == "bounding_boxes":  # it stands on the layers: loaded when it is used
        return importlib.import_module("keraunos.utils.bounding_boxes")
    if name == "FeatureSpace":
        return importlib.import_module("keraunos.utils.feature_space").FeatureSpace
    return _missing(name)
