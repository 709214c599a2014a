"""TerminateOnNaN: ends training when the loss is no longer a number."""

from __future__ import annotations

import math
from typing import Any

from keraunos.callbacks.callback import Callback


class TerminateOnNaN(Callback):
    """Stops training when the loss is NaN or infinite.

    The loss in the logs is the mean since the epoch began, so one bad step shows in it for the
    rest of the epoch. It is looked at after each chunk of steps, which costs nothing, and so
    training may run on for the rest of that chunk (a single step if another callback listens
    to batches).

    Args:
        raise_error: raise a `RuntimeError` at once instead of ending `fit` in order.

    Example:
        >>> TerminateOnNaN().accepts_chunks
        True
    """

    accepts_chunks = True

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} after batch {batch}: training is ended")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
