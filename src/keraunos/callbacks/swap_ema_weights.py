"""SwapEMAWeights: validation, evaluation and prediction with the averages of the weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from keraunos import errors
from keraunos.callbacks.callback import Callback


class SwapEMAWeights(Callback):
    """Puts the averages that the optimizer keeps in the place of the weights for a while.

    That is, for every evaluation (that of the validation data in `fit` too) and prediction. When
    `fit` ends the weights are the averages, as with any optimizer that has `use_ema=True`.

    Args:
        swap_on_epoch: put the averages in place at the end of each epoch too, and the weights
            back before the next, so that a `ModelCheckpoint` after this callback saves averages.

    Raises:
        ValueError: before the first step, an optimizer without `use_ema=True`.

    Example:
        >>> SwapEMAWeights(swap_on_epoch=True).swap_on_epoch
        True
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._weights: list[Any] | None = None  # those of the training, while others are in place
        self._for_epoch = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._weights, self._for_epoch = None, False
        for _ in self._averaging():
            pass  # an optimizer without averages is an error now, not after the first epoch

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._put_back()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        if self.swap_on_epoch:
            self._put_averages()
            self._for_epoch = True

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        if self._for_epoch:
            self._weights = None  # averages they were, and averages they stay
        else:
            self._put_back()  # an error has ended a validation

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._put_averages()

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        self._put_back()

    def on_predict_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._put_averages()

    def on_predict_end(self, logs: dict[str, Any] | None = None) -> None:
        self._put_back()

    def _put_averages(self) -> None:
        if self._weights is not None:
            return
        kept = []
        for optimizer in self._averaging():
            for variable, average in zip(
                optimizer._trainable_variables, getattr(optimizer, "_averages", ()), strict=False
            ):
                kept.append(variable.value)
                variable.assign(average)
        self._weights = kept

    def _put_back(self) -> None:
        if self._weights is None:
            return
        variables = [v for o in self._averaging() for v in o._trainable_variables]
        for variable, value in zip(variables, self._weights, strict=False):
            variable.assign(value)
        self._weights, self._for_epoch = None, False

    def _averaging(self) -> Iterator[Any]:
        """Yield the optimizers that keep averages.

        Raises:
            ValueError: there is none.
        """
        outer = self.model.optimizer
        outer = getattr(outer, "inner_optimizer", outer)
        found = [o for o in getattr(outer, "optimizers", [outer]) if getattr(o, "use_ema", False)]
        if not found:
            raise ValueError(
                errors.report(
                    "SwapEMAWeights: the optimizer keeps no averages",
                    got=type(outer).__name__,
                    fix="give the optimizer use_ema=True",
                )
            )
        yield from found
