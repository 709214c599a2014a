"""Sequential: layers one after another."""

from __future__ import annotations

from typing import Any

import jax

from keraunos import errors
from keraunos._core import context, naming, registry, state
from keraunos._core.graph import Function
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos.layers import InputLayer
from keraunos.models import hosting
from keraunos.models.model import Model, as_declared


@registry.register(kind="models")
class Sequential(Model):
    """A stack of layers, each with one input and one output.

    Args:
        layers: the layers; an `Input` first, or `input_shape=` on the first, makes the weights.
        trainable: whether its weights may change.
        name: of the model.

    Raises:
        TypeError: something that is not a layer.
        ValueError: two layers of one name.

    Example:
        >>> import keraunos as keras
        >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
        >>> model.count_params()
        10
    """

    def __init__(
        self, layers: Any = None, trainable: bool = True, name: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(trainable=trainable, name=name, **kwargs)
        self._book.hidden |= {"_tensors", "_cut"}
        self._cut: tuple[Any, Any] = (None, None)  # (the last tensor, the model cut in two)
        self._stack: list[Layer] = []
        self._tensors: list[
            Any
        ] = []  # of the input and each layer, once the input's shape is known
        for layer in layers or ():
            self.add(layer)

    @errors.brief
    def add(self, layer: Any, rebuild: bool = True) -> None:
        """Put a layer on top of the stack."""
        if (
            isinstance(layer, SymbolicTensor)
            and layer.node is not None
            and isinstance(layer.node.operation, InputLayer)
        ):
            layer = layer.node.operation
        if not isinstance(layer, Layer):
            if not callable(layer) or isinstance(layer, type):
                raise TypeError(
                    errors.report(
                        f"Sequential {self.name!r}, add", expected="a layer", got=repr(layer)
                    )
                )
            from keraunos.layers import Lambda

            layer = Lambda(layer)
        if any(one.name == layer.name for one in self._stack):
            raise ValueError(
                errors.report(
                    f"Sequential {self.name!r} has a layer {layer.name!r} already",
                    fix="give one another name=",
                )
            )
        if not self._stack and not isinstance(layer, InputLayer):
            shape = layer._batch_input_shape or _first_shape(layer)
            if shape is not None:
                self.add(InputLayer(batch_shape=shape, dtype=_input_dtype(layer)))
        if self._stack and isinstance(layer, InputLayer):
            raise ValueError(
                errors.report(
                    f"Sequential {self.name!r}", expected="an Input only as the first layer"
                )
            )
        self._stack.append(layer)
        if isinstance(layer, InputLayer):
            self._tensors = [layer.output]
        elif self._tensors:
            try:
                with naming.name_scope(self.name):
                    self._tensors.append(layer(self._tensors[-1]))
                if self._tensors[-1] is None:
                    self._tensors.pop()
                    where = f"{type(layer).__name__} {layer.name!r}: its call() returns nothing"
                    raise TypeError(errors.report(where, fix="return the outputs"))
            except BaseException:
                self._stack.pop()
                raise
        self._note_shape()

    def pop(self, rebuild: bool = True) -> Layer:
        """Take the last layer off the stack and return it."""
        layer = self._stack.pop()
        if self._tensors:
            self._tensors.pop()
        self._note_shape()
        return layer

    def _note_shape(self) -> None:
        state.new_version()  # what was compiled for other layers holds no more
        self.built = len(self._tensors) > 1 and len(self._tensors) == len(self._stack)
        if self.built:
            self._book.shapes = {"input_shape": self._tensors[0].shape}

    def build(self, input_shape: Any = None) -> None:
        if self._tensors or input_shape is None:
            return
        dtype = _input_dtype(self._stack[0]) if self._stack else None
        stack = self._stack
        source = InputLayer(batch_shape=(None, *tuple(input_shape)[1:]), dtype=dtype)
        made = [source.output]
        with naming.name_scope(self.name):
            for layer in stack:
                made.append(layer(made[-1]))
        self._stack, self._tensors = [source, *stack], made

    @errors.brief
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if args:
            args = (self._encode(args[0]), *args[1:])
        return super().__call__(*args, **kwargs)

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        if hosting.is_encoded(self._hosted, inputs):
            return self._hosted.late(inputs)
        if mask is not None:
            context.set_mask(inputs, mask)
        if self._tensors:
            inputs = as_declared(self._only(inputs), self._tensors[0])
        for layer in self.layers:
            inputs = layer(inputs)
        return inputs

    def _only(self, inputs: Any) -> Any:
        """Return the one input of a declared shape: an array, or what a list of one holds."""
        if not isinstance(inputs, (list, tuple, dict)):
            return inputs
        if len(inputs) == 1 and not isinstance(inputs, dict):
            return inputs[0]
        got = sorted(inputs) if isinstance(inputs, dict) else f"{len(inputs)}"
        raise ValueError(
            errors.report(
                f"{type(self).__name__} {self.name!r}",
                expected="one input, an array",
                got=f"a {type(inputs).__name__} of {got}",
                fix="pass the array itself; for several inputs write keras.Model(inputs, outputs)",
            )
        )

    @property
    def _hosted(self) -> Any:
        """The model cut in two, where its first layers run on the host; else None."""
        last = self._tensors[-1] if len(self._tensors) > 1 else None
        if self._cut[0] is not last:
            early = last is not None and any(map(hosting.concerns, self._stack))
            self._cut = (last, hosting.split(Function(self._tensors[0], last)) if early else None)
        return self._cut[1]

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, without adding to the graph."""
        if self._hosted is not None and not hosting.is_encoded(self._hosted, args[0]):
            return hosting.infer(self, kwargs)
        return super().compute_output_spec(*args, **kwargs)

    def _encode(self, x: Any) -> Any:
        first = self._stack[0] if self._stack and not self._tensors else None
        if isinstance(first, hosting.HostLayer) and hosting.is_concrete(x):
            self.build((None, *hosting.host_array(self, x).shape[1:]))
        return hosting.encoded(self, x)

    def _standardized(self, inputs: Any) -> list[Any]:
        return jax.tree.leaves(inputs)

    @property
    def layers(self) -> list[Layer]:
        return [layer for layer in self._stack if not isinstance(layer, InputLayer)]

    @property
    def inputs(self) -> list[Any]:
        return self._known()[:1]

    @property
    def outputs(self) -> list[Any]:
        return jax.tree.leaves(self._known()[-1])

    @property
    def input(self) -> Any:
        return self._known()[0]

    @property
    def output(self) -> Any:
        return self._known()[-1]

    @property
    def input_names(self) -> list[str]:
        return [self._stack[0].name] if self._tensors else []

    @property
    def output_names(self) -> list[str]:
        return [self.layers[-1].name]

    def _known(self) -> list[Any]:
        if not self._tensors:
            raise AttributeError(
                errors.report(
                    f"Sequential {self.name!r} does not know its input shape yet",
                    fix="put keras.Input(shape) first, call the model, or build(input_shape)",
                )
            )
        return self._tensors

    def get_config(self) -> dict[str, Any]:
        base = {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": registry.serialize(self.dtype_policy),
        }
        config = base | {"layers": [registry.serialize(layer) for layer in self._stack]}
        if self._tensors:
            config["build_input_shape"] = self._tensors[0].shape
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        with naming.name_scope(config.get("name") or ""):
            layers = [registry.deserialize(layer) for layer in config["layers"]]
        rest = {k: registry.deserialize(config[k]) for k in ("dtype",) if config.get(k) is not None}
        model = cls(layers, name=config.get("name"), **rest)
        if config.get("build_input_shape") and not model.built and not model._tensors:
            model.build(tuple(config["build_input_shape"]))
            model._note_shape()
        if not config.get("trainable", True):
            model._trainable = False
        return model


def _first_shape(layer: Layer) -> Any:
    """Return the input shape of a model that is used as the first layer."""
    tensors = getattr(layer, "_tensors", None)
    graph = getattr(layer, "_inputs_struct", None)
    if tensors:
        return tensors[0].shape
    return graph.shape if isinstance(graph, SymbolicTensor) else None


def _input_dtype(layer: Layer) -> str | None:
    """Return the dtype that a layer wants to be fed with, if it wants one."""
    return (
        getattr(layer, "input_dtype", None)
        if not isinstance(getattr(layer, "input_dtype", None), property)
        else None
    )
