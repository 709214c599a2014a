"""`keras.applications`, not built yet: names that may be imported, and that refuse when used."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from keraunos import errors
from keraunos.compat.old_utils import _gone

# Packages name their architectures when they are imported, and few programs of theirs use one.
_ROWS = """
convnext           ConvNeXtTiny ConvNeXtSmall ConvNeXtBase ConvNeXtLarge ConvNeXtXLarge
densenet           DenseNet121 DenseNet169 DenseNet201
efficientnet       EfficientNetB0 EfficientNetB1 EfficientNetB2 EfficientNetB3 EfficientNetB4\
 EfficientNetB5 EfficientNetB6 EfficientNetB7
efficientnet_v2    EfficientNetV2B0 EfficientNetV2B1 EfficientNetV2B2 EfficientNetV2B3\
 EfficientNetV2S EfficientNetV2M EfficientNetV2L
imagenet_utils
inception_resnet_v2 InceptionResNetV2
inception_v3       InceptionV3
mobilenet          MobileNet
mobilenet_v2       MobileNetV2
mobilenet_v3       MobileNetV3Small MobileNetV3Large
mobilenetv2        MobileNetV2
nasnet             NASNetMobile NASNetLarge
resnet             ResNet50 ResNet101 ResNet152
resnet50           ResNet50
resnet_v2          ResNet50V2 ResNet101V2 ResNet152V2
vgg16              VGG16
vgg19              VGG19
xception           Xception
"""
_MODELS = {room: models for room, *models in (row.split() for row in _ROWS.strip().splitlines())}
_TOP = sorted({model for models in _MODELS.values() for model in models})
_FUNCTIONS = ("decode_predictions", "preprocess_input")


class ToCome(ModuleType):
    """A module of architectures; the error for a name that Keras lacks has the nearest ones."""

    def __getattr__(self, name: str) -> Any:
        names = [n for n in vars(self) if not n.startswith("_")]
        raise AttributeError(
            errors.report(f"{self.__name__} has no {name!r}", fix=errors.suggest(name, names))
        )


def _made(name: str, names: tuple[str, ...] | list[str]) -> ToCome:
    made = ToCome(name, "Not built yet.")
    made.__path__ = []
    fix = "it is not built yet: build the model from layers, or load one that Keras 3 saved"
    for each in names:
        setattr(made, each, _gone(f"keras.{name}.{each}", fix))
    return made


_top = _made("applications", _TOP)
_inner = {
    room: _made(f"applications.{room}", [*models, *_FUNCTIONS]) for room, models in _MODELS.items()
}
vars(_top).update(_inner)


def module(path: str) -> ModuleType | None:
    """Return the module `applications` or one below it; None if Keras has none of that name.

    Example:
        >>> module("applications.vgg16").VGG16()
        Traceback (most recent call last):
        NotImplementedError: keras.applications.vgg16.VGG16 is not in keraunos
          fix:      it is not built yet: build the model from layers, or load one that Keras 3 saved
        >>> module("applications.vgg17") is None
        True
    """
    return _inner.get(path.partition(".")[2]) if "." in path else _top
