"""fit, evaluate and predict, told as a story: data, program, epochs, callbacks."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Collection
from typing import Any

import jax
import numpy as np

from keraunos import config, errors
from keraunos._core import random
from keraunos._progress import Progbar
from keraunos._training import checks, intake, streaming
from keraunos._training.feed import Resident, size_of
from keraunos._training.interrupt import CtrlC, Interrupted
from keraunos._training.loop import Runner
from keraunos._training.resume import Backups
from keraunos._training.single import on_host
from keraunos._training.step import Batch
from keraunos._training.streaming import Stream
from keraunos.callbacks import CallbackList, ProgbarLogger

Logs = dict[str, Any]


@dataclasses.dataclass
class Plan:
    """The arguments of `fit`."""

    x: Any
    y: Any = None
    batch_size: int | None = None
    epochs: int = 1
    verbose: Any = "auto"
    callbacks: Any = None
    validation_split: float = 0.0
    validation_data: Any = None
    shuffle: bool = True
    class_weight: dict[int, float] | None = None
    sample_weight: Any = None
    initial_epoch: int = 0
    steps_per_epoch: int | None = None
    validation_steps: int | None = None
    validation_batch_size: int | None = None
    validation_freq: Any = 1


def fit(model: Any, plan: Plan) -> Any:
    """Train a model and return its History."""
    _check(plan)
    plan.batch_size = plan.batch_size or 32
    train, held_out = intake.training_data(model, plan, plan.batch_size)
    example = train.first()
    model._ensure_built(example)
    program = model._train_program(example)
    _look(model, train)
    validation = _validation(model, plan, held_out)
    plan.epochs = _at_most(config.max_epochs(), plan.epochs, plan.epochs, "epochs") or 0
    plan.steps_per_epoch = _limited(plan.steps_per_epoch, train.steps)
    steps = plan.steps_per_epoch or train.steps
    callbacks = CallbackList(
        plan.callbacks,
        add_history=True,
        model=model,
        verbose=plan.verbose,
        epochs=plan.epochs,
        steps=steps,
        validation_freq=plan.validation_freq,
    )
    says = plan.verbose not in (0, False)
    feeds = (train, getattr(validation, "feed", None))
    with streaming.closing(*feeds), CtrlC(says=says) as ctrl_c:
        Run(model, plan, Runner(program, train), callbacks, validation, steps, ctrl_c).all()
    return model.history


@dataclasses.dataclass
class Run:
    """One call of `fit`, ready to go: what its epochs share, and how far it has come."""

    model: Any
    plan: Plan
    runner: Runner
    callbacks: Any
    validation: Runner | None
    steps: int | None
    ctrl_c: CtrlC

    epoch: int = 0
    step: int = 0  # of the epoch: as many are done
    trained: bool = False  # all of them; what is left of the epoch is its validation
    seed: list[int] | None = None  # of the epoch's order
    results: Logs = dataclasses.field(default_factory=dict)  # of the steps so far
    logs: Logs = dataclasses.field(default_factory=dict)  # of the last whole epoch

    def position(self) -> dict[str, Any]:
        """Return what a backup holds of these."""
        names = ("epoch", "step", "trained", "seed", "logs")
        return {name: getattr(self, name) for name in names} | {"results": plain(self.results)}

    def all(self) -> None:
        """Train for all epochs."""
        model = self.model
        self.epoch, model.stop_training = self.plan.initial_epoch, False
        backups = Backups(self)
        self.callbacks.on_train_begin()
        ended = False
        try:
            backups.begin()
            while self.epoch < self.plan.epochs and (self.step or not model.stop_training):
                self._one(backups)
            ended = True
            self.ctrl_c.check()
        except Interrupted:
            backups.back_up()
            raise KeyboardInterrupt from None
        finally:
            # After an error too: the best weights are restored, files are closed.
            if self.ctrl_c.pressed < 2:
                self._end()
        if ended:
            backups.finish()

    def _end(self) -> None:
        optimizer = self.model.optimizer
        if getattr(optimizer, "built", False) and self.step + self.epoch > self.plan.initial_epoch:
            optimizer.finalize_variable_values(self.model.trainable_variables)
        self.callbacks.on_train_end(self.logs)

    def _one(self, backups: Backups) -> None:
        """Train for an epoch, or what is left of it, and validate."""
        number, goes_on = self.epoch, self.step > 0
        if not goes_on:
            self.runner.program.objective.reset()
            self.seed, self.results = _epoch_seed(self) if self.plan.shuffle else None, {}
            self.trained = False
        self.callbacks.on_epoch_begin(number)
        if goes_on:
            backups.restore()  # what the hooks of the epoch's beginning did is done already
        bar = self._bar(number)
        try:
            self._train(bar)
            logs = plain(self.results) | self._validate(number, backups)
            show = bar.end(bar.seen or self.steps or 0, logs)
        finally:
            bar.close()
        self.epoch, self.step, self.trained, self.logs = number + 1, 0, False, logs
        told = dict(logs)
        try:
            self.callbacks.on_epoch_end(number, told)
        finally:
            show(told)
        if self.plan.verbose == 3:
            print(streaming.told(self.runner.feed))
        self.ctrl_c.check()

    def _bar(self, number: int) -> Progbar:
        title = f"Epoch {number + 1}/{self.plan.epochs}" if self.plan.epochs > 1 else None
        own = any(isinstance(c, ProgbarLogger) for c in self.callbacks.callbacks)
        return Progbar(self.steps, title=title, verbose=0 if own else self.plan.verbose)

    def _train(self, bar: Progbar) -> None:
        model, callbacks, listens = self.model, self.callbacks, self.callbacks.listens_to_batches

        def before(step: int) -> None:
            self.follow()
            if listens == "each":
                callbacks.on_train_batch_begin(step)

        def after(done: int, results: Any) -> None:
            self.step, self.results = done, results
            if listens:
                callbacks.on_train_batch_end(done - 1, lambda: plain(results))
            bar.update(done, lambda: plain(results), finalize=False)

        if self.trained or (model.stop_training and self.step):
            return  # the backup was made in the validation, or when a callback had just said so
        self.runner.epoch(
            self.plan.steps_per_epoch,
            first=self.step,
            seed=self.seed,
            single=listens == "each",
            before=before,
            after=after,
            most=callbacks.batches_left,
            stop=lambda: model.stop_training or bool(self.ctrl_c),
        )
        self.ctrl_c.check()
        self.trained = True

    def _validate(self, number: int, backups: Backups) -> Logs:
        if self.validation is None or not _validates(self.plan.validation_freq, number):
            return {}
        most = _limited(self.plan.validation_steps, self.validation.feed.steps)
        with backups.holding_data():
            found = _measure(self.validation, self.callbacks, most, stop=self.ctrl_c.__bool__)
            self.ctrl_c.check()
        return {"val_" + name: value for name, value in found.items()}

    def follow(self) -> None:
        """Take another program if a layer was frozen or there is another optimizer."""
        if self.model._stale(self.runner.program):
            self.runner.program = self.model._train_program(self.runner.feed.first())


def evaluate(
    model: Any,
    x: Any,
    y: Any,
    batch_size: int,
    verbose: Any,
    sample_weight: Any,
    steps: int | None,
    callbacks: Any,
) -> Logs:
    """Return name -> value of the loss and the metrics on data."""
    data = intake.test_data(model, (x, y, sample_weight), batch_size, once=True)
    example = data.first()
    model._ensure_built(example)
    program = model._test_program(example)
    _look(model, data)
    listeners = CallbackList(
        callbacks,
        model=model,
        verbose=verbose,
        epochs=1,
        steps=data.steps,
    )
    steps = _limited(steps, data.steps)
    bar = Progbar(steps or data.steps, verbose=verbose)
    try:
        found = _measure(Runner(program, data), listeners, steps, bar)
        bar.update(bar.seen or steps or data.steps or 0, found, finalize=True)
    finally:
        bar.close()
    return found


def predict(
    model: Any, x: Any, batch_size: int, verbose: Any, steps: int | None, callbacks: Any
) -> Any:
    """Return the outputs for all samples, on the host."""
    cpu_batches = intake.predict_batches(model, x, batch_size)
    streams = isinstance(cpu_batches, Stream)
    if streams:
        model._ensure_built(cpu_batches.first())
        cpu_batches.look(checks.Watch(model, labels=False))
    total = cpu_batches.steps if streams else len(cpu_batches)
    steps = _limited(steps, total)
    if streams:
        cpu_batches.check_end(steps)
    total = steps or total
    listeners = CallbackList(
        callbacks,
        model=model,
        verbose=verbose,
        epochs=1,
        steps=total,
    )
    bar = Progbar(total, verbose=verbose)
    outputs: list[Any] = []
    source = cpu_batches.take(steps) if streams else iter(cpu_batches)
    listeners.on_predict_begin()
    try:
        for number, batch in enumerate(source):
            if steps is not None and number >= steps:
                break
            if number == 0:
                model._ensure_built(batch)
            listeners.on_predict_batch_begin(number)
            found, size = model._predict_padded(batch, batch_size, checked=streams)
            count = size_of(batch)
            if size != count:
                found = jax.tree.map(functools.partial(on_host, size=size, count=count), found)
            outputs.append(found)
            listeners.on_predict_batch_end(number, {"outputs": found})
            bar.update(number + 1, finalize=False)
        bar.update(len(outputs), finalize=True)
    finally:
        bar.close()
        listeners.on_predict_end()
    if not outputs:
        raise ValueError(errors.report("predict", expected="at least one sample", got="none"))
    return jax.tree.map(lambda *parts: np.concatenate([np.asarray(p) for p in parts]), *outputs)


def _look(model: Any, data: Resident | Stream) -> None:
    """Compare the integers of data with what they name: at once, or batch by batch."""
    if isinstance(data, Resident):
        model._check_labels(data.host)
    else:
        data.look(checks.Watch(model))


def _check(plan: Plan) -> None:
    """Raise where a number of `fit` is none."""
    intake.check_size("batch_size", plan.batch_size)
    intake.check_size("validation_batch_size", plan.validation_batch_size)
    intake.check_size("epochs", plan.epochs, least=0)
    if not isinstance(plan.validation_freq, Collection):
        intake.check_size("validation_freq", plan.validation_freq)
    given = plan.validation_data
    if isinstance(given, tuple) and not 1 <= len(given) <= 3:
        expected = "(x, y) or (x, y, sample_weight)"
        raise ValueError(
            errors.report("validation_data", expected=expected, got=f"{len(given)} entries")
        )


# -- small parts -----------------------------------------------------------------------------------


def _validation(model: Any, plan: Plan, held_out: Batch | None) -> Runner | None:
    given = held_out if held_out is not None else plan.validation_data
    if given is None:
        return None
    size = plan.validation_batch_size or plan.batch_size or 32
    data = intake.test_data(model, given, size, once=False)
    first = data.first()
    if plan.class_weight and first.weights is None:
        errors.warn(
            "class_weight counts in training only: val_loss is not weighted, and so not to be"
            " compared with loss (give validation_data=(x, y, sample_weight) to weight it)"
        )
    program = model._test_program(first)
    _look(model, data)
    return Runner(program, data)


def _measure(
    runner: Runner,
    callbacks: Any,
    steps: int | None,
    bar: Progbar | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Logs:
    runner.program.objective.reset()
    runner.rewind()  # the samples are the same each time
    feed = runner.feed
    if isinstance(feed, Resident) and steps is not None and steps > feed.steps:
        text = errors.report("the data ran out", expected=f"{steps} batches", got=feed.steps)
        errors.warn(text)
        steps = feed.steps
    if isinstance(feed, Stream):
        feed.check_end(steps)
    callbacks.on_test_begin()
    listens = callbacks.listens_to_test_batches

    def after(done: int, results: Any) -> None:
        if listens:
            callbacks.on_test_batch_end(done - 1, lambda: plain(results))
        if bar is not None:
            bar.update(done, lambda: plain(results), finalize=False)

    before: Callable[[int], None] | None = callbacks.on_test_batch_begin if listens else None
    results = runner.epoch(steps, single=bool(listens), before=before, after=after, stop=stop)
    found = plain(results)
    callbacks.on_test_end(found)
    return found


def plain(results: Any) -> Logs:
    """Return results as Python floats, by name in alphabetical order, as Keras's logs are."""
    values = jax.device_get(results)
    found = {k: float(v) if np.ndim(v) == 0 else np.asarray(v).tolist() for k, v in values.items()}
    return dict(sorted(found.items()))


def _limited(wanted: int | None, there: int | None) -> int | None:
    """Return the steps of an epoch under the limit that the settings put; None: all there are."""
    return _at_most(config.max_steps_per_epoch(), wanted, wanted or there, "steps of an epoch")


def _at_most(limit: int | None, wanted: int | None, real: int | None, what: str) -> int | None:
    if limit is None or (real is not None and real <= limit):
        return wanted
    errors.warn(f"{what}: {real or 'unknown'}, cut to {limit} by keras.config")
    return limit


def _epoch_seed(run: Run) -> list[int]:
    """Return what the order of this epoch follows from: the seed and the number of steps taken."""
    counters = run.runner.program.boxes.optimizer
    return [random.global_seed(), int(counters[0]._value) if counters else run.epoch]


def _validates(frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency
