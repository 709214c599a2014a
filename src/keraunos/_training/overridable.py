"""The steps as methods: what a program may override, and what it may call when it does."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp

from keraunos import errors
from keraunos import metrics as metrics_room
from keraunos._core import state
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos._core.tape import GradientTape
from keraunos._training import functions
from keraunos._training.compile import Objective, Tracker


class Steps(Layer):
    """The part of a model that is one step: forward, backward, update, measure."""

    optimizer: Any
    _objective: Objective | None
    _compile_arguments: dict[str, Any] | None
    _loss_tracker: Tracker
    train_function: Any = None
    test_function: Any = None
    predict_function: Any = None

    # -- steps ----------------------------------------------------------------------------------

    def train_step(self, *args: Any) -> Any:
        """Take a step on a batch; override it to train in a way of your own.

        An override is compiled as the built-in step is, many steps a dispatch. It may be written
        as `train_step(self, data)`, where variables, metrics and optimizers change as in plain
        Python, or as `train_step(self, state, data)`, a pure function of the values.

        Args:
            args: `data`, what `fit` was given for a batch: x, (x, y) or (x, y, sample_weight); or
                before it the values of the trainable, the other, the optimizer's and the metrics'
                variables.

        Returns:
            name -> value, or that and the new state.
        """
        if len(args) == 2:
            step = functools.partial(Steps.train_step, self)
            return functions.as_pure(step, "train", self._train_state(), *args)
        x, y, weights = parts_of(args[0])
        with GradientTape() as tape:
            outputs = self(x, training=True)
            loss = called(self.compute_loss, x, y, outputs, weights, training=True)
            scaled = loss if self.optimizer is None else self.optimizer.scale_loss(loss)
        self._note_loss(loss, outputs)
        variables = self.trainable_variables
        if variables and self.optimizer is not None:
            self.optimizer.apply(tape.gradient(scaled, variables), variables)
        return self.compute_metrics(x, y, outputs, weights)

    def test_step(self, *args: Any) -> Any:
        """Measure a batch; override it beside `train_step`.

        Args:
            args: `data`; or before it the values of the trainable, the other and the metrics'
                variables.
        """
        if len(args) == 2:
            step = functools.partial(Steps.test_step, self)
            return functions.as_pure(step, "test", self._test_state(), *args)
        x, y, weights = parts_of(args[0])
        outputs = self(x, training=False)
        self._note_loss(called(self.compute_loss, x, y, outputs, weights, training=False), outputs)
        return self.compute_metrics(x, y, outputs, weights)

    def predict_step(self, *args: Any) -> Any:
        """Return the outputs for a batch; override it to return something else.

        Args:
            args: `data`; or before it the values of the trainable and the other variables.
        """
        if len(args) == 2:
            step = functools.partial(Steps.predict_step, self)
            return functions.as_pure(step, "predict", self._predict_state(), *args)
        return self(parts_of(args[0])[0], training=False)

    # -- functions of an iterator ---------------------------------------------------------------

    @functions.built_in
    def make_train_function(self, force: bool = False) -> Any:
        """Return what runs `train_step` on the next batch of an iterator; may be overridden.

        An override sets `self.train_function` (or returns it) to a function `(iterator)` that
        changes variables, or `(state, iterator)` that returns logs and the new state, around what
        `super().make_train_function()` returns or not. It takes one batch, and is compiled.

        Args:
            force: accepted for programs that pass it.
        """
        self.train_function = functools.partial(functions.from_iterator, self, "train")
        return self.train_function

    @functions.built_in
    def make_test_function(self, force: bool = False) -> Any:
        """Return what runs `test_step` on the next batch; see `make_train_function`."""
        self.test_function = functools.partial(functions.from_iterator, self, "test")
        return self.test_function

    @functions.built_in
    def make_predict_function(self, force: bool = False) -> Any:
        """Return what runs `predict_step` on the next batch; see `make_train_function`."""
        self.predict_function = functools.partial(functions.from_iterator, self, "predict")
        return self.predict_function

    # -- loss and metrics -----------------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return the loss of a batch, what layers add included; an override is what is minimised.

        Args:
            x, y, sample_weight: of the batch.
            y_pred: the outputs for it.
            training: whether the step is one of training.
        """
        total = self._compiled_loss(y, y_pred, sample_weight)
        for extra in self.losses:
            total = total + extra.astype(total.dtype)
        self._note_loss(total, y_pred)
        return total

    def _compiled_loss(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        """Return the sum of the losses of `compile`; each is counted in its metric."""
        objective = self._objective_for(y, y_pred)
        if objective is None:
            return jnp.zeros((), jnp.float32)
        total, parts = objective.losses(y, y_pred, sample_weight)
        for metric, part in zip(objective.parts, parts, strict=False):
            metric.note(part, _size(y_pred))
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Bring the metrics of `compile` up to date and return name -> value; may be overridden.

        Args:
            x, y, sample_weight: of the batch.
            y_pred: the outputs for it.
        """
        objective = self._objective_for(y, y_pred)
        if objective is not None and y is not None:
            objective.measure(y, y_pred, sample_weight)
        return self.get_metrics_result()

    def get_metrics_result(self) -> dict[str, Any]:
        """Return name -> value of every metric."""
        own = type(self).metrics is not Steps.metrics
        if self._objective is not None and not own:
            self._objective.own = self._own_metrics()
            return self._objective.results()
        found: dict[str, Any] = {}
        for metric in self.metrics:
            value = metric.result()
            found |= value if isinstance(value, dict) else {metric.name: value}
        return found

    def stateless_compute_loss(
        self,
        trainable_variables: Any,
        non_trainable_variables: Any,
        metrics_variables: Any,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """Return (loss, (trainable, other, metrics' values)) as a function of these values."""
        groups = self._test_state()
        given = (trainable_variables, non_trainable_variables, metrics_variables)
        boxes = [box for group in groups for box in group]
        with state.bind(boxes, [value for group in given for value in group]) as scope:
            loss = called(self.compute_loss, x, y, y_pred, sample_weight, training=training)
            return loss, tuple(scope.updates(group) for group in groups)

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker, the metrics of `compile` and those that layers keep."""
        if self._objective is not None:
            return self._objective.metrics
        return [
            *([self._loss_tracker] if self._compile_arguments is not None else []),
            *self._own_metrics(),
        ]

    @property
    def metrics_names(self) -> list[str]:
        own = type(self).metrics is not Steps.metrics
        if self._objective is not None and not own:
            return self._objective.metrics_names
        return [m.name for m in self.metrics]

    @property
    def metrics_variables(self) -> list[Any]:
        """The variables of `metrics`, in their order."""
        return [v for metric in self.metrics for v in metric.variables]

    def reset_metrics(self) -> None:
        """Set every metric back to its beginning."""
        for metric in self.metrics:
            metric.reset_state()

    def _own_metrics(self) -> list[Any]:
        return [m for layer in self._flatten_layers() for m in layer._members(metrics_room.Metric)]

    def _note_loss(self, loss: Any, outputs: Any) -> None:
        if self._objective is not None and jnp.ndim(loss) == 0:
            self._objective.tracker.note(loss, _size(outputs))

    def _names_of_outputs(self) -> list[str]:
        """Return a name for each output: its layer's, or the key of a dictionary."""
        made = getattr(self, "output_names", ())
        if isinstance(getattr(self, "_outputs_struct", None), dict):
            nodes = [t.node for t in getattr(self, "outputs", ())]
            made = made if len(made) == len(nodes) else [n.operation.name for n in nodes if n]
        return list(made)

    def _objective_for(self, y: Any, outputs: Any) -> Objective | None:
        """Return losses and metrics, resolved for the targets and outputs at hand if need be."""
        if self._compile_arguments is not None and not self._is_resolved(y):
            specs = jax.tree.map(lambda a: SymbolicTensor(jnp.shape(a), a.dtype), (y, outputs))
            self._objective = self._resolved(*specs, adds_losses=True)
        return self._objective

    def _is_resolved(self, y: Any) -> bool:
        """Return whether losses and metrics are known, and for targets if there are targets."""
        return self._objective is not None and (y is None or self._objective.knows_targets)

    def _resolved(self, y: Any, outputs: Any, adds_losses: bool) -> Objective:
        given, names = self._compile_arguments, self._names_of_outputs()
        assert given is not None
        made = Objective(given, names, y, outputs, self._own_metrics(), self._loss_tracker)
        made.adds_losses = adds_losses
        return made

    # -- values -----------------------------------------------------------------------------------

    def _train_state(self) -> tuple[list[Any], ...]:
        optimizer = self.optimizer.variables if self.optimizer is not None else []
        return (*self._predict_state(), optimizer, self.metrics_variables)

    def _test_state(self) -> tuple[list[Any], ...]:
        return (*self._predict_state(), self.metrics_variables)

    def _predict_state(self) -> tuple[list[Any], ...]:
        return self.trainable_variables, self.non_trainable_variables


def called(method: Callable[..., Any], *args: Any, training: bool) -> Any:
    """Call `compute_loss`; programs of older days write it without `training`."""
    rows = inspect.signature(method).parameters
    takes = "training" in rows or any(p.kind is p.VAR_KEYWORD for p in rows.values())
    names = ("x", "y", "y_pred", "sample_weight")
    named = dict(zip(names, args, strict=True)) | ({"training": training} if takes else {})
    return method(**named)


def parts_of(data: Any) -> tuple[Any, Any, Any]:
    """Return x, y and the weights of a batch; None for what it does not have."""
    if not isinstance(data, (tuple, list)):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(
            errors.report(
                "a batch",
                expected="x, (x, y) or (x, y, sample_weight)",
                got=f"{len(data)} parts",
                fix="override train_step(self, data) to use them",
            )
        )
    x, y, weights = (*data, None, None)[:3]
    return x, y, weights


def _size(outputs: Any) -> Any:
    leaves: Iterator[Any] = (leaf for leaf in jax.tree.leaves(outputs) if jnp.ndim(leaf))
    first = next(leaves, None)
    return jnp.asarray(1 if first is None else first.shape[0], jnp.float32)
