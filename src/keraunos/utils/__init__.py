"""What Keras keeps in `keras.utils`: files, arrays before training, names of other rooms."""

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
from keraunos.utils.arrays import normalize, pad_sequences, to_categorical
from keraunos.utils.devices import device
from keraunos.utils.files import get_file

__all__ = [
    "CustomObjectScope",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "device",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "is_keras_tensor",
    "normalize",
    "pad_sequences",
    "register_keras_serializable",
    "serialize_keras_object",
    "set_random_seed",
    "standardize_dtype",
    "to_categorical",
]
