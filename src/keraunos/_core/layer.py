"""Layer: its constructor's signature, `build`, and `call`; the rest is worked out here, once."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import config, errors
from keraunos._core import (
    calling,
    dtypes,
    naming,
    registry,
    remat,
    signature,
    state,
    symbolic,
)
from keraunos._core.operation import Operation
from keraunos._core.variable import Variable

_BASE = ("name", "trainable", "dtype")
_SHAPES = ("input_shape", "batch_shape", "batch_input_shape", "input_dim", "batch_size")


class _Unset:
    """Stands for an attribute of a layer whose constructor did not call super().__init__()."""

    def __get__(self, layer: Any, owner: type) -> Any:
        if layer is None:
            return self
        fix = "call super().__init__() first in its __init__()"
        raise AttributeError(
            errors.report(f"{owner.__name__} is not initialized as a layer", fix=fix)
        )


class _Book:
    """What a layer keeps for itself: it is not searched for weights and sublayers."""

    def __init__(self) -> None:
        self.variables: list[Variable] = []
        self.losses: list[Any] = []
        self.shapes: dict[str, Any] | None = None  # the arguments of build, for the config
        self.dtypes: list[str] = []  # of the inputs that it is built for
        self.path = ""  # as of the first call
        self.hidden: set[str] = {"_arguments", "_book", "_inbound_nodes"}


class Layer(Operation):
    """Base of all layers and models.

    A layer is written as three methods: `__init__` keeps its arguments, `build` makes variables
    for a given input shape, `call` computes. Its config comes from the constructor's signature,
    its output shape from abstract evaluation of `call`; `mask` and `training` are passed to a
    `call` that names them.

    Args:
        activity_regularizer: a function of the output, or its name, that is added to the loss.
        trainable: whether the optimizer may change its weights.
        dtype: a dtype or policy, such as `"mixed_bfloat16"`.
        autocast: whether float inputs are cast to the compute dtype.
        name: a name, unique within a model; made from the class's name by default.
        kwargs: `input_shape`, `batch_shape` or `input_dim`, for the first layer of a `Sequential`.

    Raises:
        TypeError: an unknown argument; the message has the nearest valid one.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=(), initializer="ones", name="factor")
        ...     def call(self, x):
        ...         return x * self.factor
        >>> Scale()(np.ones(2)).tolist()
        [1.0, 1.0]
    """

    _book: _Book
    name: Any = _Unset()
    run_eagerly: Any = _Unset()
    _dtype_policy: Any = _Unset()

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        self = super().__new__(cls, *args, **kwargs)
        # Made here, so that a subclass may set attributes before it calls super().__init__().
        object.__setattr__(self, "_book", _Book())
        return self

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = calling.recorded(cls.build)
        if "__init__" in cls.__dict__ and cls.__module__.startswith("keraunos."):
            cls.__init__ = calling.named(cls.__init__)

    @calling.named
    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        unknown = [key for key in kwargs if key not in _SHAPES]
        if unknown:
            names = [*signature.argument_names(type(self)), *_SHAPES]
            raise TypeError(
                errors.report(
                    f"{type(self).__name__} has no argument {unknown[0]!r}",
                    fix=errors.suggest(unknown[0], names),
                )
            )
        self._set_name(name)
        self.activity_regularizer = registry.get("regularizers", activity_regularizer)
        self.built = False
        self.dtype_policy = dtype
        self.autocast = autocast
        self._remat = remat.current()
        self.supports_masking = getattr(self, "supports_masking", False)
        self.input_spec: Any = None
        self._trainable = trainable
        self._batch_input_shape = _declared_shape(kwargs)

    # -- to be written by a subclass ------------------------------------------------------------

    def build(self, *input_shapes: Any, **shapes: Any) -> None:
        """Make the weights for an input of this shape; called once, before the first `call`."""
        self.built = True

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """Return the mask of the output, from the inputs and their masks."""
        return previous_mask

    # -- calling --------------------------------------------------------------------------------

    @errors.brief
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if symbolic.any_symbolic((args, kwargs)):
            return calling.call_symbolic(self, args, kwargs)
        return calling.call(self, args, kwargs)

    def symbolic_call(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on symbolic tensors and add the call to the graph."""
        return calling.call_symbolic(self, args, kwargs)

    def rematerialized_call(self, layer_call: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a call of this layer as the `RematScope` in which it was made has it."""
        return remat.call(self, layer_call)

    def quantized_call(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output from small integers: `call` does, once the layer is quantized."""
        return self.call(*args, **kwargs)

    def quantize(
        self, mode: str | None = None, type_check: bool = True, config: Any = None
    ) -> None:
        """Replace the large weights by small integers; Dense, EinsumDense and Embedding can.

        Raises:
            NotImplementedError: a layer that cannot.
        """
        raise NotImplementedError(
            errors.report(
                f"{type(self).__name__} {self.name!r} cannot be quantized",
                fix="quantize Dense, EinsumDense or Embedding layers; filters= of model.quantize",
            )
        )

    def quantized_build(self, input_shape: Any, mode: str) -> None:
        """Make the weights of a quantized layer: `build` does, by the layer's dtype policy."""
        self.quantize(mode)

    @property
    def quantization_mode(self) -> str | None:
        """`"int8"`, `"int4"` ..., as the dtype policy says; None where the weights are floats."""
        return self._policy.quantization_mode

    def stateless_call(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        *args: Any,
        return_losses: bool = False,
        **kwargs: Any,
    ) -> tuple[Any, ...]:
        """Call the layer as a pure function of the values of its variables.

        Args:
            trainable_variables, non_trainable_variables: values, in the order of the properties.
            return_losses: whether to return the added losses as well.

        Returns:
            (outputs, new non-trainable values), and the losses if asked for.
        """
        boxes = [*self.trainable_variables, *self.non_trainable_variables]
        with state.bind(boxes, [*trainable_variables, *non_trainable_variables]) as scope:
            outputs = self(*args, **kwargs)
            found = (outputs, scope.updates(self.non_trainable_variables))
            return (*found, self.losses) if return_losses else found

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Build for the shapes that `get_build_config` returned."""
        if self.built or not config:
            return
        shapes = config.get("shapes_dict") or {"input_shape": config.get("input_shape")}
        calling.build(self, {k: calling.shape_of(v) for k, v in shapes.items()})

    def get_build_config(self) -> dict[str, Any] | None:
        """Return the shapes that the layer was built for."""
        shapes = self._book.shapes
        if not shapes:
            return None
        return (
            {"input_shape": next(iter(shapes.values()))}
            if len(shapes) == 1
            else {"shapes_dict": shapes}
        )

    def compute_output_shape(self, *args: Any, **kwargs: Any) -> Any:
        """Return the shape of the output for shapes of the inputs, by abstract evaluation."""
        as_tensor = lambda s: symbolic.SymbolicTensor(s, self.compute_dtype)  # noqa: E731
        args, kwargs = jax.tree.map(as_tensor, (args, kwargs), is_leaf=calling.is_shape)
        outputs = self.compute_output_spec(
            *args, **{k.removesuffix("_shape"): v for k, v in kwargs.items()}
        )
        return jax.tree.map(lambda t: t.shape, outputs)

    def compute_output_spec(self, *args: Any, **kwargs: Any) -> Any:
        """Return symbolic outputs for symbolic inputs, without adding to the graph."""
        return calling.infer(self, args, kwargs)

    # -- weights --------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Any = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        aggregation: str = "none",
        overwrite_with_gradient: bool = False,
        name: str | None = None,
    ) -> Variable:
        """Make a variable of the layer.

        Args:
            shape: its shape; () by default.
            initializer: a name, an object or a function `(shape, dtype) -> array`; by default
                `"glorot_uniform"` for floats and zeros for the rest.
            dtype: by default the layer's variable dtype.
            trainable: whether the optimizer changes it.
            autocast: whether `call` reads it in the compute dtype.
            regularizer, constraint: names or functions of the value.
            aggregation, overwrite_with_gradient: as in Keras, kept with the variable.
            name: the last part of its path.
        """
        if self.quantization_mode is not None and type(self).quantize is Layer.quantize:
            self.quantize(self.quantization_mode)  # which says that this layer cannot be
        scope = state.current()
        if scope is not None and not scope.is_open():
            errors.warn(
                f"{type(self).__name__} {self.name!r} gets weights inside of a step or call():"
                " they are new in each program and not trained; make them in __init__() or build()"
            )
        dtype = dtypes.standardize_dtype(dtype or self.variable_dtype)
        default = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        with naming.name_scope(self.name, once=True):
            variable = Variable(
                registry.get("initializers", initializer or default),
                shape=(shape,) if isinstance(shape, int) else tuple(shape or ()),
                dtype=dtype,
                trainable=trainable,
                autocast=autocast,
                aggregation=aggregation,
                name=name,
            )
        variable.regularizer = registry.get("regularizers", regularizer)
        variable.constraint = registry.get("constraints", constraint)
        variable.overwrite_with_gradient = overwrite_with_gradient
        self._book.variables.append(variable)
        return variable

    add_variable = add_weight

    def add_metric(self, *args: Any, **kwargs: Any) -> None:
        """Refuse: Keras 3 has no such method any more, and says so."""
        raise NotImplementedError(
            errors.report(
                f"add_metric of {type(self).__name__} {self.name!r}",
                fix="compile(metrics=[...]), or keep a Metric as an attribute and update_state it",
            )
        )

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Variable) and not any(v is value for v in self._book.variables):
            self._book.variables.append(value)
        if name not in self._quiet and self.__dict__.get("built"):
            state.touch()
        super().__setattr__(name, value)

    # Attributes that no output depends on.
    _quiet: ClassVar[frozenset[str]] = frozenset(
        "built _book _inbound_nodes _arguments _cut _signed _ready".split()
    )

    def _own_variables(self) -> list[Variable]:
        loose = [
            v for v in self._members(Variable) if not any(v is b for b in self._book.variables)
        ]
        mine = [*self._book.variables, *loose]
        # By what they were made: one that is frozen later keeps its place in lists and files.
        return [v for v in mine if v.made_trainable] + [v for v in mine if not v.made_trainable]

    def _members(self, kind: type) -> Iterator[Any]:
        """Yield the objects of a kind among the attributes, inside lists and dictionaries too."""
        for name, value in self.__dict__.items():
            if name not in self._book.hidden:
                yield from _inside(value, kind)

    @property
    def _layers(self) -> list[Layer]:
        return _unique(self._members(Layer))

    def _flatten_layers(self, include_self: bool = True, recursive: bool = True) -> list[Layer]:
        found = [self] if include_self else []
        for layer in self._layers:
            found += layer._flatten_layers() if recursive else [layer]
        return _unique(found)

    @property
    def variables(self) -> list[Variable]:
        """Every variable, this layer's first, then those of the layers inside."""
        found = self._own_variables()
        for layer in self._layers:
            found += layer.variables
        return _unique(found)

    @property
    def weights(self) -> list[Variable]:
        """The variables, less what is of the moment only, as states of a stateful layer."""
        return [v for v in self.variables if not getattr(v, "transient", False)]

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that the optimizer may change: none where `trainable` is False."""
        if not self._trainable:
            return []
        found = [v for v in self._own_variables() if v.trainable]
        for layer in self._layers:
            found += layer.trainable_variables
        return _unique(found)

    @property
    def non_trainable_variables(self) -> list[Variable]:
        train = {id(v) for v in self.trainable_variables}
        return [v for v in self.variables if id(v) not in train]

    trainable_weights = trainable_variables
    non_trainable_weights = non_trainable_variables

    @property
    def trainable(self) -> bool:
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if bool(value) != self._trainable:
            state.new_version()
        self._trainable = bool(value)
        for layer in self._layers:
            layer.trainable = value

    def get_weights(self) -> list[np.ndarray]:
        """Return copies of the weights, in the order of `weights`."""
        return [v.numpy() for v in self.weights]

    def set_weights(self, weights: list[Any]) -> None:
        """Replace the weights by arrays in the same order.

        Raises:
            ValueError: another number of arrays, or another shape; nothing is changed then.
        """
        boxes = self.weights
        if len(boxes) != len(weights):
            raise ValueError(
                errors.report(
                    f"{type(self).__name__} {self.name!r}, set_weights",
                    expected=f"{len(boxes)} arrays",
                    got=f"{len(weights)}",
                )
            )
        for box, value in zip(boxes, weights, strict=True):
            if tuple(np.shape(value)) != box.shape:
                raise ValueError(
                    errors.report(
                        f"{type(self).__name__} {self.name!r}, set_weights, {box.path}",
                        expected=f"shape {box.shape}",
                        got=f"{np.shape(value)}",
                    )
                )
        for box, value in zip(boxes, weights, strict=True):
            box.assign(value)

    def save_own_variables(self, store: dict[str, Any]) -> None:
        """Put the layer's own variables into what goes to the file; override to add other state."""
        for i, variable in enumerate(self._filed_variables()):
            store[str(i)] = variable.numpy()

    def load_own_variables(self, store: Any) -> None:
        """Take the layer's own variables from what came from the file."""
        for i, variable in enumerate(self._filed_variables()):
            variable.assign(store[str(i)])
        for variable in self._zeroed_by_files():
            variable.assign(np.zeros(variable.shape))

    def _filed_variables(self) -> list[Variable]:
        """Return the variables that stand in a file, in its order."""
        return self._own_variables()

    def _zeroed_by_files(self) -> list[Variable]:
        """Return variables that a file holds as part of others."""
        return []

    def count_params(self) -> int:
        """Return the number of elements of all weights.

        Raises:
            ValueError: the layer is not built.
        """
        if not self.built and not self.weights:
            raise ValueError(
                errors.report(
                    f"count_params: {type(self).__name__} {self.name!r} has no weights yet",
                    fix="call it on data, or build(input_shape)",
                )
            )
        return sum(v.size for v in self.weights)

    # -- losses ---------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of them) to what the model minimises, from inside `call`."""
        scope = state.current()
        kept = self._book.losses if scope is None else scope.losses
        added = [jnp.asarray(one) for one in jax.tree.leaves(loss)]
        kept.extend(added)
        if scope is not None:
            scope.owners.extend([self] * len(added))

    @property
    def losses(self) -> list[Any]:
        """What was added in the last call, and the weights' regularization."""
        scope = state.current()
        if scope is not None:
            mine = {id(layer) for layer in self._flatten_layers()} if scope.losses else ()
            added = [x for x, by in zip(scope.losses, scope.owners, strict=True) if id(by) in mine]
        else:
            added = [loss for layer in self._flatten_layers() for loss in layer._book.losses]
        boxes = [v for v in self.trainable_variables if v.regularizer is not None]
        return added + [v.regularizer(v.value) for v in boxes]

    # -- dtypes, graph, config ------------------------------------------------------------------

    @property
    def dtype_policy(self) -> Any:
        """The policy; a built layer that is given a quantized one is quantized."""
        return self._dtype_policy

    @dtype_policy.setter
    def dtype_policy(self, value: Any) -> None:
        policy = config.get_policy(value)
        if self.built and policy.quantization_mode is not None and not self.quantization_mode:
            self.quantize(policy.quantization_mode)
            return
        self._dtype_policy = policy

    @property
    def path(self) -> str:
        """The names of the layers around it and its own, joined by `/`."""
        return self._book.path or self.name

    @property
    def _policy(self) -> Any:
        """The policy of this layer: where the layer was given a map, that of its path."""
        policy = self.dtype_policy
        return policy[self.path] if hasattr(policy, "default_policy") else policy

    @property
    def dtype(self) -> str:
        return self._policy.variable_dtype

    variable_dtype = dtype

    @property
    def compute_dtype(self) -> str:
        return self._policy.compute_dtype

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as JSON values."""
        base = {
            "name": self.name,
            "trainable": self._trainable,
            "dtype": registry.serialize(self.dtype_policy),
        }
        own = signature.parameters(type(self)) if type(self).__init__ is not Layer.__init__ else {}
        shapes = set(_SHAPES) - own.keys() | {"autocast", "weights"}
        given = {k: v for k, v in super().get_config().items() if k not in base and k not in shapes}
        if given.get("activity_regularizer", 0) is None and "activity_regularizer" not in own:
            del given["activity_regularizer"]
        return base | given

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Return a new layer from what `get_config` returned.

        Name, `trainable` and dtype reach a constructor that does not take them as well.
        """
        rows = signature.parameters(cls)
        takes_all = any(p.kind is p.VAR_KEYWORD for p in rows.values())
        rest = {} if takes_all else {k: config[k] for k in _BASE if k in config and k not in rows}
        with _default_policy(registry.deserialize(rest.get("dtype"))):
            made = super().from_config({k: v for k, v in config.items() if k not in rest})
        if "name" in rest:
            made._set_name(rest["name"])
        if not rest.get("trainable", True):
            made.trainable = False
        return made

    def _init_parameters(self) -> dict[str, inspect.Parameter]:
        return signature.parameters(type(self))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


@contextlib.contextmanager
def _default_policy(policy: Any) -> Iterator[None]:
    """Make a dtype policy that of the layers made inside; None leaves it as it is."""
    before = config.dtype_policy()
    config.set_dtype_policy(before if policy is None else policy)
    try:
        yield
    finally:
        config.set_dtype_policy(before)


def _inside(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _inside(one, kind)
    elif isinstance(value, dict):
        for one in value.values():
            yield from _inside(one, kind)


def _unique(items: Any) -> list[Any]:
    return list({id(one): one for one in items}.values())


def _declared_shape(kwargs: dict[str, Any]) -> tuple[int | None, ...] | None:
    """Return the batch input shape that the first layer of a Sequential was given."""
    whole = kwargs.get("batch_shape") or kwargs.get("batch_input_shape")
    if whole is not None:
        return tuple(whole)
    shape = kwargs.get("input_shape")
    if shape is None and kwargs.get("input_dim") is not None:
        shape = (kwargs["input_dim"],)
    return None if shape is None else (kwargs.get("batch_size"), *tuple(shape))
