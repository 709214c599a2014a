"""OrbaxCheckpoint: checkpoints in a folder, written in the background while training goes on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from keraunos import errors
from keraunos._core import registry, sharing
from keraunos.callbacks._intervals import AtIntervals
from keraunos.callbacks.monitor import Monitor


class OrbaxCheckpoint(AtIntervals, Monitor):
    """Saves the state of the model with Orbax, as Keras does: each reads what the other wrote.

    `keras.models.load_model(directory)` returns the model of the newest checkpoint,
    `model.load_weights(directory)` puts its state into a model. Needs `keraunos[checkpoint]`.

    Args:
        directory: has a folder for each checkpoint, named after the epoch or the number of batches.
        monitor: the name in the logs, for `save_best_only`.
        verbose: 1 prints what is done.
        save_best_only: save only if the monitored value is better than ever before.
        mode: `"min"`, `"max"` or `"auto"`.
        save_freq: `"epoch"`, or a number of batches.
        initial_value_threshold: the value to beat from the start.
        max_to_keep: the newest ones are kept; None keeps all.
        save_on_background: go on training while the files are written.
        save_weights_only: leave out the architecture, the optimizer's state and the metrics.

    Raises:
        ImportError: the package orbax-checkpoint is not installed.
        ValueError: another `save_freq`; a layer with files of its own (a vocabulary).
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        mode: str = "auto",
        save_freq: int | str = "epoch",
        initial_value_threshold: float | None = None,
        max_to_keep: int | None = 1,
        save_on_background: bool = True,
        save_weights_only: bool = False,
    ) -> None:
        super().__init__(monitor, mode, baseline=initial_value_threshold)
        self._ocp: Any = errors.require("orbax.checkpoint", "checkpoint", "OrbaxCheckpoint").v1
        self.directory, self.verbose = str(Path(directory).absolute()), verbose
        self.save_best_only, self.save_weights_only = save_best_only, save_weights_only
        self.max_to_keep, self.save_on_background = max_to_keep, save_on_background
        self._set_interval(save_freq)
        self._total_batches = 0
        self._checkpointer: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        if not self.save_weights_only:
            _refuse_assets(self.model)
        policies = self._ocp.training
        keep = None
        if self.max_to_keep is not None:
            keep = policies.preservation_policies.LatestN(self.max_to_keep)
        self._checkpointer = policies.Checkpointer(
            self.directory,
            preservation_policy=keep,
            save_decision_policy=policies.save_decision_policies.FixedIntervalPolicy(1),
        )
        self._total_batches = int(self.model.optimizer.iterations._value)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        self._total_batches += batch - self._last_batch
        super().on_train_batch_end(batch, logs)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._checkpointer is not None:
            self._checkpointer.close()  # waits for what is being written
            self._checkpointer = None

    def wait_until_finished(self) -> None:
        """Wait until everything that was saved is on the disk."""
        if self._checkpointer is not None:
            self._checkpointer.wait()

    def _save(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        if self.save_best_only:
            current = self.value(logs)
            if current is None or not self.is_improvement(current, self.best):
                return
            self.best = current
        step = epoch if batch is None else self._total_batches
        content: dict[str, Any] = {"pytree": _state(self.model, self.save_weights_only)}
        if not self.save_weights_only:
            with sharing.scope():
                content["model_config"] = {"config": json.dumps(registry.serialize(self.model))}
        if self.verbose > 0:
            print(f"\nEpoch {epoch + 1}: saving model to {Path(self.directory, str(step))}")
        save = self._checkpointer.save_checkpointables
        if self.save_on_background:
            save = self._checkpointer.save_checkpointables_async
        save(step, content, force=True, overwrite=True)


def _state(model: Any, weights_only: bool) -> dict[str, Any]:
    """Return the values of the variables as a tree of their paths, as Keras's files have them."""
    parts = {
        "trainable_variables": model.trainable_variables,
        "non_trainable_variables": model.non_trainable_variables,
    }
    if not weights_only:
        parts["optimizer_variables"] = model.optimizer.variables
        parts["metrics_variables"] = [v for metric in model.metrics for v in metric.variables]
    return {name: _tree(variables) for name, variables in parts.items()}


def _tree(variables: Any) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    seen: set[str] = set()
    for variable in variables:
        if variable.path in seen:
            where = f"OrbaxCheckpoint: two variables have the path {variable.path!r}"
            raise ValueError(errors.report(where, fix="give the layers different names"))
        seen.add(variable.path)
        *folders, name = variable.path.split("/")
        branch = tree
        for folder in folders:
            branch = branch.setdefault(folder, {})
        branch[name] = variable.value  # lent: the next step works on a copy
    return tree


def _refuse_assets(model: Any) -> None:
    for layer in model._flatten_layers():
        if hasattr(layer, "save_assets"):
            where = f"OrbaxCheckpoint: layer {layer.path!r} has files of its own"
            fix = "use ModelCheckpoint, or save_weights_only=True"
            raise ValueError(errors.report(where, fix=fix))
