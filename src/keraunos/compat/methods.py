"""Methods and attributes that models, layers and optimizers had in older Keras."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Iterable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos._core.symbolic import Node, SymbolicTensor
from keraunos._core.variable import Variable
from keraunos.metrics import Metric


class ModelMethods:
    """What `Model` had."""

    @property
    def distribute_strategy(self) -> Any:
        """`tf.distribute.get_strategy()`."""
        return importlib.import_module("tensorflow.distribute").get_strategy()

    def fit_generator(
        self: Any,
        generator: Any,
        steps_per_epoch: int | None = None,
        epochs: int = 1,
        verbose: Any = 1,
        callbacks: Any = None,
        validation_data: Any = None,
        validation_steps: int | None = None,
        *ignored: Any,
        samples_per_epoch: int | None = None,
        nb_val_samples: int | None = None,
        **kwargs: Any,
    ) -> Any:
        """Train on batches: `fit` does. Keras 1 counted in samples."""
        if samples_per_epoch is not None:
            generator, steps_per_epoch = steps_for(generator, samples_per_epoch)
        batches = validation_data is not None and not isinstance(validation_data, (tuple, list))
        if nb_val_samples is not None and batches:
            validation_data, validation_steps = steps_for(validation_data, nb_val_samples)
        return self.fit(
            generator,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_data=validation_data,
            validation_steps=validation_steps,
            **kwargs,
        )

    def evaluate_generator(
        self: Any, generator: Any, steps: int | None = None, *ignored: Any, **kwargs: Any
    ) -> Any:
        """Measure on batches: `evaluate` does."""
        samples = kwargs.pop("val_samples", None)
        if samples is not None:
            generator, steps = steps_for(generator, samples)
        kwargs.setdefault("verbose", 0)
        return self.evaluate(generator, steps=steps, **kwargs)

    def predict_generator(
        self: Any, generator: Any, steps: int | None = None, *ignored: Any, **kwargs: Any
    ) -> Any:
        """Predict on batches: `predict` does."""
        samples = kwargs.pop("val_samples", None)
        if samples is not None:
            generator, steps = steps_for(generator, samples)
        kwargs.setdefault("verbose", 0)
        return self.predict(generator, steps=steps, **kwargs)

    def predict_proba(
        self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0, **kwargs: Any
    ) -> Any:
        """Return the outputs, which are probabilities if the last activation says so."""
        return self.predict(x, batch_size=batch_size, verbose=verbose, **kwargs)

    def predict_classes(
        self: Any, x: Any, batch_size: int | None = None, verbose: Any = 0, **kwargs: Any
    ) -> np.ndarray:
        """Return the most probable class of each sample; of one output, whether it is above 0.5."""
        found = self.predict(x, batch_size=batch_size, verbose=verbose, **kwargs)
        return found.argmax(-1) if found.shape[-1] > 1 else (found > 0.5).astype("int32")

    def to_yaml(self: Any, **kwargs: Any) -> str:
        """Refuse: YAML files could run code."""
        raise RuntimeError(errors.report("to_yaml is gone", fix="use to_json()"))

    def reset_states(self: Any) -> None:
        """Set the states of stateful layers back."""
        for layer in self._flatten_layers(include_self=False):
            if getattr(layer, "stateful", False) and hasattr(layer, "reset_state"):
                layer.reset_state()

    reset_state = reset_states

    @property
    def compiled_loss(self) -> CompiledLoss:
        return CompiledLoss(self)

    @property
    def compiled_metrics(self) -> CompiledMetrics:
        return CompiledMetrics(self)

    @property
    def uses_learning_phase(self) -> bool:
        return True

    @property
    def state_updates(self) -> list[Any]:
        return []


class CompiledLoss:
    """The losses of `compile`, as a function that counts what it returns in the metric `loss`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(
        self, y: Any, y_pred: Any, sample_weight: Any = None, regularization_losses: Any = None
    ) -> Any:
        total = self._model._compiled_loss(y, y_pred, sample_weight)
        total = sum(regularization_losses or (), start=total)
        self._model._note_loss(total, y_pred)
        return total

    @property
    def metrics(self) -> list[Any]:
        objective = self._model._objective
        return [] if objective is None else [objective.tracker, *objective.parts]


class CompiledMetrics:
    """The metrics of `compile`, as one."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def update_state(self, y: Any, y_pred: Any, sample_weight: Any = None) -> None:
        objective = self._model._objective_for(y, y_pred)
        if objective is not None:
            objective.measure(y, y_pred, sample_weight)

    def reset_state(self) -> None:
        for metric in self.metrics:
            metric.reset_state()

    reset_states = reset_state

    @property
    def metrics(self) -> list[Any]:
        objective = self._model._objective
        return [] if objective is None else [gauge.metric for gauge in objective.gauges]


def steps_for(generator: Any, samples: int) -> tuple[Any, int]:
    """Return a generator of batches and how many of them hold so many samples."""
    size = getattr(generator, "batch_size", None)
    if size is None:
        generator = iter(generator)
        first = next(generator)
        size = len(jax.tree.leaves(first)[0])
        generator = itertools.chain([first], generator)
    return generator, math.ceil(samples / size)


class _Shape:
    """`layer.output_shape`: a layer's own attribute of that name comes first."""

    def __init__(self, which: str) -> None:
        self._which = which

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is None:
            return self
        name = f"{self._which}_shape"
        if not layer._inbound_nodes and getattr(layer, f"{self._which}s", None):
            return _shapes(getattr(layer, self._which))
        return _shapes(_tensors_at(layer, 0, self._which, name))


class MetricMethods:
    """What `Metric` had."""

    stateful = True

    def reset_states(self: Any) -> None:
        """Forget what was measured."""
        self.reset_state()


class BidirectionalMethods:
    """What `Bidirectional` had."""

    @property
    def layer(self: Any) -> Any:
        return self.forward_layer


class LayerMethods:
    """What `Layer` had."""

    input_shape = _Shape("input")
    output_shape = _Shape("output")

    def get_input_at(self: Any, node_index: int) -> Any:
        """Return the input of one of the layer's calls."""
        return _tensors_at(self, node_index, "input", "get_input_at")

    def get_output_at(self: Any, node_index: int) -> Any:
        """Return the output of one of the layer's calls."""
        return _tensors_at(self, node_index, "output", "get_output_at")

    def get_input_shape_at(self: Any, node_index: int) -> Any:
        """Return the shape of the input of one of the layer's calls."""
        return _shapes(self.get_input_at(node_index))

    def get_output_shape_at(self: Any, node_index: int) -> Any:
        """Return the shape of the output of one of the layer's calls."""
        return _shapes(self.get_output_at(node_index))

    def get_output_mask_at(self: Any, node_index: int) -> Any:
        """Return None: masks are worked out when values flow."""

    get_input_mask_at = get_output_mask_at

    @property
    def inbound_nodes(self: Any) -> list[Node]:
        return self._inbound_nodes

    def add_update(self: Any, updates: Any, inputs: Any = None) -> None:
        """Make the updates: pairs of a variable and its new value, or functions."""
        for one in updates if isinstance(updates, list) else [updates]:
            if isinstance(one, tuple):
                one[0].assign(one[1])
            elif callable(one):
                one()

    @property
    def updates(self) -> list[Any]:
        return []

    def get_updates_for(self, inputs: Any) -> list[Any]:
        """Return nothing: updates are made when values flow."""
        return []

    def get_losses_for(self: Any, inputs: Any) -> list[Any]:
        """Return the layer's losses."""
        return self.losses

    def apply(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the layer."""
        return self(*args, **kwargs)


def _tensors_at(layer: Any, index: int, which: str, what: str) -> Any:
    nodes = layer._inbound_nodes
    if not -len(nodes) <= index < len(nodes):
        raise AttributeError(
            errors.report(
                f"{layer!r}, {what}",
                expected=f"a call with number {index}",
                got=f"{len(nodes)} calls in a graph so far",
            )
        )
    node = nodes[index]
    if which == "output":
        return node.structure
    return node.args[0] if len(node.args) == 1 else list(node.args)


def _shapes(structure: Any) -> Any:
    found = jax.tree.map(lambda t: _OneShape(t.shape), structure)
    return jax.tree.map(lambda s: s.shape, found)


class _OneShape:
    """A shape as a leaf of a structure."""

    def __init__(self, shape: Any) -> None:
        self.shape = tuple(shape)


class OptimizerMethods:
    """What `Optimizer` had."""

    @property
    def lr(self: Any) -> Any:
        return self.learning_rate

    @lr.setter
    def lr(self: Any, value: Any) -> None:
        self.learning_rate = value

    decay = 0.0  # an instance's own is above it

    @property
    def weights(self: Any) -> list[Variable]:
        return self.variables

    def get_weights(self: Any) -> list[np.ndarray]:
        """Return the state as arrays."""
        return [v.numpy() for v in self.variables]

    def set_weights(self: Any, weights: Iterable[Any]) -> None:
        """Replace the state."""
        for variable, value in zip(self.variables, list(weights), strict=True):
            variable.assign(value)

    def get_gradients(self, loss: SymbolicTensor, params: list[Any]) -> list[Any]:
        """Return the gradients of a symbolic loss."""
        from keraunos.compat.keras_backend import graph

        return graph.gradients(loss, params)

    def get_updates(self: Any, *args: Any, loss: Any = None, params: Any = None) -> list[Any]:
        """Return what `K.function(updates=...)` does to take a step.

        Keras 1 passed (params, constraints, loss), Keras 2 (loss, params).
        """
        from keraunos.compat.keras_backend import graph

        if args:
            loss, params = (args[2], args[0]) if len(args) == 3 else (args[0], args[1])
        return [graph.Step(self, loss, params)]

    def minimize(
        self: Any,
        loss: Any,
        var_list: Any,
        grad_loss: Any = None,
        name: Any = None,
        tape: Any = None,
    ) -> Any:
        """Take a step for a loss: a function without arguments, or a value of a tape."""
        found: Any = var_list() if callable(var_list) else var_list
        variables = list(found)
        if tape is None:
            from keraunos.training import GradientTape

            with GradientTape() as tape:
                loss = loss()
        return self.apply_gradients(zip(tape.gradient(loss, variables), variables))

    def get_scaled_loss(self: Any, loss: Any) -> Any:
        """Return the loss as float16 needs it; `get_unscaled_gradients` undoes it."""
        self.by_hand = True
        return loss * _loss_scale(self)

    def get_unscaled_gradients(self: Any, grads: Iterable[Any]) -> list[Any]:
        """Return the gradients of the loss from those of the scaled one."""
        scale = _loss_scale(self)
        return [g if g is None else g / scale.astype(g.dtype) for g in grads]


def _loss_scale(optimizer: Any) -> Any:
    built = optimizer.built
    return optimizer.dynamic_scale.value if built else jnp.float32(optimizer.initial_scale)


class VariableMethods:
    """What variables had under Keras 1 and TensorFlow 1."""

    def get_value(self: Any, borrow: bool = False) -> np.ndarray:
        """Return the value."""
        return self.numpy()

    def set_value(self: Any, value: Any) -> None:
        """Replace the value."""
        self.assign(value)

    def eval(self: Any, session: Any = None) -> np.ndarray:
        """Return the value."""
        return self.numpy()

    def read_value(self: Any) -> Any:
        """Return the value."""
        return self.value


class TensorMethods:
    """What symbolic tensors had."""

    @property
    def _keras_shape(self: Any) -> Any:
        return self.shape


_warned: set[str] = set()


def warn_once(text: str) -> None:
    """Warn, but not of the same twice."""
    if text not in _warned:
        _warned.add(text)
        errors.warn(text)


def per_output_metrics(model: Any, metrics: Any) -> Any:
    """Return a flat list of metrics as one for each output: Keras 2 gave all of it to each."""
    outputs = getattr(model, "outputs", None) or ()
    flat = isinstance(metrics, list) and not any(isinstance(m, (list, tuple)) for m in metrics)
    if not (flat and metrics and len(outputs) > 1):
        return metrics
    return [[_own(one, i) for one in metrics] for i in range(len(outputs))]


def _own(metric: Any, output: int) -> Any:
    """Return a metric, for an output behind the first a new one like it."""
    return (
        type(metric).from_config(metric.get_config())
        if isinstance(metric, Metric) and output
        else metric
    )
