"""Layers around models written elsewhere: JAX functions and Flax modules; no other engine's."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core import dtypes, random, registry
from keraunos._core.calling import is_shape
from keraunos._core.layer import Layer
from keraunos._core.registry import register
from keraunos._core.variable import Variable
from keraunos.layers import _arguments as arguments


@register()
class JaxLayer(Layer):
    """A model written as a JAX function, as a layer that trains with the others.

    Args:
        call_fn: a function of `inputs` and of any of `params`, `state`, `rng`, `training`, by
            these names. It returns the outputs, with `state` (outputs, new state). `rng` is a
            key in training and None otherwise.
        init_fn: a function of `inputs` (ones of the right shape) and of any of `rng` and
            `training`. It returns first params, with `state` (params, state).
        params, state: trees of arrays to start from instead.
        seed: a fixed seed of `rng`.
        native_serialization_platforms: accepted; it concerns TensorFlow.

    Raises:
        ValueError: a function with other arguments, or nothing to start from.

    Example:
        >>> def linear(params, inputs):
        ...     return inputs @ params["w"]
        >>> layer = JaxLayer(linear, params={"w": jnp.ones((3, 2))})
        >>> layer(jnp.ones((1, 3))).tolist(), len(layer.trainable_weights)
        ([[3.0, 3.0]], 1)
    """

    def __init__(
        self,
        call_fn: Callable[..., Any],
        init_fn: Callable[..., Any] | None = None,
        params: Any = None,
        state: Any = None,
        seed: int | None = None,
        native_serialization_platforms: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.call_fn, self.init_fn, self.seed = call_fn, init_fn, seed
        self.native_serialization_platforms = native_serialization_platforms
        known = ("params", "state", "rng", "inputs", "training")
        self._of_call = self._names("call_fn", call_fn, known)
        self._of_init = self._names("init_fn", init_fn, known[2:]) if init_fn else []
        self.params = jax.tree.map(lambda leaf: self._variable(leaf, True), params)
        self.state = jax.tree.map(lambda leaf: self._variable(leaf, False), state)
        if params is not None or state is not None or not self._keeps_something:
            self.built = True
        elif init_fn is None:
            raise arguments.complain(self, "init_fn", "a function, or params or state", None)

    @property
    def _keeps_something(self) -> bool:
        return not {"params", "state"}.isdisjoint(self._of_call)

    def _names(self, argument: str, function: Any, known: tuple[str, ...]) -> list[str]:
        """Return the arguments of a function, all of them known, `inputs` among them."""
        names = list(inspect.signature(function).parameters) if callable(function) else []
        if "inputs" not in names or not set(names) <= set(known):
            expected = f"a function of inputs and of any of {', '.join(known)}"
            got = f"{function!r}({', '.join(names)})"
            where = f"{type(self).__name__} {self.name!r}, argument {argument!r}"
            raise ValueError(errors.report(where, expected=expected, got=got))
        return names

    def _variable(self, value: Any, trainable: bool) -> Any:
        """Return a variable for an array or a number; other leaves belong to the model's code."""
        if not isinstance(value, (jax.Array, np.ndarray, np.generic, bool, int, float)):
            return value
        kind = dtypes.standardize_dtype(getattr(value, "dtype", type(value)))
        return self.add_weight(
            shape=np.shape(value),
            initializer=lambda shape, dtype=None: jnp.asarray(value, dtype),
            dtype=None if dtypes.is_float(kind) else kind,
            trainable=trainable,
        )

    def build(self, input_shape: Any) -> None:
        if self.init_fn is None or not self._keeps_something:
            return
        # A first call may be traced already; what it starts from is of now.
        with jax.ensure_compile_time_eval():
            inputs = jax.tree.map(_placeholder, input_shape, is_leaf=is_shape)
            given = {"rng": self._init_keys(), "inputs": inputs, "training": True}
            found = self.init_fn(*(given[name] for name in self._of_init))
        params, state = found if "state" in self._of_call else (found, None)
        self.params = jax.tree.map(lambda leaf: self._variable(leaf, True), params)
        self.state = jax.tree.map(lambda leaf: self._variable(leaf, False), state)

    def call(self, inputs: Any, training: bool = False) -> Any:
        values = jax.tree.map(_value, (self.params, self.state))
        given = {"inputs": inputs, "training": training, "params": values[0], "state": values[1]}
        if "rng" in self._of_call:
            given["rng"] = self._call_keys(training)
        found = self.call_fn(*(given[name] for name in self._of_call))
        if "state" not in self._of_call:
            return found
        outputs, state = found
        self._keep(state)
        return outputs

    def _keep(self, state: Any) -> None:
        before, after = jax.tree.structure(self.state), jax.tree.structure(state)
        if before != after:
            where = f"{type(self).__name__} {self.name!r}, the state that call_fn returned"
            raise ValueError(errors.report(where, expected=before, got=after))
        for box, value in zip(jax.tree.leaves(self.state), jax.tree.leaves(state)):
            if hasattr(box, "assign"):
                box.assign(value)

    def _init_keys(self) -> Any:
        return jax.random.PRNGKey(random.next_seed())

    def _call_keys(self, training: bool) -> Any:
        return _key(self.seed) if training else None

    def _argument(self, name: str) -> Any:
        # Values are for the weights' file.
        return None if name in ("params", "state") else super()._argument(name)


@register()
class FlaxLayer(JaxLayer):
    """A `flax.linen` module as a layer that trains with the others.

    Args:
        module: the module; its method takes `inputs` and may take `training`.
        method: another method than `__call__`, or a function of the module and `inputs`.
        variables: what `module.init` returned, to start from it.

    All collections of variables but "params" are state that no optimizer changes.

    Raises:
        ImportError: flax is not installed.

    Example:
        >>> import flax.linen as nn  # doctest: +SKIP
        >>> FlaxLayer(nn.Dense(4))(jnp.ones((2, 3))).shape  # doctest: +SKIP
        (2, 4)
    """

    def __init__(
        self, module: Any, method: Any = None, variables: Any = None, **kwargs: Any
    ) -> None:
        linen = errors.require("flax.linen", "flax", "FlaxLayer")
        self.module, self.method = module, method
        tells = "training" in inspect.signature(method or module.__call__).parameters
        mutable = linen.DenyList(["params"])

        def options(training: bool) -> dict[str, Any]:
            return {"method": method, **({"training": training} if tells else {})}

        def apply(params: Any, state: Any, rng: Any, inputs: Any, training: bool) -> Any:
            variables = {**(params or {}), **(state or {})}
            return module.apply(variables, inputs, rngs=rng, mutable=mutable, **options(training))

        def start(rng: Any, inputs: Any, training: bool) -> Any:
            return _divided(module.init(rng, inputs, **options(training)))

        super().__init__(apply, start, *_divided(variables), **kwargs)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> FlaxLayer:
        """Return a new layer; a method of the module is found by its name."""
        given = {name: registry.deserialize(value) for name, value in config.items()}
        if isinstance(given.get("method"), str):
            given["method"] = getattr(given["module"], given["method"])
        return cls(**given)

    def _init_keys(self) -> Any:
        return {name: super(FlaxLayer, self)._init_keys() for name in ("params", "dropout")}

    def _call_keys(self, training: bool) -> Any:
        return {"dropout": _key(self.seed)} if training else {}

    def _argument(self, name: str) -> Any:
        if name == "method" and getattr(self.method, "__self__", None) is self.module:
            return self.method.__name__
        return None if name == "variables" else super()._argument(name)


class _Absent(Layer):
    """A layer that another engine runs: the name is there, and says what to use instead."""

    engine: str
    instead: str

    def _refuse(self) -> NoReturn:
        where = f"{type(self).__name__} needs {self.engine}, and keraunos runs on JAX alone"
        raise NotImplementedError(errors.report(where, fix=self.instead))


@register()
class TorchModuleWrapper(_Absent):
    """A PyTorch module as a layer: not on JAX; constructing it raises.

    Args:
        module, name, output_shape: as in Keras.

    Raises:
        NotImplementedError: always; the message says what to use instead.
    """

    engine = "PyTorch"
    instead = "write the module with keras.layers and copy its weights with set_weights()"

    def __init__(
        self, module: Any, name: str | None = None, output_shape: Any = None, **kwargs: Any
    ) -> None:
        self._refuse()


@register()
class TFSMLayer(_Absent):
    """A TensorFlow SavedModel as a layer: not on JAX; constructing it raises.

    Args:
        filepath, call_endpoint, call_training_endpoint, trainable, name, dtype: as in Keras.

    Raises:
        NotImplementedError: always; the message says what to use instead.
    """

    engine = "TensorFlow"
    instead = "where it was made, save it as .keras or .h5 too: keras.saving.load_model reads those"

    def __init__(
        self,
        filepath: Any,
        call_endpoint: str = "serve",
        call_training_endpoint: str | None = None,
        trainable: bool = True,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        self._refuse()


def _placeholder(shape: Any) -> jax.Array:
    return jnp.ones([1 if size is None else size for size in shape])


def _value(leaf: Any) -> Any:
    return leaf.value if isinstance(leaf, Variable) else leaf


def _key(seed: int | None) -> jax.Array:
    # Of the old kind, which every library on JAX takes.
    return jax.random.PRNGKey(jax.random.bits(random.next_key(seed)))


def _divided(variables: Any) -> tuple[Any, Any]:
    """Return the trained collection of Flax variables, and the others."""
    if variables is None:
        return None, None
    rest = {name: value for name, value in variables.items() if name != "params"}
    return ({"params": variables["params"]} if "params" in variables else {}), rest
