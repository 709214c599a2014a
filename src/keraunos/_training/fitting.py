"""fit, evaluate and predict, told as a story: data, program, epochs, callbacks."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from keraunos import config, errors
from keraunos._core import random
from keraunos._training import feed
from keraunos._training.feed import Resident, Slices, Stream
from keraunos._training.loop import Runner
from keraunos._training.progress import Progbar
from keraunos._training.step import Batch
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
    batch_size = plan.batch_size or 32
    train, held_out = _training_data(model, plan, batch_size)
    example = train.first()
    model._ensure_built(example)
    program = model._train_program(example)
    if isinstance(train, Resident):
        model._check_labels(train.host)
    validation = _validation(model, plan, held_out, batch_size)
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
    run = Run(model, plan, Runner(program, train), callbacks, validation, steps)
    model.stop_training = False
    callbacks.on_train_begin()
    logs: Logs = {}
    try:
        for epoch in range(plan.initial_epoch, plan.epochs):
            logs = run.epoch(epoch)
            if model.stop_training:
                break
    finally:
        # After an error too: the best weights are restored, files are closed.
        callbacks.on_train_end(logs)
    return model.history


@dataclasses.dataclass
class Run:
    """One call of `fit`, ready to go: what its epochs share."""

    model: Any
    plan: Plan
    runner: Runner
    callbacks: Any
    validation: Runner | None
    steps: int | None

    def epoch(self, number: int) -> Logs:
        """Train for an epoch, validate, and return the logs."""
        plan, feed_ = self.plan, self.runner.feed
        self.runner.program.objective.reset()
        self.callbacks.on_epoch_begin(number)
        bar = self._bar(number)
        try:
            logs = self._train(bar)
            if isinstance(feed_, Stream):
                feed_.end_epoch()
            if self.validation is not None and _validates(plan.validation_freq, number):
                most = _limited(plan.validation_steps, self.validation.feed.steps)
                found = _measure(self.validation, self.callbacks, most)
                logs |= {"val_" + name: value for name, value in found.items()}
            bar.update(bar.seen or self.steps or 0, logs, finalize=True)
        finally:
            bar.close()
        self.callbacks.on_epoch_end(number, logs)
        return logs

    def _bar(self, number: int) -> Progbar:
        title = f"Epoch {number + 1}/{self.plan.epochs}" if self.plan.epochs > 1 else None
        own = any(isinstance(c, ProgbarLogger) for c in self.callbacks.callbacks)
        return Progbar(self.steps, title=title, verbose=0 if own else self.plan.verbose)

    def _train(self, bar: Progbar) -> Logs:
        model, callbacks, listens = self.model, self.callbacks, self.callbacks.listens_to_batches

        def before(step: int) -> None:
            # A hook may have frozen a layer or put another optimizer: the program follows.
            if model._stale(self.runner.program):
                self.runner.program = model._train_program(self.runner.feed.first())
            if listens == "each":
                callbacks.on_train_batch_begin(step)

        def after(done: int, results: Any) -> None:
            if listens:
                callbacks.on_train_batch_end(done - 1, lambda: plain(results))
            bar.update(done, lambda: plain(results), finalize=False)

        results = self.runner.epoch(
            self.plan.steps_per_epoch,
            seed=_epoch_seed(model) if self.plan.shuffle else None,
            single=listens == "each",
            before=before,
            after=after,
            stop=lambda: model.stop_training,
        )
        return plain(results)


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
    data = _test_data(model, (x, y, sample_weight), batch_size)
    example = data.first()
    model._ensure_built(example)
    program = model._test_program(example)
    if isinstance(data, Resident):
        model._check_labels(data.host)
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
    cpu_batches = _predict_batches(model, x, batch_size)
    total = cpu_batches.steps if isinstance(cpu_batches, Stream) else len(cpu_batches)
    steps = _limited(steps, total)
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
    source = cpu_batches.take(steps) if isinstance(cpu_batches, Stream) else iter(cpu_batches)
    listeners.on_predict_begin()
    try:
        for number, batch in enumerate(source):
            if steps is not None and number >= steps:
                break
            if number == 0:
                model._ensure_built(batch)
            listeners.on_predict_batch_begin(number)
            outputs.append(model._predict_padded(batch, batch_size))
            listeners.on_predict_batch_end(number, {"outputs": outputs[-1]})
            bar.update(number + 1, finalize=False)
        bar.update(len(outputs), finalize=True)
    finally:
        bar.close()
        listeners.on_predict_end()
    if not outputs:
        raise ValueError(errors.report("predict", expected="at least one sample", got="none"))
    return jax.tree.map(lambda *parts: np.concatenate([np.asarray(p) for p in parts]), *outputs)


# -- data ----------------------------------------------------------------------------------------


def _training_data(
    model: Any, plan: Plan, batch_size: int
) -> tuple[Resident | Stream, Batch | None]:
    """Return what to train on, and the samples that `validation_split` holds back."""
    if not feed.is_arrays(plan.x):
        if plan.y is not None:
            raise ValueError(
                errors.report(
                    "fit", expected="targets inside the batches of x", got="y beside an iterator"
                )
            )
        return Stream(plan.x, plan.steps_per_epoch, model._encode), None
    x = model._encode(plan.x)
    data = feed.gathered(x, plan.y, plan.sample_weight, plan.class_weight)
    held_out = None
    if plan.validation_split and plan.validation_data is None:
        data, held_out = feed.split(data, plan.validation_split)
    if feed.fits(data):
        return Resident(data, batch_size), held_out
    return Stream(Slices(data, batch_size, plan.shuffle)), held_out


def _validation(model: Any, plan: Plan, held_out: Batch | None, batch_size: int) -> Runner | None:
    given = held_out if held_out is not None else plan.validation_data
    if given is None:
        return None
    data = _test_data(model, given, plan.validation_batch_size or batch_size)
    if isinstance(data, Resident):
        model._check_labels(data.host)
    return Runner(model._test_program(data.first()), data)


def _test_data(model: Any, given: Any, batch_size: int) -> Resident | Stream:
    batch = given if isinstance(given, (tuple, Batch)) else None
    if batch is None and isinstance(given, list) and len(given) in (2, 3):
        batch = tuple(given)  # a list of (x, y) is what Keras takes too
    if batch is None or not feed.is_arrays(batch[0]):
        return Stream(given if batch is None else batch[0], encode=model._encode)
    x = model._encode(batch[0])
    data = batch if isinstance(batch, Batch) else _gathered(x, *batch[1:])
    if not feed.fits(data):
        return Stream(Slices(data, batch_size, shuffle=False))
    first = jax.tree.map(lambda a: a[:batch_size], data)
    model._ensure_built(first)
    pads = model._settle(first).accepts_padding() and not model.run_eagerly
    return Resident(data, batch_size, pad=pads)


def _gathered(x: Any, y: Any = None, weights: Any = None) -> Batch:
    return feed.gathered(x, y, weights, None)


def _predict_batches(model: Any, x: Any, batch_size: int) -> Any:
    if not feed.is_arrays(x):
        return Stream(x, encode=model._encode)
    data = Batch(feed.arrays(model._encode(x), "x"))
    feed.warn_of_nan(data)
    size = feed.size_of(data)
    return [
        jax.tree.map(lambda a, i=i: a[i : i + batch_size], data) for i in range(0, size, batch_size)
    ]


# -- small parts -----------------------------------------------------------------------------------


def _measure(runner: Runner, callbacks: Any, steps: int | None, bar: Progbar | None = None) -> Logs:
    runner.program.objective.reset()
    callbacks.on_test_begin()
    listens = callbacks.listens_to_test_batches

    def after(done: int, results: Any) -> None:
        if listens:
            callbacks.on_test_batch_end(done - 1, lambda: plain(results))
        if bar is not None:
            bar.update(done, lambda: plain(results), finalize=False)

    before: Callable[[int], None] | None = callbacks.on_test_batch_begin if listens else None
    found = plain(runner.epoch(steps, single=bool(listens), before=before, after=after))
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
    warnings.warn(f"{what}: {real or 'unknown'}, cut to {limit} by keras.config", stacklevel=4)
    return limit


def _epoch_seed(model: Any) -> list[int]:
    """Return what the order of this epoch follows from: the seed and the number of steps taken."""
    return [random.global_seed(), int(model.optimizer.iterations._value)]


def _validates(frequency: Any, epoch: int) -> bool:
    if isinstance(frequency, int):
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency
