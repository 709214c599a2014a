"""`save` and `load` of today, with the formats and arguments of older Keras."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any


def save(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `Model.save` with the formats of older Keras."""

    @functools.wraps(original)
    def call(self: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        from keraunos.saving import hdf5

        given = kwargs.pop("save_format", None)
        state = kwargs.pop("include_optimizer", True)
        for key in ("signatures", "options", "save_traces"):
            kwargs.pop(key, None)
        path = Path(filepath)
        if given == "h5" or path.suffix in hdf5.SUFFIXES or (not path.suffix and era in _HDF5):
            hdf5.save_model(self, path, overwrite=overwrite, include_optimizer=state)
        elif not path.suffix or given == "tf":
            # Where TensorFlow would have put a SavedModel.
            path.mkdir(parents=True, exist_ok=True)
            original(self, path / FOLDER_MEMBER, overwrite=overwrite, **kwargs)
        else:
            original(self, filepath, overwrite=overwrite, **kwargs)

    return call


_HDF5 = ("keras1", "keras2")
FOLDER_MEMBER = "model.keras"


def load(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `load_model` that finds what `save` puts into a folder."""

    @functools.wraps(original)
    def call(filepath: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("options", None)
        path = Path(filepath) if not hasattr(filepath, "read") else None
        if path is not None and path.is_dir() and (path / FOLDER_MEMBER).exists():
            filepath = path / FOLDER_MEMBER
        return _with_decay(original(filepath, *args, **kwargs))

    return call


def _with_decay(model: Any) -> Any:
    """Return a model whose optimizer's schedule is `decay` again, so that `lr` can be set."""
    from keraunos.optimizers.schedules import InverseTimeDecay

    optimizer: Any = getattr(model, "optimizer", None)
    schedule = getattr(optimizer, "_learning_rate", None)
    if isinstance(schedule, InverseTimeDecay) and schedule.decay_steps == 1:
        config = optimizer.get_config() | {"learning_rate": schedule.initial_learning_rate}
        new = type(optimizer).from_config(config)
        new.decay = schedule.decay_rate
        if optimizer.built:
            new.build(model.trainable_variables)
            kept = [v for v in new.variables if v is not new._learning_rate]
            for box, old in zip(kept, optimizer.variables, strict=True):
                box.assign(old.value)
        model.optimizer = model._compile_arguments["optimizer"] = new
    return model


def save_weights(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `save_weights` that writes Keras 2's layout for a name that is not Keras 3's."""

    @functools.wraps(original)
    def call(self: Any, filepath: Any, overwrite: bool = True, **kwargs: Any) -> None:
        from keraunos.saving import hdf5

        given = kwargs.pop("save_format", None)
        kwargs.pop("options", None)
        name = str(filepath)
        if name.endswith(".weights.h5") and given is None and era in (None, "keras3"):
            original(self, filepath, overwrite=overwrite, **kwargs)
        elif name.endswith(hdf5.SUFFIXES) or given == "h5" or era in _HDF5:
            hdf5.save_weights(self, Path(filepath), overwrite=overwrite)
        else:
            # A checkpoint of TensorFlow had no ending.
            original(self, name + _CHECKPOINT, overwrite=overwrite)

    return call


_CHECKPOINT = ".weights.h5"


def load_weights(original: Callable[..., Any], era: str | None) -> Callable[..., Any]:
    """Return `load_weights` that finds what `save_weights` wrote."""

    @functools.wraps(original)
    def call(self: Any, filepath: Any, *args: Any, **kwargs: Any) -> Any:
        kwargs.pop("options", None)
        path = Path(filepath)
        if not path.exists() and path.with_name(path.name + _CHECKPOINT).exists():
            filepath = path.with_name(path.name + _CHECKPOINT)
        if args and args[0] is True:  # Keras 2: by_name
            args, kwargs = (), {**kwargs, "by_name": True}
        return original(self, filepath, **kwargs)

    return call
