"""Callbacks and `fit` of today, made to say and to hear the names of older Keras."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from keraunos.compat import eras, methods
from keraunos.compat.class_weights import per_output
from keraunos.compat.freezing import as_compiled
from keraunos.compat.logs import Logs


def fit(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `fit` that notes how many samples there are: callbacks were told."""
    place = inspect.signature(original)

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = place.bind(self, *args, **kwargs).arguments
        size, x = given.get("batch_size") or 32, given.get("x")
        arrays = [a for a in jax.tree.leaves(x) if hasattr(a, "shape")]
        count = len(arrays[0]) if arrays else None
        held_out = given.get("validation_data")
        if count is not None and given.get("validation_split"):
            whole, count = count, int(count * (1 - given["validation_split"]))
            parts = (x, given.get("y"))
            held_out = jax.tree.map(lambda a, n=count, m=whole: a[n:m], parts)
        object.__setattr__(self, "_told", {"samples": count, "batch_size": size})
        if era in eras.BATCH_LOGS_HAVE_SIZES and isinstance(held_out, (tuple, list)):
            _tell(given.get("callbacks"), held_out)
        with as_compiled(self):
            return original(self, *args, **kwargs)

    return per_output(call)


def _tell(callbacks: Any, held_out: Any) -> None:
    """Give callbacks the data to validate on, as a flat list: inputs, targets, weights."""
    arrays = [np.asarray(a) for a in jax.tree.leaves(tuple(held_out))]
    if len(held_out) < 3:
        arrays.append(np.ones(len(arrays[0]), "float32"))
    for callback in jax.tree.leaves(callbacks):
        if getattr(callback, "validation_data", None) is None:
            callback.validation_data = arrays


def batch_logs(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return CallbackList's method behind its hooks; batches have a number and a size in logs."""

    @functools.wraps(original)
    def call(self: Any, hook: str, *args: Any) -> None:
        told = getattr(getattr(self, "model", None), "_told", None)
        if era in eras.BATCH_LOGS_HAVE_SIZES and told and "batch" in hook:
            index, logs = args

            def whole() -> dict[str, Any]:
                size = told["batch_size"]
                if told["samples"] is not None:
                    size = min(size, told["samples"] - index * size)
                found: Any = logs() if callable(logs) else logs
                return {"batch": index, "size": size, **(found or {})}

            args = (index, whole)
        original(self, hook, *args)

    return call


def told_params(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `set_params` with what older callbacks read in `params`."""

    @functools.wraps(original)
    def set_params(self: Any, params: dict[str, Any]) -> None:
        told = getattr(getattr(self, "model", None), "_told", None)
        if era in eras.BATCH_LOGS_HAVE_SIZES and told and params:
            old = {**told, "nb_epoch": params.get("epochs"), "nb_sample": told["samples"]}
            params = {**old, "metrics": self.model.metrics_names, **params}
        original(self, params)

    return set_params


def logs_with_names(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a function of logs whose result answers to older names too."""

    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return Logs(original(*args, **kwargs))

    return call


def history_with_names(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return a method of History after which its dictionary answers to older names too."""

    @functools.wraps(original)
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        if not isinstance(self.history, Logs):
            self.history = Logs(self.history)

    return call


def monitored(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `Monitor.value`, which does not stop training over a name that the logs lack."""

    @functools.wraps(original)
    def value(self: Any, logs: Any) -> Any:
        try:
            return original(self, logs)
        except ValueError as error:
            if era == "keras3":
                raise
            if self._sign is None:
                self._sign = -1
                if self.monitor in (logs or {}):
                    return logs[self.monitor]
            methods.warn_once(str(error))
            return None

    return value


def checkpoint_path(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return ModelCheckpoint's method that fills in the file's name, older names included."""

    @functools.wraps(original)
    def path(self: Any, epoch: int, batch: Any, logs: Any) -> str:
        return original(self, epoch, batch, Logs(logs or {}).spelled_out())

    return path


def checkpoint_arguments(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return ModelCheckpoint's check of its arguments, which lets older endings pass."""

    @functools.wraps(original)
    def check(self: Any) -> None:
        if self.save_freq == "epoch" and not self.filepath.endswith((".keras", ".weights.h5")):
            return
        original(self)

    return check


def checkpoint_epoch_end(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return ModelCheckpoint's hook, which knows Keras 2's `period`."""

    @functools.wraps(original)
    def on_epoch_end(self: Any, epoch: int, logs: Any = None) -> None:
        self._waited = getattr(self, "_waited", 0) + 1
        if self._waited >= getattr(self, "period", 1):
            self._waited = 0
            original(self, epoch, logs)

    return on_epoch_end
