"""CallbackList: the callbacks of one run, and what they listen to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from keraunos import errors
from keraunos.callbacks.callback import Callback
from keraunos.callbacks.history import History
from keraunos.callbacks.progbar_logger import ProgbarLogger

Logs = dict[str, Any] | Callable[[], dict[str, Any]] | None

_BATCH_HOOKS = {
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class CallbackList(Callback):
    """Calls a hook of each of its callbacks, in order.

    Args:
        callbacks: callbacks, or lists of them.
        add_history: whether to add a `History` after them, if there is none.
        add_progbar: whether to add a `ProgbarLogger`, if there is none.
        model: the model of the run.
        params: for `set_params` of each: `epochs`, `steps`, `verbose`.

    The logs of a hook may be a function that returns them: it is called only if somebody
    listens. All callbacks of one hook are given the same dictionary, so that one may add to it.

    Example:
        >>> CallbackList([Callback()]).listens_to_batches is None
        True
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        super().__init__()
        self.callbacks: list[Any] = list(_flat(callbacks))
        self._history = self._first(History) or (self._added(History()) if add_history else None)
        self._progbar = self._first(ProgbarLogger) or (
            self._added(ProgbarLogger()) if add_progbar else None
        )
        self.callbacks.sort(key=lambda c: getattr(c, "_comes_last", False))
        self._listeners: dict[str, list[Any]] = {}
        if model is not None:
            self.set_model(model)
        self.set_params(params)

    def append(self, callback: Any) -> None:
        """Add a callback behind the others."""
        self.callbacks.append(callback)
        self.callbacks.sort(key=lambda c: getattr(c, "_comes_last", False))
        self._listeners.clear()

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks if params else ():
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        super().set_model(model)
        if self._history is not None:
            model.history = self._history
        for callback in self.callbacks:
            callback.set_model(model)

    # -- who listens ----------------------------------------------------------------------------

    @property
    def listens_to_batches(self) -> str | None:
        """`"each"` if somebody wants every batch, `"chunks"` if the last of each chunk will do."""
        listeners = self._batch_listeners("train")
        if not listeners:
            return None
        return "chunks" if all(accepts_chunks(c) for c in listeners) else "each"

    def batches_left(self) -> int | None:
        """Return after how many batches at the latest a chunk of steps must end; None: any."""
        wanted = (getattr(c, "_batches_left", _none)() for c in self.callbacks)
        return min((n for n in wanted if n is not None), default=None)

    @property
    def listens_to_test_batches(self) -> bool:
        """Whether a callback must be called for every batch of an evaluation."""
        return bool(self._batch_listeners("test"))

    @property
    def listens_to_predict_batches(self) -> bool:
        """Whether a callback must be called for every batch of a prediction."""
        return bool(self._batch_listeners("predict"))

    def _batch_listeners(self, mode: str) -> list[Any]:
        return [c for c in self.callbacks if any(overrides(c, hook) for hook in _BATCH_HOOKS[mode])]

    def _listening(self, hook: str) -> list[Any]:
        if hook not in self._listeners:
            older = hook.replace("_train", "") if "_train_batch" in hook else hook
            self._listeners[hook] = [
                c for c in self.callbacks if overrides(c, hook) or overrides(c, older)
            ]
        return self._listeners[hook]

    def _call(self, hook: str, *args: Any) -> None:
        listeners = self._listening(hook)
        if listeners:
            *first, logs = args
            found: Any = logs() if callable(logs) else logs
            plain = pythonified(found)
            for callback in listeners:
                getattr(callback, hook)(*first, plain)
            if isinstance(found, dict):
                # Who calls sees what callbacks have added.
                found |= {key: value for key, value in plain.items() if key not in found}

    # -- what was given -------------------------------------------------------------------------

    def _first(self, kind: type) -> Any:
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def _added(self, callback: Callback) -> Any:
        self.callbacks.append(callback)
        return callback

    # -- hooks ----------------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        self._listeners.clear()  # a program may have put a hook on a callback since
        self._call("on_train_begin", logs)
        self._listeners.clear()


def _hook(name: str, has_index: bool) -> Callable[..., None]:
    def with_index(self: CallbackList, index: int, logs: Logs = None) -> None:
        self._call(name, index, logs)

    def without(self: CallbackList, logs: Logs = None) -> None:
        self._call(name, logs)

    hook = with_index if has_index else without
    hook.__name__, hook.__doc__ = name, getattr(Callback, name).__doc__
    return hook


for _name in vars(Callback):
    if _name.startswith("on_") and _name not in vars(CallbackList):
        setattr(CallbackList, _name, _hook(_name, "batch" in _name or "epoch" in _name))


def overrides(callback: Any, hook: str) -> bool:
    """Return whether a callback does something in a hook."""
    if hook in getattr(callback, "_unused", ()):
        return False
    method = getattr(callback, hook, None)
    return method is not None and getattr(method, "__func__", method) is not getattr(Callback, hook)


def accepts_chunks(callback: Any) -> bool:
    """Return whether a callback is content with the last batch of each chunk of steps."""
    if "accepts_chunks" in getattr(callback, "__dict__", {}):
        return bool(callback.accepts_chunks)
    for kind in type(callback).__mro__:
        if "accepts_chunks" in vars(kind):
            return bool(vars(kind)["accepts_chunks"])
        if any(hook in vars(kind) for hook in _BATCH_HOOKS["train"]):
            return False  # the hook is newer than the promise of a class above
    return False


def _none() -> None:
    return None


def pythonified(logs: dict[str, Any] | None) -> dict[str, Any]:
    """Return logs with numbers as plain Python floats; this waits for the device."""
    found = jax.device_get(logs or {})
    return {key: _plain(value) for key, value in found.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)) and np.ndim(value) == 0:
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return value
    return float(value)


def _flat(callbacks: Any) -> Iterable[Any]:
    if callbacks is None:
        return
    for one in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if isinstance(one, (list, tuple)):
            yield from _flat(one)
        elif isinstance(one, type) or not hasattr(one, "set_model"):
            fix = f"write {one.__name__}()" if isinstance(one, type) else None
            raise TypeError(
                errors.report("callbacks", expected="callback objects", got=repr(one), fix=fix)
            )
        else:
            yield one
