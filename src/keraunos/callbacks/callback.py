"""Callback: the hooks that training, evaluation and prediction call."""

from __future__ import annotations

from typing import Any

Logs = dict[str, Any] | None


class Callback:
    """Base of all callbacks: every hook does nothing until a subclass writes it.

    `logs` holds the metrics so far as plain floats. In any hook the model's weights, its
    `stop_training` and its optimizer may be read and changed. A hook of the batches costs
    speed: where one is written, training runs one step a dispatch.

    Attributes:
        model: the model that is trained.
        params: `{"epochs", "steps", "verbose"}` of the run.
        accepts_chunks: True lets training run many steps at once: the class's own
            `on_train_batch_end` is then called for the last batch of each chunk only.

    Example:
        >>> class Print(Callback):
        ...     def on_epoch_end(self, epoch, logs=None):
        ...         print(epoch, logs["loss"])
        >>> Print().on_epoch_end(0, {"loss": 0.5})
        0 0.5
    """

    accepts_chunks = False
    _comes_last = False  # its hooks are called after those of all others
    _unused: tuple[str, ...] = ()  # hooks that the class writes and this object does not need

    def __init__(self) -> None:
        self.params: dict[str, Any] | None = None
        self._model: Any = None

    def set_params(self, params: dict[str, Any]) -> None:
        """Take the parameters of the run."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Take the model of the run."""
        self._model = model

    @property
    def model(self) -> Any:
        return self._model

    @model.setter
    def model(self, model: Any) -> None:
        self._model = model

    def _batches_left(self) -> int | None:
        """Return after how many batches a chunk must end for it; None if it does not matter."""
        return None

    def _restored(self) -> None:
        """Called when a resumed run has put the attributes back that a backup held."""

    # -- a whole run ----------------------------------------------------------------------------

    def on_train_begin(self, logs: Logs = None) -> None:
        """Called once before the first epoch."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Called once after the last epoch, with its logs; also if an error ends training."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Called before an evaluation, also before that of the validation data in `fit`."""

    def on_test_end(self, logs: Logs = None) -> None:
        """Called after an evaluation."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Called before a prediction."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Called after a prediction."""

    # -- an epoch -------------------------------------------------------------------------------

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Called before an epoch; the first one is 0."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Called after an epoch, with its metrics; those of validation are called `val_...`."""

    # -- a batch --------------------------------------------------------------------------------

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """An older name of `on_train_batch_end`."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a training step."""
        self.on_batch_begin(batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a training step, with the metrics since the epoch began."""
        self.on_batch_end(batch, logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch of an evaluation."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Called before a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Called after a batch of a prediction, with `logs["outputs"]`."""
