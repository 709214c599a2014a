"""Trainer: what a compiled model can do: fit, evaluate, predict and their batch forms."""

from __future__ import annotations

import contextlib
import itertools
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from keraunos import errors
from keraunos import losses as losses_room
from keraunos import optimizers as optimizers_room
from keraunos._core import calling, context, random, registry, state, symbolic
from keraunos._core.layer import Layer
from keraunos._core.symbolic import SymbolicTensor
from keraunos._training import cache, checks, custom, eager, feed, fitting, intake, single, step
from keraunos._training.calls import PLAIN, Calls
from keraunos._training.compile import Objective, Tracker
from keraunos._training.disk import loaded
from keraunos._training.overridable import Steps
from keraunos._training.program import StepProgram, bucket, current_values
from keraunos._training.single import Singles
from keraunos._training.step import Batch, Boxes
from keraunos.distribution import Distribution, distribution

# The loss and the shapes decide what these mean.
_CHOSEN_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")


class Trainer(Steps):
    """The training half of `Model`."""

    _quiet = Layer._quiet | frozenset(
        "optimizer loss debug train_function test_function predict_function stop_training"
        " history steps_per_execution _compile_arguments _objective _loss_tracker _programs _calls"
        " _singles _predictions _lock _steps_taken _looked_up _plan _resets_metrics".split()
    )

    _resets_metrics = True  # whether a batch is measured alone

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._remat = None  # its layers have theirs
        self._compile_arguments: dict[str, Any] | None = None
        self.optimizer: Any = None
        self.loss: Any = None
        self.stop_training = False
        self.history: Any = None
        self.run_eagerly = False
        self.debug: str | None = None
        self.steps_per_execution = 1
        self._plan: Distribution | None = None  # of several devices
        self._objective: Objective | None = None
        self._loss_tracker = Tracker(name="loss")
        self._programs: dict[Any, Any] = {}
        self._signed: tuple[int, Any] = (-1, None)
        self._ready: tuple[Any, bool] = (None, False)
        self._calls = Calls()
        self._singles = Singles()
        self._predictions = itertools.count()
        self._looked_up: tuple[int, list[checks.Ids]] | None = None
        self._lock = threading.RLock()
        self._book.hidden |= {
            "_programs",
            "_calls",
            "_singles",
            "_predictions",
            "_objective",
            "_loss_tracker",
            "_compile_arguments",
            "history",
            "optimizer",
        }

    # -- compile --------------------------------------------------------------------------------

    @errors.brief
    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
        debug: str | None = None,
    ) -> None:
        """Say how the model is trained.

        Args:
            optimizer: a name, an `Optimizer`, or an optax transformation.
            loss: a name, a `Loss` or a function `(y_true, y_pred) -> (batch,)`; for several outputs
                a list, or a dictionary by output name.
            loss_weights: how much each output's loss counts.
            metrics: names, `Metric`s or functions; for several outputs a list of lists, or a
                dictionary by output name.
            weighted_metrics: the same, but these see the sample weights.
            run_eagerly: run Python step by step, for a debugger; slow.
            steps_per_execution: a hint; the loop chooses by itself.
            jit_compile: kept for programs that pass it; the step is always compiled.
            auto_scale_loss: whether float16 training scales its loss by itself.
            debug: `"nan"`: layers whose gradients are not finite are an error that names them and
                leaves the weights alone; those whose gradients are all zero, a warning. Slow.

        Raises:
            ValueError: an unknown name; the message has the nearest ones.
        """
        if debug not in (None, "nan"):
            raise ValueError(errors.report("compile", expected="debug='nan'", got=repr(debug)))
        self.optimizer = optimizers_room.get(optimizer)
        for one in jax.tree.leaves(loss, is_leaf=_is_leaf):
            losses_room.get(one)  # a wrong name is an error here, not an hour later
        for one in [
            *jax.tree.leaves(metrics, is_leaf=_is_leaf),
            *jax.tree.leaves(weighted_metrics, is_leaf=_is_leaf),
        ]:
            if isinstance(one, str):
                _check_metric(one)
        if (
            auto_scale_loss
            and any(layer.compute_dtype == "float16" for layer in self._flatten_layers())
            and not isinstance(self.optimizer, optimizers_room.LossScaleOptimizer)
        ):
            self.optimizer = optimizers_room.LossScaleOptimizer(self.optimizer)
        self.loss, self.run_eagerly, self.steps_per_execution = (
            loss,
            run_eagerly,
            steps_per_execution,
        )
        self._compile_arguments = {
            "optimizer": self.optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }
        if debug and isinstance(self.optimizer, optimizers_room.LossScaleOptimizer):
            fix = "compile(auto_scale_loss=False): a scaled loss overflows now and then, and may"
            raise ValueError(errors.report("debug='nan' with loss scaling", fix=fix))
        self.debug = debug
        self._plan = distribution() or self._plan
        self._objective, self._loss_tracker = None, Tracker(name="loss")
        self._programs.clear()
        self._singles.clear()
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        return self._compile_arguments is not None

    # -- fit, evaluate, predict -------------------------------------------------------------------

    @errors.brief
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> Any:
        """Train for a number of epochs and return the `History`.

        Args:
            x, y: arrays, or lists or dictionaries of them, (samples, ...); or x alone: something
                that yields batches (x, y) or (x, y, weights).
            batch_size: samples a step, 32 by default.
            epochs: the number of the last epoch.
            verbose: 0 silent, 1 bar, 2 one line an epoch, "auto" what suits the output.
            callbacks: `Callback`s.
            validation_split: the share of samples, taken from the end, to validate on.
            validation_data: (x, y) or (x, y, weights), or batches.
            shuffle: whether each epoch has an order of its own.
            class_weight: class -> weight.
            sample_weight: (samples,) or (samples, time).
            initial_epoch: the number of the first epoch.
            steps_per_epoch, validation_steps: how many batches make an epoch; all by default.
            validation_batch_size: by default `batch_size`.
            validation_freq: validate every so many epochs, or in the epochs of this list.

        Raises:
            RuntimeError: the model is not compiled.
            ValueError: data that do not fit the model, each other, or the loss.
        """
        self._check_compiled("fit")
        return fitting.fit(
            self,
            fitting.Plan(
                x=x,
                y=y,
                batch_size=batch_size,
                epochs=epochs,
                verbose=verbose,
                callbacks=callbacks,
                validation_split=validation_split,
                validation_data=validation_data,
                shuffle=shuffle,
                class_weight=class_weight,
                sample_weight=sample_weight,
                initial_epoch=initial_epoch,
                steps_per_epoch=steps_per_epoch,
                validation_steps=validation_steps,
                validation_batch_size=validation_batch_size,
                validation_freq=validation_freq,
            ),
        )

    @errors.brief
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **kwargs: Any,
    ) -> Any:
        """Measure the loss and the metrics on data.

        Args:
            x, y, batch_size, sample_weight, verbose, callbacks: as in `fit`.
            steps: how many batches; all by default.
            return_dict: whether to return name -> value.

        Returns:
            The loss, or a list of the loss and the metrics in the order of `metrics_names`.
        """
        self._check_compiled("evaluate")
        intake.check_size("batch_size", batch_size)
        found = fitting.evaluate(
            self, x, y, batch_size or 32, verbose, sample_weight, steps, callbacks
        )
        found = self._measures("test").ordered(found)
        return found if return_dict else _listed(found)

    @errors.brief
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Return the model's outputs for all samples, as NumPy arrays.

        Args:
            x: arrays (samples, ...), or something that yields batches.
            batch_size: samples at a time, 32 by default.
            verbose, callbacks: as in `fit`.
            steps: how many batches; all by default.
        """
        intake.check_size("batch_size", batch_size)
        size = batch_size or 32
        if verbose == 0 and callbacks is None and steps is None and _is_small(x, size):
            return self._predict_one(x, size)
        return fitting.predict(self, x, size, verbose, steps, callbacks)

    @errors.brief
    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch, as NumPy arrays."""
        return self._predict_one(x, None)

    def _predict_one(self, x: Any, batch_size: int | None) -> Any:
        """Return the outputs for what is one batch, on the host; filled up if a size is given."""
        known = self._singles.get(x, batch_size)
        if known is not None:
            return known(x)
        encoded = self._encode(x)
        data = Batch(jax.tree.map(loaded, feed.arrays(encoded, "x")))
        feed.checked_sizes(data)
        self._ensure_built(data)
        feed.warn_of_nan(data)
        count = feed.size_of(data)
        outputs, size = self._predict_padded(data, batch_size or count)
        if encoded is x and not self.run_eagerly and self._plan is None:
            run, boxes = self._predict_program(data)
            self._singles.learn(x, batch_size, run, boxes, self._check_inputs, size)
        return jax.tree.map(lambda a: single.on_host(a, size, count), outputs)

    def _check_inputs(self, data: Batch) -> None:
        feed.warn_of_nan(data)
        checks.check_ids(data.x, self._ids())

    @errors.brief
    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: dict[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Take one training step and return the loss and metrics of this batch."""
        self._check_compiled("train_on_batch")
        data = feed.gathered(self._encode(x), y, sample_weight, class_weight)
        found = self._measured(self._train_program(data), data, "train")
        return found if return_dict else _listed(found)

    @errors.brief
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Return the loss and metrics of one batch."""
        self._check_compiled("test_on_batch")
        data = feed.gathered(self._encode(x), y, sample_weight, None)
        found = self._measured(self._test_program(data), data, "test")
        return found if return_dict else _listed(found)

    def _measured(self, program: StepProgram, data: Batch, kind: str) -> dict[str, float]:
        return self._floats(program.run_batch(data, alone=self._resets_metrics), kind)

    def _encode(self, x: Any) -> Any:
        """Return what the compiled step is fed with: the work of layers on the host is done."""
        return x

    @errors.brief
    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.run_eagerly:
            return super().__call__(*args, **kwargs)
        outputs = self._calls.run(self, args, kwargs)
        if outputs is PLAIN:
            outputs = super().__call__(*args, **kwargs)
            self._calls.ran_plainly()
        return outputs

    # -- programs ---------------------------------------------------------------------------------

    def _check_compiled(self, what: str) -> None:
        if not self.compiled:
            raise RuntimeError(
                errors.report(
                    f"{what}: model {self.name!r} is not compiled",
                    fix="model.compile(optimizer, loss) first",
                )
            )

    def _ensure_built(self, example: Batch) -> Any:
        """Build an unbuilt model on the shapes of a batch; return its outputs, symbolically."""
        if self._is_ready() or not self._can_be_called():
            return None
        specs = jax.tree.map(lambda a: SymbolicTensor((None, *a.shape[1:]), a.dtype), example.x)
        outputs = calling.infer(self, (specs,), {})
        if not self._is_ready() and "training" in calling.call_parameters(type(self)):
            with contextlib.suppress(Exception):  # of which the training step will tell
                calling.infer(self, (specs,), {"training": True})  # layers of training alone
        return outputs

    def _can_be_called(self) -> bool:
        """Return whether the model has a `call`: one with steps of its own may have none."""
        return type(self).call is not Layer.call or not custom.is_written(self, "train")

    def _is_ready(self) -> bool:
        now = (state.version(), state.touched())
        if self._ready != (now, True):
            ready = self.built and all(layer.built for layer in self._flatten_layers())
            self._ready = (now, ready)
        return self._ready[1]

    def _measures(self, kind: str) -> Any:
        """Return what measures a step: the losses and metrics of `compile`, or the step itself."""
        if custom.is_written(self, kind) or self._objective is None:
            return custom.Measures(self)
        return self._objective

    def _settle(self, example: Batch, kind: str = "test") -> Any:
        """Resolve losses and metrics for the shapes of a batch, once after each compile."""
        if custom.is_written(self, kind):
            return custom.Measures(self)
        with self._lock:
            if not self._is_resolved(example.y):
                cache.enable()
                self._objective = self._resolved(example.y, *self._outlined(example.x))
            return self._objective

    def _outlined(self, x: Any) -> tuple[Any, bool]:
        """Return the outputs for a batch, symbolically, and whether layers add losses to them."""
        added: list[Any] = []

        def run(inputs: Any) -> Any:
            with state.sandbox(jax.random.key(0)) as scope, context.fresh(training=False):
                outputs = self(inputs)
                added.extend(scope.losses)
                return outputs

        specs = jax.tree.map(lambda a: SymbolicTensor(a.shape, a.dtype), x)
        return symbolic.infer(run, (specs,), {}), bool(added)

    def _boxes(self) -> Boxes:
        trainable = self.trainable_variables
        fixed = self.non_trainable_variables
        states = [v for v in fixed if getattr(v, "transient", False)]
        other = [v for v in fixed if not getattr(v, "transient", False)]
        objective = self._objective
        metrics = objective.variables if objective is not None else []
        optimizer = (
            self.optimizer.variables if self.optimizer is not None and self.optimizer.built else []
        )
        return Boxes(trainable, other, states, optimizer, metrics)

    def _train_program(self, example: Batch) -> StepProgram:
        if custom.is_written(self, "train"):
            return self._written_program("train", example, Boxes._fields)
        objective = self._settle(example, "train")
        key = self._train_key()
        if key not in self._programs:
            self.optimizer.build(self.trainable_variables)
            boxes = self._boxes()
            watch = None if self.debug is None else checks.flags
            made = step.train_step(self, objective, self.optimizer, boxes, watch)
            self._programs[key] = self._made(made, boxes, objective, Boxes._fields)
        return self._programs[key]

    def _test_program(self, example: Batch) -> StepProgram:
        if custom.is_written(self, "test"):
            return self._written_program("test", example, ("other", "states", "metrics"))
        objective = self._settle(example)
        key = ("test", self._signature(), id(objective))
        if key not in self._programs:
            boxes = self._boxes()._replace(optimizer=[])
            self._programs[key] = self._made(
                step.test_step(self, objective, boxes), boxes, objective, ("states", "metrics")
            )
        return self._programs[key]

    def _written_program(self, kind: str, example: Batch, changes: tuple[str, ...]) -> StepProgram:
        """Return the program of a step that the model's class overrides."""
        with self._lock:
            key = self._train_key() if kind == "train" else (kind, self._signature())
            if key not in self._programs:
                cache.enable()
                made, boxes = custom.step(self, kind, example)
                key = self._train_key() if kind == "train" else (kind, self._signature())
                self._programs[key] = self._made(made, boxes, custom.Measures(self), changes)
            return self._programs[key]

    def _train_key(self) -> Any:
        written = custom.is_written(self, "train")
        objective = None if written else self._objective
        return ("train", self._signature(), id(self.optimizer), id(objective))

    def _stale(self, program: Any) -> bool:
        """Return whether a program was made for other frozen layers or another optimizer."""
        return self._programs.get(self._train_key()) is not program

    def _signature(self) -> Any:
        """Return what a traced step depends on beside values: what is trained."""
        if self._signed[0] != state.version():
            layers = tuple(layer.trainable for layer in self._flatten_layers())
            variables = tuple((id(v), v.trainable) for v in self.variables)
            self._signed = (state.version(), (layers, variables))
        return self._signed[1]

    def _made(self, made: Any, boxes: Boxes, objective: Any, changes: tuple[str, ...]) -> Any:
        kind: Any = StepProgram if self.debug is None else checks.DebugProgram
        if self.run_eagerly:
            program: Any = eager.EagerProgram(made, boxes, objective, changes)
        else:
            program = kind(made, boxes, objective, changes, self._plan)
        program.check = self._check_labels
        if self.debug is not None:
            program.look = checks.Looks(custom.debugged(self, boxes))
        return program

    def _predict_padded(
        self, data: Batch, batch_size: int, checked: bool = False
    ) -> tuple[Any, int]:
        """Return outputs, on the device, and to how many rows the batch was filled up for them."""
        count = feed.size_of(data)
        size = bucket(count, batch_size) if count < batch_size else bucket(count, 1 << 20)
        alone = self._rows_stand_alone()
        if count == batch_size or alone is False:
            size = count
        if not checked:
            checks.check_ids(data.x, self._ids())
        x = jax.tree.map(lambda a: feed._filled(a, size - count), data.x)
        run, boxes = self._predict_program(Batch(x))
        if self._plan is not None:
            flat = [box for part in boxes for box in part]
            self._plan.place(flat, self._plan.shardings(flat))
            x = self._plan.cut(jax.tree.map(jnp.asarray, x))
        values, draw = current_values(boxes), next(self._predictions)
        outputs, states = run(values, Batch(x), draw)
        if size > count and alone is None:
            other = jax.tree.map(lambda a: feed.filled_otherwise(a, count), x)
            alone = feed.same_rows(outputs, run(values, Batch(other), draw)[0], count)
            self._programs["rows", self._signature()] = alone
            if not alone:
                return self._predict_padded(data, batch_size, checked=True)
        for box, value in zip(boxes.states, states, strict=True):
            box.assign(value)
        return outputs, size

    def _rows_stand_alone(self) -> bool | None:
        """Return whether no row of a batch changes the outputs for others; None: not known yet."""
        return self._programs.get(("rows", self._signature()))

    def _predict_program(self, example: Batch) -> Any:
        key = ("predict", self._signature())
        with self._lock:
            if key not in self._programs:
                cache.enable()
                if custom.is_written(self, "predict"):
                    made, boxes = custom.step(self, "predict", example)
                    key = ("predict", self._signature())
                    boxes = boxes._replace(states=boxes.other + boxes.states, other=[])
                else:
                    boxes = self._boxes()._replace(optimizer=[], metrics=[])
                    made = step.predict_step(self, boxes)

                def keyed(values: Any, batch: Batch, seed: Any) -> Any:
                    return made(values, batch, jax.random.wrap_key_data(seed, impl="threefry2x32"))

                compiled = keyed if self.run_eagerly else jax.jit(keyed)

                def run(values: Any, batch: Batch, draw: int | None = None) -> Any:
                    # Dropout that is on in prediction too draws anew for each batch.
                    number = next(self._predictions) if draw is None else draw
                    return compiled(values, batch, random.call_seed(number))

                self._programs[key] = run, boxes
            return self._programs[key]

    def _floats(self, found: dict[str, Any], kind: str) -> dict[str, Any]:
        return self._measures(kind).ordered(fitting.plain(found))

    def _check_labels(self, data: Batch) -> None:
        """Compare integers with what they name, on the host: labels and units, ids and rows."""
        checks.check_ids(data.x, self._ids())
        checks.check_labels(data.y, self._labelled())

    def _labelled(self) -> Objective | None:
        """Return the losses whose labels are known to be integers below the units of an output."""
        return None if custom.is_written(self, "train") else self._objective

    def _ids(self) -> list[checks.Ids]:
        if self._looked_up is None or self._looked_up[0] != state.version():
            self._looked_up = (state.version(), checks.embedded(self))
        return self._looked_up[1]


def _is_small(x: Any, batch_size: int) -> bool:
    """Return whether x is one array that makes one batch."""
    return isinstance(x, (np.ndarray, jax.Array)) and x.ndim > 0 and 0 < x.shape[0] <= batch_size


def _check_metric(name: str) -> None:
    """Raise for a name that is no metric: at compile, not after an hour."""
    if name not in _CHOSEN_BY_SHAPE:
        found = registry.names("metrics")
        if name not in found:
            registry.get("metrics", name)


def _is_leaf(value: Any) -> bool:
    return isinstance(value, dict) and "class_name" in value


def _listed(found: dict[str, Any]) -> Any:
    values = list(found.values())
    return values[0] if len(values) == 1 else values
