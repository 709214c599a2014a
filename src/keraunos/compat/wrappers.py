"""Methods of today, made to take what they took in older Keras: a table, and what it needs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp

from keraunos._core import registry
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.variable import Variable
from keraunos.compat import callback_wrappers as callbacks
from keraunos.compat import eras, methods
from keraunos.compat import file_wrappers as files
from keraunos.compat.class_weights import per_output
from keraunos.compat.freezing import as_compiled
from keraunos.compat.graph_calls import attending, on_the_graph, reset, states_behind
from keraunos.compat.graph_losses import ModelGraph, check_metrics, connected

_PARALLEL = (
    " workers=- use_multiprocessing=- max_queue_size=- max_q_size=- nb_worker=- pickle_safe=-"
)
# class: method: old names of its arguments
RENAMED: dict[str, dict[str, str]] = {
    "models:Model": {
        "fit": "nb_epoch=epochs show_accuracy=-" + _PARALLEL,
        "evaluate": "show_accuracy=-" + _PARALLEL,
        "predict": _PARALLEL.strip(),
    },
}
_LAYOUT = "border_mode=padding dim_ordering=data_format image_shape=- filter_shape=- volume_shape=-"
_ROOMS = (
    "activations constraints initializers layers losses metrics optimizers regularizers".split()
)
# module, functions: old names of their arguments
FUNCTIONS: dict[tuple[str, str], str] = {
    ("utils", "to_categorical"): "nb_classes=num_classes dtype=- y=x",
    ("utils", "normalize"): "a=x",
    ("utils", "get_source_inputs"): "layer=- node_index=-",
    **{
        (room, "Input"): "type_spec=- input_shape=shape batch_input_shape=batch_shape"
        for room in ("", "layers", "models")
    },
    ("activations", "relu"): "alpha=negative_slope",
    **{(room, "deserialize serialize"): "name=- use_legacy_format=-" for room in _ROOMS},
    ("config", "set_epsilon set_floatx"): "e=value floatx=value",
    ("backend", "set_epsilon set_floatx"): "e=value floatx=value",
    ("datasets.imdb", "load_data"): "nb_words=num_words test_split=-",
    ("datasets.reuters", "load_data"): "nb_words=num_words",
    ("preprocessing.image", "img_to_array array_to_img"): "dim_ordering=data_format",
    ("preprocessing.image", "random_channel_shift"): "intensity=intensity_range",
    ("preprocessing.text", "one_hot text_to_word_sequence"): "text=input_text",
    ("compat.old_utils", "conv_input_length conv_output_length"): "border_mode=padding",
    ("compat.old_utils", "convert_kernel"): "dim_ordering=-",
    ("compat.old_helpers", "validate_file"): "md5_hash=file_hash",
    (
        "compat.keras_backend",
        "conv1d conv2d conv3d deconv2d separable_conv2d pool2d pool3d",
    ): f"stride=strides filter_dilation=dilation_rate {_LAYOUT}",
    (
        "compat.keras_backend",
        "resize_images resize_volumes spatial_2d_padding spatial_3d_padding",
    ): f"X=x {_LAYOUT}",
    ("compat.keras_backend", "expand_dims"): "dim=axis",
    ("compat.keras_backend", "one_hot"): "nb_classes=num_classes",
    ("compat.keras_backend", "random_normal random_uniform"): "std=stddev low=minval high=maxval",
    ("compat.keras_backend", "batch_get_value"): "ops=tensors xs=tensors",
    ("compat.keras_backend", "identity moving_average_update"): "variable=x name=-",
}


def load_img(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `load_img` that knows `grayscale`, as a name and as the second argument."""

    @functools.wraps(original)
    def load_img(path: Any, *args: Any, grayscale: bool = False, **kwargs: Any) -> Any:
        if args and isinstance(args[0], bool):
            grayscale, *rest = args
            order = "target_size" if len(rest) == 1 else "color_mode target_size interpolation"
            args, kwargs = (), {**dict(zip(order.split(), rest)), **kwargs}
        if grayscale:
            kwargs["color_mode"] = "grayscale"
        return original(path, *args, **kwargs)

    return load_img


def compile_(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `compile` with Keras 2's order of arguments; what is unknown is warned about."""
    known = set(inspect.signature(original).parameters)
    order = "optimizer loss metrics loss_weights sample_weight_mode weighted_metrics".split()
    quiet = {
        *("sample_weight_mode", "target_tensors", "distribute", "from_serialized", "class_mode"),
        *("experimental_run_tf_function", "pss_evaluation_shards", "experimental_compile"),
    }

    @functools.wraps(original)
    def compile(self: Any, *args: Any, **kwargs: Any) -> None:
        if len(args) > 2 and not _are_weights(args[2]):
            kwargs = {**dict(zip(order, args)), **kwargs}
            args = ()
        for key in [k for k in kwargs if k not in known]:
            value = kwargs.pop(key)
            if key not in quiet and value is not None:
                methods.warn_once(f"compile has no argument {key!r}: it is left out")
        for key in ("metrics", "weighted_metrics") if era != "keras3" else ():
            if kwargs.get(key):
                kwargs[key] = methods.per_output_metrics(self, kwargs[key])
        if hasattr(self, "_graph"):
            bound = inspect.signature(original).bind(self, *args, **kwargs)
            check_metrics([bound.arguments.get(k) for k in ("metrics", "weighted_metrics")])
            if "loss" in bound.arguments:
                bound.arguments["loss"] = connected(self, bound.arguments["loss"])
            args, kwargs = bound.args[1:], bound.kwargs
        original(self, *args, **kwargs)
        if era in eras.FROZEN_AT_COMPILE:
            flags = [(layer, layer._trainable) for layer in self._flatten_layers()]
            self._book.hidden.add("_flags")
            object.__setattr__(self, "_flags", flags)

    return compile


def batch_norm(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return BatchNormalization's `call`: a frozen one used the batch's mean, up to Keras 2."""
    if era not in eras.FROZEN_NORMALIZATION_SEES_THE_BATCH:
        return original

    @functools.wraps(original)
    def call(self: Any, inputs: Any, training: Any = None, **kwargs: Any) -> Any:
        if not training or self._trainable:
            return original(self, inputs, training=training, **kwargs)
        boxes = [self.moving_mean, self.moving_variance]
        before = [box.value for box in boxes]
        self._trainable = True
        try:
            return original(self, inputs, training=training, **kwargs)
        finally:
            self._trainable = False
            for box, value in zip(boxes, before):
                box.assign(value)

    return call


def backend(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `K.backend`, which programs asked for the order of axes and the form of graphs."""
    return (lambda: "tensorflow") if era in eras.BACKEND_IS_TENSORFLOW else original


def _are_weights(value: Any) -> bool:
    """Return whether the third argument of compile is Keras 3's loss weights."""
    values = value.values() if isinstance(value, dict) else value
    return isinstance(values, (int, float)) or (
        not isinstance(values, str)
        and bool(values)
        and all(isinstance(v, (int, float)) for v in values)
    )


def on_batch(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `train_on_batch` with the argument `reset_metrics` of tf.keras."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        self._resets_metrics = kwargs.pop("reset_metrics", True)
        try:
            with as_compiled(self):
                return original(self, *args, **kwargs)
        finally:
            self._resets_metrics = True

    return per_output(call)


def predict(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `predict`, which took of each input as many samples as the first has."""
    if era not in eras.FIRST_INPUT_COUNTS:
        return original

    @functools.wraps(original)
    def call(self: Any, x: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(x, list) and all(hasattr(one, "shape") for one in x):
            x = [one[: len(x[0])] for one in x]
        return original(self, x, *args, **kwargs)

    return call


def new_model(original: Any, era: str | None) -> Callable[..., Any]:
    """Return `Model.__new__` that knows Keras 1's `Model(input=, output=)`."""
    function = getattr(original, "__func__", original)

    @functools.wraps(function)
    def __new__(cls: Any, *args: Any, **kwargs: Any) -> Any:
        args, kwargs = _graph_arguments(args, kwargs, era)
        return function(cls, *args, **kwargs)

    return __new__


def init_model(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a model's `__init__` that knows Keras 1's `Model(input=, output=)`."""

    @functools.wraps(original)
    def __init__(self: Any, *args: Any, **kwargs: Any) -> None:
        new = _graph_arguments(args, kwargs, era)
        if new != (args, kwargs) and type(self).__init__ is __init__:
            from keraunos._core import signature

            object.__setattr__(self, "_arguments", signature._bind(type(self), *new))
        original(self, *new[0], **new[1])

    return __init__


def model_from_config(original: Any, era: str | None) -> Any:
    """Return `Model.from_config` that takes the config of a graph, and custom objects."""

    def from_config(
        cls: Any, config: dict[str, Any], custom_objects: dict[str, Any] | None = None
    ) -> Any:
        from keraunos.models import Functional, Model

        maker = Functional if cls is Model and "input_layers" in config else cls
        with registry.custom_object_scope(custom_objects):
            return original.__func__(maker, config) if maker is cls else maker.from_config(config)

    return classmethod(from_config)


def _graph_arguments(args: tuple[Any, ...], kwargs: dict[str, Any], era: str | None) -> Any:
    """Return arguments of `Model` in today's words; a list of one tensor was that tensor."""
    names = {"input": "inputs", "output": "outputs"}
    kwargs = {names.get(k, k): v for k, v in kwargs.items()}
    if era in eras.LIST_OF_ONE_IS_ONE:
        args = tuple(_only(v) for v in args)
        kwargs = {k: _only(v) if k in names.values() else v for k, v in kwargs.items()}
    return args, kwargs


def _only(value: Any) -> Any:
    one = isinstance(value, list) and len(value) == 1 and isinstance(value[0], SymbolicTensor)
    return value[0] if one else value


def add_weight(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `add_weight(name, shape, ...)`, the order of Keras 2, beside today's."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            order = "name shape dtype initializer regularizer trainable constraint".split()
            kwargs = {**dict(zip(order, args)), **kwargs}
            args = ()
        for key in ("partitioner", "use_resource", "synchronization", "getter", "collections"):
            kwargs.pop(key, None)
        kwargs = {k: v for k, v in kwargs.items() if not (k == "aggregation" and v is None)}
        if "shape" in kwargs and hasattr(kwargs["shape"], "as_list"):
            kwargs["shape"] = tuple(kwargs["shape"].as_list())
        return original(self, *args, **kwargs)

    return call


def add_metric_weight(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a metric's `add_weight`, whose first argument was the name."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if args and isinstance(args[0], str):
            kwargs = {**dict(zip(("name", "shape"), args)), **kwargs}
            args = ()
        for key in ("aggregation", "synchronization", "partitioner"):
            kwargs.pop(key, None)
        return original(self, *args, **kwargs)

    return call


def add_loss(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `add_loss` that takes tensors of the model's own graph, and Keras 2's `inputs`."""

    @functools.wraps(original)
    def call(self: Any, loss: Any, inputs: Any = None, **kwargs: Any) -> None:
        given = [one() if callable(one) else one for one in _listed(loss)]
        symbolic = [one for one in given if isinstance(one, SymbolicTensor)]
        if symbolic:
            self._graph = ModelGraph(self._graph, self, losses=symbolic)
        for one in given:
            if not isinstance(one, SymbolicTensor):
                original(self, one)

    return call


def add_layer(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `Sequential.add`, which knows Keras 1's `Merge` of several models."""

    @functools.wraps(original)
    def add(self: Any, layer: Any, *args: Any, **kwargs: Any) -> None:
        from keraunos.compat.old_merge import Merge

        if isinstance(layer, Merge):
            layer.grow(self)
        else:
            original(self, layer, *args, **kwargs)

    return add


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def weights_setter(original: Any, era: str | None) -> property:
    """Return the property, which Keras 1's layers set in `build`."""

    def set_them(self: Any, variables: Any) -> None:
        for one in variables:
            if isinstance(one, Variable) and not any(v is one for v in self._book.variables):
                self._book.variables.append(one)

    return property(original.fget, set_them)


# -- optimizers ----------------------------------------------------------------------------------


def step(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return an optimizer's step at the rate that `decay` leaves: lr / (1 + decay * iterations)."""

    @functools.wraps(original)
    def call(self: Any, grads: Any, variables: Any, rate: Any) -> None:
        if self.decay:
            rate = rate / (1 + self.decay * jnp.asarray(self._iterations, rate.dtype))
        original(self, grads, variables, rate)

    return call


def optimizer_config(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `get_config` that says `decay` as the schedule that it is."""

    @functools.wraps(original)
    def get_config(self: Any) -> dict[str, Any]:
        config = original(self)
        if self.decay:
            from keraunos.optimizers.schedules import InverseTimeDecay

            schedule = InverseTimeDecay(float(self.learning_rate), 1, self.decay)
            config["learning_rate"] = registry.serialize(schedule)
        return config

    return get_config


# class or module: attribute: what wraps it
WRAPPED: dict[str, dict[str, Callable[[Any, str | None], Any]]] = {
    "models:Model": {
        "__new__": new_model,
        "__init__": init_model,
        "from_config": model_from_config,
        "compile": compile_,
        "fit": callbacks.fit,
        "predict": predict,
        "train_on_batch": on_batch,
        "test_on_batch": on_batch,
        "save": files.save,
        "save_weights": files.save_weights,
        "load_weights": files.load_weights,
    },
    "models.functional:Functional": {"__init__": init_model, "from_config": model_from_config},
    "models:Sequential": {"add": add_layer, "from_config": model_from_config},
    "backend": {"backend": backend},
    "utils": {"load_img": load_img},
    "preprocessing.image": {"load_img": load_img},
    "saving": {"load_model": files.load},
    "models": {"load_model": files.load},
    "layers:BatchNormalization": {"call": batch_norm},
    "layers:Layer": {
        "__call__": on_the_graph,
        "add_weight": add_weight,
        "add_loss": add_loss,
        "trainable_weights": weights_setter,
        "non_trainable_weights": weights_setter,
    },
    "metrics:Metric": {"add_weight": add_metric_weight},
    "layers:RNN": {"__call__": states_behind, "reset_state": reset, "reset_states": reset},
    "layers:Bidirectional": {"__call__": states_behind},
    "layers:Attention": {"__call__": attending},
    "layers:AdditiveAttention": {"__call__": attending},
    "optimizers._base:Optimizer": {"_step": step, "get_config": optimizer_config},
    "optimizers._rule_optimizer:RuleOptimizer": {"_step": step},
    "callbacks.callback_list": {"pythonified": callbacks.logs_with_names},
    "callbacks:CallbackList": {"_call": callbacks.batch_logs, "set_params": callbacks.told_params},
    "callbacks:History": {
        "__init__": callbacks.history_with_names,
        "on_train_begin": callbacks.history_with_names,
    },
    "callbacks.monitor:Monitor": {"value": callbacks.monitored},
    "callbacks:ModelCheckpoint": {
        "_path": callbacks.checkpoint_path,
        "_check_arguments": callbacks.checkpoint_arguments,
        "on_epoch_end": callbacks.checkpoint_epoch_end,
    },
}
