"""Model: a layer that can be trained, saved and printed."""

from __future__ import annotations

import functools
import inspect
import json
from typing import Any, cast

import jax
import jax.numpy as jnp

from keraunos import errors, saving
from keraunos._core import calling, context, dtypes, registry, tape
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos._training.trainer import Trainer
from keraunos.models import quantizing
from keraunos.saving import archive


@registry.register(kind="models")
class Model(Trainer):
    """A model, from a graph of layers (`Model(inputs, outputs)`) or by subclassing with a `call`.

    Args:
        inputs, outputs: symbolic tensors, or lists or dictionaries of them.
        name: of the model.

    Example:
        >>> import keraunos as keras
        >>> x = keras.Input((4,))
        >>> model = keras.Model(x, keras.layers.Dense(2)(x))
        >>> model.output_shape
        (None, 2)
    """

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls is Model and _means_graph(args, kwargs):
            from keraunos.models.functional import Functional

            graph: Any = Functional
            return super().__new__(graph, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    @errors.brief
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        alone = [name for name in ("inputs", "outputs") if name in kwargs]
        if len(alone) == 1 and not args:
            other = "outputs" if alone == ["inputs"] else "inputs"
            raise TypeError(
                errors.report(
                    f"{type(self).__name__}({alone[0]}=...) without {other}",
                    expected="both, or none in a subclass with a call()",
                    fix=f"{type(self).__name__}(inputs=..., outputs=...)",
                )
            )
        if _means_graph(args, kwargs):
            # A subclass that hands a graph to super().__init__() becomes functional too.
            from keraunos.models.functional import Functional

            cls, graph = type(self), cast(Any, Functional)
            bases = (cls, graph)
            self.__class__ = type(cls.__name__, bases, {"__module__": cls.__module__})
            graph.__init__(self, *args, **kwargs)
            return
        super().__init__(*args, **kwargs)

    def build(self, input_shape: Any = None) -> None:
        """Make the weights of a subclassed model for an input shape, by one abstract call.

        Args:
            input_shape: with the batch axis, `(None, 28, 28)`; or a list or dictionary of shapes.
        """
        if type(self).call is Layer.call or input_shape is None or _takes_several(type(self)):
            return
        shapes, tree = jax.tree.flatten(input_shape, is_leaf=calling.is_shape)
        found = self._book.dtypes
        found = found if len(found) == len(shapes) else [self.compute_dtype] * len(shapes)
        specs = jax.tree.unflatten(tree, map(SymbolicTensor, shapes, found))
        self.built = True  # so that the call below does not come back here
        try:
            calling.infer(self, (specs,), {})
        except Exception as error:
            # Python that needs values: a call by hand has them, and builds the layers as it goes.
            by_hand = context.current() is not None and tape.outside()
            if by_hand and isinstance(error.__cause__, jax.errors.JAXTypeError):
                return
            self.built = False
            raise

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return the model of what `get_config` returned; that of a graph of layers is one too."""
        from keraunos.models.functional import Functional

        if issubclass(cls, Functional) or not is_graph(config):
            return super().from_config(config)
        graph: Any = Functional.from_config
        return graph.__func__(cls, config)

    # -- structure ------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers of the model, in order."""
        return self._flatten_layers(include_self=False, recursive=False)

    @errors.brief
    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its index.

        Raises:
            ValueError: there is none; the message has the nearest names.
        """
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(
                    errors.report(f"get_layer({index=})", expected=f"index below {len(layers)}")
                )
            return layers[index]
        if name is None:
            raise ValueError(
                errors.report("get_layer", expected="a name or an index", got="neither")
            )
        for layer in layers:
            if layer.name == name:
                return layer
        fix = errors.suggest(name, [layer.name for layer in layers])
        raise ValueError(errors.report(f"model {self.name!r} has no layer {name!r}", fix=fix))

    @property
    def input_shape(self) -> Any:
        return _shapes_of(getattr(self, "inputs", None) and self.input)

    @property
    def output_shape(self) -> Any:
        return _shapes_of(getattr(self, "outputs", None) and self.output)

    def summary(
        self,
        line_length: int | None = None,
        positions: Any = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Any = None,
    ) -> None:
        """Print the table of layers, output shapes and parameter counts.

        Args:
            line_length: the width of the table, in characters; as wide as its contents by default.
            positions: kept for programs that pass it; columns are as wide as their contents.
            print_fn: called with each line instead of `print`.
            expand_nested: whether to list the layers of nested models.
            show_trainable: whether to add a column that says which layers are trained.
            layer_range: names of the first and last layer to list.
        """
        from keraunos.models.summary import print_summary

        print_summary(self, line_length, print_fn, expand_nested, show_trainable, layer_range)

    def explain_shapes(self, x: Any, print_fn: Any = None) -> None:
        """Print the shape that goes into each layer and the one that comes out, for an input.

        Nothing is computed. Where the model does not run for this input, the layers that do are
        printed, and the error of the one that does not is raised.

        Args:
            x: an array, a shape with the batch axis, or a structure of these, one an input.
            print_fn: called with each line instead of `print`.

        Example:
            >>> import keraunos as keras
            >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="d")])
            >>> model.explain_shapes((8, 4), print_fn=lambda line: print(line.split(": ")[-1]))
            (8, 4)
            d (Dense)  (8, 4) -> (8, 2)
        """
        from keraunos.models.summary import explain_shapes

        explain_shapes(self, x, print_fn)

    def quantize(
        self,
        mode: str | None = None,
        type_check: bool = True,
        config: Any = None,
        filters: Any = None,
    ) -> None:
        """Replace the large weights of the layers by small integers, for inference or for LoRA.

        With `"float8"` they stay, and products are trained in eight-bit floats. Compile again.

        Args:
            mode: `"int8"`, `"int4"`, `"float8"`, or with a config that has data `"gptq"`, `"awq"`.
            type_check: whether subclasses of `Dense` and the others are left as they are.
            config: a `keras.quantizers.Int8QuantizationConfig`, `GPTQConfig` and so on.
            filters: which layers: a pattern that their names contain, a list of such, or a function
                of the layer.

        Raises:
            ValueError: a model that is not built or is quantized already, or an unknown mode.

        Example:
            >>> import keraunos as keras
            >>> model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)])
            >>> model.quantize("int8")
            >>> model.layers[0].kernel.dtype
            'int8'
        """
        quantizing.quantize(self, mode, type_check, config, filters)

    def get_quantization_layer_structure(self, mode: str | None = None) -> Any:
        """Return which layers GPTQ and AWQ calibrate one after the other; None: none are named."""
        return None

    # -- saving ---------------------------------------------------------------------------------

    @errors.brief
    def save(
        self, filepath: Any, overwrite: bool = True, zipped: bool | None = None, **kwargs: Any
    ) -> None:
        """Write the whole model: architecture, weights, optimizer state.

        Args:
            filepath: ends in `.keras`.
            overwrite: whether an existing file is replaced.
            zipped: as in Keras; a folder is not written.
        """
        saving.save_model(self, filepath, overwrite=overwrite, zipped=zipped, **kwargs)

    @errors.brief
    def save_weights(self, filepath: Any, overwrite: bool = True) -> None:
        """Write the weights alone, to a file that ends in `.weights.h5`."""
        saving.save_weights(self, filepath, overwrite=overwrite)

    @errors.brief
    def load_weights(self, filepath: Any, skip_mismatch: bool = False, **kwargs: Any) -> Any:
        """Read weights into the model and return a report of what was loaded.

        Raises:
            ValueError: weights are missing, unexpected or of another shape; nothing changes.
        """
        return saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)

    def __reduce__(self) -> Any:
        # Pickles and copies hold what a file would: compiled programs are no part of a model.
        return archive.from_bytes, (archive.to_bytes(self),)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture as JSON; `keras.models.model_from_json` reads it."""
        return json.dumps(registry.serialize(self), **kwargs)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as a saved model was compiled."""
        self.compile(**registry.deserialize(config))
        if self.built and self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any] | None:
        """Return the arguments of `compile` as JSON values."""
        given = self._compile_arguments
        return None if given is None else {k: registry.serialize(v) for k, v in given.items()}

    def get_build_config(self) -> dict[str, Any] | None:
        shapes = self._book.shapes
        return {"input_shape": next(iter(shapes.values()))} if shapes else None


def is_graph(config: dict[str, Any]) -> bool:
    return config.keys() >= {"layers", "input_layers", "output_layers"}


def _means_graph(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return (
        len(args) == 2
        or (len(args) == 1 and "outputs" in kwargs)
        or {"inputs", "outputs"} <= kwargs.keys()
    )


def _shapes_of(structure: Any) -> Any:
    if structure is None:
        raise AttributeError(
            errors.report(
                "the model does not know its input shape yet",
                fix="put keras.Input(shape) first, call the model, or build(input_shape)",
            )
        )
    return jax.tree.map(lambda t: t.shape, structure)


def as_declared(value: Any, tensor: SymbolicTensor) -> Any:
    """Return integers as the floats that an Input declared: uint8 images stay small so far."""
    if not isinstance(value, jax.Array) or jnp.issubdtype(value.dtype, jnp.floating):
        return value
    wanted = jax.dtypes.canonicalize_dtype(dtypes.numpy_dtype(tensor.dtype))
    return value if value.dtype == wanted else value.astype(wanted)


@functools.cache
def _takes_several(cls: type) -> bool:
    """Return whether a model's `call` needs several inputs: its layers are built as it runs."""
    parameters = list(inspect.signature(cls.call).parameters.values())[1:]
    return sum(p.default is p.empty and p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters) > 1
