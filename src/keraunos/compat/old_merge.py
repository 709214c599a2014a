"""Keras 1's `merge` and `Merge`, and layers that have other names since."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from keraunos import errors, layers
from keraunos.compat import arguments
from keraunos.layers import Layer as AbstractRNNCell  # noqa: F401
from keraunos.layers import Layer as PreprocessingLayer  # noqa: F401
from keraunos.layers.merging import _Merge as _Joined
from keraunos.models import Functional

_MODES: dict[str, Callable[..., Any]] = {
    "sum": lambda **_: layers.Add(),
    "mul": lambda **_: layers.Multiply(),
    "ave": lambda **_: layers.Average(),
    "max": lambda **_: layers.Maximum(),
    "min": lambda **_: layers.Minimum(),
    "concat": lambda concat_axis, **_: layers.Concatenate(axis=concat_axis),
    "dot": lambda dot_axes, **_: layers.Dot(axes=_axes(dot_axes)),
    "cos": lambda dot_axes, **_: layers.Dot(axes=_axes(dot_axes), normalize=True),
}


def merge(
    inputs: Any,
    mode: Any = "sum",
    concat_axis: int = -1,
    dot_axes: Any = -1,
    output_shape: Any = None,
    output_mask: Any = None,
    arguments: dict[str, Any] | None = None,
    name: str | None = None,
) -> Any:
    """Join tensors into one, as Keras 1 said it; today there is a layer for each mode.

    Args:
        inputs: a list of tensors.
        mode: `"sum"`, `"mul"`, `"ave"`, `"max"`, `"concat"`, `"dot"`, `"cos"`, or a function of
            the list.
        concat_axis: for `"concat"`.
        dot_axes: for `"dot"` and `"cos"`: one axis, or one of each tensor.
        output_shape, output_mask: kept for programs that pass them; they are worked out.
        arguments: further arguments of the function.
        name: of the layer.

    Raises:
        ValueError: an unknown mode.

    Example:
        >>> import keraunos as keras
        >>> a, b = keras.Input((3,)), keras.Input((2,))
        >>> merge([a, b], mode="concat").shape
        (None, 5)
    """
    return _layer_of(mode, concat_axis, dot_axes, arguments, name)(inputs)


def _layer_of(
    mode: Any, concat_axis: int, dot_axes: Any, options: dict[str, Any] | None, name: str | None
) -> Any:
    if callable(mode):
        layer = layers.Lambda(mode, arguments=options)
    elif mode in _MODES:
        layer = _MODES[mode](concat_axis=concat_axis, dot_axes=dot_axes)
    else:
        raise ValueError(errors.report(f"merge(mode={mode!r})", fix=errors.suggest(mode, _MODES)))
    if name:
        layer.name = name
    return layer


def _axes(dot_axes: Any) -> Any:
    if isinstance(dot_axes, int):
        return dot_axes
    return tuple(axis[0] if isinstance(axis, (list, tuple)) else axis for axis in dot_axes)


class Merge:
    """Keras 1's layer that joins the outputs of models: the first of a `Sequential`.

    Args:
        layers: models or layers whose outputs are joined; None: call it on a list of tensors.
        mode, concat_axis, dot_axes, arguments, name: as for `merge`.

    Example:
        >>> import keraunos as keras
        >>> from keraunos import layers
        >>> both = Merge(mode="sum")([keras.Input((3,)), keras.Input((3,))])
        >>> both.shape
        (None, 3)
    """

    def __init__(
        self,
        layers: Any = None,
        mode: Any = "sum",
        concat_axis: int = -1,
        dot_axes: Any = -1,
        output_shape: Any = None,
        output_mask: Any = None,
        arguments: dict[str, Any] | None = None,
        node_indices: Any = None,
        tensor_indices: Any = None,
        name: str | None = None,
    ) -> None:
        self.layers = list(layers or ())
        self._layer = _layer_of(mode, concat_axis, dot_axes, arguments, name)

    def __call__(self, inputs: Any) -> Any:
        return self._layer(inputs)

    def grow(self, model: Any) -> None:
        """Make an empty `Sequential` a model that begins with what is joined."""
        inputs = [tensor for one in self.layers for tensor in _listed(one.input)]
        output = self([one.output for one in self.layers])
        model.__class__ = Grown
        Functional.__init__(model, inputs, output, name=model.name)


class _Merge(_Joined):
    """What programs derived their own joining layers from: they wrote `_merge_function`."""

    def _join(self, inputs: list[Any], masks: Any) -> Any:
        return self._merge_function(inputs)

    def _merge_function(self, inputs: list[Any]) -> Any:
        raise NotImplementedError(errors.report(type(self).__name__, fix="write _merge_function"))


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


class Grown(Functional):
    """A model of several inputs that grows as a `Sequential` does."""

    def add(self, layer: Any) -> None:
        """Put a layer on top."""
        output = layer(self.outputs[0])
        Functional.__init__(self, list(self.inputs), output, name=self.name)


def _renamed(name: str, today: str, doc: str) -> type:
    """Return a class whose call makes today's layer from Keras 1's arguments."""

    def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:
        kind = getattr(layers, today)
        new_args, new_kwargs, later = arguments.translate(kind, args, kwargs, "keras1")
        made = kind(*new_args, **new_kwargs)
        if later is not None:
            later(made)
        return made

    return type(name, (), {"__new__": __new__, "__doc__": doc, "__module__": __name__})


AtrousConvolution1D = _renamed("AtrousConvolution1D", "Conv1D", "`Conv1D(dilation_rate=)`.")
AtrousConvolution2D = _renamed("AtrousConvolution2D", "Conv2D", "`Conv2D(dilation_rate=)`.")
Deconvolution2D = _renamed("Deconvolution2D", "Conv2DTranspose", "`Conv2DTranspose`.")
Deconvolution3D = _renamed("Deconvolution3D", "Conv3DTranspose", "`Conv3DTranspose`.")
SyncBatchNormalization = _renamed(
    "SyncBatchNormalization", "BatchNormalization", "`BatchNormalization(synchronized=True)`."
)


class TimeDistributedDense:
    """Keras 1's `TimeDistributed(Dense(...))`, which is what it makes."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        first = {
            k: kwargs.pop(k) for k in ("input_shape", "batch_input_shape", "name") if k in kwargs
        }
        length, size = kwargs.pop("input_length", None), kwargs.pop("input_dim", None)
        if size is not None:
            first["input_shape"] = (length, size)
        new_args, new_kwargs, _ = arguments.translate(layers.Dense, args, kwargs, "keras1")
        return layers.TimeDistributed(layers.Dense(*new_args, **new_kwargs), **first)


def _gone(name: str, fix: str) -> type:
    """Return a class that exists, and says what to use instead when it is called."""

    def __new__(cls: type, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(errors.report(f"{name} is not in keraunos", fix=fix))

    about = {"__module__": __name__, "__doc__": fix, "refuses": fix}
    return type(name, (), {"__new__": __new__, **about})


SReLU = _gone("SReLU", "use PReLU")
ParametricSoftplus = _gone("ParametricSoftplus", "use Activation('softplus')")
Recurrent = _gone("Recurrent", "write a cell, and give it to RNN")
ConvRecurrent2D = _gone("ConvRecurrent2D", "use ConvLSTM2D")
ConvRNN2D = _gone("ConvRNN2D", "use ConvLSTM2D")
ConvLSTM2DCell = _gone("ConvLSTM2DCell", "use ConvLSTM2D")
RandomFourierFeatures = _gone("RandomFourierFeatures", "write the layer: cos(x @ w + b)")
DenseFeatures = _gone("DenseFeatures", "use keras.utils.FeatureSpace")
RandomHeight = _gone("RandomHeight", "use RandomZoom(height_factor=..., width_factor=0)")
RandomWidth = _gone("RandomWidth", "use RandomZoom(height_factor=0, width_factor=...)")
