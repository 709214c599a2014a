"""Arguments of older Keras as tables, and the one function that translates a call by them."""

from __future__ import annotations

import functools
import inspect
import types
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keraunos import config, errors
from keraunos._core import signature
from keraunos.compat import eras
from keraunos.compat import initializations as old_initializations

# old name: the new one (the first of several that the class has), "-" where it means nothing here
_ROWS = """
output_dim            units
nb_filter             filters
filter_length         kernel_size
subsample             strides
subsample_length      strides
stride                strides
pool_length           pool_size
length                size
border_mode           padding
dim_ordering          data_format
atrous_rate           dilation_rate
init                  kernel_initializer embeddings_initializer alpha_initializer
inner_init            recurrent_initializer
inner_activation      recurrent_activation
bias                  use_bias
W_regularizer         kernel_regularizer embeddings_regularizer
U_regularizer         recurrent_regularizer
b_regularizer         bias_regularizer
W_constraint          kernel_constraint embeddings_constraint
U_constraint          recurrent_constraint
b_constraint          bias_constraint
beta_init             beta_initializer
gamma_init            gamma_initializer
dropout_W             dropout
dropout_U             recurrent_dropout
p                     rate
sigma                 stddev
ratio                 rate
alpha                 negative_slope
consume_less          -
implementation        -
input_dtype           -
dynamic               -
fused                 -
virtual_batch_size    -
experimental_autocast -
lr                    learning_rate
gradient_aggregator   -
gradient_transformers -
l                     l2 l1
m                     max_value
nb_words              num_words
document_count        -
jit_compile           -
adaptive_epsilon      -
sparse                -
type_spec             -
robust_masking        -
softmax_robust_masking -
save_before_preemption -
stateful_metrics      -
count_mode            -
queue_length          -
"""
RENAMED: dict[str, tuple[str, ...]] = {
    old: tuple(new) for old, *new in (line.split() for line in _ROWS.strip().splitlines())
}
# new name: what its values are called today
VALUES: dict[str, dict[Any, Any]] = {
    "data_format": {"tf": "channels_last", "th": "channels_first", "default": None},
    "distribution": {"normal": "truncated_normal"},
}
# class: old name: new name, where it is not as above
_OF_CLASS: dict[str, dict[str, str]] = {
    "Embedding": {"dropout": "-"},
    "MinMaxNorm": {"low": "min_value", "high": "max_value"},
    "EarlyStopping": {"epsilon": "min_delta"},
    "ReduceLROnPlateau": {"epsilon": "min_delta"},
    "TimeDistributed": {"input_length": "-"},
    "ModelCheckpoint": dict.fromkeys(("options", "load_weights_on_restart"), "-"),
    "TensorBoard": dict.fromkeys(
        (
            *("batch_size", "write_grads", "embeddings_layer_names", "embeddings_data"),
            *("write_images", "embeddings_freq", "embeddings_metadata", "profile_batch"),
        ),
        "-",
    ),
    "Nadam": {"schedule_decay": "-"},
}
# Layers whose first axis after the batch is time: input_dim is the last axis.
_SEQUENCES = (
    *("LSTM", "GRU", "SimpleRNN", "RNN", "Conv1D", "SeparableConv1D", "LocallyConnected1D"),
    *("CuDNNLSTM", "CuDNNGRU", "Bidirectional", "TimeDistributed"),
)
# The order of the arguments in Keras 1, where it was another.
_CONV = (
    "init activation weights border_mode {0} dim_ordering W_regularizer b_regularizer"
    " activity_regularizer W_constraint b_constraint bias"
)
_RNN = "output_dim init inner_init {0}activation {1}W_regularizer U_regularizer b_regularizer"
KERAS_1_ORDER: dict[str, list[str]] = {
    name: row.split()
    for name, row in {
        "Dense": "output_dim init activation weights W_regularizer b_regularizer"
        " activity_regularizer W_constraint b_constraint bias input_dim",
        "Conv1D": "nb_filter filter_length init activation weights border_mode subsample_length"
        " W_regularizer b_regularizer activity_regularizer W_constraint b_constraint bias",
        "Conv2D": "nb_filter nb_row nb_col " + _CONV.format("subsample"),
        "Conv2DTranspose": "nb_filter nb_row nb_col output_shape " + _CONV.format("subsample"),
        "Conv3D": "nb_filter kernel_dim1 kernel_dim2 kernel_dim3 " + _CONV.format("subsample"),
        "SeparableConv2D": "nb_filter nb_row nb_col init activation weights border_mode subsample"
        " depth_multiplier dim_ordering",
        "LocallyConnected1D": "nb_filter filter_length init activation weights border_mode"
        " subsample_length",
        "LocallyConnected2D": "nb_filter nb_row nb_col " + _CONV.format("subsample"),
        "Embedding": "input_dim output_dim init input_length W_regularizer activity_regularizer"
        " W_constraint mask_zero weights dropout",
        "SimpleRNN": _RNN.format("", "") + " dropout_W dropout_U",
        "GRU": _RNN.format("", "inner_activation ") + " dropout_W dropout_U",
        "LSTM": _RNN.format("forget_bias_init ", "inner_activation ") + " dropout_W dropout_U",
        "BatchNormalization": "epsilon mode axis momentum weights beta_init gamma_init"
        " gamma_regularizer beta_regularizer",
        "PReLU": "init weights shared_axes",
    }.items()
}
# The order of the arguments of optimizers up to Keras 2.2.
KERAS_2_ORDER: dict[str, Sequence[str]] = {
    "SGD": "lr momentum decay nesterov".split(),
    "RMSprop": "lr rho epsilon decay".split(),
    "Adagrad": "lr epsilon decay".split(),
    "Adadelta": "lr rho epsilon decay".split(),
    "Adam": "lr beta_1 beta_2 epsilon decay amsgrad".split(),
    "Adamax": "lr beta_1 beta_2 epsilon decay".split(),
    "Nadam": "lr beta_1 beta_2 epsilon schedule_decay".split(),
}
# Words of Keras 1 alone: with one of them, the other arguments are read as Keras 1 meant them.
_WORDS_OF_KERAS_1 = {
    *("init", "border_mode", "subsample", "dim_ordering", "nb_col", "nb_row", "bias", "inner_init"),
    *("W_regularizer", "b_regularizer", "W_constraint", "b_constraint", "inner_activation"),
}

Later = Callable[[Any], None]


def translate(
    cls: type, args: tuple[Any, ...], kwargs: dict[str, Any], era: str | None = None
) -> tuple[tuple[Any, ...], dict[str, Any], Later | None]:
    """Return a constructor's arguments in today's spelling.

    Only names that the class does not know are touched.

    Args:
        cls: the class.
        args, kwargs: of the call.
        era: whose defaults and order of arguments count; None: today's.

    Returns:
        The new arguments, and what is to be done with the object once it is made.

    Example:
        >>> from keraunos.layers import Conv2D
        >>> translate(Conv2D, (8, 3, 3), {"border_mode": "same"})[:2]
        ((8,), {'kernel_size': (3, 3), 'padding': 'same'})
    """
    known = _known(cls)
    name = cls.__name__
    order = KERAS_1_ORDER.get(name)
    old = [key for key in kwargs if key not in known]
    if order and len(args) > 1 and _is_keras_1(name, args, kwargs, era):
        named = dict(zip(order, args, strict=False))
        first = order[0]
        # One that has another place today goes by its name.
        args = () if first in known and first != _first(cls) else (named.pop(first),)
        kwargs = {**named, **kwargs}
        old = [key for key in kwargs if key not in known or (name, key) in _SWAPPED]
    elif len(args) > 1 and name in KERAS_2_ORDER and era in eras.KERNEL_IN_TWO_NUMBERS:
        kwargs = {**dict(zip(KERAS_2_ORDER[name], args, strict=False)), **kwargs}
        args, old = (), [key for key in kwargs if key not in known]
    later: list[Later] = []
    if old:
        kwargs = dict(kwargs)
        for key in _IN_ORDER:
            if key in old and key in kwargs:
                done = _SPECIAL[key](cls, kwargs)
                later += [done] if done is not None else []
        for key in old:
            if key in kwargs:
                _rename(name, key, kwargs, known)
    for key, values in VALUES.items():
        if key in kwargs and isinstance(kwargs[key], str):
            kwargs[key] = values.get(kwargs[key], kwargs[key])
    for key, value in kwargs.items():
        if key.endswith("initializer") and isinstance(value, types.FunctionType):
            kwargs = {**kwargs, key: old_initializations.today(value)}
    if kwargs.get("epsilon", 0) is None:  # Keras 2: the default
        kwargs = {k: v for k, v in kwargs.items() if k != "epsilon"}
    if "input_dim" in kwargs and name in _SEQUENCES:
        kwargs = dict(kwargs)
        kwargs["input_shape"] = (None, kwargs.pop("input_dim"))
    return args, _with_defaults(cls, args, kwargs, era), _all(later)


def _rename(name: str, old: str, kwargs: dict[str, Any], known: frozenset[str]) -> None:
    row = _OF_CLASS.get(name, {}).get(old)
    choices = (row,) if row else RENAMED.get(old, ())
    new = next((n for n in choices if n in known or n == "-"), None)
    if new is None:
        return  # the constructor's error to raise
    value = kwargs.pop(old)
    if new == "-":
        return
    if new in kwargs:
        where = f"{name}: both {old!r} and {new!r} are given"
        raise TypeError(errors.report(where, note=f"{new} is today's name of {old}"))
    kwargs[new] = value


@functools.cache
def _known(cls: type) -> frozenset[str]:
    names = {*signature.argument_names(cls)}
    if hasattr(cls, "add_weight"):
        names |= {"input_shape", "batch_shape", "batch_input_shape", "input_dim", "batch_size"}
    return frozenset(names)


def _first(cls: type) -> str:
    return next(iter(signature.parameters(cls)))


def _is_keras_1(name: str, args: tuple[Any, ...], kwargs: Any, era: str | None) -> bool:
    """Return whether positional arguments are meant in the order of Keras 1."""
    if era == "keras1":
        whole = all(isinstance(n, (int, np.integer)) for n in args[1:3])
        return not (name.startswith("Conv2D") and isinstance(args[1], (tuple, list))) and (
            whole or not name.endswith(("2D", "3D", "2DTranspose")) or len(args) == 2
        )
    if name in ("Conv2D", "SeparableConv2D", "LocallyConnected2D", "Conv2DTranspose", "Conv3D"):
        numbers = len(args) >= 3 and all(isinstance(n, (int, np.integer)) for n in args[1:3])
        wanted = era in eras.KERNEL_IN_TWO_NUMBERS or bool(_WORDS_OF_KERAS_1 & kwargs.keys())
        return (numbers and wanted) or (len(args) == 2 and "nb_col" in kwargs)
    return False


def _with_defaults(
    cls: type, args: tuple[Any, ...], kwargs: dict[str, Any], era: str | None
) -> dict[str, Any]:
    """Return the arguments with the era's defaults for those that were not given."""
    if era is None:
        return kwargs
    row = eras.DEFAULTS[era].get(cls.__name__)
    shape = (
        cls.__name__ == "Embedding"
        and era in eras.EMBEDDING_KNOWS_ITS_INPUT
        and not kwargs.keys() & {"input_shape", "batch_shape", "batch_input_shape"}
    )
    if not row and not shape:
        return kwargs
    positional = [
        n for n, p in signature.parameters(cls).items() if p.kind is p.POSITIONAL_OR_KEYWORD
    ][: len(args)]
    added = {k: v for k, v in (row or {}).items() if k not in positional}
    return {**added, **({"input_shape": (None,)} if shape else {}), **kwargs}


# -- arguments that are more than a name ---------------------------------------------------------


def _kernel_size(cls: type, kwargs: dict[str, Any]) -> None:
    names = ("nb_row", "nb_col") if "nb_row" in kwargs else ("kernel_size", "nb_col")
    if "kernel_dim1" in kwargs:
        names = ("kernel_dim1", "kernel_dim2", "kernel_dim3")
    size = [kwargs.pop(n) for n in names if n in kwargs]
    kwargs["kernel_size"] = tuple(size) if len(size) > 1 else size[0]


def _input_length(cls: type, kwargs: dict[str, Any]) -> None:
    length = kwargs.pop("input_length")
    if cls.__name__ == "Embedding":
        shape = tuple(length) if isinstance(length, (tuple, list)) else (length,)
        if "input_shape" not in kwargs and "batch_input_shape" not in kwargs:
            kwargs["input_shape"] = shape
    elif "input_dim" in kwargs:
        kwargs["input_shape"] = (length, kwargs.pop("input_dim"))


def _weights(cls: type, kwargs: dict[str, Any]) -> Later | None:
    given = kwargs.pop("weights")
    return None if given is None else lambda layer: _set_when_built(layer, given)


def _set_when_built(layer: Any, weights: Any) -> None:
    """Let a layer take these weights as soon as it has any."""
    made = layer.build

    def build(*args: Any, **kwargs: Any) -> None:
        del layer.build
        made(*args, **kwargs)
        layer.set_weights(weights if isinstance(weights, (list, tuple)) else [weights])

    if layer.built:
        layer.set_weights(weights)
    else:
        object.__setattr__(layer, "build", build)


def _forget_bias(cls: type, kwargs: dict[str, Any]) -> None:
    kwargs["unit_forget_bias"] = kwargs.pop("forget_bias_init") in ("one", "ones")


def _depthwise_init(cls: type, kwargs: dict[str, Any]) -> None:
    if "Separable" in cls.__name__:
        kwargs["depthwise_initializer"] = kwargs["pointwise_initializer"] = kwargs.pop("init")


def _output_shape(cls: type, kwargs: dict[str, Any]) -> None:
    """Keep of a transposed convolution's size what its window does not give."""
    if not cls.__name__.endswith("Transpose"):
        return
    given = kwargs.pop("output_shape")
    if kwargs.get("padding", kwargs.get("border_mode", "valid")) != "valid" or given is None:
        return
    layout = kwargs.get("dim_ordering") or kwargs.get("data_format") or config.image_data_format()
    sizes = given[2:] if layout in ("th", "channels_first") else given[1:-1]
    steps = kwargs.get("strides", kwargs.get("subsample", 1))
    steps = (steps,) * len(sizes) if isinstance(steps, int) else steps
    rows = list(zip(sizes, kwargs.get("kernel_size") or (), steps))
    if rows and all(isinstance(size, int) for size in sizes):
        kwargs["output_padding"] = tuple((size - window) % step for size, window, step in rows)


def _mode(cls: type, kwargs: dict[str, Any]) -> None:
    if cls.__name__ == "BatchNormalization" and kwargs.pop("mode") == 1:
        fix = "keras.layers.LayerNormalization()"
        raise ValueError(errors.report("BatchNormalization(mode=1) normalizes samples", fix=fix))


def _refused(name: str, allowed: tuple[Any, ...], fix: str) -> Callable[..., None]:
    def check(cls: type, kwargs: dict[str, Any]) -> None:
        value = kwargs.pop(name)
        if value not in allowed:
            raise ValueError(errors.report(f"{cls.__name__}({name}={value!r})", fix=fix))

    return check


def _decay(cls: type, kwargs: dict[str, Any]) -> Later | None:
    decay = kwargs.pop("decay")
    return None if not decay else lambda optimizer: setattr(optimizer, "decay", float(decay))


def _save_freq(cls: type, kwargs: dict[str, Any]) -> Later | None:
    period = kwargs.pop("period")
    return None if period == 1 else lambda callback: setattr(callback, "period", int(period))


def _causal(cls: type, kwargs: dict[str, Any]) -> Later | None:
    """Of attention: today each call says it, see `graph_calls.attending`."""
    causal = kwargs.pop("causal")
    return (lambda made: setattr(made, "_causal", True)) if causal else None


_SPECIAL: dict[str, Callable[..., Any]] = {
    "nb_row": _kernel_size,
    "nb_col": _kernel_size,
    "kernel_dim1": _kernel_size,
    "input_length": _input_length,
    "weights": _weights,
    "forget_bias_init": _forget_bias,
    "init": _depthwise_init,
    "output_shape": _output_shape,
    "mode": _mode,
    "time_major": _refused("time_major", (False, None), "put the batch first"),
    "decay": _decay,
    "causal": _causal,
    "period": _save_freq,
}
_IN_ORDER = tuple(_SPECIAL)
# Names that a class has today, and that meant something else in Keras 1.
_SWAPPED = {("Conv2DTranspose", "output_shape")}


def _all(later: list[Later]) -> Later | None:
    if not later:
        return None

    def run(made: Any) -> None:
        for one in later:
            one(made)

    return run


# -- constructors, methods and functions made to take old arguments ------------------------------


def constructor(cls: type, era: str | None) -> Callable[..., None]:
    """Return the `__init__` of a class, made to take old arguments."""
    original: Any = cls.__init__

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        new_args, new_kwargs, later = translate(cls, args, kwargs, era)
        changed = new_args is not args or new_kwargs != kwargs
        if changed and type(self).__init__ is __init__ and hasattr(self, "_arguments"):
            # The config is what today's Keras would have been given.
            object.__setattr__(self, "_arguments", signature._bind(cls, new_args, new_kwargs))
        original(self, *new_args, **new_kwargs)
        if later is not None:
            later(self)

    return __init__


def renamed(function: Callable[..., Any], row: str) -> Callable[..., Any]:
    """Return a function or method that takes old names too.

    Args:
        function: today's.
        row: `"nb_epoch=epochs workers=-"`; "-" where an argument means nothing any more.

    Example:
        >>> fit = renamed(lambda x, epochs=1: epochs, "nb_epoch=epochs workers=-")
        >>> fit(0, nb_epoch=3, workers=2)
        3
    """
    table = dict(pair.split("=") for pair in row.split())
    known = set(inspect.signature(function).parameters)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        if kwargs:
            new = {}
            for key, value in kwargs.items():
                name = key if key in known else table.get(key, key)
                if name != "-":
                    same = not isinstance(value, str)
                    new[name] = value if same else VALUES.get(name, {}).get(value, value)
            kwargs = new
        return function(*args, **kwargs)

    return call
