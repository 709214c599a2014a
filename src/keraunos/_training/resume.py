"""A run of `fit` as a value: all that the rest of it depends on, taken down and put back."""

from __future__ import annotations

import collections
import contextlib
import random as python_random
from collections.abc import Iterator
from typing import Any

import numpy as np

from keraunos import errors
from keraunos._core import random
from keraunos._core.variable import Variable
from keraunos.callbacks import BackupAndRestore, _snapshot

State = dict[str, Any]


class Backups:
    """The `BackupAndRestore` callbacks of a run, and what they found.

    Args:
        run: of `fit`.

    Attributes:
        found: the state to go on from; None to begin.
    """

    def __init__(self, run: Any) -> None:
        self._run = run
        self._callbacks = [c for c in run.callbacks.callbacks if isinstance(c, BackupAndRestore)]
        self._before: dict[str, dict[str, bytes]] = {}
        self._sources: list[dict[str, bytes]] = []
        self._began = _generators() if self._callbacks else None
        for runner in _runners(run):
            runner.feed.records = bool(self._callbacks)
        self._held: State | None = None
        found = [saved for c in self._callbacks if (saved := c.attach(self)) is not None]
        self.found: State | None = found[0] if found else None
        if self.found is not None:
            run.callbacks.set_params(run.callbacks.params | {"resumed": True})

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def begin(self) -> None:
        """Note what callbacks and data are like now, and go on from the state that was found."""
        if not self._callbacks:
            return
        self._before = {key: _snapshot.digests(c) for key, c in _named(self._run)}
        self._sources = [_snapshot.digests(_source(runner)) for runner in _runners(self._run)]
        if self.found is not None:
            _check(self._run, self.found)
            self._began = self.found["began"]
            for runner, saved in zip(_runners(self._run), self.found["feeds"], strict=True):
                self._restore_feed(runner, saved)
            self.restore()

    def restore(self) -> None:
        """Put back everything but the position in the data."""
        run, saved = self._run, self.found
        assert saved is not None
        _put_flags(run, saved["trainable"])
        run.follow()
        _put_variables(run, saved["variables"])
        for key, callback in _named(run):
            vars(callback).update(saved["callbacks"].get(key, {}))
            getattr(callback, "_restored", lambda: None)()
        run.model.stop_training = saved["stop_training"]
        vars(run).update(saved["run"])
        _set_generators(saved["random"])

    def capture(self) -> State:
        """Return the state of the run now."""
        run = self._run
        return {
            "run": run.position(),
            "data": _sizes(run),
            "variables": [[v.path, v.numpy()] for v in _variables(run)],
            "trainable": [bool(layer.trainable) for layer in run.model._flatten_layers()],
            "stop_training": bool(run.model.stop_training),
            "callbacks": {
                key: _snapshot.changes(c, self._before.get(key, {})) for key, c in _named(run)
            },
            "began": self._began,
            **(self._held or self._data()),
        }

    def back_up(self) -> None:
        """Let every `BackupAndRestore` write a backup."""
        for callback in self._callbacks:
            callback.back_up()

    def finish(self) -> None:
        """The run has come to its end: let them delete their backups."""
        for callback in self._callbacks:
            callback.finish()

    # -- data -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def holding_data(self) -> Iterator[None]:
        """Within this block a backup holds the positions in the data that were at its beginning."""
        self._held = self._data() if self._callbacks else None
        yield
        self._held = None  # not where Ctrl-C ends the block: then the backup is still to be made

    def _data(self) -> State:
        feeds = [
            runner.state() | {"source": _snapshot.changes(_source(runner), since)}
            for runner, since in zip(_runners(self._run), self._sources, strict=True)
        ]
        # A stream is read ahead: what its thread has drawn for batches to come does not count.
        midway = self._run.step and not self._run.trained
        drawn = getattr(self._run.runner.feed, "drawn", {}) if midway else {}
        return {"feeds": feeds, "random": _generators() | drawn}

    def _restore_feed(self, runner: Any, saved: State) -> None:
        own = getattr(_source(runner), "__dict__", {})
        own.update(saved["source"])
        # Batches that can only be had by going through them are drawn as they were.
        _set_generators(self._began)
        runner.restore(saved)
        own.update(saved["source"])


def _runners(run: Any) -> list[Any]:
    return [run.runner] if run.validation is None else [run.runner, run.validation]


def _source(runner: Any) -> Any:
    return getattr(runner.feed, "_source", None)


# -- callbacks -----------------------------------------------------------------------------------


def _named(run: Any) -> list[tuple[str, Any]]:
    """Return callbacks by their class and their place among those of that class."""
    counts: collections.Counter[str] = collections.Counter()
    found = []
    for callback in run.callbacks.callbacks:
        name = type(callback).__name__
        found.append((f"{name} {counts[name]}", callback))
        counts[name] += 1
    return found


# -- variables -----------------------------------------------------------------------------------


def _variables(run: Any) -> list[Variable]:
    """Return every variable of the model, the optimizer and the metrics, each once."""
    boxes = [v for part in run.runner.program.boxes for v in part]
    return list({id(v): v for v in (*run.model.variables, *boxes)}.values())


def _put_flags(run: Any, saved: list[bool]) -> None:
    layers = list(run.model._flatten_layers())
    if len(layers) != len(saved):
        raise _other(f"{len(layers)} layers", len(saved))
    for layer, flag in zip(layers, saved, strict=True):
        if layer.trainable != flag:
            layer.trainable = flag


def _put_variables(run: Any, saved: list[Any]) -> None:
    there = _variables(run)
    if len(there) != len(saved):
        raise _other(f"{len(there)} variables", len(saved))
    for variable, (path, array) in zip(there, saved, strict=True):
        mine, theirs = (variable.shape, variable.dtype), (tuple(array.shape), array.dtype.name)
        if mine != theirs:
            expected = f"{variable.path} of shape {mine[0]}, {mine[1]}"
            raise _other(expected, f"{path} of shape {theirs[0]}, {theirs[1]}")
    for variable, (_, array) in zip(there, saved, strict=True):
        variable.assign(array)


def _other(expected: str, got: object) -> ValueError:
    where = "the backup is of another model or optimizer"
    return ValueError(errors.report(where, expected=expected, got=got, fix=_ANEW))


_ANEW = "give each fit() a backup_dir of its own, or delete the folder to begin anew"


def _sizes(run: Any) -> State:
    return {
        "batch_size": getattr(run.runner.feed, "batch_size", None),
        "steps": run.steps,
        "feeds": len(_runners(run)),
    }


def _check(run: Any, saved: State) -> None:
    """Raise if a backup from the middle of an epoch was made with other data.

    Raises:
        ValueError: the steps of an epoch, the batches or the number of feeds are others.
    """
    now, then = _sizes(run), saved["data"]
    odd = [name for name in now if then[name] != now[name]]
    if odd and (saved["run"]["step"] or "feeds" in odd):
        raise ValueError(
            errors.report(
                "the backup was made with other data",
                expected=", ".join(f"{name}={then[name]}" for name in odd),
                got=", ".join(f"{name}={now[name]}" for name in odd),
                fix=_ANEW,
            )
        )


# -- random numbers --------------------------------------------------------------------------------


def _generators() -> State:
    """Return the state of every generator that `set_random_seed` seeds."""
    return {
        "keraunos": random.position(),
        "numpy": np.random.get_state(),
        "python": python_random.getstate(),
    }


def _set_generators(saved: State | None) -> None:
    if saved is not None:
        random.go_to(saved["keraunos"])
        np.random.set_state(saved["numpy"])
        python_random.setstate(saved["python"])
